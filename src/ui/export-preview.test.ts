import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { planExport } from '../interchange/export.js';
import { exportPreview } from './export-preview.js';

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
});
