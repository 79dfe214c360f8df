import { describe, expect, it } from 'vitest';
import { sha256 } from '../domain/identity.js';
import { parseJudgement, type Judgement } from '../domain/judgement.js';
import { noAnnotation, type Annotation } from '../domain/review.js';
import { interankProfile } from '../profiles/interank.js';
import type { Profile } from '../profiles/profile.js';
import { matchRanges } from '../retrieval/analyzer.js';
import { placeOf, rowDetail, rowSummary, type RowContext, type ShownJudgement } from './row-view.js';

function judgement(fields: object): Judgement {
  const parsed = parseJudgement(
    JSON.stringify({ query: 'do bees sleep?', document: 'Bees sleep.', label: 1, ...fields }),
  );
  if (!parsed.ok) throw new Error(parsed.reason);
  return parsed.judgement;
}

function shown(fields: object, annotation: Annotation = noAnnotation): ShownJudgement {
  return {
    key: 4,
    judgement: judgement(fields),
    annotation,
    review: 'prefilled',
    saved: true,
    draft: null,
    streaming: null,
  };
}

const context: RowContext = { scales: [], profile: null, termRanges: matchRanges, sha256, canOpen: true };
const rawProfile: Profile = {
  ...interankProfile,
  prompts: {
    score: {
      raw: 'Document: {document}\nQuestion: {query}\nLabel: ',
      add_generation_prompt: false,
      answer: '{label}',
      stop: [],
      max_new_tokens: 1,
      reads: [],
    },
  },
  rationale_notice: 'Experimental.',
};

describe('rowSummary', () => {
  it('shows a label by name, with its own probability and its place on the scale', () => {
    const summary = rowSummary(shown({ label: 1, label_probabilities: [0.1, 0.7, 0.2] }), [], false);
    expect(summary).toMatchObject({ label: { value: 1, name: 'partially relevant', probability: 0.7, grade: 0.5 } });
  });

  it('shows a label of an unknown scale as a bare number', () => {
    const summary = rowSummary(shown({ label: 7, scale: 'stars' }), [], false);
    expect(summary).toMatchObject({ label: { value: 7, name: '7', probability: null, grade: 0.5 } });
  });

  it('shows a corrected label only where it differs from the model’s', () => {
    const corrected = (label: number): Annotation => ({ ...noAnnotation, decision: { kind: 'corrected', label } });
    expect(rowSummary(shown({ label: 1 }, corrected(2)), [], false)).toMatchObject({ correctedLabel: { value: 2 } });
    expect(rowSummary(shown({ label: 1 }, corrected(1)), [], false)).toMatchObject({ correctedLabel: null });
  });

  it('calls a document by title, else by file name, else by id', () => {
    const name = (fields: object): unknown => (rowSummary(shown(fields), [], false) as { name: string }).name;
    expect(name({ title: 'Bees', uri: 'file:///w/b.md' })).toBe('Bees');
    expect(name({ uri: 'file:///w/so%20b.md' })).toBe('so b.md');
    expect(name({ doc_id: 'PMID-1' })).toBe('PMID-1');
  });
});

describe('rowDetail', () => {
  it('marks the terms of the query in the document', () => {
    const { marks, document } = rowDetail(shown({ document: 'A bee is sleeping.' }), context);
    expect(marks.map((m) => document.slice(m.start, m.end))).toEqual(['bee', 'sleeping']);
  });

  it('counts what the model saw in UTF-16 units, though the file counts code points', () => {
    expect(rowDetail(shown({ document: '🐝🐝 sleep', document_end: 2 }), context).seen).toBe(4);
    expect(rowDetail(shown({ document: '🐝🐝 sleep', document_end: 8 }), context).seen).toBeNull();
  });

  it('shows the prompt as exact only when it hashes to what was recorded', () => {
    const asked = 'Document: Bees sleep.\nQuestion: do bees sleep?\nLabel: ';
    const withProfile = { ...context, profile: rawProfile };
    expect(rowDetail(shown({ mode: 'score', prompt_sha256: sha256(asked) }), withProfile).prompt).toEqual({
      text: asked,
      exact: true,
      why: null,
    });
    const changed = rowDetail(shown({ mode: 'score', prompt_sha256: sha256(`${asked}!`) }), withProfile).prompt;
    expect(changed).toMatchObject({ text: '', exact: false });
  });

  it('says of a label-first rationale that it was written after the label, and what the profile says of rationales', () => {
    const detail = rowDetail(shown({ mode: 'label-first', explanation: 'It does.' }), {
      ...context,
      profile: rawProfile,
    });
    expect(detail.explanationNotes).toEqual([
      'Written after the label: it explains the label and did not lead to it.',
      'Experimental.',
    ]);
  });

  it('does not say so of an explain-first rationale, which led to its label', () => {
    const detail = rowDetail(shown({ mode: 'explain-first', explanation: 'It does.' }), {
      ...context,
      profile: rawProfile,
    });
    expect(detail.explanationNotes).toEqual(['Experimental.']);
  });

  it('shows a rationale as far as it is written', () => {
    expect(rowDetail({ ...shown({}), streaming: 'It d' }, context)).toMatchObject({
      explanation: 'It d',
      streaming: true,
    });
  });
});

describe('placeOf', () => {
  it('is the path in the workspace, with the characters of a part', () => {
    const j = judgement({ doc_id: 'a/b c.md#10-20', uri: 'file:///w/a/b%20c.md', range: [10, 20] });
    expect(placeOf(j)).toBe('a/b c.md, characters 11 to 20');
    expect(placeOf(judgement({ doc_id: 'PMID-1' }))).toBeNull();
  });
});
