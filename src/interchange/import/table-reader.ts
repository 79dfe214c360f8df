/**
 * Reads the rows of CSV, TSV (RFC 4180 quoting, by Papa Parse) and Parquet files (by hyparquet) as JSON objects, one at a
 * time. Values of a CSV stay the strings they are; values of a Parquet file become the JSON that is closest.
 */
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { extname } from 'node:path';
import * as zlib from 'node:zlib';
import { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects, type Compressors } from 'hyparquet';
import Papa from 'papaparse';
import { messageOf, RationaleError } from '../../domain/failure.js';
import { isJsonObject, type Json } from '../../domain/json.js';
import type { SourceRecord } from './records.js';

/** True for the file names that `readTable` reads. */
export function isTable(path: string): boolean {
  return ['.csv', '.tsv', '.tab', '.parquet'].includes(extname(path).toLowerCase());
}

/**
 * The rows of a `.csv`, `.tsv` (or `.tab`) or `.parquet` file. `line` is the line of the file on which the row starts (a
 * quoted field may span several); of a Parquet file the row, from 1. Throws RationaleError when the file cannot be read.
 */
export async function* readTable(path: string): AsyncGenerator<SourceRecord> {
  const kind = extname(path).toLowerCase();
  try {
    if (kind === '.parquet') yield* readParquet(path);
    else yield* readDelimited(path, kind === '.csv' ? await delimiterOf(path) : '\t');
  } catch (error) {
    if (error instanceof RationaleError) throw error;
    throw new RationaleError(
      'user',
      `Cannot read the table ${path}: ${messageOf(error)}. Nothing after it was taken.`,
      {
        cause: error,
      },
    );
  }
}

interface Chunk {
  readonly rows: readonly (readonly string[])[];
  readonly errors: readonly Papa.ParseError[];
}

/**
 * The delimiter that the header line has most of, outside quotes. Papa Parse's own guess looks at the rows, where prose is
 * full of commas.
 */
async function delimiterOf(path: string): Promise<string> {
  const file = await open(path, 'r');
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(1 << 16), 0, 1 << 16, 0);
    const [header = ''] = buffer
      .toString('utf8', 0, bytesRead)
      .replace(/^\ufeff?\s*/, '')
      .replace(/"[^"]*"/g, '')
      .split(/[\r\n]/, 1);
    const counts = [',', ';', '\t', '|'].map((delimiter) => ({ delimiter, count: header.split(delimiter).length - 1 }));
    return counts.reduce((best, each) => (each.count > best.count ? each : best)).delimiter;
  } finally {
    await file.close();
  }
}

async function* readDelimited(path: string, delimiter: string): AsyncGenerator<SourceRecord> {
  let line = 1;
  let header: readonly string[] | undefined;
  for await (const chunk of delimitedChunks(path, delimiter)) {
    const faults = new Map<number, string>();
    for (const error of chunk.errors)
      if (error.type === 'Quotes' && error.row !== undefined) faults.set(error.row, error.code);
    for (const [i, fields] of chunk.rows.entries()) {
      const at = line;
      line += 1 + fields.reduce((sum, field) => sum + lineBreaks(field), 0);
      const blank = fields.length === 1 && fields[0]?.trim() === '';
      if (header === undefined) {
        if (!blank) header = columnNames(fields);
        continue;
      }
      if (blank) continue;
      const fault = faults.get(i);
      if (fault !== undefined) yield { line: at, reason: quoteFault(fault) };
      else if (fields.length > header.length)
        yield {
          line: at,
          reason: `the row has more fields than the header: ${fields.length} instead of ${header.length}; a field with a delimiter in it must be quoted`,
        };
      else
        yield { line: at, record: Object.fromEntries(fields.map((field, column) => [header?.[column] ?? '', field])) };
    }
  }
}

function quoteFault(code: string): string {
  return code === 'MissingQuotes'
    ? 'the row opens a quote that is never closed'
    : 'a closing quote in the row is followed by more text of the field';
}

