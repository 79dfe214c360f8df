import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { parquetReadObjects } from 'hyparquet';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Json, JsonObject } from '../domain/json.js';
import { ParquetFile } from './parquet.js';

let folder: string;
beforeAll(async () => (folder = await mkdtemp(join(tmpdir(), 'rationale-parquet-'))));
afterAll(() => rm(folder, { recursive: true }));

async function write(rows: readonly JsonObject[], path: string): Promise<number> {
  const file = await ParquetFile.open(path);
  try {
    for (const row of rows) {
      file.row(row);
      await file.drain();
    }
    return await file.finish();
  } finally {
    await file.discard();
  }
}

/** What hyparquet reads: bigint where the file holds 64-bit integers, undefined fields as null. */
async function roundTrip(rows: readonly JsonObject[]): Promise<Json[]> {
  const path = join(folder, 'rows.parquet');
  expect(await write(rows, path)).toBe(rows.length);
  const bytes = await readFile(path);
  const file = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
  const read: unknown = await parquetReadObjects({ file, utf8: false });
  return JSON.parse(JSON.stringify(read, plain)) as Json[];
}

function plain(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return Number(value);
  // The reader says undefined for a struct that is null.
  return value === undefined ? null : value;
}

const message = fc.record({ role: fc.constantFrom('user', 'assistant'), content: fc.string({ unit: 'grapheme' }) });
const row = fc.record({
  prompt: fc.array(message, { maxLength: 3 }),
  nested: fc.option(
    fc.record({ label: fc.option(fc.integer()), marks: fc.array(fc.array(fc.nat(), { maxLength: 3 })) }),
  ),
  score: fc.oneof(
    fc.integer(),
    fc.double({ noNaN: true, noDefaultInfinity: true }).filter((x) => !Object.is(x, -0)),
  ),
  chosen: fc.option(fc.boolean()),
  count: fc.maxSafeInteger(),
});

describe('writing Parquet', () => {
  it('gives back equal rows, nested lists and nulls included', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(row, { minLength: 1, maxLength: 20 }), async (rows) => {
        // A field that no row fills has no type of its own; the reader gives null for it, which is what JSON has there.
        expect(await roundTrip(rows as JsonObject[])).toEqual(rows);
      }),
      { numRuns: 60 },
    );
  });

  it('takes the type of a column from all rows, not from the first ones', async () => {
    const rows: JsonObject[] = [
      ...Array.from({ length: 2_000 }, () => ({ model: null, score: 1 })),
      { model: 'm', score: 0.5 },
    ];
    expect(await roundTrip(rows)).toEqual(rows);
  });

  it('fills a field that only some rows have with null', async () => {
    expect(await roundTrip([{ a: 1 }, { a: 2, b: 'x' }])).toEqual([
      { a: 1, b: null },
      { a: 2, b: 'x' },
    ]);
  });

  it('makes text well-formed, as the JSON Lines of the same rows are', async () => {
    expect(await roundTrip([{ text: 'cut \ud83d' }])).toEqual([{ text: 'cut \ufffd' }]);
  });

  it('keeps U+2028, NUL and line ends inside strings', async () => {
    const rows = [{ text: 'a\u2028b\u0000c\r\nd' }];
    expect(await roundTrip(rows)).toEqual(rows);
  });

  it('refuses a column of two types, names the row, and leaves nothing behind', async () => {
    const path = join(folder, 'mixed.parquet');
    const rows = [{ m: { id: 'a' } }, { m: { id: 7 } }];
    await expect(write(rows, path)).rejects.toThrow(/row 2, column "m", field "id" holds integer, after text/);
    expect((await readdir(folder)).filter((name) => name.startsWith('mixed'))).toEqual([]);
  });
});
