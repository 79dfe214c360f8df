import { describe, expect, it } from 'vitest';
import { trecOrder } from '../retrieval/trec.js';
import { judged, ndcg, precision, queryMetrics, recall, reciprocalRank } from './metrics.js';

const qrels = (judgements: Readonly<Record<string, number>>) => new Map(Object.entries(judgements));

describe('trecOrder', () => {
  it('sorts by score, ties by descending id', () => {
    expect(trecOrder(qrels({ a: 1, c: 1, b: 1, d: 2 }))).toEqual(['d', 'c', 'b', 'a']);
  });

  it('takes scores for equal that are equal as 32-bit floats', () => {
    expect(trecOrder(qrels({ x: 1.00000001, y: 1 }))).toEqual(['y', 'x']);
  });

  it('compares ids by their UTF-8 bytes', () => {
    // As UTF-16 units the emoji (D83D …) would come before U+FFFD.
    expect(trecOrder(qrels({ '\ufffd': 1, '😀': 1, é: 1, z: 1 }))).toEqual(['😀', '\ufffd', 'é', 'z']);
  });
});

describe('the metrics of a ranking', () => {
  const ranking = ['a', 'b', 'c', 'd'];
  // Gains by rank: 0 (unjudged), 1, 0 (below zero), 2. Ideal: 3, 2, 1.
  const relevance = qrels({ b: 1, c: -1, d: 2, missed: 3, no: 0 });

  it('are as computed by hand', () => {
    const dcg = 1 / Math.log2(3) + 2 / Math.log2(5);
    const ideal = 3 + 2 / Math.log2(3) + 1 / Math.log2(4);
    expect(ndcg(ranking, relevance, 10)).toBeCloseTo(dcg / ideal, 15);
    expect(ndcg(ranking, relevance, 2)).toBeCloseTo(1 / Math.log2(3) / (3 + 2 / Math.log2(3)), 15);
    expect(reciprocalRank(ranking, relevance, 10)).toBe(1 / 2);
    expect(precision(ranking, relevance, 10)).toBe(2 / 10);
    expect(precision(ranking, relevance, 2)).toBe(1 / 2);
    expect(recall(ranking, relevance, 100)).toBe(2 / 3);
    expect(judged(ranking, relevance, 10)).toBe(3 / 4);
    expect(judged(ranking, relevance, 2)).toBe(1 / 2);
  });

  it('are 0 where nothing is relevant or nothing was found', () => {
    for (const metric of [ndcg, reciprocalRank, precision, recall]) {
      expect(metric(ranking, qrels({ a: 0, b: -1 }), 10)).toBe(0);
      expect(metric([], relevance, 10)).toBe(0);
    }
    expect(judged([], relevance, 10)).toBe(0);
  });

  it('do not look below the cutoff', () => {
    expect(reciprocalRank(ranking, qrels({ d: 1 }), 3)).toBe(0);
    expect(recall(ranking, qrels({ d: 1 }), 3)).toBe(0);
  });
});

describe('queryMetrics', () => {
  it('leaves out queries without judgements or without a ranking, and keeps those without a relevant document', () => {
    const run = new Map(['1', '2', '3'].map((query) => [query, qrels({ a: 1 })]));
    const judgements = new Map([
      ['0', qrels({ a: 1 })],
      ['2', qrels({ a: 0 })],
      ['3', qrels({ a: 1 })],
    ]);
    const metrics = queryMetrics(run, judgements);
    expect([...metrics.keys()]).toEqual(['2', '3']);
    expect(metrics.get('2')?.['nDCG@10']).toBe(0);
    expect(metrics.get('3')).toEqual({ 'nDCG@10': 1, 'RR@10': 1, 'P@10': 0.1, 'R@100': 1, 'Judged@10': 1 });
  });
});
