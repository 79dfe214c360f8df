/** Reranking a BEIR collection: a judgement file, and the runs that evaluate reads. */
import { writeFile } from 'node:fs/promises';
import * as path from 'node:path';
import type { Candidate, Query } from '../domain/candidate.js';
import { RationaleError, messageOf } from '../domain/failure.js';
import type { Judgement } from '../domain/judgement.js';
import { readBeirQrels, readCorpus, readQueries } from '../retrieval/beir.js';
import { rankCorpus } from '../retrieval/first-stage.js';
import { formatRun, type RankedQuery } from '../retrieval/trec.js';
import { RunSession } from '../runs/session.js';
import type { CliContext } from './command.js';
import { showProgress } from './progress.js';
import type { RerankOptions } from './rerank.js';

export interface CollectionOptions {
  readonly beir: string;
  readonly judgements: string;
  readonly resume: boolean;
  readonly queries: number | undefined;
  readonly queryIds: readonly string[] | undefined;
  readonly trec: string | undefined;
  readonly firstStageTrec: string | undefined;
}

/** Depth of the runs written: R@100 needs 100, and 1,000 is what TREC runs hold. */
const runDepth = 1_000;

/** Reranks the chosen queries of a BEIR folder. Throws RationaleError on bad input and when the run failed. */
export async function rerankCollection(
  collection: CollectionOptions,
  options: RerankOptions,
  context: CliContext,
): Promise<void> {
  const { err, out, signal } = context;
  const queries = await chooseQueries(collection);
  const corpus = await readCorpus(collection.beir);
  const ranked = [...rankCorpus(corpus, queries, Math.max(runDepth, options.depth))];
  const empty = ranked.filter((r) => r.candidates.length === 0);
  if (empty.length > 0)
    err(`No document shares a term with ${empty.length} of ${ranked.length} queries; they have no rows.\n`);
  if (collection.firstStageTrec !== undefined) {
    await write(
      collection.firstStageTrec,
      formatRun(
        ranked.map(({ query, candidates }) => firstStageRanking(query, candidates)),
        'bm25',
      ),
    );
  }
  const run = collection.resume
    ? await RunSession.resume(collection.judgements, options.engine)
    : await RunSession.start({
        path: collection.judgements,
        engine: options.engine,
        toolVersion: context.version,
        queries: ranked.map(({ query, candidates }) => ({ query, candidates: candidates.slice(0, options.depth) })),
        settings: {
          mode: options.mode,
          explain: options.explain,
          firstStage: {
            method: 'bm25',
            k1: 1.2,
            b: 0.75,
            depth: options.depth,
            collection: path.basename(path.resolve(collection.beir)),
          },
        },
      });
  showProgress(run, err);
  const cancel = (): void => void run.cancel();
  signal.addEventListener('abort', cancel, { once: true });
  const started = performance.now();
  const before = run.rows.filter((row) => row.score_parts !== null).length;
  const state = await run.finished;
  signal.removeEventListener('abort', cancel);
  if (state.phase === 'failed')
    throw new RationaleError(
      'environment',
      `${state.message} ${collection.judgements} holds what was judged; go on with --resume.`,
    );
  if (collection.trec !== undefined) {
    await write(
      collection.trec,
      formatRun(
        ranked.map(({ query, candidates }) => reranked(query, candidates, run.rows)),
        run.record.profile.id,
      ),
    );
  }
  const failed = run.rows.filter((row) => row.status === 'failed').length;
  const judged = run.rows.filter((row) => row.score_parts !== null).length - before;
  const seconds = (performance.now() - started) / 1000;
  out(
    `${collection.judgements}: ${state.phase === 'cancelled' ? 'cancelled, ' : ''}${run.record.queries.length} queries, ${run.rows.length} documents, ` +
      `${judged} scored in ${seconds.toFixed(0)} s (${(judged / seconds).toFixed(2)} documents/s)${failed > 0 ? `, ${failed} failed` : ''}\n`,
  );
}

async function chooseQueries({ beir, queries: limit, queryIds }: CollectionOptions): Promise<Query[]> {
  const [queries, qrels] = await Promise.all([readQueries(beir), readBeirQrels(beir)]);
  if (queryIds !== undefined) {
    const byId = new Map(queries.map((q) => [q.query_id, q]));
    return queryIds.map((id) => {
      const query = byId.get(id);
      if (query === undefined)
        throw new RationaleError('user', `${path.join(beir, 'queries.jsonl')} has no query "${id}".`);
      return query;
    });
  }
  const judged = queries.filter((q) => qrels.has(q.query_id));
  return judged.slice(0, limit ?? judged.length);
}

function firstStageRanking(query: Query, candidates: readonly Candidate[]): RankedQuery {
  return {
    query_id: query.query_id,
    ranking: candidates.map((c) => ({ doc_id: c.doc_id, score: c.first_stage_score })),
  };
}

/**
 * The reranked documents by rank, then the first stage's tail as it was. Scores are the number of documents from a place
 * to the end: a model's score and BM25's are on different scales, and only the order is meant.
 */
function reranked(query: Query, candidates: readonly Candidate[], rows: readonly Judgement[]): RankedQuery {
  const top = rows.filter((row) => row.query_id === query.query_id).sort((a, b) => (a.rank ?? 0) - (b.rank ?? 0));
  const seen = new Set(top.map((row) => row.doc_id));
  const ids = [...top.map((row) => row.doc_id), ...candidates.map((c) => c.doc_id).filter((id) => !seen.has(id))];
  return { query_id: query.query_id, ranking: ids.map((doc_id, i) => ({ doc_id, score: ids.length - i })) };
}

async function write(file: string, content: string): Promise<void> {
  await writeFile(file, content, 'utf8').catch((error: unknown) => {
    throw new RationaleError('environment', `${file} could not be written: ${messageOf(error)}.`, { cause: error });
  });
}
