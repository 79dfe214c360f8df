/**
 * rank_llm (castorini/rank_llm, src/rank_llm/data.py): a query with its candidates a line, which its strict reader takes as
 * a request and as a result. What the model said about each document stands in `invocations_history`.
 */
import type { JsonObject } from '../domain/json.js';
import { sliceCodePoints } from '../domain/text.js';
import type { SampleRow } from './canonical.js';
import { modelId, type JudgementExporter } from './exporter.js';
import { rankedRows } from './ranked-query.js';

export const rankLlm: JudgementExporter = {
  id: 'rank-llm',
  title: 'rank_llm requests and results, with explanations',
  card: 'rank_llm: a query with its candidates, best first, a line, for `read_requests_from_file` and as results. `doc.contents` is the document; `invocations_history` holds, for each answered candidate in their order, what the model wrote (`prompt` is query and document; where the exact prompt is known, its SHA-256 is `prompt_sha256`). Judgements of the model, not of people.',
  needs: 'judgement',
  perQuery: true,
  convertQuery: (rows) => {
    const { ranking, excluded } = rankedRows(rows);
    const [first] = ranking;
    if (first === undefined) return { lines: [], excluded };
    const { query_id: qid, query: text } = first.row.judgement;
    const line = {
      query: { text, qid },
      candidates: ranking.map(({ row, score }) => ({
        docid: row.judgement.doc_id,
        score,
        doc: { contents: row.judgement.document, title: row.judgement.title ?? '' },
      })),
      invocations_history: ranking.flatMap(({ row }) => invocation(row) ?? []),
    };
    return { lines: [line], excluded };
  },
};

/** Null where the model gave no answer. Token counts are strict integers there: 0 where no row says. */
function invocation(row: SampleRow): JsonObject | null {
  const { judgement: j } = row;
  if (j.status === 'pending' || j.status === 'failed') return null;
  const response = j.raw_response ?? j.explanation ?? (j.label === null ? null : String(j.label));
  if (response === null) return null;
  const seen = j.document_end === null ? j.document : sliceCodePoints(j.document, 0, j.document_end);
  return {
    prompt: `Query: ${j.query}\nDocument: ${seen}`,
    response,
    input_token_count: j.prompt_tokens ?? 0,
    output_token_count: j.completion_tokens ?? 0,
    docid: j.doc_id,
    label: j.label,
    explanation: j.explanation,
    model: modelId(row),
    prompt_sha256: j.prompt_sha256,
  };
}