/** Names for all columns: a nameless one is called by its place, a name that comes again gets a number. */
function columnNames(fields: readonly string[]): string[] {
  const taken = new Set<string>();
  return fields.map((field, i) => {
    const base = (i === 0 ? field.replace(/^\ufeff/, '') : field).trim() || `column ${i + 1}`;
    let name = base;
    for (let n = 2; taken.has(name); n++) name = `${base} ${n}`;
    taken.add(name);
    return name;
  });
}

function lineBreaks(field: string): number {
  let count = 0;
  for (let i = 0; i < field.length; i++) {
    const code = field.charCodeAt(i);
    if (code === 10 || (code === 13 && field.charCodeAt(i + 1) !== 10)) count++;
  }
  return count;
}

/** Papa Parse's chunks as an iterable: the parser, and with it the file, rests while a chunk is being used. */
async function* delimitedChunks(path: string, delimiter: string): AsyncGenerator<Chunk> {
  const ready: Chunk[] = [];
  let parser: Papa.Parser | undefined;
  const state: { ended: boolean; failure?: unknown } = { ended: false };
  let wake: () => void = () => undefined;
  const input = createReadStream(path, { encoding: 'utf8', highWaterMark: 1 << 18 });
  Papa.parse<string[]>(input, {
    delimiter,
    chunk: (results, handle) => {
      parser = handle;
      ready.push({ rows: results.data, errors: results.errors });
      handle.pause();
      wake();
    },
    complete: () => {
      state.ended = true;
      wake();
    },
    error: (error) => {
      state.failure = error;
      wake();
    },
  });
  try {
    for (;;) {
      const chunk = ready.shift();
      if (chunk !== undefined) {
        yield chunk;
        parser?.resume();
      } else if (state.failure !== undefined) {
        throw state.failure instanceof Error ? state.failure : new Error(messageOf(state.failure));
      } else if (state.ended) return;
      else {
        await new Promise<void>((resolve) => {
          wake = resolve;
          if (ready.length > 0 || state.ended || state.failure !== undefined) resolve();
        });
      }
    }
  } finally {
    parser?.abort();
    input.destroy();
  }
}

/** Row groups one after the other: hyparquet reads the columns of a group whole. */
async function* readParquet(path: string): AsyncGenerator<SourceRecord> {
  const file = await asyncBufferFromFile(path);
  const metadata = await parquetMetadataAsync(file);
  let start = 0;
  for (const group of metadata.row_groups) {
    const end = start + Number(group.num_rows);
    const rows: unknown[] = await parquetReadObjects({ file, metadata, compressors, rowStart: start, rowEnd: end });
    for (const [i, row] of rows.entries()) {
      const record = asJson(row);
      if (isJsonObject(record)) yield { line: start + i + 1, record };
    }
    start = end;
  }
}

/** Of Node 22.15 and later; the types are those of the oldest Node we run on. */
const { zstdDecompressSync } = zlib as { readonly zstdDecompressSync?: (bytes: Uint8Array) => Uint8Array };

/** What Node's zlib can undo. What is missing here (LZ4, LZO) fails with hyparquet's message, which names it. */
const compressors: Compressors = {
  GZIP: (input) => zlib.gunzipSync(input),
  BROTLI: (input) => zlib.brotliDecompressSync(input),
  ...(zstdDecompressSync === undefined ? {} : { ZSTD: (input: Uint8Array) => zstdDecompressSync(input) }),
};

/** Whole numbers that a double cannot hold become strings, dates ISO 8601, NaN and infinities null. */
function asJson(value: unknown): Json {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return value;
    case 'number':
      return Number.isFinite(value) ? value : null;
    case 'bigint':
      return value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER)
        ? Number(value)
        : value.toString();
    case 'object':
      if (value === null) return null;
      if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString();
      if (Array.isArray(value)) return value.map(asJson);
      if (ArrayBuffer.isView(value)) {
        return value instanceof Uint8Array
          ? Buffer.from(value).toString('base64')
          : Array.from(value as unknown as Iterable<unknown>, asJson);
      }
      return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, asJson(item)]));
    default:
      return null;
  }
}
