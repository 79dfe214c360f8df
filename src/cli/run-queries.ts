/** Reranks queries whose candidates are known, into a judgement file and the TREC runs that evaluate reads. */
import { writeFile } from 'node:fs/promises';
import type { Candidate, Query } from '../domain/candidate.js';
import { RationaleError, messageOf } from '../domain/failure.js';
import type { Judgement } from '../domain/judgement.js';
import type { JsonObject } from '../domain/json.js';
import type { RankedCandidates } from '../retrieval/first-stage.js';
import { formatRun, type RankedQuery } from '../retrieval/trec.js';
import type { Run } from '../runs/run.js';
import { RunSession } from '../runs/session.js';
import type { CliContext } from './command.js';
import { followRun } from './follow-run.js';
import type { RerankOptions } from './rerank.js';

export interface QueriesOptions {
  readonly judgements: string;
  readonly resume: boolean;
  readonly trec: string | undefined;
  readonly firstStageTrec: string | undefined;
  /** How the candidates were found: the tag of the run written, and what the record says beside it. */
  readonly firstStage: JsonObject & { readonly method: string };
}

/**
 * Reranks the first `options.depth` candidates of each query; a TREC run keeps the others below them. Throws
 * RationaleError when a file cannot be written and when the run failed.
 */
export async function runQueries(
  ranked: readonly RankedCandidates[],
  files: QueriesOptions,
  options: RerankOptions,
  context: CliContext,
): Promise<Run> {
  const { out } = context;
  if (files.firstStageTrec !== undefined) {
    await write(
      files.firstStageTrec,
      formatRun(
        ranked.map(({ query, candidates }) => firstStageRanking(query, candidates)),
        files.firstStage.method,
      ),
    );
  }
  const started = performance.now();
  let before = 0;
  const { run, state } = await followRun(
    {
      engine: options.engine,
      resumed: files.resume,
      start: async () => {
        if (files.resume) {
          const resumed = await RunSession.resume(files.judgements, options.engine);
          before = resumed.rows.filter((row) => row.score_parts !== null).length;
          checkSameQueries(resumed, ranked);
          return resumed;
        }
        return RunSession.start({
          path: files.judgements,
          engine: options.engine,
          toolVersion: context.version,
          queries: ranked.map(({ query, candidates }) => ({ query, candidates: candidates.slice(0, options.depth) })),
          settings: { ...options.answers, firstStage: files.firstStage },
        });
      },
    },
    context,
  );
  if (files.trec !== undefined) {
    await write(
      files.trec,
      formatRun(
        ranked.map(({ query, candidates }) => reranked(query, candidates, run.rows)),
        run.record.profile.id,
      ),
    );
  }
  const failed = run.rows.filter((row) => row.status === 'failed').length;
  const judged = run.rows.filter((row) => row.score_parts !== null).length - before;
  const seconds = (performance.now() - started) / 1000;
  const unit = (run.record.settings.sampling?.samples ?? 1) > 1 ? 'answers' : 'documents';
  out(
    `${files.judgements}: ${state.phase === 'cancelled' ? 'cancelled, ' : ''}${run.record.queries.length} queries, ${run.rows.length} ${unit}, ` +
      `${judged} scored in ${seconds.toFixed(0)} s (${(judged / seconds).toFixed(2)} ${unit}/s)${failed > 0 ? `, ${failed} failed` : ''}\n`,
  );
  return run;
}

/** A resumed run keeps its own queries: a ranking written for others would be the first stage's under the model's name. */
function checkSameQueries(run: Run, ranked: readonly RankedCandidates[]): void {
  const own = run.record.queries.map((q) => q.query_id);
  const asked = ranked.map((r) => r.query.query_id);
  if (own.length === asked.length && own.every((id, i) => id === asked[i])) return;
  void run.cancel();
  throw new RationaleError(
    'user',
    `${run.path} is a run over ${own.length} queries, and ${asked.length} are asked for now. Resume it with the --queries or --query-ids that it was begun with.`,
  );
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
  const top = rows
    .filter((row) => row.query_id === query.query_id && row.sample === 0)
    .sort((a, b) => (a.rank ?? 0) - (b.rank ?? 0));
  const seen = new Set(top.map((row) => row.doc_id));
  const ids = [...top.map((row) => row.doc_id), ...candidates.map((c) => c.doc_id).filter((id) => !seen.has(id))];
  return { query_id: query.query_id, ranking: ids.map((doc_id, i) => ({ doc_id, score: ids.length - i })) };
}

async function write(file: string, content: string): Promise<void> {
  await writeFile(file, content, 'utf8').catch((error: unknown) => {
    throw new RationaleError('environment', `${file} could not be written: ${messageOf(error)}.`, { cause: error });
  });
}
