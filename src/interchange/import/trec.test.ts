import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeId } from '../../retrieval/trec.js';
import { readLines } from './collection-files.js';
import type { ImportOptions } from './importer.js';
import { trecImporter } from './trec.js';

function folder(files: Readonly<Record<string, string>>): string {
  const root = mkdtempSync(join(tmpdir(), 'trec-'));
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), content);
  }
  return root;
}
async function read(path: string, options: ImportOptions = {}): Promise<unknown[]> {
  const all: unknown[] = [];
  for await (const record of trecImporter.read(path, options)) all.push(record);
  return all;
}
const strange = 'docs/Memory Management\t100%.md';
const texts = {
  'corpus.jsonl': [strange, 'b', 'c'].map((id) => `${JSON.stringify({ id, contents: `text of ${id}` })}\n`).join(''),
  'queries.tsv': 'q1\twhy is it so?\nq 2\tand this?\n',
};

describe('trecImporter', () => {
  it('ranks a run as trec_eval does, labels what the qrels judge, and adds what they alone name', async () => {
    const root = folder({
      ...texts,
      'bm25.run': `q1 Q0 b 1 1.5 tag\nq1 Q0 ${encodeId(strange)} 2 7e0 tag\nq1 Q0 c 3 1.5 tag\n`,
      'qrels.txt': `q1 0 ${encodeId(strange)} 2\nq%202 0 c 1\n`,
      'README.md': 'not a run',
    });
    expect(await trecImporter.detect(root)).toBeCloseTo(0.9);
    const pair = { query_id: 'q1', query: 'why is it so?', title: null, scale: 'qrels' };
    expect(await read(root)).toEqual([
      {
        line: 1,
        kind: 'judgement',
        judgement: {
          ...pair,
          doc_id: 'b',
          document: 'text of b',
          label: null,
          status: 'pending',
          first_stage_rank: 3,
          first_stage_score: 1.5,
        },
      },
      {
        line: 2,
        kind: 'judgement',
        judgement: {
          ...pair,
          doc_id: strange,
          document: `text of ${strange}`,
          label: 2,
          status: 'ok',
          first_stage_rank: 1,
          first_stage_score: 7,
        },
      },
      {
        line: 3,
        kind: 'judgement',
        judgement: {
          ...pair,
          doc_id: 'c',
          document: 'text of c',
          label: null,
          status: 'pending',
          first_stage_rank: 2,
          first_stage_score: 1.5,
        },
      },
      {
        line: 2,
        kind: 'judgement',
        judgement: {
          ...pair,
          query_id: 'q 2',
          query: 'and this?',
          doc_id: 'c',
          document: 'text of c',
          label: 1,
          status: 'ok',
        },
      },
    ]);
  });

  it('takes files that lie elsewhere, and qrels alone', async () => {
    const root = folder({ ...texts, 'runs/my.run': 'q1 Q0 b 1 2 t\n', 'judged/q.qrels': 'q1 0 b 0\nq1 0 c 3\n' });
    const elsewhere = { corpus: root, queries: join(root, 'queries.tsv') };
    const run = join(root, 'runs/my.run');
    const qrels = join(root, 'judged/q.qrels');
    expect(await trecImporter.detect(run)).toBeCloseTo(0.9);
    expect(await read(run, elsewhere)).toMatchObject([{ judgement: { doc_id: 'b', label: null, status: 'pending' } }]);
    expect(await read(run, { ...elsewhere, qrels })).toMatchObject([
      { judgement: { doc_id: 'b', label: 0, status: 'ok' } },
      { judgement: { doc_id: 'c', label: 3 } },
    ]);
    expect(await read(qrels, elsewhere)).toMatchObject([{ judgement: { label: 0 } }, { judgement: { label: 3 } }]);
  });

  it('reports lines it cannot use, with their numbers', async () => {
    const run = 'q1 Q0 b 1 2 t\nq1 Q0 a b 2 1 t\nq1 Q0 c 3 NaN t\n\nq1 Q0 b 4 1 t\nq1 Q0 gone 5 0.5 t\nq9 Q0 b 1 1 t\n';
    const more = Array.from({ length: 20 }, (_, i) => `q1 Q0 x${i} 9 ${-i} t\n`).join('');
    const root = folder({ ...texts, 'a.run': run + more });
    const rows = (await read(root)) as { readonly line: number; readonly reason?: string }[];
    const reasons = new Map(rows.map((row) => [row.line, row.reason]));
    expect(reasons.get(1)).toBeUndefined();
    expect(reasons.get(2)).toMatch(/7 columns instead of 6.*percent-encoded/);
    expect(reasons.get(3)).toMatch(/NaN/);
    expect(reasons.get(5)).toMatch(/stands already in the run.*with 1, not 2 as in line 1/);
    expect(reasons.get(6)).toBe('a document that the corpus does not hold: gone');
    expect(reasons.get(7)).toBe('a query that has no text in the queries: q9');
    expect(rows).toHaveLength(26);
  });

  it('says which file is missing or one too many', async () => {
    const run = 'q1 Q0 b 1 2 t\n';
    await expect(read(folder({ 'a.run': run }))).rejects.toThrow(/no corpus in .*corpus\.jsonl/);
    await expect(read(folder({ 'a.run': run, 'corpus.jsonl': texts['corpus.jsonl'] }))).rejects.toThrow(/no queries/);
    await expect(read(folder({ ...texts, 'a.run': run, 'b.run': run }))).rejects.toThrow(/a\.run, b\.run/);
    await expect(read(folder(texts))).rejects.toThrow(/neither a TREC run/);
    const plain = folder({ 'x.jsonl': '{"query": "q"}\n', 'prose.txt': 'four words of prose\n' });
    expect(await trecImporter.detect(plain)).toBe(0);
    expect(await trecImporter.detect(join(plain, 'x.jsonl'))).toBe(0);
    expect(await trecImporter.detect(join(plain, 'none'))).toBe(0);
  });
});

describe('readLines', () => {
  it('gives each line its number and its bytes, whatever the text', async () => {
    const line = fc.string({ unit: fc.constantFrom('a', 'é', '🦉', ' ', '\u2028') });
    await fc.assert(
      fc.asyncProperty(fc.array(line), async (lines) => {
        const content = Buffer.from(lines.join('\n'));
        const path = join(folder({ x: content.toString() }), 'x');
        const read: unknown[] = [];
        for await (const { line: number, text, offset, bytes } of readLines(path, 'file')) {
          expect(content.toString('utf8', offset, offset + bytes)).toBe(text);
          read.push([number, text]);
        }
        expect(read).toEqual(lines.flatMap((text, i) => (text.trim() === '' ? [] : [[i + 1, text]])));
      }),
      { numRuns: 50 },
    );
  });

  it('reads lines longer than its buffer', async () => {
    const long = 'é'.repeat(1_500_000);
    const path = join(folder({ x: `a\n${long}\r\nb` }), 'x');
    const read: string[] = [];
    for await (const { text } of readLines(path, 'file')) read.push(text);
    expect(read).toEqual(['a', long, 'b']);
  });
});
