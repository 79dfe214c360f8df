import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { parquetWriteFile } from 'hyparquet-writer';
import Papa from 'papaparse';
import { describe, expect, it } from 'vitest';
import type { SourceRecord } from './records.js';
import { isTable, readTable } from './table-reader.js';

function file(name: string, content: string): string {
  const path = join(mkdtempSync(join(tmpdir(), 'table-')), name);
  writeFileSync(path, content);
  return path;
}
async function rows(path: string): Promise<SourceRecord[]> {
  const all: SourceRecord[] = [];
  for await (const row of readTable(path)) all.push(row);
  return all;
}

describe('readTable', () => {
  it('says on which line a row starts, also after quoted fields over several lines', async () => {
    const path = file('a.csv', '\ufeffquery,document\r\n"one\r\ntwo",x\r\n\r\nq2,"a ""quoted"" word, and a comma"\r\n');
    expect(await rows(path)).toEqual([
      { line: 2, record: { query: 'one\r\ntwo', document: 'x' } },
      { line: 5, record: { query: 'q2', document: 'a "quoted" word, and a comma' } },
    ]);
  });

  it('finds semicolons in a .csv and takes only tabs in a .tsv', async () => {
    expect(await rows(file('a.csv', 'query;document\na, b;c\n'))).toEqual([
      { line: 2, record: { query: 'a, b', document: 'c' } },
    ]);
    expect(await rows(file('a.TSV', 'query\tdocument\na, b; c\td\n'))).toEqual([
      { line: 2, record: { query: 'a, b; c', document: 'd' } },
    ]);
  });

  it('keeps columns that share a name, have none, or are called like something of JavaScript', async () => {
    expect(await rows(file('a.csv', 'a,a,,__proto__\n1,2,3,4\n'))).toEqual([
      {
        line: 2,
        record: Object.fromEntries([
          ['a', '1'],
          ['a 2', '2'],
          ['column 3', '3'],
          ['__proto__', '4'],
        ]),
      },
    ]);
  });

  it('reports rows it cannot read and takes those that only lack their last fields', async () => {
    const path = file('a.csv', 'query,document\na,b,c\nd\ne,"never closed\nf,g\n');
    expect(await rows(path)).toEqual([
      { line: 2, reason: expect.stringContaining('more fields than the header: 3 instead of 2') as string },
      { line: 3, record: { query: 'd' } },
      { line: 4, reason: 'the row opens a quote that is never closed' },
    ]);
  });

  it('reads back whatever a CSV writer writes, over many chunks', async () => {
    const cell = fc.string({ unit: fc.constantFrom('a', '"', ',', '\n', '\t', ' ', 'é', '🦉', ';') });
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(cell, cell), { minLength: 1, maxLength: 20 }), async (pairs) => {
        const csv = Papa.unparse({ fields: ['x', 'y'], data: pairs }, { newline: '\n', quotes: true });
        const read = await rows(file('a.csv', `${csv}\n`));
        expect(read.map((row) => Object.values(row.record ?? {}))).toEqual(pairs);
      }),
      { numRuns: 60 },
    );
    const many = Array.from({ length: 3000 }, (_, i) => [`${i}`, `line\n${'é'.repeat(200)}`]);
    const big = await rows(file('big.csv', Papa.unparse({ fields: ['x', 'y'], data: many }, { newline: '\n' })));
    expect(big.map((row) => Object.values(row.record ?? {}))).toEqual(many);
    expect(big.at(-1)?.line).toBe(2 + 2 * 2999);
  });

  it('stops reading when nobody wants more rows', async () => {
    const path = file('a.csv', `x\n${'y\n'.repeat(200_000)}`);
    for await (const row of readTable(path)) {
      expect(row.line).toBe(2);
      break;
    }
  });

  it('turns the values of a Parquet file into JSON, group by group', async () => {
    const path = join(mkdtempSync(join(tmpdir(), 'table-')), 'a.parquet');
    parquetWriteFile({
      filename: path,
      rowGroupSize: 2,
      columnData: [
        { name: 'query', data: ['a', 'b é 🦉', 'c'], type: 'STRING' },
        { name: 'label', data: [2n, 9007199254740993n, 0n], type: 'INT64' },
        { name: 'score', data: [1.5, Number.NaN, -2], type: 'DOUBLE' },
        { name: 'meta', data: [{ k: [1] }, null, {}], type: 'JSON' },
      ],
    });
    expect(await rows(path)).toEqual([
      { line: 1, record: { query: 'a', label: 2, score: 1.5, meta: { k: [1] } } },
      { line: 2, record: { query: 'b é 🦉', label: '9007199254740993', score: null, meta: null } },
      { line: 3, record: { query: 'c', label: 0, score: -2, meta: {} } },
    ]);
  });

  it('names the file that it cannot read', async () => {
    await expect(rows(join(tmpdir(), 'none', 'a.csv'))).rejects.toThrow(/a\.csv/);
    await expect(rows(file('a.parquet', 'PAR1 not at all PAR1'))).rejects.toThrow(/a\.parquet/);
    expect([isTable('x.CSV'), isTable('x.parquet'), isTable('x.jsonl')]).toEqual([true, true, false]);
  });
});
