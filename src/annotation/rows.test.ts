import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readJudgementBytes } from './rows.js';

const row = (doc: string): string =>
  JSON.stringify({ query_id: 'q', query: 'sky?', doc_id: doc, document: `é𝛼 ${doc}`, label: 1 });

async function read(...chunks: (string | Uint8Array)[]): Promise<[number, string][]> {
  const { rows } = await readJudgementBytes(chunks.map((c) => (typeof c === 'string' ? Buffer.from(c) : c)));
  return rows.map((r) => [r.line, r.kind === 'judgement' ? r.judgement.doc_id : r.reason]);
}

describe('reading a judgement file', () => {
  it('counts blank lines and keeps keys as line indexes', async () => {
    const { rows } = await readJudgementBytes([Buffer.from(`\n${row('a')}\n  \n${row('b')}\n`)]);
    expect(rows.map((r) => [r.key, r.line])).toEqual([
      [1, 2],
      [3, 4],
    ]);
  });

  it('takes a byte order mark, CRLF and a last line without an end', async () => {
    expect(await read(`\uFEFF${row('a')}\r\n${row('b')}`)).toEqual([
      [1, 'a'],
      [2, 'b'],
    ]);
  });

  it('says which line is half-written, which is not UTF-8 and which repeats another', async () => {
    const text = [
      `${row('a')}\n`,
      '{"query": "sk\n',
      Buffer.from([0x22, 0xff, 0x0a]),
      `${row('a')}\n`,
      row('b').slice(0, 30),
    ];
    const found = await read(...text);
    expect(found.map(([line]) => line)).toEqual([1, 2, 3, 4, 5]);
    expect(found[1]?.[1]).toMatch(/^not valid JSON/);
    expect(found[2]?.[1]).toBe('not valid UTF-8');
    expect(found[3]?.[1]).toBe('repeats line 1');
    expect(found[4]?.[1]).toMatch(/^half-written/);
  });

  it('reports a lone surrogate with its field', async () => {
    expect((await read(row('a').replace('sky?', '\\ud83d')))[0]?.[1]).toMatch(/"query" holds half of a surrogate pair/);
  });

  it('reads the same rows and hash wherever the bytes are cut', async () => {
    const bytes = Buffer.from(`${row('a')}\r\n\n{"broken\n${row('b')}\n${row('c')}`);
    const whole = await readJudgementBytes([bytes]);
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(bytes.length), { maxLength: 12 }), async (cuts) => {
        const at = [0, ...cuts.sort((a, b) => a - b), bytes.length];
        const chunks = at.slice(1).map((end, i) => bytes.subarray(at[i], end));
        expect(await readJudgementBytes(chunks)).toEqual(whole);
      }),
    );
  });
});
