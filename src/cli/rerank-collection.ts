/** Reranking a BEIR collection: the candidates of BM25, or of a TREC run from elsewhere. */
import { existsSync } from 'node:fs';
import * as path from 'node:path';
import type { Query } from '../domain/candidate.js';
import { RationaleError } from '../domain/failure.js';
import { readBeirQrels, readCorpus, readQueries } from '../retrieval/beir.js';
import { rankCorpus, type RankedCandidates } from '../retrieval/first-stage.js';
import { candidatesOfRun } from '../retrieval/run-candidates.js';
import { readRun, type Run } from '../retrieval/trec.js';
import type { CliContext } from './command.js';
import type { RerankOptions } from './rerank.js';
import { runQueries } from './run-queries.js';

export interface CollectionOptions {
  readonly beir: string;
  readonly judgements: string;
  readonly resume: boolean;
  readonly queries: number | undefined;
  readonly queryIds: readonly string[] | undefined;
  readonly trec: string | undefined;
  readonly firstStageTrec: string | undefined;
  /** A TREC run that takes BM25's place. */
  readonly run: string | undefined;
}

/** Depth of the runs written: R@100 needs 100, and 1,000 is what TREC runs hold. */
const runDepth = 1_000;

/** Reranks the chosen queries of a BEIR folder. Throws RationaleError on bad input and when the run failed. */
export async function rerankCollection(
  collection: CollectionOptions,
  options: RerankOptions,
  context: CliContext,
): Promise<void> {
  const given = collection.run === undefined ? undefined : await readRun(collection.run);
  const queries = await chooseQueries(collection, given);
  const corpus = await readCorpus(collection.beir);
  if (corpus.size === 0)
    throw new RationaleError('user', `${path.join(collection.beir, 'corpus.jsonl')} holds no document.`);
  context.signal.throwIfAborted();
  const name = path.basename(path.resolve(collection.beir));
  let ranked: readonly RankedCandidates[];
  if (given === undefined) {
    ranked = [...rankCorpus(corpus, queries, Math.max(runDepth, options.depth))];
  } else {
    const found = candidatesOfRun(given, corpus, queries);
    const [first] = found.missing;
    if (first !== undefined) {
      const what = `${found.missing.length} documents of ${collection.run ?? ''} are not in ${path.join(collection.beir, 'corpus.jsonl')} (the first is "${first}")`;
      if (found.ranked.every((r) => r.candidates.length === 0)) {
        throw new RationaleError('user', `${what}: none is left to rerank. Is it the run of another collection?`);
      }
      context.err(`${what}; they are left out.\n`);
    }
    ranked = found.ranked;
  }
  const empty = ranked.filter((r) => r.candidates.length === 0);
  if (empty.length > 0) {
    const why = given === undefined ? 'No document shares a term with' : 'The run has no document for';
    context.err(`${why} ${empty.length} of ${ranked.length} queries; they have no rows.\n`);
  }
  const { depth } = options;
  const firstStage =
    collection.run === undefined
      ? { method: 'bm25', k1: 1.2, b: 0.75, depth, collection: name }
      : { method: 'run', run: path.basename(collection.run), depth, collection: name };
  await runQueries(ranked, { ...collection, firstStage }, options, context);
}

/** With a run, its queries (those judged, where there are judgements); else the queries that are judged. */
async function chooseQueries(
  { beir, queries: limit, queryIds }: CollectionOptions,
  run: Run | undefined,
): Promise<Query[]> {
  const unjudged = run !== undefined && !existsSync(path.join(beir, 'qrels', 'test.tsv'));
  const [queries, qrels] = await Promise.all([readQueries(beir), unjudged ? null : readBeirQrels(beir)]);
  if (queryIds !== undefined) {
    const byId = new Map(queries.map((q) => [q.query_id, q]));
    return [...new Set(queryIds)].map((id) => {
      const query = byId.get(id);
      if (query === undefined)
        throw new RationaleError('user', `${path.join(beir, 'queries.jsonl')} has no query "${id}".`);
      return query;
    });
  }
  const wanted = queries.filter((q) => (qrels?.has(q.query_id) ?? true) && (run?.has(q.query_id) ?? true));
  if (run !== undefined && wanted.length === 0) {
    throw new RationaleError('user', `${path.join(beir, 'queries.jsonl')} has no query of the run.`);
  }
  return wanted.slice(0, limit ?? wanted.length);
}
