import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JsonObject } from '../domain/json.js';
import { writeExport } from './export-folder.js';
import { planExport } from './export.js';
import type { ExportFormat } from './exporters.js';
import { importFile } from './import/import.js';

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
async function exported(path: string, format: ExportFormat): Promise<string | null> {
  const policy = { include: 'prefilled', prompts: 'messages', contradictions: 'include' } as const;
  const plan = await planExport({ files: [path], format, policy });
  if (plan.lines === 0) return null;
  const folder = join(root, String(count++));
  await writeExport(plan, folder, '0.0.0');
  return folder;
}

async function imported(path: string, importer?: string): Promise<string> {
  const folder = join(root, String(count++));
  mkdirSync(folder);
  const out = join(folder, 'back.judgements.jsonl');
  const report = await importFile({
    path,
    ...(importer === undefined ? {} : { importer }),
    out,
    importOptions: {},
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
