import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../domain/json.js';
import { interankPrompt } from '../../profiles/interank.js';
import { renderAnswer, renderPrompt } from '../../profiles/template.js';
import type { ImportedJudgement } from './importer.js';
import { trlImporter } from './trl.js';

const promptText = (query: string, document: string): string => {
  const rendered = renderPrompt(interankPrompt(), { query, document, title: null });
  return rendered.kind === 'messages' ? (rendered.messages[0]?.content ?? '') : rendered.text;
};
const answerText = (label: number, explanation: string): string =>
  renderAnswer(interankPrompt(), { label, explanation });
const P = promptText('Why is the sky blue?', 'Air scatters blue light.');
const user = [{ role: 'user', content: P }];
const assistant = (content: string): JsonObject[] => [{ role: 'assistant', content }];
const judgements = (record: JsonObject): ImportedJudgement[] =>
  trlImporter.convert(record, {}).map((part) => {
    if (part.kind !== 'judgement') throw new Error(JSON.stringify(part));
    return part.judgement;
  });

describe('trlImporter', () => {
  const pair = { query: 'Why is the sky blue?', document: 'Air scatters blue light.' };
  const good = { label: 2, explanation: 'It names the cause.' };

  it('reads one judgement from SFT rows in every form TRL takes', () => {
    const G = answerText(2, 'It names the cause.');
    const forms: JsonObject[] = [
      { prompt: user, completion: assistant(G) },
      { prompt: P, completion: ` ${G}` },
      { messages: [...user, ...assistant(G)] },
    ];
    for (const record of forms) {
      expect(judgements({ ...record, id: 'x', relevance: 2 })).toMatchObject([
        { ...pair, ...good, extra: { id: 'x', relevance: 2 } },
      ]);
    }
  });

  it('keeps both answers of a preference, each with the scores that are about it', () => {
    const record = {
      prompt: user,
      chosen: assistant(answerText(2, 'It names the cause.')),
      rejected: assistant(answerText(0, 'It is off.')),
      chosen_score: 0.9,
      rejected_score: 0.1,
      query_id: 'q1',
      margin: 0.8,
    };
    expect(judgements(record)).toMatchObject([
      { ...pair, ...good, query_id: 'q1', sample: 0, extra: { preference: 'chosen', chosen_score: 0.9, margin: 0.8 } },
      { ...pair, label: 0, sample: 1, extra: { preference: 'rejected', rejected_score: 0.1, margin: 0.8 } },
    ]);
  });

  it('reads a preference whose prompt stands in both conversations, if it is the same', () => {
    const chosen = [...user, ...assistant(answerText(2, 'a'))];
    expect(judgements({ chosen, rejected: [...user, ...assistant(answerText(1, 'b'))] }).map((j) => j.label)).toEqual([
      2, 1,
    ]);
    const other = [{ role: 'user', content: promptText('Else?', 'd') }, ...assistant(answerText(1, 'b'))];
    expect(trlImporter.convert({ chosen, rejected: other }, {})).toEqual([
      { kind: 'skipped', reason: 'a preference whose two conversations ask different things' },
    ]);
  });

  it('does not take the boolean label of KTO for a relevance label', () => {
    const [row] = judgements({ prompt: user, completion: assistant(answerText(1, 'So so.')), label: true });
    expect(row).toMatchObject({ label: 1, extra: { label: true } });
  });

  it('reads the gold columns of prompt-only rows, a label in a string with a note', () => {
    const record = { prompt: user, gold_label: '2', reference_explanation: answerText(2, 'It names the cause.') };
    expect(trlImporter.convert(record, {})).toMatchObject([
      { judgement: { ...pair, ...good }, notes: ['"gold_label" is a string that holds an integer'] },
    ]);
    expect(trlImporter.convert({ ...record, gold_label: 'two' }, {})).toEqual([
      { kind: 'skipped', reason: '"gold_label" is not an integer: "two"' },
    ]);
  });

  it('marks what can be split in two ways, and what it splits there', () => {
    const parts = trlImporter.convert(
      { prompt: promptText('a', 'b\nDocument: c'), completion: answerText(0, 'x') },
      {},
    );
    expect(parts).toMatchObject([
      {
        judgement: { query: 'a', document: 'b\nDocument: c' },
        notes: [expect.stringMatching(/several ways/) as string],
      },
    ]);
  });

  it('brings back query, document, label and explanation of whatever was rendered', () => {
    const text = fc
      .string({ unit: 'binary' })
      .filter((s) => !s.includes('Document: ') && !s.includes('Relevance Label:'));
    fc.assert(
      fc.property(text, text, fc.constantFrom(0, 1, 2), text, (query, document, label, prose) => {
        const explanation = prose.trim();
        const record = { prompt: promptText(query, document), completion: answerText(label, explanation) };
        expect(judgements(record)).toMatchObject([
          { query, document, label, explanation: explanation === '' ? null : explanation },
        ]);
      }),
    );
  });
});
