import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { JudgementDocument } from '../annotation/document.js';
import { sha256 } from '../domain/identity.js';
import { parseProfile } from '../profiles/profile.js';
import { noFilter } from '../protocol/editor.js';
import { rankingMarkdown } from './copy-markdown.js';
import { EditorNavigation } from './editor-navigation.js';
import { editorView, rowSummaries, selectedDetail, type ShownFile } from './editor-view.js';

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

/** A judgement file of these rows, opened, with the editor's place in it. */
async function opened(
  rows: readonly (object | string)[],
  run?: object,
): Promise<{ document: JudgementDocument; file: ShownFile; navigation: EditorNavigation }> {
  const folder = await mkdtemp(path.join(tmpdir(), 'rationale-view-'));
  cleanUps.push(() => rm(folder, { recursive: true, force: true }));
  const name = path.join(folder, 'x.judgements.jsonl');
  await writeFile(name, rows.map((row) => `${typeof row === 'string' ? row : JSON.stringify(row)}\n`).join(''));
  if (run !== undefined) await writeFile(path.join(folder, 'x.judgements.run.json'), JSON.stringify(run));
  const document = await JudgementDocument.open({
    path: name,
    annotator: 'Ada',
    installationId: '0123456789abcdef',
    journalDir: path.join(folder, 'journal'),
  });
  cleanUps.push(() => document.dispose());
  const file: ShownFile = {
    fileName: 'x.judgements.jsonl',
    document,
    run: null,
    streaming: new Map(),
    readonly: null,
    changedOnDisk: false,
    canOpen: true,
    profiles: [],
  };
  return { document, file, navigation: new EditorNavigation(document) };
}

const answer = (query: string, doc: string, more: object = {}): object => ({
  query,
  doc_id: doc,
  document: `Text of ${doc}.`,
  label: 1,
  explanation: `Why ${doc}.`,
  ...more,
});

describe('EditorNavigation', () => {
  it('shows a ranked file by rank and a teacher’s file as it is', async () => {
    const ranked = await opened([answer('q', 'a', { rank: 2 }), answer('q', 'b', { rank: 1 })]);
    expect(ranked.navigation.keys).toEqual([1, 0]);
    const plain = await opened([answer('q', 'a'), answer('q', 'b')]);
    expect(plain.navigation.order).toBe('file');
  });

  it('keeps the selected row selected when the order changes', async () => {
    const { navigation } = await opened([
      answer('q', 'a', { rank: 3 }),
      answer('q', 'b', { rank: 1 }),
      answer('q', 'c', { rank: 2 }),
    ]);
    navigation.select(0);
    expect(navigation.selected).toEqual({ key: 0, position: 2 });
    navigation.setOrder('file');
    expect(navigation.selected).toEqual({ key: 0, position: 0 });
  });

  it('selects the neighbour when the selected row leaves the list', async () => {
    const { document, navigation } = await opened([answer('q', 'a'), answer('q', 'b'), answer('q', 'c')]);
    navigation.setFilter({ ...noFilter, review: ['prefilled'] });
    navigation.select(1);
    document.decide(1, { kind: 'accept' });
    navigation.refresh();
    expect(navigation.keys).toEqual([0, 2]);
    expect(navigation.selected).toEqual({ key: 2, position: 1 });
  });

  it('goes round to the next undecided row, past decided, pending and malformed ones', async () => {
    const { document, navigation } = await opened([
      answer('q', 'a'),
      answer('q', 'b'),
      '{',
      answer('q', 'c', { status: 'pending', label: null }),
      answer('q', 'd'),
    ]);
    document.decide(4, { kind: 'skip' });
    navigation.select(1);
    expect(navigation.move('next-undecided')).toBe(true);
    expect(navigation.selected?.key).toBe(0);
    document.decide(0, { kind: 'accept' });
    document.decide(1, { kind: 'accept' });
    expect(navigation.move('next-undecided')).toBe(false);
  });

  it('gives every change a new revision', async () => {
    const { navigation } = await opened([answer('q', 'a')]);
    const { revision } = navigation;
    navigation.refresh();
    expect(navigation.revision).toBeGreaterThan(revision);
  });
});

