import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { planExport } from '../interchange/export.js';
import { exportFormats } from '../interchange/exporters.js';
import { exportPreview, formatGroup, formatGroups } from './export-preview.js';

let folder = '';
afterEach(() => rm(folder, { recursive: true, force: true }));

describe('exportPreview', () => {
  it('says how many rows go in, why the others do not, and what is unsaved', async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'rationale-preview-'));
    const file = path.join(folder, 'a.judgements.jsonl');
    await writeFile(file, `${JSON.stringify({ query: 'q', document: 'd', label: 1, explanation: 'e' })}\n`);
    const text = exportPreview(await planExport({ files: [file], format: 'trl-sft' }), 2);
    expect(text).toContain('**0 of 1 rows**');
    expect(text).toContain('**2 decisions are not saved**');
    expect(text).toMatch(/\| Left out \| rows \|\n\| --- \| ---: \|\n\| .+ \| 1 \|/);
    expect(text).toContain('| a.judgements.jsonl | 1 |');
  });

  it('warns of leakage, and names what the choices are', async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'rationale-preview-'));
    const file = path.join(folder, 'a.judgements.jsonl');
    await writeFile(
      file,
      `${JSON.stringify({ query: 'Do owls sleep?', document: 'd', label: 1, explanation: 'e' })}\n`,
    );
    const set = path.join(folder, '[set]');
    await mkdir(path.join(set, 'qrels'), { recursive: true });
    await writeFile(path.join(set, 'queries.jsonl'), '{"_id":"1","text":"do owls sleep?"}\n');
    const policy = { include: 'prefilled', evaluationSets: [set] } as const;
    const text = exportPreview(await planExport({ files: [file], format: 'trl-sft', policy }), 0);
    expect(text).toContain('**1 of 1 rows**');
    expect(text).toContain('1 reviewed by nobody');
    expect(text).toContain('**Leakage: 1 queries are also in the evaluation set \\[set\\]**');
    expect(text).toContain('| Rows | also what nobody reviewed, as the model wrote it |');
  });
});

describe('formatGroup', () => {
  it('puts every format under the trainer it is for', () => {
    const grouped = formatGroups.map((group) => exportFormats.filter((format) => formatGroup(format) === group));
    expect(grouped.flat()).toHaveLength(exportFormats.length);
    expect(grouped[0]?.every((format) => format.startsWith('trl-'))).toBe(true);
    expect(grouped.at(-1)).toEqual(expect.arrayContaining(['trec-run', 'trec-qrels', 'beir']));
  });
});
