/** Candidates that a file names rather than a search over the workspace: requests, a BEIR folder, a TREC run with its corpus. */
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { RationaleError } from '../domain/failure.js';
import type { JsonObject } from '../domain/json.js';
import { readCorpus, readQueries } from '../retrieval/beir.js';
import { rankCorpus, type RankedCandidates } from '../retrieval/first-stage.js';
import { readRequests } from '../retrieval/requests.js';
import { candidatesOfRun } from '../retrieval/run-candidates.js';
import { readRun } from '../retrieval/trec.js';
import type { IndexProgress } from './workspace-index.js';

export type RequestSource =
  | { readonly kind: 'requests' | 'beir'; readonly path: string }
  | { readonly kind: 'run'; readonly path: string; readonly beir: string };

export interface RequestedQueries {
  readonly queries: readonly RankedCandidates[];
  readonly firstStage: JsonObject;
  /** What was left out. */
  readonly notices: readonly string[];
}

/** Larger corpora are indexed by the command line, which blocks nobody's editor. */
const maxCorpusBytes = 200_000_000;

/** Reads queries and candidates, at most `depth` for each (requests: all that they name). Throws RationaleError on bad input. */
export async function readRequestSource(
  source: RequestSource,
  depth: number,
  progress: IndexProgress,
): Promise<RequestedQueries> {
  progress.report('reading documents');
  if (source.kind === 'requests') {
    const { queries, repeated } = await readRequests(source.path, 'auto');
    const notices =
      repeated === 0 ? [] : [`${repeated} documents stand twice in their request; each is reranked once.`];
    return { queries, notices, firstStage: { kind: 'requests', order: 'auto', file: path.basename(source.path) } };
  }
  const beir = source.kind === 'run' ? source.beir : source.path;
  await checkSize(beir);
  const [corpus, queries] = await Promise.all([readCorpus(beir), readQueries(beir)]);
  progress.signal.throwIfAborted();
  const collection = path.basename(beir);
  if (source.kind === 'beir') {
    progress.report('ranking by BM25');
    return {
      queries: [...rankCorpus(corpus, queries, depth)],
      notices: [],
      firstStage: { kind: 'bm25', over: 'collection', collection },
    };
  }
  const run = await readRun(source.path);
  const { ranked, missing } = candidatesOfRun(
    run,
    corpus,
    queries.filter((query) => run.has(query.query_id)),
  );
  const notices = [];
  const [first] = missing;
  if (first !== undefined) {
    notices.push(`${missing.length} documents of the run are not in the collection (the first is "${first}").`);
  }
  const unknown = [...run.keys()].filter((id) => !queries.some((query) => query.query_id === id)).length;
  if (unknown > 0) notices.push(`${unknown} queries of the run are not in the collection.`);
  return {
    queries: ranked.map(({ query, candidates }) => ({ query, candidates: candidates.slice(0, depth) })),
    notices,
    firstStage: { kind: 'run', run: path.basename(source.path), collection },
  };
}

async function checkSize(beir: string): Promise<void> {
  const file = path.join(beir, 'corpus.jsonl');
  const info = await stat(file).catch((error: unknown) => {
    throw new RationaleError('user', `${beir} is no BEIR folder: it has no corpus.jsonl.`, { cause: error });
  });
  if (info.size > maxCorpusBytes) {
    throw new RationaleError(
      'user',
      `${file} has ${Math.round(info.size / 1e6)} MB, too much to index beside an editor. Rerank it on the command line (rationale rerank --beir …), and open the judgement file here.`,
    );
  }
}