describe('editorView', () => {
  it('counts rows, queries and review states, and names the malformed line', async () => {
    const { document, file, navigation } = await opened([
      answer('q1', 'a'),
      answer('q2', 'b'),
      'no json',
      answer('q2', 'c'),
    ]);
    document.decide(0, { kind: 'label', label: 2 });
    navigation.refresh();
    const view = editorView(file, navigation);
    expect(view).toMatchObject({ kind: 'judgements', total: 4, count: 4, unsaved: 1, annotator: 'Ada', run: null });
    expect(view.queries.map(({ query, rows }) => [query, rows])).toEqual([
      ['q1', 1],
      ['q2', 2],
    ]);
    expect(view.reviewCounts).toMatchObject({ corrected: 1, prefilled: 2 });
    expect(view.notices.map((notice) => notice.text).join(' ')).toMatch(/line 3|malformed/i);
  });

  it('offers to resume a run without a seal, and says that nothing looks relevant', async () => {
    const run = { version: 1, run_id: 'r', settings: { mode: 'score', explain: 0 } };
    const { file, navigation } = await opened([answer('q', 'a', { label: 0 }), answer('q', 'b', { label: 0 })], run);
    const { notices, run: shown } = editorView(file, navigation);
    expect(shown?.state).toBe('interrupted');
    expect(notices).toContainEqual(expect.objectContaining({ action: { id: 'resumeRun', title: 'Resume' } }));
    expect(notices.some((notice) => notice.text.startsWith('Nothing looks relevant'))).toBe(true);
  });

  it('offers nothing that would change a file that is read-only', async () => {
    const run = { version: 1, run_id: 'r' };
    const { file, navigation } = await opened([answer('q', 'a')], run);
    const { notices } = editorView({ ...file, readonly: 'A revision.' }, navigation);
    expect(notices.every((notice) => notice.action === undefined)).toBe(true);
  });
});

describe('rowSummaries', () => {
  it('gives any window of the list the same headings as the whole', async () => {
    const { file, navigation } = await opened([
      answer('q1', 'a'),
      answer('q1', 'b'),
      answer('q2', 'c'),
      answer('q2', 'd'),
    ]);
    const all = rowSummaries(file, navigation, 0, 10);
    expect(all.map((row) => row.kind === 'judgement' && row.startsQuery)).toEqual([true, false, true, false]);
    for (let start = 0; start < 4; start++) {
      expect(rowSummaries(file, navigation, start, 2)).toEqual(all.slice(start, start + 2));
    }
  });
});

describe('selectedDetail', () => {
  it('is that of the selected row, with the decision as it stands', async () => {
    const { document, file, navigation } = await opened([answer('q', 'a'), answer('q', 'b')]);
    navigation.select(1);
    document.decide(1, { kind: 'explanation', text: 'Better.' });
    expect(selectedDetail(file, navigation)).toMatchObject({
      docId: 'b',
      explanation: 'Why b.',
      annotation: { decision: { kind: 'corrected', explanation: 'Better.' } },
      saved: false,
    });
  });
});

describe('rows of the embedded model in a teacher’s file, which has no run record', () => {
  it('show their exact prompt and the model’s notice, and a person’s rows neither', async () => {
    const root = path.resolve(import.meta.dirname, '../..');
    const text = await readFile(path.join(root, 'models/rationale-135m/profile.json'), 'utf8');
    const known = { profile: parseProfile(text, 'profile.json'), sha256: sha256(text), runId: null };
    const teacher = (await readFile(path.join(root, 'examples/teacher.judgements.jsonl'), 'utf8')).split('\n');
    const [of, model] = ['pubmedqa-human-conclusion', 'rationale-135m'].map((id) =>
      teacher.find((line) => line.includes(`"model":{"id":"${id}"`) && line.includes('"explanation":"')),
    );
    const { file, navigation } = await opened([model ?? '', of ?? '']);
    const shown = { ...file, profiles: [known] };
    navigation.setOrder('file');
    navigation.select(0);
    const notice = known.profile.rationale_notice ?? 'none';
    expect(selectedDetail(shown, navigation)?.prompt).toMatchObject({ exact: true });
    expect(selectedDetail(shown, navigation)?.explanationNotes).toContain(notice);
    expect(editorView(shown, navigation).notices).toContainEqual({ severity: 'info', text: notice });
    navigation.select(1);
    expect(selectedDetail(shown, navigation)?.prompt).toBeNull();
    expect(selectedDetail(shown, navigation)?.explanationNotes).not.toContain(notice);
  });
});

describe('rankingMarkdown', () => {
  it('lists the ranking per query, with people’s labels and rationales where they differ', async () => {
    const { document, navigation } = await opened([
      answer('Q [1]?', 'a', { rank: 2, first_stage_rank: 1, score: 0.25, uri: 'file:///w/a%20(1).md', title: 'A <b>' }),
      answer('Q [1]?', 'b', { rank: 1, first_stage_rank: 2, score: 1.5, label_probabilities: [0.2, 0.7, 0.1] }),
    ]);
    expect(rankingMarkdown(document, [0], () => 'notes/50% (1).md')).toContain('(<notes/50%25%20(1).md>)');
    document.decide(0, { kind: 'label', label: 2 });
    document.decide(0, { kind: 'explanation', text: 'Because.\n![x](http://x)' });
    expect(rankingMarkdown(document, navigation.keys)).toBe(
      [
        '## Q \\[1\\]?',
        '',
        '1. **b** (partially relevant 70 %, score 1.500, first stage 2)',
        '   > Why b.',
        '2. **[A \\<b\\>](<file:///w/a%20(1).md>)** (relevant (corrected), score 0.250, first stage 1)',
        '   > Because.',
        '   > \\!\\[x\\](http://x) (edited)',
        '',
      ].join('\n'),
    );
  });
});
