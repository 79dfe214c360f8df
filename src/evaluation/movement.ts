/** What moved between rankings, query by query, with what each side says about the document: the side-by-side view. */
import type { DocumentMovement, QueryMovement, SideAnswer } from '../domain/evaluation.js';
import { pairKey } from '../domain/judgement.js';
import { trecOrder, type Qrels } from '../retrieval/trec.js';
import { queryTexts } from './comparison.js';
import type { LabelledFile, LabelledRow } from './labelled-file.js';
import type { Ranking } from './rankings.js';
import { kendallTau, rankBiasedOverlap } from './similarity.js';

export interface MovementOptions {
  /** Documents shown of each query and ranking, best first (default 20). */
  readonly depth?: number;
  /** Relevance beside the documents, where there is one. */
  readonly qrels?: Qrels;
}

/** The queries that all of two or more rankings hold, those that moved most between the first and the last ranking first. */
export function movements(rankings: readonly Ranking[], { depth = 20, qrels }: MovementOptions = {}): QueryMovement[] {
  const [first, last] = [rankings[0], rankings.at(-1)];
  if (first === undefined || last === undefined) return [];
  const texts = queryTexts(rankings);
  const answers = rankings.map(({ file }) => (file === null ? null : rowsByPair(file)));
  const systems = rankings.map(({ name }) => name);
  const found: QueryMovement[] = [];
  for (const query_id of first.run.keys()) {
    const orders = rankings.map(({ run }) => trecOrder(run.get(query_id) ?? new Map<string, number>()));
    if (orders.some((order) => order.length === 0)) continue;
    const [from, to] = [orders[0] ?? [], orders.at(-1) ?? []];
    const ranks = orders.map((order) => new Map(order.map((id, i) => [id, i + 1])));
    const shown = [...new Set([...to.slice(0, depth), ...orders.flatMap((order) => order.slice(0, depth))])];
    const documents = shown.map((doc_id): DocumentMovement => {
      const rows = answers.map((of) => of?.get(pairKey({ query_id, doc_id })) ?? null);
      return {
        doc_id,
        title: rows.find((row) => row !== null)?.row.judgement.title ?? null,
        relevance: qrels?.get(query_id)?.get(doc_id) ?? rows.find((row) => row?.human != null)?.human ?? null,
        ranks: ranks.map((of) => of.get(doc_id) ?? null),
        answers: rows.map((row) => (row === null ? null : answerOf(row))),
      };
    });
    found.push({
      query_id,
      query: texts.get(query_id) ?? null,
      systems,
      documents,
      moved: 1 - (rankBiasedOverlap(from, to) ?? 1),
      tau: kendallTau(from, to),
    });
  }
  return found.sort((a, b) => b.moved - a.moved);
}

/** Of several answers on a pair the best placed one, as in the ranking. */
function rowsByPair(file: LabelledFile): ReadonlyMap<string, LabelledRow> {
  const rows = new Map<string, LabelledRow>();
  for (const row of file.rows) {
    const key = pairKey(row.row.judgement);
    const known = rows.get(key);
    if (known === undefined || (row.row.judgement.rank ?? Infinity) < (known.row.judgement.rank ?? Infinity))
      rows.set(key, row);
  }
  return rows;
}

function answerOf({ row }: LabelledRow): SideAnswer {
  const { rank, score, label, scale, label_probabilities, explanation, status } = row.judgement;
  return { key: row.key, line: row.line, rank, score, label, scale, label_probabilities, explanation, status };
}
