import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { readJsonRecords } from './records.js';

const folder = mkdtempSync(join(tmpdir(), 'rationale-records-'));
afterAll(() => rmSync(folder, { recursive: true }));
/** `[line, record or reason]` of every record of a file called `name`. */
const read = async (content: string | Uint8Array, name = 'a.jsonl'): Promise<[number, unknown][]> => {
  const path = join(folder, name);
  writeFileSync(path, content);
  const found: [number, unknown][] = [];
  for await (const batch of readJsonRecords(path)) {
    for (const { line, record, reason } of batch) found.push([line, record ?? reason]);
  }
  return found;
};

describe('readJsonRecords', () => {
  it('takes a byte order mark, CRLF and blank lines, and counts lines as an editor does', async () => {
    expect(await read('\ufeff{"a":1}\r\n\r\n   \n{"a":"ü\u2028"}')).toEqual([
      [1, { a: 1 }],
      [4, { a: 'ü\u2028' }],
    ]);
  });

  it('hands on every line that is no record with its reason', async () => {
    const bytes = Buffer.concat([
      Buffer.from('{"a":1}\n{"a":"'),
      Buffer.from([0xff, 0xfe]),
      Buffer.from('"}\n[1]\n"s"\n\0\n{"a":"\\ud83d"}\n{"b":{"c":["\\udc00x"]}}\n{"a":2}\n{"half'),
    ]);
    expect(await read(bytes)).toEqual([
      [1, { a: 1 }],
      [2, 'not valid UTF-8'],
      [3, 'not a JSON object'],
      [4, 'not a JSON object'],
      [5, expect.stringMatching(/^not valid JSON/)],
      [6, expect.stringMatching(/^half of a surrogate pair in a field \(a\)/)],
      [7, expect.stringMatching(/in a field \(b\)/)],
      [8, { a: 2 }],
      [9, expect.stringMatching(/^half-written/)],
    ]);
  });

  it('keeps a whole pair of surrogates that is written as escapes', async () => {
    expect(await read('{"a":"\\ud83d\\ude00"}')).toEqual([[1, { a: '😀' }]]);
  });

  it('reads the elements of an array on the lines where they begin, up to where it is cut', async () => {
    expect(await read('[\n  {"a": "]}\\"["},\n  3,\n  {\n    "b": [1, {}]\n  }\n]\n', 'a.json')).toEqual([
      [2, { a: ']}"[' }],
      [3, 'not a JSON object'],
      [4, { b: [1, {}] }],
    ]);
    expect(await read('[{"a":1},{"a":2', 'a.json')).toEqual([
      [1, { a: 1 }],
      [1, expect.stringMatching(/^half-written: the file ends inside this record/)],
      [1, 'half-written: the file ends before the array does'],
    ]);
    expect(await read('[{"a":1}', 'a.json')).toEqual([
      [1, { a: 1 }],
      [1, 'half-written: the file ends before the array does'],
    ]);
    expect(await read('[{"a":1}]\n{"a":2}', 'a.json')).toEqual([
      [1, { a: 1 }],
      [2, 'stands after the end of the array: a record'],
    ]);
    expect(await read('[]', 'a.json')).toEqual([]);
  });

  it('reads a .json file by what stands in it: lines, or objects over many lines', async () => {
    expect(await read('{"a":1}\n{"a":2}\n', 'a.json')).toHaveLength(2);
    expect(await read('{\n "a": 1\n}\n{\n "a": 2\n}', 'a.json')).toEqual([
      [1, { a: 1 }],
      [4, { a: 2 }],
    ]);
  });

  it('reads a record that is longer than its buffer', async () => {
    const long = 'ü'.repeat(3_000_000);
    expect(await read(`{"a":"${long}"}\n{"a":1}`)).toEqual([
      [1, { a: long }],
      [2, { a: 1 }],
    ]);
    expect(await read(`[{"a":"${long}"},{"a":1}]`, 'a.json')).toHaveLength(2);
  });

  it('refuses UTF-16 and what cannot be read, saying what to do', async () => {
    await expect(read(Buffer.from('\ufeff{"a":1}', 'utf16le'))).rejects.toThrow(/UTF-16.*save it as UTF-8/);
    await expect(readJsonRecords(join(folder, 'absent.jsonl')).next()).rejects.toThrow(/Cannot read .*absent\.jsonl/);
  });

  it('finds the same records in lines and in an array, however it is laid out', async () => {
    const value = fc.object({ maxDepth: 3, values: [fc.string({ unit: 'binary' }), fc.integer(), fc.constant(null)] });
    await fc.assert(
      fc.asyncProperty(fc.array(value, { minLength: 1 }), fc.integer({ min: 0, max: 3 }), async (values, indent) => {
        const plain = JSON.parse(JSON.stringify(values)) as unknown[];
        const lines = await read(values.map((v) => JSON.stringify(v)).join('\n'));
        const elements = await read(JSON.stringify(values, null, indent), 'a.json');
        expect(lines.map(([, record]) => record)).toEqual(plain);
        expect(elements.map(([, record]) => record)).toEqual(plain);
      }),
    );
  });
});
