import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { matchRanges, termsOf } from './analyzer.js';

describe('termsOf', () => {
  it('lower-cases, stems and drops stop words', () => {
    expect(termsOf('The Ranking of RANKED documents')).toEqual(['rank', 'rank', 'document']);
  });

  it.each(['parseJsonFile', 'ParseJsonFile', 'parse_json_file', 'parse-json-file', 'PARSE_JSON_FILE'])(
    'gives %s whole and in parts',
    (identifier) => expect(termsOf(identifier)).toEqual(['parsejsonfil', 'pars', 'json', 'file']),
  );

  it('cuts acronyms before the next word, and letters from digits', () => {
    expect(termsOf('HTTPServer')).toEqual(['httpserver', 'http', 'server']);
    expect(termsOf('sha256sum')).toEqual(['sha256sum', 'sha', '256', 'sum']);
    expect(termsOf('utf8')).toEqual(['utf8', 'utf']);
  });

  it('leaves plain words, capitals, numbers and plural acronyms undivided', () => {
    expect(termsOf('Compiler IBM 7090 URLs')).toEqual(['compil', 'ibm', '7090', 'url']);
  });

  it('passes over English endings behind an apostrophe', () => {
    expect(termsOf("compiler's, compilers’ don't")).toEqual(['compil', 'compil', 'don']);
  });

  it('keeps words of other scripts, with full-width forms made plain', () => {
    expect(termsOf('Größe ＡＢＣ индекс')).toEqual(['größe', 'abc', 'индекс']);
  });

  it('pairs the characters of scripts without spaces, apart from the words around them', () => {
    expect(termsOf('用BM25检索文档')).toEqual(['用', 'bm25', 'bm', '25', '检索', '索文', '文档']);
  });

  it('gives no term for encoded data', () => {
    expect(termsOf('x'.repeat(500))).toEqual([]);
  });
});

describe('matchRanges', () => {
  const marked = (document: string, query: string) =>
    matchRanges(document, query).map((r) => document.slice(r.start, r.end));

  it('marks what the query matches, through stemming and inside identifiers', () => {
    expect(marked('Ranks are ranked by rankDocuments, not rankle.', 'ranking')).toEqual(['Ranks', 'ranked', 'rank']);
    expect(marked('call parse_json(x)', 'parseJson')).toEqual(['parse_json']);
  });

  it('marks nothing for a query of stop words', () => {
    expect(matchRanges('the end of the world', 'of the')).toEqual([]);
  });

  it('counts UTF-16 units', () => {
    expect(matchRanges('😀 index', 'index')).toEqual([{ start: 3, end: 8 }]);
  });

  it('gives ascending, disjoint ranges within the text, for any text', () => {
    const text = fc
      .array(fc.constantFrom('fooBar', '检索文', 'x_y-z', ' ', 'ab', '😀', "it's", '1a2b', '\ud800'))
      .map((t) => t.join(''));
    fc.assert(
      fc.property(text, text, (document, query) => {
        let end = 0;
        for (const range of matchRanges(document, query)) {
          expect(range.start).toBeGreaterThanOrEqual(end);
          expect(range.end).toBeGreaterThan(range.start);
          end = range.end;
        }
        expect(end).toBeLessThanOrEqual(document.length);
      }),
    );
  });

  it('marks something exactly where document and query share a term', () => {
    const text = fc
      .array(fc.constantFrom('fooBar', 'foo_bar', '检索', 'bar', 'the', 'index', 'indexes', ' '), { maxLength: 8 })
      .map((t) => t.join(' '));
    fc.assert(
      fc.property(text, text, (document, query) => {
        const wanted = new Set(termsOf(query));
        expect(matchRanges(document, query).length > 0).toBe(termsOf(document).some((term) => wanted.has(term)));
      }),
    );
  });
});
