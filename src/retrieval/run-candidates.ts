/** The first stage from elsewhere: candidates as a TREC run ranks them, with their texts from a corpus. */
import type { Candidate, Query } from '../domain/candidate.js';
import type { Corpus } from './beir.js';
import { corpusCandidate, type RankedCandidates } from './first-stage.js';
import { trecOrder, type Run } from './trec.js';

export interface RunCandidates {
  readonly ranked: readonly RankedCandidates[];
  /** Ids of documents that the run names and the corpus lacks: they cannot be reranked. */
  readonly missing: readonly string[];
}

/**
 * The documents of `run` for each of `queries`, in trec_eval's order (by score as a 32-bit float, ties by descending id, the
 * rank column ignored). Documents that the corpus lacks are named, and the others keep their order.
 */
export function candidatesOfRun(run: Run, corpus: Corpus, queries: Iterable<Query>): RunCandidates {
  const missing = new Set<string>();
  const ranked = [...queries].map((query): RankedCandidates => {
    const scores = run.get(query.query_id) ?? new Map<string, number>();
    const candidates: Candidate[] = [];
    for (const id of trecOrder(scores)) {
      const document = corpus.get(id);
      if (document === undefined) {
        missing.add(id);
        continue;
      }
      candidates.push(corpusCandidate(document, candidates.length + 1, scores.get(id) ?? 0));
    }
    return { query, candidates };
  });
  return { ranked, missing: [...missing] };
}
