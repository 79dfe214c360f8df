/**
 * BRIGHT (Su et al. 2024): its folders as qrels, and a set of runs evaluated domain by domain as its leaderboard does.
 * Documents that a query excludes are taken out of its ranking, whose places they would otherwise hold.
 */
import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { asyncBufferFromFile, parquetReadObjects } from 'hyparquet';
import { messageOf, RationaleError } from '../domain/failure.js';
import type { MetricTable } from '../domain/evaluation.js';
import { isJsonObject, type Json } from '../domain/json.js';
import { readJsonLines } from '../retrieval/json-lines.js';
import type { Qrels, Run } from '../retrieval/trec.js';
import { brightDomains } from './bright-published.js';
import { metricTable } from './evaluate.js';
import type { MetricOptions } from './metrics.js';
import { readRanking } from './rankings.js';

export interface BrightDomain {
  readonly domain: string;
  readonly qrels: Qrels;
  /** Query id → documents that must not be ranked for it. */
  readonly excluded: ReadonlyMap<string, ReadonlySet<string>>;
  /** Ids of the corpus; null where the folder holds no documents of the domain. */
  readonly documents: ReadonlySet<string> | null;
}

export interface BrightResult {
  readonly domain: string;
  readonly source: string;
  readonly table: MetricTable;
  readonly notices: readonly string[];
}

/**
 * Reads one domain of the folder `dir`: `examples/DOMAIN*` and, where they are there, `documents/DOMAIN*`, as Parquet or
 * JSON Lines. `long` takes the gold documents of the long-document task. @throws RationaleError naming file and row.
 */
export async function readBrightDomain(dir: string, domain: string, { long = false } = {}): Promise<BrightDomain> {
  const files = await filesOf(join(dir, 'examples'), domain);
  if (files.length === 0)
    throw new RationaleError(
      'user',
      `${join(dir, 'examples')} has no file of the domain "${domain}" (${domain}….parquet or .jsonl).`,
    );
  const qrels = new Map<string, ReadonlyMap<string, number>>();
  const excluded = new Map<string, ReadonlySet<string>>();
  const gold = long ? 'gold_ids_long' : 'gold_ids';
  for (const file of files) {
    for (const [at, row] of (await rowsOf(file, ['id', gold, 'excluded_ids'])).entries()) {
      const id = row['id'];
      const fault = (what: string) =>
        new RationaleError('user', `${file}, row ${at + 1} ${what}. Nothing was evaluated.`);
      if (typeof id !== 'string' || id === '') throw fault('has no "id"');
      if (qrels.has(id)) throw fault(`repeats the query "${id}"`);
      const relevant = idsOf(row[gold]);
      if (relevant === null) throw fault(`has no list of ids in "${gold}"`);
      qrels.set(id, new Map(relevant.map((document) => [document, 1])));
      excluded.set(id, new Set(idsOf(row['excluded_ids']) ?? []));
    }
  }
  if (qrels.size === 0) throw new RationaleError('user', `${files.join(', ')} holds no query.`);
  return {
    domain,
    qrels,
    excluded,
    documents: await documentIds(join(dir, long ? 'long_documents' : 'documents'), domain),
  };
}

/** Domains that the folder has examples of, in the order of the leaderboard. */
export async function domainsOf(dir: string): Promise<string[]> {
  const found: string[] = [];
  for (const [domain] of brightDomains)
    if ((await filesOf(join(dir, 'examples'), domain)).length > 0) found.push(domain);
  if (found.length === 0) {
    throw new RationaleError(
      'user',
      `${dir} is no BRIGHT folder: there is no examples/DOMAIN….parquet or .jsonl (domains: ${brightDomains.map(([name]) => name).join(', ')}).`,
    );
  }
  return found;
}

/** The run of a domain in a folder of runs: `DOMAIN.trec`, `.run`, `.json`, `.judgements.jsonl` or `DOMAIN/score.json`; null where there is none. */
export function runFileOf(runs: string, domain: string): string | null {
  const names = [
    `${domain}.trec`,
    `${domain}.run`,
    `${domain}.json`,
    `${domain}.judgements.jsonl`,
    join(domain, 'score.json'),
  ];
  return names.map((name) => join(runs, name)).find((path) => existsSync(path)) ?? null;
}

