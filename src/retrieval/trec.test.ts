import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeId, encodeId, formatRun, parseQrels, parseRun, readQrels } from './trec.js';

const ids = fc.oneof(
  fc.string({ unit: 'binary', minLength: 1, maxLength: 12 }),
  fc
    .array(
      fc.constantFrom(
        '%',
        '%20',
        '%25',
        ' ',
        '\t',
        '\u00a0',
        '\u2003',
        '\n',
        'é',
        'a',
        '%C3%A9',
        '\u0085',
        '\0',
        '\ufeff',
      ),
      { minLength: 1, maxLength: 6 },
    )
    .map((p) => p.join('')),
);

describe('ids in TREC files', () => {
  it('come back from encoding, and hold no white space meanwhile', () => {
    fc.assert(
      fc.property(ids, (id) => {
        expect(decodeId(encodeId(id))).toBe(id);
        expect(encodeId(id)).not.toMatch(/[\s\p{Cc}]/u);
      }),
      { numRuns: 500 },
    );
  });

  it('stay readable: only white space and the percent sign are encoded', () => {
    expect(encodeId('docs/Memory Management_2.txt#0-5%')).toBe('docs/Memory%20Management_2.txt#0-5%25');
    expect(decodeId('from%2Felsewhere%zz%C3%A9')).toBe('from%2Felsewhere%zz%C3%A9');
  });
});

describe('formatRun', () => {
  const rankings = fc.array(fc.record({ query_id: ids, ranking: fc.uniqueArray(ids, { maxLength: 8 }) }), {
    maxLength: 4,
  });
  const scores = fc.array(
    fc.oneof(fc.constantFrom(0, -0, 1, 1 + 1e-9, -1, 1e-45, 1e30), fc.double({ noNaN: true, min: -1e30, max: 1e30 })),
    { minLength: 8, maxLength: 8 },
  );

  it('writes scores whose order as 32-bit floats is strictly that of the ranking', () => {
    fc.assert(
      fc.property(rankings, scores, (queries, values) => {
        const unique = [...new Map(queries.map((q) => [q.query_id, q])).values()];
        const text = formatRun(
          unique.map(({ query_id, ranking }) => ({
            query_id,
            ranking: ranking.map((doc_id, i) => ({ doc_id, score: values[i] ?? 0 })),
          })),
          'a tag',
        );
        const run = parseRun(text, 'run.trec');
        for (const { query_id, ranking } of unique) {
          const read = [...(run.get(query_id) ?? [])];
          expect(read.map(([id]) => id)).toEqual(ranking);
          for (const [i, [, score]] of read.entries()) {
            if (i > 0) expect(Math.fround(score)).toBeLessThan(Math.fround(read[i - 1]?.[1] ?? 0));
          }
        }
      }),
    );
  });

  it('leaves scores that already keep the order as they are', () => {
    const ranking = [
      { doc_id: 'a b', score: 2.5 },
      { doc_id: 'c', score: 1.25 },
    ];
    expect(formatRun([{ query_id: 'q', ranking }], 'rationale')).toBe(
      'q Q0 a%20b 1 2.5 rationale\nq Q0 c 2 1.25 rationale\n',
    );
  });

  it('refuses a score that is not finite', () => {
    expect(() => formatRun([{ query_id: 'q', ranking: [{ doc_id: 'a', score: NaN }] }], 't')).toThrow(/"a".*"q"/);
  });
});

describe('parseRun', () => {
  it.each([
    ['1 Q0 a b 1 2.0 tag', 'line 2 has 7 columns'],
    ['1 Q0 a 1 2.0', 'line 2 has 5 columns'],
    ['1 Q0 a 1 high tag', 'line 2 has the score "high"'],
    ['1 Q0 a 1 NaN tag', 'line 2 has the score "NaN"'],
    ['1 Q0 first 2 1.0 tag', 'line 2 names document "first" a second time'],
  ])('refuses %j and says where', (line, message) => {
    expect(() => parseRun(`1 Q0 first 1 3.0 tag\n${line}\n`, 'x.trec')).toThrow(`x.trec, ${message}`);
  });

  it('reads tabs, carriage returns and blank lines', () => {
    expect(parseRun('1\tQ0\ta\t1\t2e0\tt\r\n\r\n 1 Q0 b 2 1 t', 'x')).toEqual(
      new Map([
        [
          '1',
          new Map([
            ['a', 2],
            ['b', 1],
          ]),
        ],
      ]),
    );
  });
});

describe('parseQrels', () => {
  const expected = new Map([
    [
      '1',
      new Map([
        ['a b', 2],
        ['c', 0],
      ]),
    ],
    ['2', new Map([['c', -1]])],
  ]);

  it('reads TREC and BEIR files of the same judgements alike', () => {
    expect(parseQrels('1 0 a%20b 2\n1 0 c 0\n2 0 c -1\n', 'x')).toEqual(expected);
    expect(parseQrels('query-id\tcorpus-id\tscore\r\n1\ta b\t2\r\n1\tc\t0\r\n2\tc\t-1\r\n', 'x')).toEqual(expected);
  });

  it.each([
    ['1 0 a 1\n1 0 b 2.0\n', 'line 2 has the relevance "2.0", which is not an integer'],
    ['1 0 a 1\n1 0 b\n', 'line 2 has 3 columns'],
    ['1 0 a 1\n1 0 a 0\n', 'line 2 gives document "a" of query "1" the relevance 0, after 1'],
    ['1\ta\t1\n', 'the header "query-id'],
    ['query-id\tcorpus-id\tscore\n1 a 1\n', 'line 2 has 1 columns'],
  ])('refuses %j and says where', (text, message) => {
    expect(() => parseQrels(text, 'q.tsv')).toThrow(message);
  });

  it('names a file that is missing', async () => {
    await expect(readQrels('/nonexistent/qrels.tsv')).rejects.toThrow('/nonexistent/qrels.tsv');
    const path = join(await mkdtemp(join(tmpdir(), 'rationale-')), 'q.txt');
    await writeFile(path, '\ufeff1 0 a 1\n');
    expect(await readQrels(path)).toEqual(new Map([['1', new Map([['a', 1]])]]));
  });
});
