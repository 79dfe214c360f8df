import { describe, expect, it } from 'vitest';
import { candidatesOfRun } from './run-candidates.js';
import { parseRun } from './trec.js';

const corpus = new Map(['a', 'b', 'c d'].map((doc_id) => [doc_id, { doc_id, title: null, text: `text ${doc_id}` }]));
const query = { query_id: 'q', query: 'what?' };

describe('candidatesOfRun', () => {
  it('ranks as trec_eval does: by score, ties by descending id, whatever the rank column says', () => {
    const run = parseRun('q Q0 a 1 1 t\nq Q0 b 2 1 t\nq Q0 c%20d 3 5 t\n', 'run');
    const { ranked } = candidatesOfRun(run, corpus, [query]);
    expect(ranked[0]?.candidates.map((c) => [c.doc_id, c.first_stage_rank, c.document])).toEqual([
      ['c d', 1, 'text c d'],
      ['b', 2, 'text b'],
      ['a', 3, 'text a'],
    ]);
  });

  it('names documents that the corpus lacks, and ranks the others without a gap', () => {
    const run = parseRun('q Q0 gone 1 9 t\nq Q0 a 2 8 t\n', 'run');
    const { ranked, missing } = candidatesOfRun(run, corpus, [query, { query_id: 'other', query: 'x' }]);
    expect(missing).toEqual(['gone']);
    expect(ranked.map((r) => r.candidates.map((c) => [c.doc_id, c.first_stage_rank]))).toEqual([[['a', 1]], []]);
  });
});
