import { describe, expect, it } from 'vitest';
import { parseJudgement, type Judgement } from '../domain/judgement.js';
import { noFilter, type Filter } from '../protocol/editor.js';
import { orderedKeys, type OrderedRow } from './row-order.js';

function judgement(fields: object): Judgement {
  const parsed = parseJudgement(JSON.stringify({ query: 'q', document: 'd', label: 1, ...fields }));
  if (!parsed.ok) throw new Error(parsed.reason);
  return parsed.judgement;
}

function row(key: number, fields: object, more: Partial<OrderedRow> = {}): OrderedRow {
  const j = judgement(fields);
  return { key, judgement: j, review: 'prefilled', label: j.label, explanation: null, ...more };
}

const malformed = (key: number): OrderedRow => ({
  key,
  judgement: null,
  review: 'unseen',
  label: null,
  explanation: null,
});
const filtered = (filter: Partial<Filter>): Filter => ({ ...noFilter, ...filter });

describe('orderedKeys', () => {
  it('keeps the queries in the order of the file and orders each by rank', () => {
    const rows = [
      row(0, { query_id: 'b', rank: 2 }),
      row(1, { query_id: 'a', rank: 1 }),
      row(2, { query_id: 'b', rank: 1 }),
      row(3, { query_id: 'a', rank: 2 }),
    ];
    expect(orderedKeys(rows, 'rank', noFilter)).toEqual([2, 0, 1, 3]);
  });

  it('puts rows without a rank after the others, in the order of the first stage', () => {
    const rows = [
      row(0, { first_stage_rank: 2 }),
      row(1, { first_stage_rank: 1 }),
      row(2, { rank: 9, first_stage_rank: 3 }),
    ];
    expect(orderedKeys(rows, 'rank', noFilter)).toEqual([2, 1, 0]);
  });

  it('shows the least certain label first, over all queries', () => {
    const rows = [
      row(0, { query_id: 'a', label_probabilities: [0.1, 0.8, 0.1] }),
      row(1, { query_id: 'a', label_probabilities: null }),
      row(2, { query_id: 'b', label_probabilities: [0.45, 0.5, 0.05] }),
    ];
    expect(orderedKeys(rows, 'margin', noFilter)).toEqual([2, 0, 1]);
  });

  it('shows malformed lines at their place in the file and last in a ranking, unless something is filtered', () => {
    const rows = [malformed(0), row(1, { rank: 1 })];
    expect(orderedKeys(rows, 'file', noFilter)).toEqual([0, 1]);
    expect(orderedKeys(rows, 'rank', noFilter)).toEqual([1, 0]);
    expect(orderedKeys(rows, 'file', filtered({ labels: [1] }))).toEqual([1]);
  });

  it('filters by the label that counts, review state, query and text', () => {
    const rows = [
      row(0, { query_id: 'a', document: 'Bees and Flowers' }),
      row(1, { query_id: 'b', explanation: 'about bees' }, { label: 2, review: 'corrected' }),
      row(2, { query_id: 'b', explanation: 'about bees' }, { explanation: 'about wasps' }),
    ];
    expect(orderedKeys(rows, 'file', filtered({ labels: [2] }))).toEqual([1]);
    expect(orderedKeys(rows, 'file', filtered({ review: ['prefilled'] }))).toEqual([0, 2]);
    expect(orderedKeys(rows, 'file', filtered({ queryId: 'b' }))).toEqual([1, 2]);
    expect(orderedKeys(rows, 'file', filtered({ text: ' BEES ' }))).toEqual([0, 1]);
  });
});
