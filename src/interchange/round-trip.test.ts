import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JsonObject } from '../domain/json.js';
import { writeExport } from './export-folder.js';
import { planExport } from './export.js';
import type { ExportFormat } from './exporters.js';
import { importFile } from './import/import.js';
import type { ImportOptions } from './import/importer.js';

/** Each run writes four folders: slow where the disk is busy, and no test of speed. */
const timeout = 60_000;

let root: string;
let count = 0;
beforeAll(() => (root = mkdtempSync(join(tmpdir(), 'rationale-round-trip-'))));
afterAll(() => {
  rmSync(root, { recursive: true });
});

function judgementFile(rows: readonly JsonObject[]): string {
  const folder = join(root, String(count++));
  mkdirSync(folder);
  const path = join(folder, 'rows.judgements.jsonl');
  writeFileSync(path, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  return path;
}

function readLines(path: string): JsonObject[] {
  return readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as JsonObject);
}

/** The folder that an export of `path` writes, or null where no row could be exported. */
async function exported(
  path: string,
  format: ExportFormat,
  container: 'jsonl' | 'parquet' = 'jsonl',
): Promise<string | null> {
  const policy = { include: 'prefilled', prompts: 'messages', contradictions: 'include', container } as const;
  const plan = await planExport({ files: [path], format, policy });
  if (plan.lines === 0) return null;
  const folder = join(root, String(count++));
  await writeExport(plan, folder, '0.0.0');
  return folder;
}

async function imported(path: string, importer?: string, importOptions: ImportOptions = {}): Promise<string> {
  const folder = join(root, String(count++));
  mkdirSync(folder);
  const out = join(folder, 'back.judgements.jsonl');
  const report = await importFile({
    path,
    ...(importer === undefined ? {} : { importer }),
    out,
    importOptions,
    toolVersion: '0.0.0',
  });
  expect(report.skipped).toEqual([]);
  return out;
}

/** What a row says, without what names the run it came from (the answer's id follows from it). */
function said(line: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(line).filter(([key]) => key !== 'id'));
}

const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 }).filter((t) => t.trim() === t && t !== '');
const answers = fc.uniqueArray(
  fc.record({
    query: text,
    document: text,
    label: fc.constantFrom(0, 1, 2),
    explanation: text,
    model: fc.constant({ id: 'teacher' }),
  }),
  { minLength: 1, maxLength: 5, selector: ({ query, document }) => JSON.stringify([query, document]) },
);

/** Ids with what TREC and BEIR make something of: white space, percent signs, quotes. */
const id = fc
  .string({ unit: fc.constantFrom('a', 'b', ' ', '%', '0', '"', 'é', ':'), minLength: 1, maxLength: 6 })
  .filter((t) => t.trim() === t);
const candidates = fc
  .uniqueArray(fc.record({ doc_id: id, document: text, score: fc.integer({ min: -3, max: 3 }), label: fc.nat(2) }), {
    minLength: 1,
    maxLength: 6,
    selector: ({ doc_id }) => doc_id,
  })
  .chain((rows) => fc.record({ query_id: id, query: text }).map((query) => rows.map((row) => ({ ...query, ...row }))));

/** What a line of rank_llm says but its scores, which only have to fall. */
function ranking(line: JsonObject): unknown {
  const { query, candidates: list } = line as { query: unknown; candidates: { docid: string; doc: unknown }[] };
  return { query, order: list.map(({ docid, doc }) => ({ docid, doc })) };
}

const conversations = ['trl-sft', 'trl-messages', 'verl-sft', 'llama-factory-sft', 'axolotl-sft', 'interank'] as const;

