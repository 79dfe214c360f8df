import { describe, expect, it } from 'vitest';
import { parseJudgement, type Judgement } from '../domain/judgement.js';
import { fourGradesScale } from '../domain/scale.js';
import { nothingRelevant } from '../domain/relevance.js';
import { liveRunView, recordedRunView } from './run-view.js';

function scored(label: number | null, expected?: number): Judgement {
  const parsed = parseJudgement(
    JSON.stringify({
      query: 'q',
      document: String(Math.random()),
      label,
      scale: fourGradesScale.name,
      score_parts: expected === undefined ? null : { expected },
    }),
  );
  if (!parsed.ok) throw new Error(parsed.reason);
  return parsed.judgement;
}

describe('nothingRelevant', () => {
  it('says so when every document has the lowest label', () => {
    expect(nothingRelevant([scored(0), scored(0)], [])).toMatch(
      /^Nothing looks relevant: .*all 2 documents.*irrelevant/,
    );
  });

  it('says so when the best expected label is nearer to the lowest than to the next', () => {
    expect(nothingRelevant([scored(1, 0.4), scored(0, 0.1)], [])).toMatch(/^Nothing looks relevant/);
    expect(nothingRelevant([scored(1, 0.6), scored(0, 0.1)], [])).toBeNull();
  });

  it('does not take a failure or an unparsed answer for irrelevance', () => {
    expect(nothingRelevant([scored(null), scored(null)], [])).toBeNull();
    expect(nothingRelevant([scored(null), scored(2)], [])).toBeNull();
  });
});

describe('the view of a run', () => {
  it('counts what is scored, with its speed', () => {
    expect(liveRunView({ phase: 'scoring', done: 12, total: 30, perSecond: 4.12 }).message).toBe(
      'Scored 12 of 30 · 4.1 documents/s',
    );
  });

  it('calls a run without a seal interrupted', () => {
    expect(recordedRunView(null, { total: 30, pending: 18 })).toEqual({
      state: 'interrupted',
      done: 12,
      total: 30,
      message: 'Interrupted after 12 of 30',
    });
    expect(
      recordedRunView({ state: 'complete', rows: 30, bytes: 1, sha256: '' }, { total: 30, pending: 0 }).state,
    ).toBe('complete');
  });
});

describe('liveRunView', () => {
  it('counts rationales in rationales, not in tokens', () => {
    expect(liveRunView({ phase: 'explaining', done: 2, total: 5, perSecond: 0.25 }).message).toBe(
      'Wrote 2 of 5 rationales · 0.3 rationales/s',
    );
  });
});
