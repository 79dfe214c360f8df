import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../domain/json.js';
import { chatImporter, rank1Importer, tfrankImporter } from './chat.js';
import type { ImportedJudgement, RecordImporter } from './importer.js';

const fixtures = join(import.meta.dirname, '../../../test/fixtures/interchange/tfrank');
const rowsOf = (name: string): JsonObject[] =>
  readFileSync(join(fixtures, name), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as JsonObject);
const judgement = (importer: RecordImporter, record: JsonObject): ImportedJudgement => {
  const [part, ...more] = importer.convert(record, {});
  if (part?.kind !== 'judgement' || more.length > 0) throw new Error(JSON.stringify([part, ...more]));
  return part.judgement;
};
const skipped = (importer: RecordImporter, record: JsonObject): string[] =>
  importer.convert(record, {}).map((part) => (part.kind === 'skipped' ? part.reason : part.kind));

describe('tfrankImporter', () => {
  it('reads grade and reasoning of the think rows that TFRank was trained on', () => {
    const rows = rowsOf('sft-think.jsonl').map((record) => judgement(tfrankImporter, record));
    expect(rows.map(({ label }) => label)).toEqual([3, 1, 4]);
    expect(rows[0]).toMatchObject({
      document: expect.stringMatching(/exist as various hydrates.*FeCl3·6H2O\)\.$/s) as string,
      scale: 'tfrank',
      extra: { task_type: 'pointwise', prompt_template: 'tfrank', think: '/think' },
    });
    expect(rows[0]?.explanation).not.toMatch(/<\/?think>/);
    expect(rows[0]?.raw_response).toBe(`<think>\n${rows[0]?.explanation ?? ''}\n</think>\n\nyes(3)`);
  });

  it('takes an empty think block for no explanation', () => {
    const rows = rowsOf('sft-no-think.jsonl').map((record) => judgement(tfrankImporter, record));
    expect(rows.map(({ query, label, explanation }) => [query, label, explanation])).toEqual([
      ['what vitamins are in the lemon', 2, null],
      ['hmrc contact numbers', 4, null],
    ]);
    expect(rows[0]?.document).toBe('Lemons are a good source of vitamin C and other antioxidants.');
  });

  it('takes the gold label of a prompt-only row, in whichever language it asks', () => {
    const rows = rowsOf('grpo.jsonl').map((record) => judgement(tfrankImporter, record));
    expect(rows.map(({ query, label, raw_response }) => [query, label, raw_response])).toEqual([
      ['ما هي أعلى قمة جبلية في زامبيا ؟', 0, undefined],
      ['what is the french name jeanne in english', 3, undefined],
      ['日本的女性向游戏有哪些种类？', 3, undefined],
    ]);
    expect(rows[2]?.extra?.['instruct']).toMatch(/^请根据查询/);
    expect(rows[1]?.extra).not.toHaveProperty('instruct');
  });

  it('is sure of its own rows and of no others', () => {
    expect(tfrankImporter.detect(rowsOf('grpo.jsonl'))).toBe(1);
    expect(tfrankImporter.detect([{ messages: [{ role: 'user', content: 'Is it relevant?' }] }])).toBe(0);
  });

  it('leaves an answer that names no grade unparsed, with its text', () => {
    const [row] = rowsOf('sft-think.jsonl');
    const [system, user] = row?.['messages'] as JsonObject[];
    const said = (content: string): ImportedJudgement =>
      judgement(tfrankImporter, { messages: [system ?? {}, user ?? {}, { role: 'assistant', content }] });
    expect(said('<think>\nhm\n</think>\n\nyes(7)')).toMatchObject({ label: null, explanation: 'hm' });
    expect(said('perhaps')).toMatchObject({ label: null, explanation: null, raw_response: 'perhaps' });
  });
});

describe('rank1Importer', () => {
  const prompt =
    "Determine if the following passage is relevant to the query. Answer only with 'true' or 'false'.\nQuery: why is the sky blue\nPassage: Rayleigh\nscattering.\n<think>";

  it('reads reasoning and verdict, the tag opened in the prompt or in the answer', () => {
    const expected = { query: 'why is the sky blue', document: 'Rayleigh\nscattering.', scale: 'binary', label: 1 };
    const opened = judgement(rank1Importer, { prompt, response: '\nIt explains it.\n</think> true' });
    expect(opened).toMatchObject({ ...expected, explanation: 'It explains it.' });
    const messages = [
      { role: 'user', content: prompt.replace('\n<think>', '') },
      { role: 'assistant', content: '<think>It explains it.</think> true' },
    ];
    expect(judgement(rank1Importer, { messages })).toMatchObject({ ...expected, explanation: 'It explains it.' });
  });

  it('gives no label to an answer that was cut in its reasoning', () => {
    expect(judgement(rank1Importer, { prompt, response: 'Okay, true or false?' })).toMatchObject({ label: null });
  });
});

describe('chatImporter', () => {
  const asked =
    "Explain whether the following document is relevant or not to the given question. Then end your response with a relevance label (0: irrelevant, 1: partially relevant, 2: relevant) and the symbol '##'. Question: Why?\nDocument: Because.";

  it('reads OpenAI messages with content in parts and reasoning in a field of its own', () => {
    const record = {
      messages: [
        { role: 'user', content: [{ type: 'text', text: asked }] },
        { role: 'assistant', content: 'It says why.\n\nRelevance Label: 2 ##', refusal: null },
      ],
      model: 'gpt-4o',
      custom_id: 'a/1',
    };
    expect(judgement(chatImporter, record)).toEqual({
      query: 'Why?',
      document: 'Because.',
      scale: 'interank',
      label: 2,
      explanation: 'It says why.',
      raw_response: 'It says why.\n\nRelevance Label: 2 ##',
      model: { id: 'gpt-4o' },
      extra: { custom_id: 'a/1' },
    });
    const sharegpt = {
      conversations: [
        { from: 'human', value: asked },
        { from: 'gpt', value: 'No.\n\nRelevance Label: 0 ##' },
      ],
    };
    expect(judgement(chatImporter, sharegpt)).toMatchObject({ query: 'Why?', label: 0, explanation: 'No.' });
  });

  it('says why a conversation is none: several turns, an unknown prompt, no text', () => {
    const user = { role: 'user', content: asked };
    expect(skipped(chatImporter, { messages: [user, { role: 'assistant', content: 'a' }, user] })).toEqual([
      'a conversation that is not one question and one answer',
    ]);
    expect(skipped(chatImporter, { messages: [{ role: 'user', content: 'Write a poem.' }] })[0]).toMatch(
      /template is not known/,
    );
    expect(skipped(chatImporter, { messages: [{ role: 'user', content: null }] })).toEqual([
      'no messages that could be read',
    ]);
    expect(skipped(chatImporter, {})).toEqual(['no messages that could be read']);
  });

  it('takes query and document beside a prompt it does not know, and keeps the prompt', () => {
    const messages = [
      { role: 'user', content: 'Judge.' },
      { role: 'assistant', content: 'Fine.\n\nRelevance Label: 1 ##' },
    ];
    expect(judgement(chatImporter, { messages, query: 'Why?', document: 'Because.' })).toMatchObject({
      query: 'Why?',
      label: 1,
      extra: { prompt: [{ role: 'user', content: 'Judge.' }] },
    });
  });
});
