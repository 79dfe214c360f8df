import { describe, expect, it } from 'vitest';
import type { Json, JsonObject } from '../../domain/json.js';
import { umbrelaImporter } from './umbrela.js';

const row = (more: JsonObject): JsonObject => ({
  model: 'gpt-4o',
  query: 'how long is life cycle of flea',
  passage: 'A flea lives for weeks.',
  prompt: 'Given a query and a passage …',
  prediction: '##final score: 2',
  judgment: 2,
  result_status: 1,
  ...more,
});
const convert = (record: JsonObject): unknown => umbrelaImporter.convert(record, {})[0];

describe('umbrelaImporter', () => {
  it('takes the label on its own scale, the answer as it came, and keeps the prompt', () => {
    expect(convert(row({ reasoning: 'it names weeks', docid: 'a b\tc' }))).toEqual({
      kind: 'judgement',
      judgement: {
        query: 'how long is life cycle of flea',
        document: 'A flea lives for weeks.',
        doc_id: 'a b\tc',
        label: 2,
        scale: 'umbrela',
        status: 'ok',
        explanation: 'it names weeks',
        raw_response: '##final score: 2',
        model: { id: 'gpt-4o' },
        extra: { prompt: 'Given a query and a passage …', result_status: 1 },
      },
    });
  });

  it('never takes the 0 of an unreadable answer for a label', () => {
    const label = (more: JsonObject): unknown => convert(row({ judgment: 0, ...more }));
    expect(label({ result_status: 0, prediction: 'I cannot 0 say' })).toMatchObject({
      judgement: { label: null, status: 'unparsed', raw_response: 'I cannot 0 say' },
      notes: [expect.stringContaining('could not read')],
    });
    const old = Object.fromEntries(
      Object.entries(row({ judgment: 0, prediction: 'sorry, no' })).filter(([key]) => key !== 'result_status'),
    );
    expect(convert(old)).toMatchObject({ judgement: { label: null, status: 'unparsed' } });
    expect(convert({ ...old, prediction: 'o: 0' })).toMatchObject({ judgement: { label: 0, status: 'ok' } });
    expect(label({ result_status: 1, prediction: '' })).toMatchObject({ judgement: { label: 0, status: 'ok' } });
  });

  it('reads judgements beside candidates, as numbers and as objects', () => {
    const record = {
      query: { text: 'q', qid: 'q1' },
      candidates: ['first', { docid: 'd2', text: 'second' }, { docid: 3, doc: { segment: 'third', url: 'u' } }],
      judgments: [3, { judgment: '1', prediction: 'o: 1', model: 'm' }, null],
    };
    expect(umbrelaImporter.convert(record, {})).toMatchObject([
      { judgement: { query_id: 'q1', document: 'first', label: 3, status: 'ok' } },
      { judgement: { doc_id: 'd2', label: 1, raw_response: 'o: 1', model: { id: 'm' } } },
      { judgement: { doc_id: '3', label: null, status: 'unparsed', extra: { doc: { url: 'u' } } } },
    ]);
  });

  it('takes candidates that nobody judged as pending', () => {
    expect(convert({ query: 'q', candidates: ['only'] })).toEqual({
      kind: 'judgement',
      judgement: {
        query: 'q',
        document: 'only',
        title: null,
        scale: 'umbrela',
        status: 'pending',
        first_stage_rank: 1,
      },
    });
  });

  it('refuses what it cannot assign or place on the scale', () => {
    expect(convert({ query: 'q', candidates: ['a', 'b'], judgments: [1] })).toMatchObject({
      kind: 'skipped',
      reason: expect.stringContaining('1 for 2') as string,
    });
    for (const judgment of [4, -1, 1.5, true, [1]] as Json[])
      expect(convert(row({ judgment }))).toMatchObject({ kind: 'skipped' });
    expect(convert(row({ judgment: null }))).toMatchObject({ judgement: { label: null, status: 'unparsed' } });
    expect(convert(row({ passage: null }))).toMatchObject({ kind: 'skipped' });
    expect(convert(row({ query: { qid: 1 } }))).toMatchObject({ kind: 'skipped' });
    expect(umbrelaImporter.convert({ query: 'q', candidates: [''] }, {})).toMatchObject([{ kind: 'skipped' }]);
  });

  it('knows its format and leaves rank_llm requests alone', () => {
    expect(umbrelaImporter.detect([row({})])).toBe(1);
    expect(umbrelaImporter.detect([{ query: 'q', candidates: ['a'] }])).toBeGreaterThan(0.5);
    expect(umbrelaImporter.detect([{ query: { text: 'q' }, candidates: [{ docid: 1, doc: { text: 'x' } }] }])).toBe(0);
    expect(umbrelaImporter.detect([])).toBe(0);
  });
});
