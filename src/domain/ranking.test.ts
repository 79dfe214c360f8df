import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { rankCandidates, type RankedInput } from './ranking.js';

const candidate = (rank: number, expected: number | null, firstStageScore = 10 - rank): RankedInput => ({
  firstStageRank: rank,
  firstStageScore,
  reads: expected === null ? null : { expected },
});
const ranksOf = (inputs: RankedInput[], weights = { 'z(expected)': 1 }, fusion = 0): number[] =>
  rankCandidates(inputs, weights, fusion).map((r) => r.rank);

describe('rankCandidates', () => {
  it('keeps the first stage order of tied documents', () => {
    expect(ranksOf([candidate(3, 1), candidate(1, 1), candidate(2, 1)])).toEqual([3, 1, 2]);
  });

  it('ranks what was not scored below what was, in first-stage order', () => {
    expect(ranksOf([candidate(1, null), candidate(2, 0), candidate(3, null), candidate(4, 2)])).toEqual([3, 2, 4, 1]);
  });

  it('adds z scores of equal spread, so that a read on a wider scale does not drown another', () => {
    const inputs = [1, 2, 3].map((rank) => ({
      firstStageRank: rank,
      firstStageScore: 0,
      reads: { a: rank * 1000, b: -rank },
    }));
    expect(rankCandidates(inputs, { 'z(a)': 1, 'z(b)': 1 }, 0).map((r) => Math.abs(r.score ?? 1) < 1e-9)).toEqual([
      true,
      true,
      true,
    ]);
  });

  it('fuses the first stage with its weight', () => {
    expect(ranksOf([candidate(1, 0), candidate(2, 1)], { 'z(expected)': 1 }, 0.5)).toEqual([2, 1]);
    expect(ranksOf([candidate(1, 0), candidate(2, 1)], { 'z(expected)': 1 }, 2)).toEqual([1, 2]);
  });

  it('gives every document a rank of its own, whatever was read', () => {
    fc.assert(
      fc.property(
        fc.array(fc.option(fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e6, max: 1e6 }))),
        (reads) => {
          const ranks = ranksOf(reads.map((read, i) => candidate(i + 1, read)));
          expect([...ranks].sort((a, b) => a - b)).toEqual(reads.map((_, i) => i + 1));
        },
      ),
    );
  });
});
