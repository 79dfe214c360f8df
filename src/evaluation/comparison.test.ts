import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { holm } from './compare.js';
import { compareRankings } from './comparison.js';
import type { Ranking } from './rankings.js';
import { systemNames } from './rankings.js';
import { htmlReport, markdownReport, shellCommand } from './report.js';
import { kendallTau, rankBiasedOverlap } from './similarity.js';

const order = (...ids: string[]) => new Map(ids.map((id, i) => [id, ids.length - i]));
const ranking = (name: string, queries: Record<string, string[]>): Ranking => ({
  name,
  path: `${name}.trec`,
  run: new Map(Object.entries(queries).map(([query, ids]) => [query, order(...ids)])),
  file: null,
  notices: [],
});
const qrels = new Map(['1', '2', '3'].map((query) => [query, new Map([['good', 1]])]));
const bad = ranking('bad', { 1: ['x', 'good'], 2: ['x', 'good'], 3: ['good', 'x'] });
const fine = ranking('fine', { 1: ['good', 'x'], 2: ['x', 'good'], 3: ['x', 'good'] });
const best = ranking('best', { 1: ['good', 'x'], 2: ['good', 'x'], 4: ['good'] });

describe('compareRankings', () => {
  it('compares every later ranking with every earlier one on the queries that both rank', () => {
    const { pairs, systems, common_queries } = compareRankings([bad, fine, best], qrels, { metrics: ['RR@10', 'map'] });
    expect(pairs.map(({ baseline, system }) => `${system}-${baseline}`)).toEqual(['fine-bad', 'best-bad', 'best-fine']);
    expect(pairs[0]?.metrics['RR@10']).toMatchObject({ queries: 3, wins: 1, ties: 1, losses: 1, difference: 0 });
    expect(pairs[1]?.metrics['RR@10']).toMatchObject({ queries: 2, difference: 0.5, p_value: 0.5, p_adjusted: 1 });
    expect(pairs[0]?.per_query.map(({ query_id, difference }) => [query_id, difference])).toEqual([
      ['1', 0.5],
      ['2', 0],
      ['3', -0.5],
    ]);
    expect(systems[2]?.table).toMatchObject({ queries: 2, queries_not_in_run: 1, queries_not_judged: 1 });
    expect(common_queries).toBe(2);
  });

  it('refuses rankings that share no judged query, naming the files', () => {
    const other = ranking('other', { 3: ['good'] });
    const two = ranking('two', { 1: ['good'] });
    expect(() => compareRankings([two, other], qrels)).toThrow(/two\.trec and other\.trec share no judged query/);
    expect(() => compareRankings([two, ranking('none', { 9: ['x'] })], qrels)).toThrow(/ranking none\.trec.*"9"/);
  });
});

describe('holm', () => {
  it('multiplies the smallest by the number of tests and never lets a larger one fall below it', () => {
    expect(holm([0.01, 0.04, 0.03])).toEqual([0.03, 0.06, 0.06]);
    expect(holm([])).toEqual([]);
  });
});

describe('similarity of rankings', () => {
  const rankings = fc.uniqueArray(fc.integer({ min: 0, max: 20 }).map(String), { minLength: 1, maxLength: 12 });
  it('is symmetric, 1 for the same order and 0 for nothing in common', () => {
    fc.assert(
      fc.property(rankings, rankings, (a, b) => {
        expect(rankBiasedOverlap(a, b)).toBeCloseTo(rankBiasedOverlap(b, a) ?? NaN, 12);
        expect(rankBiasedOverlap(a, a)).toBeCloseTo(1, 12);
        const tau = kendallTau(a, b);
        if (tau !== null) expect(kendallTau(b, a)).toBeCloseTo(tau, 12);
      }),
    );
    expect(rankBiasedOverlap(['a', 'b'], ['c'])).toBe(0);
    expect(kendallTau(['a', 'b', 'c'], ['c', 'b', 'a'])).toBe(-1);
    expect(rankBiasedOverlap([], ['a'])).toBeNull();
  });
});

describe('the report', () => {
  const hostile = ranking('<b>|x', { 1: ['good', 'x'], 2: ['good', 'x'] });
  const input = {
    comparison: compareRankings([bad, hostile], qrels, { metrics: ['nDCG@10', 'AP'] }),
    movements: [],
    notices: ['a notice with | and <i>'],
    provenance: {
      version: '1.2.3',
      command: shellCommand(['rationale', 'compare', "it's.trec"]),
      files: [{ role: 'ranking', path: 'bad.trec', bytes: 7, sha256: 'ab'.repeat(32) }],
      platform: 'node, linux',
      at: '2026-01-01T00:00:00Z',
    },
  };
  it('stands alone: pictures inside, nothing fetched, no script, versions, hashes and the command', () => {
    const html = htmlReport(input);
    expect(html.match(/<svg/g)?.length).toBe(2);
    expect(html).not.toMatch(/<script|<link|src=|url\(|<b>|<i>|<\?xml/);
    expect(html).toContain('&lt;b&gt;|x');
    expect(html).toContain('ab'.repeat(32));
    expect(html).toContain(
      String.raw`rationale compare &#39;it&#39;\&#39;&#39;s.trec&#39;`.replaceAll(
        '&#39;',
        html.includes('&#39;') ? '&#39;' : "'",
      ),
    );
    expect(html).toContain('rationale 1.2.3');
  });
  it('has tables of as many cells as their heads in Markdown, whatever the names hold', () => {
    const markdown = markdownReport(input);
    expect(markdown).toContain(String.raw`\<b\>\|x`);
    for (const table of markdown.split('\n\n').filter((part) => part.startsWith('|'))) {
      const widths = table.split('\n').map((line) => line.match(/(?<!\\)\|/g)?.length);
      expect(new Set(widths).size).toBe(1);
    }
  });
});

describe('systemNames', () => {
  it('are the file names, with the folder where two are the same', () => {
    expect(systemNames(['a/x.judgements.jsonl', 'b/x.trec', 'y.run'])).toEqual(['a/x', 'b/x', 'y']);
    expect(new Set(systemNames(['a/x.trec', 'a/x.run'])).size).toBe(2);
  });
});
