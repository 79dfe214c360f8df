/** Reranking requests: each line of a JSONL file names a query and the documents to rerank for it. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { readRequests, type RequestOrder } from '../retrieval/requests.js';
import type { Run } from '../runs/run.js';
import { judgementSuffix } from '../runs/run-file.js';
import type { CliContext } from './command.js';
import { rankingResults, rankingTable, rationaleNotice, relevanceNotice } from './ranking-output.js';
import type { RerankOptions } from './rerank.js';
import { runQueries } from './run-queries.js';

export interface RequestsOptions {
  readonly requests: string;
  readonly order: RequestOrder;
  /** Candidates a request; all of them when undefined. */
  readonly depth: number | undefined;
  readonly judgements: string | undefined;
  readonly resume: boolean;
  readonly trec: string | undefined;
  readonly firstStageTrec: string | undefined;
  /** What is printed; nothing but a summary where undefined. */
  readonly format: 'table' | 'json' | undefined;
}

/** Reranks every request of the file. Throws RationaleError on bad input and when the run failed. */
export async function rerankRequests(
  what: RequestsOptions,
  options: RerankOptions,
  context: CliContext,
): Promise<void> {
  const { queries, repeated, beyondDepth } = await readRequests(what.requests, what.order, what.depth);
  if (repeated > 0) context.err(`${repeated} documents stand twice in their request; each is reranked once.\n`);
  if (beyondDepth > 0) context.err(`${beyondDepth} documents beyond --depth ${what.depth ?? 0} are left out.\n`);
  const depth = Math.max(...queries.map(({ candidates }) => candidates.length));
  const scratch = what.judgements === undefined ? await mkdtemp(path.join(tmpdir(), 'rationale-')) : undefined;
  const format = what.format ?? (scratch === undefined ? undefined : 'table');
  try {
    const run = await runQueries(
      queries,
      {
        judgements: what.judgements ?? path.join(scratch ?? '', `run${judgementSuffix}`),
        resume: what.resume,
        trec: what.trec,
        firstStageTrec: what.firstStageTrec,
        firstStage: { method: what.order, requests: path.basename(what.requests), depth },
      },
      { ...options, depth },
      // What is printed must stay readable for programs, so the summary is a message, and none of a file that goes again.
      format === undefined ? context : { ...context, out: scratch === undefined ? context.err : () => undefined },
    );
    if (format !== undefined) context.out(format === 'json' ? asJson(run) : asTable(run));
  } finally {
    if (scratch !== undefined) await rm(scratch, { recursive: true, force: true });
  }
}

/** One JSON object a line and request, in the order of the file. */
function asJson(run: Run): string {
  return run.record.queries
    .map(({ query_id, query }) => ({
      query_id,
      query,
      model: run.record.model,
      results: rankingResults(run, query_id),
    }))
    .map((line) => `${JSON.stringify(line)}\n`)
    .join('');
}

function asTable(run: Run): string {
  const tables = run.record.queries.map(
    ({ query_id, query }) => `${query}\n${rankingTable(run, query_id)}${relevanceNotice(run, query_id)}`,
  );
  return `${tables.join('\n')}${rationaleNotice(run)}`;
}
