/** Where rankings and relevance judgements come from: TREC files, judgement files with their logs, BRIGHT's score files. */
import { readFile } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { RationaleError, messageOf } from '../domain/failure.js';
import { isJsonObject } from '../domain/json.js';
import type { Judgement } from '../domain/judgement.js';
import { readQrels, readRun, type Qrels, type Run } from '../retrieval/trec.js';
import {
  humanQrels,
  readLabelledFile,
  type DecisionKind,
  type LabelledFile,
  type Settlement,
} from './labelled-file.js';

export interface Ranking {
  readonly name: string;
  readonly path: string;
  readonly run: Run;
  /** Where the ranking is a judgement file's: its rows. */
  readonly file: LabelledFile | null;
  readonly notices: readonly string[];
}

/**
 * Reads a ranking: `*.jsonl` is a judgement file (ranked by `rank`, else by score, else by the first stage), `*.json`
 * BRIGHT's `{query: {document: score}}`, everything else a TREC run. @throws RationaleError naming file and line.
 */
export async function readRanking(path: string, name: string): Promise<Ranking> {
  if (/\.jsonl$/i.test(path)) {
    const file = await readLabelledFile(path);
    const { run, unranked, repeated } = rankingOf(file, standing);
    if (run.size === 0)
      throw new RationaleError(
        'user',
        `${path} has no row with a rank or a score, so that there is no ranking to evaluate.`,
      );
    const notices = [...file.notices];
    if (unranked > 0) notices.push(`${path}: ${unranked} rows have neither rank nor score and are not in the ranking.`);
    if (repeated > 0)
      notices.push(`${path}: ${repeated} rows judge a pair that an earlier row judges; the best placed answer counts.`);
    return { name, path, run, file, notices };
  }
  const run = /\.json$/i.test(path) ? await readScores(path) : await readRun(path);
  if (run.size === 0) throw new RationaleError('user', `${path} is empty: it ranks no query.`);
  return { name, path, run, file: null, notices: [] };
}

/** The first stage's ranking of the rows of a judgement file, as a system of its own. @throws RationaleError where the rows do not record it. */
export function firstStageOf({ file, path }: Ranking): Ranking {
  const { run } =
    file === null
      ? { run: new Map() }
      : rankingOf(file, (j) => (j.first_stage_rank === null ? null : [0, j.first_stage_rank]));
  if (run.size === 0)
    throw new RationaleError(
      'user',
      `${path} records no first-stage ranks; give the first stage's ranking as a file of its own.`,
    );
  return { name: 'first stage', path, run, file: null, notices: [] };
}

type Standing = readonly [kind: number, place: number];

/** Where a row stands: kind of evidence, then its place by it (smaller is better); null where there is none. */
function standing(j: Judgement): Standing | null {
  if (j.rank !== null) return [0, j.rank];
  if (j.score !== null) return [1, -j.score];
  if (j.first_stage_rank !== null) return [2, j.first_stage_rank];
  return j.first_stage_score === null ? null : [3, -j.first_stage_score];
}

/** Scores are the number of documents from a place to the end, because only the order is meant. */
function rankingOf(
  file: LabelledFile,
  place: (judgement: Judgement) => Standing | null,
): { readonly run: Run; readonly unranked: number; readonly repeated: number } {
  const queries = new Map<string, { readonly doc_id: string; readonly at: Standing }[]>();
  let unranked = 0;
  for (const { row } of file.rows) {
    const at = place(row.judgement);
    const { query_id, doc_id } = row.judgement;
    if (at === null) {
      unranked++;
      continue;
    }
    const documents = queries.get(query_id);
    if (documents === undefined) queries.set(query_id, [{ doc_id, at }]);
    else documents.push({ doc_id, at });
  }
  let repeated = 0;
  const run = new Map<string, ReadonlyMap<string, number>>();
  for (const [query, documents] of queries) {
    documents.sort((a, b) => a.at[0] - b.at[0] || a.at[1] - b.at[1]);
    const scores = new Map<string, number>();
    for (const [i, { doc_id }] of documents.entries()) {
      if (scores.has(doc_id)) repeated++;
      else scores.set(doc_id, documents.length - i);
    }
    run.set(query, scores);
  }
  return { run, unranked, repeated };
}

/** BRIGHT's `score.json`: `{query id: {document id: score}}`. @throws RationaleError naming file, query and document. */
async function readScores(path: string): Promise<Run> {
  let value: unknown;
  try {
    value = JSON.parse(await readFile(path, 'utf8'));
  } catch (error) {
    throw new RationaleError('user', `Cannot read the scores ${path}: ${messageOf(error)}.`, { cause: error });
  }
  if (!isJsonObject(value)) throw new RationaleError('user', `${path} is no object of queries (BRIGHT's score.json).`);
  const run = new Map<string, ReadonlyMap<string, number>>();
  for (const [query, documents] of Object.entries(value)) {
    if (!isJsonObject(documents))
      throw new RationaleError('user', `${path}, query "${query}": there is no object of documents and scores.`);
    const scores = new Map<string, number>();
    for (const [document, score] of Object.entries(documents)) {
      if (typeof score !== 'number' || !Number.isFinite(score))
        throw new RationaleError('user', `${path}, query "${query}": document "${document}" has no finite score.`);
      scores.set(document, score);
    }
    run.set(query, scores);
  }
  return run;
}

export interface RelevanceSource {
  readonly qrels: Qrels;
  readonly notices: readonly string[];
}

/**
 * Reads relevance judgements: qrels (TREC or BEIR), or for `*.jsonl` the human labels of a judgement file, of the
 * decisions of `kind`. @throws RationaleError naming file and line.
 */
export async function readRelevance(
  path: string,
  {
    kind = 'decided',
    settlement = 'agreeing',
  }: { readonly kind?: DecisionKind; readonly settlement?: Settlement } = {},
): Promise<RelevanceSource> {
  if (!/\.jsonl$/i.test(path)) {
    const qrels = await readQrels(path);
    if (qrels.size === 0) throw new RationaleError('user', `${path} is empty: it judges no query.`);
    return { qrels, notices: [] };
  }
  const file = await readLabelledFile(path, settlement);
  const { qrels, disagreeing } = humanQrels(file, kind);
  const notices = [...file.notices];
  if (disagreeing > 0)
    notices.push(`${path}: ${disagreeing} pairs whose answers were labelled differently are not judged here.`);
  return { qrels, notices };
}

/** Names of systems: the file names without what they share at the end; where two are the same, with their folder. */
export function systemNames(paths: readonly string[]): string[] {
  const short = paths.map((path) => basename(path).replace(/\.(judgements\.jsonl|jsonl|trec|run|txt|json)$/i, ''));
  return short.map((name, i) => {
    if (short.filter((other) => other === name).length === 1) return name;
    const longer = `${basename(dirname(paths[i] ?? ''))}/${name}`;
    return paths.filter((path, j) => short[j] === name && basename(dirname(path)) === basename(dirname(paths[i] ?? '')))
      .length === 1
      ? longer
      : `${longer} (${i + 1})`;
  });
}