/** Evaluates the run at `path` on one domain. @throws RationaleError naming file and line. */
export async function evaluateBright(
  domain: BrightDomain,
  path: string,
  options: MetricOptions = {},
): Promise<BrightResult> {
  const { run, notices } = await readRanking(path, domain.domain);
  const { run: allowed, removed } = withoutExcluded(run, domain.excluded);
  const said = [...notices];
  if (removed > 0)
    said.push(`${path}: ${removed} documents that BRIGHT excludes for their query were taken out of the ranking.`);
  const unknown = domain.documents === null ? 0 : unknownDocuments(run, domain.documents);
  if (unknown > 0) said.push(`${path}: ${unknown} ranked documents are not in the corpus of ${domain.domain}.`);
  const table = metricTable(allowed, domain.qrels, {
    ...options,
    run: `run ${path}`,
    qrels: `examples of ${domain.domain}`,
  });
  if (table.queries_not_in_run > 0)
    said.push(
      `${path} does not rank ${table.queries_not_in_run} of ${domain.qrels.size} queries; the mean is over the others.`,
    );
  return { domain: domain.domain, source: path, table, notices: said };
}

function withoutExcluded(
  run: Run,
  excluded: BrightDomain['excluded'],
): { readonly run: Run; readonly removed: number } {
  let removed = 0;
  const kept = new Map<string, ReadonlyMap<string, number>>();
  for (const [query, scores] of run) {
    const out = excluded.get(query);
    if (out === undefined || out.size === 0) {
      kept.set(query, scores);
      continue;
    }
    const allowed = [...scores].filter(([id]) => !out.has(id));
    removed += scores.size - allowed.length;
    if (allowed.length > 0) kept.set(query, new Map(allowed));
  }
  return { run: kept, removed };
}

function unknownDocuments(run: Run, documents: ReadonlySet<string>): number {
  const unknown = new Set<string>();
  for (const scores of run.values()) for (const id of scores.keys()) if (!documents.has(id)) unknown.add(id);
  return unknown.size;
}

async function documentIds(folder: string, domain: string): Promise<ReadonlySet<string> | null> {
  const files = await filesOf(folder, domain);
  if (files.length === 0) return null;
  const ids = new Set<string>();
  for (const file of files) for (const { id } of await rowsOf(file, ['id'])) if (typeof id === 'string') ids.add(id);
  return ids;
}

/** The files of a domain in a folder, by name: `DOMAIN.jsonl`, `DOMAIN-00000-of-00001.parquet`. None where there is no folder. */
async function filesOf(folder: string, domain: string): Promise<string[]> {
  if (!existsSync(folder)) return [];
  const names = await readdir(folder).catch((error: unknown) => {
    throw new RationaleError('user', `Cannot read the folder ${folder}: ${messageOf(error)}.`, { cause: error });
  });
  const pattern = new RegExp(`^${domain}(?:-\\d+-of-\\d+)?\\.(?:parquet|jsonl)$`);
  return names
    .filter((name) => pattern.test(name))
    .sort()
    .map((name) => join(folder, name));
}

async function rowsOf(
  file: string,
  columns: readonly string[],
): Promise<readonly Readonly<Record<string, Json | undefined>>[]> {
  if (file.endsWith('.jsonl')) {
    const rows = [];
    for await (const { value } of readJsonLines(file)) rows.push(value);
    return rows;
  }
  try {
    const rows: unknown[] = await parquetReadObjects({ file: await asyncBufferFromFile(file), columns: [...columns] });
    return rows.map((row) => (isJsonObject(row) ? row : {}));
  } catch (error) {
    throw new RationaleError('user', `Cannot read ${file}: ${messageOf(error)}.`, { cause: error });
  }
}

/** Ids of a list; BRIGHT writes `["N/A"]` where there is none. Null where it is no list of texts. */
function idsOf(value: Json | undefined): string[] | null {
  if (!Array.isArray(value)) return null;
  const ids = value.filter((id: Json): id is string => typeof id === 'string');
  return ids.length === value.length ? ids.filter((id) => id !== 'N/A') : null;
}
