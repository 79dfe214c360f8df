import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { trecOrder } from '../retrieval/trec.js';
import { defaultMetrics, judge, metricValues, queryMetrics } from './metrics.js';

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

describe('the order of ids', () => {
  it('is that of their UTF-8 bytes, whatever they hold', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.string({ unit: 'binary', maxLength: 4 }), { maxLength: 12 }), (ids) => {
        const sorted = [...ids].sort((x, y) => Buffer.compare(Buffer.from(y, 'utf8'), Buffer.from(x, 'utf8')));
        expect(trecOrder(new Map(ids.map((id) => [id, 1])))).toEqual(sorted);
      }),
    );
  });
});

describe('the metrics of a ranking', () => {
  const ranking = ['a', 'b', 'c', 'd'];
  // By rank: unjudged, 1, below zero, 2. Ideal: 3, 2, 1.
  const relevance = qrels({ b: 1, c: -1, d: 2, missed: 3, no: 0 });
  const of = (name: string, judgements = relevance, order = ranking, level = 1) =>
    metricValues(judge(order, judgements, { level }), [name])[name];

  it('are as computed by hand', () => {
    const dcg = 1 / Math.log2(3) + 2 / Math.log2(5);
    const ideal = 3 + 2 / Math.log2(3) + 1 / Math.log2(4);
    expect(of('nDCG@10')).toBeCloseTo(dcg / ideal, 15);
    expect(of('nDCG')).toBe(of('nDCG@10'));
    expect(of('nDCG@2')).toBeCloseTo(1 / Math.log2(3) / (3 + 2 / Math.log2(3)), 15);
    expect(of('nDCG-exp@2')).toBeCloseTo(1 / Math.log2(3) / (7 + 3 / Math.log2(3)), 15);
    expect(of('RR@10')).toBe(1 / 2);
    expect(of('AP')).toBeCloseTo((1 / 2 + 2 / 4) / 3, 15);
    expect(of('AP@3')).toBeCloseTo(1 / 2 / 3, 15);
    expect(of('P@10')).toBe(2 / 10);
    expect(of('P@2')).toBe(1 / 2);
    expect(of('R@100')).toBe(2 / 3);
    expect(of('Judged@10')).toBe(3 / 4);
    expect(of('Judged@2')).toBe(1 / 2);
    // Grades of at most 3: the reader stops at b with 1/8, at d with 3/8.
    expect(of('ERR@10')).toBeCloseTo(1 / 8 / 2 + ((7 / 8) * (3 / 8)) / 4, 15);
    expect(of('RBP(0.8)')).toBeCloseTo(0.2 * (0.8 + 0.8 ** 3), 15);
    // No judged non-relevant document (0 or more) stands above b or d.
    expect(of('Bpref')).toBeCloseTo(2 / 3, 15);
    expect(of('Bpref', relevance, ['b', 'no', 'd'])).toBeCloseTo((1 + (1 - 1 / 1)) / 3, 15);
  });

  it('take another grade for relevant when told so, and keep the gains', () => {
    expect(of('RR@10', relevance, ranking, 2)).toBe(1 / 4);
    expect(of('R@100', relevance, ranking, 2)).toBe(1 / 2);
    expect(of('nDCG@10', relevance, ranking, 2)).toBe(of('nDCG@10'));
  });

  it('are 0 where nothing is relevant or nothing was found', () => {
    for (const name of defaultMetrics) {
      if (name !== 'Judged@10') expect(of(name, qrels({ a: 0, b: -1 }))).toBe(0);
      expect(of(name, relevance, [])).toBe(0);
    }
  });

  it('do not look below the cutoff', () => {
    for (const name of ['RR@3', 'R@3', 'P@3', 'AP@3', 'ERR@3', 'nDCG@3']) expect(of(name, qrels({ d: 1 }))).toBe(0);
  });

  it('are refused by a name that is none, naming those there are', () => {
    for (const name of ['nDCG@0', 'P', 'Bpref@10', 'RBP(1.5)', 'RBP(0.0)', 'constructor', '']) {
      expect(() => metricValues(judge(ranking, relevance), [name])).toThrow(/There is no metric .*nDCG@k/);
    }
    expect(Object.keys(metricValues(judge(ranking, relevance), ['map', 'AP', 'ndcg@5']))).toEqual(['AP', 'nDCG@5']);
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
    expect(metrics.get('3')).toMatchObject({
      'nDCG@10': 1,
      'RR@10': 1,
      'P@10': 0.1,
      'R@100': 1,
      'Judged@10': 1,
      AP: 1,
    });
    expect(Object.keys(metrics.get('3') ?? {})).toEqual([...defaultMetrics]);
  });
});
