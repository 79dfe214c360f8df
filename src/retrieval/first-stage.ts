/** The first stage over a corpus in memory: what the command line reranks, and the baseline it is compared with. */
import type { Candidate, Query } from '../domain/candidate.js';
import { documentText, type Corpus, type CorpusDocument } from './beir.js';
import { Bm25Index } from './bm25.js';

/** Candidates of one query in first-stage order, rank 1 first. */
export interface RankedCandidates {
  readonly query: Query;
  readonly candidates: readonly Candidate[];
}

/** A document of the corpus as the candidate of rank `rank` (1 is best). */
export function corpusCandidate(document: CorpusDocument, rank: number, score: number): Candidate {
  return {
    doc_id: document.doc_id,
    title: document.title,
    document: documentText(document),
    uri: null,
    range: null,
    first_stage_rank: rank,
    first_stage_score: score,
  };
}

/** Indexes the corpus and gives, for each query as it is asked for, its best `depth` documents by BM25. */
export function* rankCorpus(corpus: Corpus, queries: Iterable<Query>, depth: number): Generator<RankedCandidates> {
  const index = new Bm25Index();
  for (const document of corpus.values()) index.add(document.doc_id, documentText(document));
  for (const query of queries) {
    const candidates: Candidate[] = [];
    for (const { id, score } of index.search(query.query, depth)) {
      const document = corpus.get(id);
      if (document === undefined) continue;
      candidates.push(corpusCandidate(document, candidates.length + 1, score));
    }
    yield { query, candidates };
  }
}
