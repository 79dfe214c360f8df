/** For metrics.py: BM25 runs of the fixture by our own first stage, and our metrics of whatever runs Python sends. */
import { queryMetrics } from '../../src/evaluation/metrics.js';
import { readCorpus, readQueries } from '../../src/retrieval/beir.js';
import { rankCorpus } from '../../src/retrieval/first-stage.js';
import { parseQrels, parseRun, formatRun } from '../../src/retrieval/trec.js';
import { received, send } from './exchange.js';

type Request =
  | { readonly task: 'bm25'; readonly beir: string; readonly queries: number; readonly depth: number }
  /** Each case as the text of a TREC run and of TREC qrels, so that reading them is tested too. */
  | {
      readonly task: 'metrics';
      readonly metrics: readonly string[];
      readonly level: number;
      readonly cases: readonly { readonly run: string; readonly qrels: string }[];
    };

const request = received() as Request;
if (request.task === 'bm25') {
  const corpus = await readCorpus(request.beir);
  const queries = (await readQueries(request.beir)).slice(0, request.queries);
  const ranked = [...rankCorpus(corpus, queries, request.depth)].map(({ query, candidates }) => ({
    query_id: query.query_id,
    ranking: candidates.map((c) => ({ doc_id: c.doc_id, score: c.first_stage_score })),
  }));
  send({
    run: formatRun(ranked, 'bm25'),
    /** Order of the first stage, to be kept by whatever trec_eval makes of the file. */
    order: Object.fromEntries(ranked.map(({ query_id, ranking }) => [query_id, ranking.map((r) => r.doc_id)])),
  });
} else {
  send(
    request.cases.map(({ run, qrels }) =>
      Object.fromEntries(
        queryMetrics(parseRun(run, 'the run sent by Python'), parseQrels(qrels, 'the qrels sent by Python'), request),
      ),
    ),
  );
}
