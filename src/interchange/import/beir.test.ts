import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { beirImporter } from './beir.js';
import type { ImportOptions } from './importer.js';

function folder(files: Readonly<Record<string, string>>): string {
  const root = mkdtempSync(join(tmpdir(), 'beir-'));
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), content);
  }
  return root;
}
const corpus = [
  { _id: 'Climate change (a)', title: 'Klima 🦉', text: 'It   warms.\u2028' },
  { _id: 7, title: '', text: 'Seven' },
  { _id: 'x', text: null },
]
  .map((row) => `${JSON.stringify(row)}\r\n`)
  .join('');
const queries = '\ufeff{"_id": "q 1", "text": "does it warm?"}\n{"_id": 2, "text": "seven?"}';
const header = 'query-id\tcorpus-id\tscore\n';
async function read(path: string, options: ImportOptions = {}): Promise<unknown[]> {
  const all: unknown[] = [];
  for await (const record of beirImporter.read(path, options)) all.push(record);
  return all;
}

describe('beirImporter', () => {
  it('makes a row of every judged pair, with the texts and the line of the qrels', async () => {
    const qrels = `${header}q 1\tClimate change (a)\t2\r\n\n2\t7\t0\n2\tClimate change (a)\t-1`;
    const root = folder({ 'corpus.jsonl': `not json\n${corpus}`, 'queries.jsonl': queries, 'qrels/test.tsv': qrels });
    expect(await beirImporter.detect(root)).toBe(1);
    expect(await read(root)).toEqual([
      {
        line: 2,
        kind: 'judgement',
        judgement: {
          query_id: 'q 1',
          query: 'does it warm?',
          doc_id: 'Climate change (a)',
          title: 'Klima 🦉',
          document: 'Klima 🦉\nIt   warms.',
          scale: 'qrels',
          label: 2,
          status: 'ok',
        },
      },
      {
        line: 4,
        kind: 'judgement',
        judgement: {
          query_id: '2',
          query: 'seven?',
          doc_id: '7',
          title: null,
          document: 'Seven',
          scale: 'qrels',
          label: 0,
          status: 'ok',
        },
      },
      expect.objectContaining({ line: 5, judgement: expect.objectContaining({ label: -1 }) as unknown }),
    ]);
    expect(await read(root, { scale: 'interank' })).toMatchObject([{ judgement: { scale: 'interank' } }, {}, {}]);
  });

  it('reports what it cannot place, line by line, and takes no label from it', async () => {
    const qrels = `${header}q 1\t7\t1.0\nq 1\t7\nq 9\t7\t1\nq 1\tmissing\t1\nq 1\tx\t1\n2\t7\t1\n2\t7\t1\n2\t7\t0\n`;
    const root = folder({ 'corpus.jsonl': corpus, 'queries.jsonl': queries, 'qrels/test.tsv': qrels });
    const rows = (await read(root)) as { readonly line: number; readonly kind: string; readonly reason?: string }[];
    expect(Object.fromEntries(rows.map((row) => [row.line, row.reason ?? row.kind]))).toEqual({
      2: 'the relevance is not an integer: "1.0"',
      3: 'not a line of qrels: 2 columns instead of 3 between tabs (query-id corpus-id score)',
      4: 'a query that has no text in the queries: q 9',
      5: 'a document that the corpus does not hold: missing',
      6: 'a document that the corpus does not hold: x',
      7: 'judgement',
      8: 'a pair that stands already in the qrels: "7" of query "2" again',
      9: 'a pair that stands already in the qrels: "7" of query "2" with 0, not 1 as in line 7',
    });
  });

  it('finds the one split there is, and asks which of several', async () => {
    const files = { 'corpus.jsonl': corpus, 'queries.jsonl': queries, 'qrels/dev.tsv': `${header}2\t7\t1\n` };
    expect(await read(folder(files))).toHaveLength(1);
    const several = folder({ ...files, 'qrels/train.tsv': `${header}2\t7\t1\nq 1\t7\t1\n` });
    await expect(read(several)).rejects.toThrow(/dev\.tsv, train\.tsv/);
    expect(await read(several, { qrels: join(several, 'qrels/train.tsv') })).toHaveLength(2);
  });

  it('refuses a folder with a file missing or a header forgotten', async () => {
    const files = { 'corpus.jsonl': corpus, 'queries.jsonl': queries };
    await expect(read(folder(files))).rejects.toThrow(/qrels/);
    await expect(read(folder({ ...files, 'qrels/test.tsv': '2\t7\t1\n' }))).rejects.toThrow(/header/);
    await expect(read(folder({ 'queries.jsonl': queries }))).rejects.toThrow(/corpus\.jsonl/);
    expect(await beirImporter.detect(folder(files))).toBe(0);
    expect(await beirImporter.detect(join(tmpdir(), 'no such folder'))).toBe(0);
  });

  it('reads PubMedQA whole', async () => {
    const rows = await read(fileURLToPath(new URL('../../../test/fixtures/pubmedqa', import.meta.url)));
    expect(rows).toHaveLength(1000);
    expect(rows.every((row) => JSON.stringify(row).includes('"label":2'))).toBe(true);
  });
});
