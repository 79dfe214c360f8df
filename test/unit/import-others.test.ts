import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { readLogs } from '../../src/annotation/log.js';
import { readJudgementFile } from '../../src/annotation/rows.js';
import type { AnnotationEvent } from '../../src/domain/event.js';
import type { Judgement } from '../../src/domain/judgement.js';
import { importFile, type ImportReport } from '../../src/interchange/import/import.js';

interface Imported {
  readonly report: ImportReport;
  readonly rows: readonly Judgement[];
  readonly events: readonly AnnotationEvent[];
}

/** Imports an example as a user would who does not know its format. */
async function imported(name: string): Promise<Imported> {
  const path = fileURLToPath(new URL(`../fixtures/interchange/others/${name}`, import.meta.url));
  const out = join(mkdtempSync(join(tmpdir(), 'import-')), 'x.judgements.jsonl');
  const report = await importFile({ path, out, importOptions: {}, toolVersion: '0' });
  const rows = (await readJudgementFile(out)).rows.map((row) => {
    if (row.kind !== 'judgement') throw new Error(`line ${row.line}: ${row.reason}`);
    return row.judgement;
  });
  const skipped = [...report.skippedCounts.values()].reduce((a, b) => a + b, 0);
  expect(report.read).toBe(report.taken + skipped);
  return { report, rows, events: (await readLogs(out)).events };
}
const labels = (rows: readonly Judgement[]): unknown[] => rows.map((row) => [row.doc_id, row.label, row.status]);
const decisions = (events: readonly AnnotationEvent[]): unknown[] =>
  events.map(({ annotator, action, label, explanation }) => [annotator, action, label, explanation]);
const better = 'It explains the colour by scattering.';

describe('files of other tools, imported without naming the format', () => {
  it('rank_llm requests', async () => {
    const { report, rows } = await imported('rank-llm.requests.jsonl');
    expect(report.importer).toBe('rank-llm');
    expect(rows.map((row) => [row.query_id, row.doc_id, row.first_stage_rank, row.status])).toEqual([
      ['264014', '4834547', 1, 'pending'],
      ['264014', 'a b/Ünï.md', 2, 'pending'],
      ['7', '1', 1, 'pending'],
    ]);
  });

  it('rank_llm results', async () => {
    const { rows } = await imported('rank-llm.results.json');
    expect(rows.map((row) => [row.doc_id, row.rank, row.score, row.label])).toEqual([
      ['2', 1, 2, null],
      ['1', 2, 1, null],
    ]);
    expect(JSON.stringify(rows[0]?.extra)).toContain('Only [2] explains.');
  });

  it('umbrela judgements', async () => {
    const { report, rows } = await imported('umbrela.jsonl');
    expect(report.importer).toBe('umbrela');
    expect(rows.map((row) => [row.label, row.status, row.scale])).toEqual([
      [3, 'ok', 'umbrela'],
      [null, 'unparsed', 'umbrela'],
    ]);
    expect([...report.noteCounts.values()]).toEqual([1]);
  });

  it('Argilla, versions 1 and 2', async () => {
    const one = await imported('argilla-1.json');
    expect(labels(one.rows)).toEqual([['2', 1, 'ok']]);
    const ada = '3e760b76-e19a-480a-b436-a85812b98843';
    expect(decisions(one.events).sort()).toEqual([
      [ada, 'correct', 2, better],
      ['f3e1e0c2-5c1c-4fd2-8d8e-5ad3a0d3d7a1', 'skip', undefined, undefined],
    ]);
    const two = await imported('argilla-2.json');
    expect(two.report.importer).toBe('argilla');
    expect(labels(two.rows)).toEqual([['2', 1, 'ok']]);
    expect(decisions(two.events)).toEqual([[ada, 'correct', 2, undefined]]);
  });

  it('Label Studio', async () => {
    const { report, rows, events } = await imported('label-studio.json');
    expect(report.importer).toBe('label-studio');
    expect(labels(rows)).toEqual([['2', 1, 'ok']]);
    expect(decisions(events)).toEqual([['ada@example.org', 'correct', 2, better]]);
    expect(events[0]?.at).toBe('2024-03-09T22:16:08.728Z');
  });

  it('Potato: two annotators of one answer, and an answer that nobody gave', async () => {
    const { report, rows, events } = await imported('potato');
    expect(report.importer).toBe('potato');
    expect(rows.map((row) => [row.document, row.label, row.status])).toEqual([
      ['Air scatters short wavelengths.', null, 'unparsed'],
      ['The sea mirrors the sky.', null, 'unparsed'],
    ]);
    expect(decisions(events)).toEqual([
      ['ada@example.org', 'correct', 2, better],
      ['ben', 'correct', 1, undefined],
    ]);
    expect([...report.skippedCounts]).toEqual([['an answer with neither label nor explanation', 1]]);
  });

  it('BEIR', async () => {
    const { report, rows } = await imported('beir');
    expect(report.importer).toBe('beir');
    expect(labels(rows)).toEqual([
      ['2', 1, 'ok'],
      ['Climate change (Ünï)', 0, 'ok'],
    ]);
    expect(report.skipped).toEqual([{ line: 4, reason: 'a document that the corpus does not hold: gone' }]);
  });

  it('TREC', async () => {
    const { report, rows } = await imported('trec');
    expect(report.importer).toBe('trec');
    expect(rows.map((row) => [row.doc_id, row.label, row.first_stage_rank, row.status])).toEqual([
      ['Climate change (Ünï)', null, 1, 'pending'],
      ['2', 2, 2, 'ok'],
    ]);
  });

  it('a table', async () => {
    const { report, rows } = await imported('table.csv');
    expect(report.importer).toBe('table');
    expect(labels(rows)).toEqual([['2', 2, 'ok']]);
    expect(rows[0]).toMatchObject({ document: 'Air scatters\nshort wavelengths.', explanation: 'It says "scatters".' });
    expect(report.skipped).toMatchObject([{ line: 4, reason: expect.stringContaining('"dunno"') as string }]);
  });
});
