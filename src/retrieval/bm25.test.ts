import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { termsOf } from './analyzer.js';
import { Bm25Index } from './bm25.js';

/** The formula as the file's first comment states it, without any index. */
function scoreByHand(query: string, id: string, documents: ReadonlyMap<string, string>): number {
  const terms = new Map([...documents].map(([key, text]) => [key, termsOf(text)]));
  const own = terms.get(id) ?? [];
  const mean = [...terms.values()].reduce((sum, t) => sum + t.length, 0) / terms.size;
  let score = 0;
  for (const term of termsOf(query)) {
    const df = [...terms.values()].filter((t) => t.includes(term)).length;
    const tf = own.filter((t) => t === term).length;
    const idf = Math.log(1 + (terms.size - df + 0.5) / (df + 0.5));
    score += (idf * tf * 2.2) / (tf + 1.2 * (1 - 0.75 + (0.75 * own.length) / mean));
  }
  return score;
}

const vocabulary = ['rank', 'index', 'query', 'passage', 'score', 'fooBar', 'bar', 'term'];
const texts = fc.array(fc.constantFrom(...vocabulary), { minLength: 1, maxLength: 12 }).map((words) => words.join(' '));
const ids = fc.integer({ min: 0, max: 15 }).map((n) => `d${n}`);
type Change = { readonly id: string; readonly text: string | undefined; readonly searched: boolean };
const histories: fc.Arbitrary<Change[]> = fc.array(
  fc.record({ id: ids, text: fc.option(texts, { nil: undefined }), searched: fc.boolean() }),
  { maxLength: 60 },
);

/** An index that went through the changes, and the documents it should hold. */
function replay(changes: readonly Change[]) {
  const index = new Bm25Index();
  const held = new Map<string, string>();
  for (const { id, text, searched } of changes) {
    if (text === undefined) expect(index.remove(id)).toBe(held.delete(id));
    else {
      index.add(id, text);
      held.set(id, text);
    }
    // A search seals the buffer, so histories with and without searches make different segments.
    if (searched) index.search('rank', 3);
  }
  return { index, held };
}

describe('Bm25Index', () => {
  it('scores by the stated formula', () => {
    const documents = new Map([
      ['a', 'query query passage'],
      ['b', 'query index'],
      ['c', 'score score score score rank'],
    ]);
    const index = new Bm25Index();
    for (const [id, text] of documents) index.add(id, text);
    const hits = index.search('query passage query', 10);
    expect(hits.map((h) => h.id)).toEqual(['a', 'b']);
    for (const hit of hits) expect(hit.score).toBeCloseTo(scoreByHand('query passage query', hit.id, documents), 12);
  });

  it('gives, after any changes, just what an index built from the documents left gives', () => {
    fc.assert(
      fc.property(histories, texts, fc.integer({ min: 1, max: 20 }), (changes, query, depth) => {
        const { index, held } = replay(changes);
        const fresh = new Bm25Index();
        for (const [id, text] of [...held].reverse()) fresh.add(id, text);
        expect(index.size).toBe(held.size);
        expect(index.search(query, depth)).toEqual(fresh.search(query, depth));
      }),
      { numRuns: 300 },
    );
  });

  it('ranks like scoring every document by hand, ties by id', () => {
    fc.assert(
      fc.property(histories, texts, fc.integer({ min: 1, max: 6 }), (changes, query, depth) => {
        const { index, held } = replay(changes);
        const expected = [...held.keys()]
          .map((id) => ({ id, score: Number(scoreByHand(query, id, held).toFixed(9)) }))
          .filter(({ score }) => score > 0)
          .sort((x, y) => y.score - x.score || (x.id < y.id ? -1 : 1));
        const hits = index.search(query, depth);
        expect(hits.map(({ score }) => Number(score.toFixed(9)))).toEqual(
          expected.slice(0, depth).map(({ score }) => score),
        );
        const all = index.search(query, 100);
        expect(hits).toEqual(all.slice(0, depth));
        expect(new Set(all.map(({ id }) => id))).toEqual(new Set(expected.map(({ id }) => id)));
      }),
    );
  });

  it('puts equal documents in ascending order of id', () => {
    const index = new Bm25Index();
    for (const id of ['c', 'a', 'd', 'b']) index.add(id, 'same text');
    expect(index.search('text', 3).map((h) => h.id)).toEqual(['a', 'b', 'c']);
  });

  it('survives thousands of replacements, which renumber and merge', () => {
    const index = new Bm25Index();
    for (let i = 0; i < 6_000; i++) index.add(`d${i % 40}`, `common ${i % 3 === 0 ? 'rare' : 'other'} w.${i}`);
    expect(index.size).toBe(40);
    expect(index.search('common', 100)).toHaveLength(40);
    expect(index.search('rare', 100)).toHaveLength([...Array(40).keys()].filter((k) => (5_960 + k) % 3 === 0).length);
    expect(index.search('5999', 5).map((h) => h.id)).toEqual(['d39']);
    expect(index.search('17', 5)).toEqual([]);
  });

  it('counts terms that occur more than 255 times, and slots far apart', () => {
    const index = new Bm25Index();
    for (let i = 0; i < 20_000; i++)
      index.add(`x${i}`, i === 7 || i === 19_999 ? `needle `.repeat(i === 7 ? 300 : 299) : 'hay');
    expect(index.search('needle', 5).map((h) => h.id)).toEqual(['x7', 'x19999']);
  });

  it('finds nothing for stop words, unknown words, an empty index or depth 0', () => {
    const index = new Bm25Index();
    expect(index.search('rank', 5)).toEqual([]);
    index.add('a', 'rank');
    expect([index.search('of the', 5), index.search('zebra', 5), index.search('rank', 0)]).toEqual([[], [], []]);
  });
});

describe('the serialised index', () => {
  it('answers as the index did, and takes further changes', () => {
    fc.assert(
      fc.property(histories, histories, texts, (before, after, query) => {
        const { index } = replay(before);
        const { index: restored } = Bm25Index.deserialise(index.serialise());
        if (restored === undefined) throw new Error('refused its own bytes');
        expect(restored.search(query, 20)).toEqual(index.search(query, 20));
        for (const { id, text } of after) {
          for (const each of [index, restored]) {
            if (text === undefined) each.remove(id);
            else each.add(id, text);
          }
        }
        expect(restored.search(query, 20)).toEqual(index.search(query, 20));
      }),
      { numRuns: 100 },
    );
  });

  it('is refused, with the reason, when cut short, altered in any byte, or of another version', () => {
    const index = new Bm25Index();
    for (let i = 0; i < 20; i++) index.add(`d${i}`, `rank query ${i}`);
    const bytes = index.serialise();
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
        const altered = bytes.slice();
        altered[at] = (altered[at] ?? 0) ^ flip;
        expect(Bm25Index.deserialise(altered).index).toBeUndefined();
        expect(Bm25Index.deserialise(bytes.slice(0, at)).index).toBeUndefined();
      }),
    );
    const newer = bytes.slice();
    newer[40] = 99;
    expect(Bm25Index.deserialise(newer)).toMatchObject({
      index: undefined,
      reason: expect.stringContaining('format 99') as string,
    });
  });
});
