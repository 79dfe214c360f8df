import { describe, expect, it } from 'vitest';
import { parseJudgement, type Judgement } from '../domain/judgement.js';
import { candidatesOf } from './rerun.js';

function row(fields: object): Judgement {
  const parsed = parseJudgement(JSON.stringify({ query: 'why', query_id: 'q', ...fields }));
  if (!parsed.ok) throw new Error(parsed.reason);
  return parsed.judgement;
}

describe('the candidates of a judgement file', () => {
  it('are its documents once each, in first-stage order, with their first-stage scores', () => {
    const rows = [
      row({ doc_id: 'b', document: 'B', first_stage_rank: 2, first_stage_score: 3.5, rank: 1, sample: 0 }),
      row({ doc_id: 'b', document: 'B', first_stage_rank: 2, first_stage_score: 3.5, rank: 1, sample: 1 }),
      row({ doc_id: 'a', document: 'A', title: 'T', first_stage_rank: 1, first_stage_score: 7, rank: 2 }),
      row({ query_id: 'p', query: 'how', doc_id: 'a', document: 'A', first_stage_rank: 1, first_stage_score: 2 }),
    ];
    const found = candidatesOf(rows);
    expect(found.map((one) => one.query)).toEqual([
      { query_id: 'q', query: 'why' },
      { query_id: 'p', query: 'how' },
    ]);
    expect(found[0]?.candidates.map((c) => [c.doc_id, c.title, c.first_stage_rank, c.first_stage_score])).toEqual([
      ['a', 'T', 1, 7],
      ['b', null, 2, 3.5],
    ]);
  });

  it('keep the order of a file without a first stage', () => {
    const [query] = candidatesOf([row({ doc_id: 'z', document: 'Z' }), row({ doc_id: 'a', document: 'A' })]);
    expect(query?.candidates.map((c) => [c.doc_id, c.first_stage_rank, c.first_stage_score])).toEqual([
      ['z', 1, 2],
      ['a', 2, 1],
    ]);
  });
});