describe('exporting, importing and exporting again', () => {
  it.each(conversations)(
    'gives the same rows as %s',
    async (format) => {
      let compared = 0;
      await fc.assert(
        fc.asyncProperty(answers, async (rows) => {
          const first = await exported(judgementFile(rows), format);
          if (first === null) return;
          const again = await exported(await imported(join(first, 'train.jsonl')), format);
          expect(again).not.toBeNull();
          const lines = readLines(join(first, 'train.jsonl')).map(said);
          expect(readLines(join(again ?? '', 'train.jsonl')).map(said)).toEqual(lines);
          compared += lines.length;
        }),
        { numRuns: 8 },
      );
      expect(compared).toBeGreaterThan(4);
    },
    timeout,
  );

  it.each(conversations)(
    'gives the same rows as %s by way of Parquet',
    async (format) => {
      let compared = 0;
      await fc.assert(
        fc.asyncProperty(answers, async (rows) => {
          const path = judgementFile(rows);
          const plain = await exported(path, format);
          const table = await exported(path, format, 'parquet');
          if (plain === null || table === null) return;
          const again = await exported(await imported(join(table, 'train.parquet')), format);
          const lines = readLines(join(plain, 'train.jsonl')).map(said);
          expect(readLines(join(again ?? '', 'train.jsonl')).map(said)).toEqual(lines);
          compared += lines.length;
        }),
        { numRuns: 4 },
      );
      expect(compared).toBeGreaterThan(2);
    },
    timeout,
  );

  it(
    'keeps order, ids and texts of a rank_llm file',
    async () => {
      await fc.assert(
        fc.asyncProperty(candidates, async (rows) => {
          const first = await exported(judgementFile(rows), 'rank-llm');
          const file = join(first ?? '', 'train.jsonl');
          const again = await exported(await imported(file, 'rank-llm'), 'rank-llm');
          expect(readLines(join(again ?? '', 'train.jsonl')).map(ranking)).toEqual(readLines(file).map(ranking));
        }),
        { numRuns: 8 },
      );
    },
    timeout,
  );

  it(
    'keeps order and scores of a TREC run, and the labels of its qrels',
    async () => {
      await fc.assert(
        fc.asyncProperty(candidates, async (rows) => {
          const path = judgementFile(rows);
          const runs = await exported(path, 'trec-run');
          const qrels = await exported(path, 'trec-qrels');
          const corpus = join(dirname(path), 'corpus.jsonl');
          writeFileSync(
            corpus,
            rows.map(({ doc_id, document }) => `${JSON.stringify({ _id: doc_id, text: document })}\n`).join(''),
          );
          const queries = join(dirname(path), 'queries.jsonl');
          writeFileSync(
            queries,
            rows
              .slice(0, 1)
              .map((r) => JSON.stringify({ _id: r.query_id, text: r.query }))
              .join(''),
          );
          const run = join(runs ?? '', 'train.run');
          const judged = join(qrels ?? '', 'train.qrels');
          const back = await imported(run, 'trec', { corpus, queries, qrels: judged });
          // The last column names the model, which a run does not say.
          const lines = (file: string): string[] =>
            readFileSync(file, 'utf8')
              .split('\n')
              .map((line) => line.replace(/ \S+$/, ''));
          expect(lines(join((await exported(back, 'trec-run')) ?? '', 'train.run'))).toEqual(lines(run));
          const again = join((await exported(back, 'trec-qrels')) ?? '', 'train.qrels');
          const sorted = (file: string): string[] => readFileSync(file, 'utf8').split('\n').sort();
          expect(sorted(again)).toEqual(sorted(judged));
        }),
        { numRuns: 8 },
      );
    },
    timeout,
  );

  it(
    'keeps the judged pairs of a BEIR folder, byte for byte',
    async () => {
      await fc.assert(
        fc.asyncProperty(candidates, async (rows) => {
          const path = judgementFile(rows);
          const first = await exported(path, 'beir');
          if (first === null) return;
          const again = await exported(await imported(first, 'beir'), 'beir');
          for (const name of ['qrels/train.tsv', 'corpus.jsonl', 'queries.jsonl']) {
            const sorted = (folder: string) => readFileSync(join(folder, name), 'utf8').split('\n').sort();
            expect(sorted(again ?? '')).toEqual(sorted(first));
          }
        }),
        { numRuns: 8 },
      );
    },
    timeout,
  );
});
