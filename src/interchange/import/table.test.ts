import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../domain/json.js';
import type { ImportOptions } from './importer.js';
import { tableImporter } from './table.js';

const convert = (record: JsonObject, options: ImportOptions = {}): unknown => tableImporter.convert(record, options)[0];
const reason = (record: JsonObject, options: ImportOptions = {}): string => {
  const [first] = tableImporter.convert(record, options);
  return first?.kind === 'skipped' ? first.reason : `not skipped: ${JSON.stringify(first)}`;
};

describe('tableImporter', () => {
  it('guesses columns from their names and keeps the others', () => {
    const record = {
      'Query-ID': 'q 1',
      Question: 'why?',
      docID: 'a/b\tc.txt',
      Passage: 'because',
      relevance: '2',
      rationale: 'it says so',
      note: 'x',
    };
    expect(convert(record)).toEqual({
      kind: 'judgement',
      notes: ['"relevance" is a string that holds an integer'],
      judgement: {
        query: 'why?',
        query_id: 'q 1',
        doc_id: 'a/b\tc.txt',
        document: 'because',
        title: null,
        label: 2,
        scale: 'interank',
        explanation: 'it says so',
        score: null,
        status: 'ok',
        extra: { note: 'x' },
      },
    });
  });

  it('follows a mapping, also into nested values', () => {
    const record = { input: { parts: ['why?', 'because'] }, 'gold.label': 1, query: 'not this' };
    const mapping = { query: 'input.parts.0', document: 'input.parts.1', label: 'gold.label' };
    expect(convert(record, { mapping })).toMatchObject({ judgement: { query: 'why?', document: 'because', label: 1 } });
    expect(reason(record, { mapping: { query: 'input.parts.7' } })).toMatch(/"input.parts.7".*as the mapping says/);
  });

  it('takes labels by name, and refuses what is neither number nor name, or not on the scale', () => {
    const row = (label: JsonObject[string]): JsonObject => ({ query: 'q', document: 'd', label });
    const labels = ['partially relevant', 'Not relevant', '2: relevant', ' 1 ', '2.0', 0].map((label) =>
      tableImporter.convert(row(label), {}).map((r) => (r.kind === 'judgement' ? r.judgement.label : r)),
    );
    expect(labels).toEqual([[1], [0], [2], [1], [2], [0]]);
    expect(reason(row('maybe'))).toMatch(/neither an integer nor a name on the scale "interank".*"maybe"/);
    expect(reason(row('1 - irrelevant'))).toMatch(/neither/);
    expect(reason(row(4))).toMatch(/not on the scale "interank" \(0, 1, 2\): 4/);
    expect(reason(row(true))).toMatch(/not an integer/);
    expect(convert(row(4), { scale: 'five stars' })).toMatchObject({ judgement: { label: 4, scale: 'five stars' } });
  });

  it('never makes a label or an answer of what is missing', () => {
    expect(convert({ query: 'q', document: 'd' })).toMatchObject({ judgement: { label: null, status: 'pending' } });
    expect(convert({ query: 'q', document: 'd', label: '', explanation: 'e' })).toMatchObject({
      judgement: { label: null, status: 'unparsed' },
    });
    expect(convert({ query: 'q', document: 'd', label: null, score: 'NaN' })).toMatchObject({
      judgement: { label: null, score: null, status: 'pending' },
      notes: ['"score" is not a finite number: "NaN"; kept as no score'],
    });
  });

  it('says what is missing for a row', () => {
    expect(reason({ document: 'd' })).toMatch(/no column is known to hold the query/);
    expect(reason({ query: 'q', document: null })).toMatch(
      /the column "document", which holds the document, holds no text/,
    );
    expect(reason({ query: '  ', document: 'd' })).toMatch(/"query"/);
  });

  it('is the last resort of detection', () => {
    expect(tableImporter.detect([{ query: 'q', document: 'd', label: 1 }])).toBeCloseTo(0.55);
    expect(tableImporter.detect([{ query: { text: 'q' }, document: 'd' }, { x: 1 }])).toBe(0);
    expect(tableImporter.detect([])).toBe(0);
  });
});
