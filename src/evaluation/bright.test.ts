import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parquetWriteFile } from 'hyparquet-writer';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { domainsOf, evaluateBright, readBrightDomain, runFileOf } from './bright.js';
import { brightDomains, publishedRows } from './bright-published.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rationale-bright-'));
  await Promise.all(['examples', 'documents', 'runs'].map((name) => mkdir(join(folder, name))));
});
afterEach(() => rm(folder, { recursive: true }));

const examples = [
  { id: '0', query: 'why', excluded_ids: ['N/A'], gold_ids: ['a b.txt'], gold_ids_long: ['long'] },
  { id: '1', query: 'how', excluded_ids: ['banned'], gold_ids: ['c', 'd'], gold_ids_long: ['long'] },
];
const lines = (rows: readonly object[]) => rows.map((row) => `${JSON.stringify(row)}\n`).join('');

describe('BRIGHT', () => {
  it('reads gold and excluded ids, takes excluded documents out of the ranking, and notices strangers', async () => {
    await writeFile(join(folder, 'examples/biology.jsonl'), lines(examples));
    await writeFile(
      join(folder, 'documents/biology.jsonl'),
      lines(['a b.txt', 'c', 'd', 'banned'].map((id) => ({ id, content: 'x' }))),
    );
    const scores = { 0: { 'a b.txt': 1, z: 0.5 }, 1: { banned: 9, c: 2, d: 1 } };
    await writeFile(join(folder, 'runs/biology.json'), JSON.stringify(scores));
    expect(await domainsOf(folder)).toEqual(['biology']);
    const path = runFileOf(join(folder, 'runs'), 'biology');
    const result = await evaluateBright(await readBrightDomain(folder, 'biology'), path ?? '');
    expect(result.table.metrics['nDCG@10']).toBe(1);
    expect(result.notices.join('\n')).toMatch(
      /1 documents that BRIGHT excludes[^]*1 ranked documents are not in the corpus/,
    );
    const long = await readBrightDomain(folder, 'biology', { long: true });
    expect(long.qrels.get('1')).toEqual(new Map([['long', 1]]));
    expect(long.documents).toBeNull();
  });

  it('reads Parquet as the data set is published', async () => {
    parquetWriteFile({
      filename: join(folder, 'examples/pony-00000-of-00001.parquet'),
      columnData: [
        { name: 'id', data: examples.map(({ id }) => id), type: 'STRING' },
        { name: 'gold_ids', data: examples.map(({ gold_ids }) => gold_ids), type: 'JSON' },
        { name: 'excluded_ids', data: examples.map(({ excluded_ids }) => excluded_ids), type: 'JSON' },
      ],
    });
    const domain = await readBrightDomain(folder, 'pony');
    expect(domain.qrels.get('1')).toEqual(
      new Map([
        ['c', 1],
        ['d', 1],
      ]),
    );
    expect([...(domain.excluded.get('0') ?? [])]).toEqual([]);
  });

  it('names file and row of what is wrong', async () => {
    await expect(domainsOf(folder)).rejects.toThrow(/is no BRIGHT folder/);
    await writeFile(join(folder, 'examples/aops.jsonl'), lines([examples[0] ?? {}, { id: '0', gold_ids: [] }]));
    await expect(readBrightDomain(folder, 'aops')).rejects.toThrow(/aops\.jsonl, row 2 repeats the query "0"/);
    await writeFile(join(folder, 'examples/aops.jsonl'), lines([{ id: '0', gold_ids: 'a' }]));
    await expect(readBrightDomain(folder, 'aops')).rejects.toThrow(/row 1 has no list of ids in "gold_ids"/);
  });

  it('has published rows whose domains average to their mean and that name a first stage', () => {
    for (const { domains, mean, first_stage } of publishedRows) {
      expect(first_stage).not.toBe('');
      if (domains === null) continue;
      expect(domains).toHaveLength(brightDomains.length);
      expect(Math.abs(domains.reduce((a, b) => a + b, 0) / domains.length - mean)).toBeLessThanOrEqual(0.06);
    }
    const interank = publishedRows.find(({ name }) => name === 'InteRank-3B');
    expect(interank?.first_stage).toMatch(/gte-Qwen1\.5/);
  });
});
