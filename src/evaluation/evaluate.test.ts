import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { comparePaired } from './compare.js';
import { evaluate } from './evaluate.js';

describe('comparePaired', () => {
  it('counts wins, ties and losses and averages the differences', () => {
    const comparison = comparePaired([0.5, 0.4, 0.3, 0.9], [0.25, 0.4, 0.4, 0.4]);
    expect(comparison).toMatchObject({ queries: 4, wins: 2, ties: 1, losses: 1 });
    expect(comparison.difference).toBeCloseTo((0.25 + 0 - 0.1 + 0.5) / 4, 15);
  });

  it('gives the exact randomisation p-value for few queries', () => {
    // Three wins: of the 8 sign patterns only the observed one and its mirror image are as far from 0.
    expect(comparePaired([1, 2, 4], [0, 0, 0]).p_value).toBe(2 / 8);
    // 1 + 2 − 3 = 0: every pattern is at least as far.
    expect(comparePaired([1, 2, 0], [0, 0, 3]).p_value).toBe(1);
    expect(comparePaired([1, 1], [1, 1])).toMatchObject({ p_value: 1, confidence_interval: [0, 0], ties: 2 });
  });

  it('gives intervals and p-values near those of the normal approximation for many queries', () => {
    const n = 400;
    const values = Array.from({ length: n }, (_, i) => Math.sin(i * 12.9898) * 0.3 + 0.02);
    const mean = values.reduce((sum, v) => sum + v, 0) / n;
    const error = Math.sqrt(values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / n / n);
    const {
      confidence_interval: [low, high],
      p_value,
    } = comparePaired(
      values,
      values.map(() => 0),
    );
    expect(Math.abs(low - (mean - 1.96 * error))).toBeLessThan(0.1 * error);
    expect(Math.abs(high - (mean + 1.96 * error))).toBeLessThan(0.1 * error);
    const z = mean / error;
    const normal = 2 * (1 - 0.5 * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (z + 0.044715 * z ** 3))));
    expect(Math.abs(p_value - normal)).toBeLessThan(0.03);
  });

  it('is the same every time, turns its sign with the runs, and holds the mean within its interval', () => {
    const values = fc.array(fc.tuple(fc.integer({ min: 0, max: 8 }), fc.integer({ min: 0, max: 8 })), {
      minLength: 2,
      maxLength: 12,
    });
    fc.assert(
      fc.property(values, (pairs) => {
        const [a, b] = [pairs.map(([x]) => x / 8), pairs.map(([, y]) => y / 8)];
        const forward = comparePaired(a, b);
        expect(comparePaired(a, b)).toEqual(forward);
        const back = comparePaired(b, a);
        expect(back.difference).toBeCloseTo(-forward.difference, 12);
        expect(back.p_value).toBe(forward.p_value);
        expect([back.wins, back.losses]).toEqual([forward.losses, forward.wins]);
        expect(forward.confidence_interval[0]).toBeLessThanOrEqual(forward.difference + 1e-12);
        expect(forward.confidence_interval[1]).toBeGreaterThanOrEqual(forward.difference - 1e-12);
      }),
      { numRuns: 30 },
    );
  });
});

describe('evaluate', () => {
  const scores = (...ids: string[]) => new Map(ids.map((id, i) => [id, ids.length - i]));
  const qrels = new Map(['1', '2', '3'].map((query) => [query, new Map([['good', 1]])]));

  it('averages over the queries that the run ranks and says how many it does not', () => {
    const run = new Map([
      ['1', scores('good', 'bad')],
      ['2', scores('bad', 'good')],
      ['unjudged', scores('bad')],
    ]);
    const evaluation = evaluate(run, qrels);
    expect(evaluation).toMatchObject({ queries: 2, queries_not_in_run: 1 });
    expect(evaluation.metrics['nDCG@10']).toBeCloseTo((1 + 1 / Math.log2(3)) / 2, 15);
    expect(evaluation.metrics['RR@10']).toBe(0.75);
    expect(evaluation.per_query['2']?.['RR@10']).toBe(0.5);
    expect(JSON.parse(JSON.stringify(evaluation))).toEqual(evaluation);
  });

  it('compares with a baseline on the queries that both rank', () => {
    const run = new Map([
      ['1', scores('good', 'bad')],
      ['2', scores('good')],
    ]);
    const baseline = new Map([
      ['1', scores('bad', 'good')],
      ['3', scores('good')],
    ]);
    const evaluation = evaluate(run, qrels, { baseline });
    expect(evaluation.baseline).toMatchObject({ queries: 2, metrics: { 'RR@10': 0.75 } });
    expect(evaluation.baseline?.comparison['RR@10']).toMatchObject({
      queries: 1,
      difference: 0.5,
      wins: 1,
      confidence_interval: [0.5, 0.5],
    });
  });

  it('refuses files that share no query, with examples of both', () => {
    expect(() => evaluate(new Map([['q1', scores('good')]]), qrels)).toThrow(/run: "q1"; qrels: "1", "2", "3"/);
  });
});
