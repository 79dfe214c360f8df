/**
 * Ranking metrics, equal to trec_eval's (through pytrec_eval) and, for Judged@k, ir_measures': the numbers in a paper's
 * table and those of this project must be the same thing.
 */
import { trecOrder, type Qrels, type Run } from '../retrieval/trec.js';

/** What is reported: linear gains for nDCG; relevant means a relevance of 1 or more. */
export const metricNames = ['nDCG@10', 'RR@10', 'P@10', 'R@100', 'Judged@10'] as const;
export type MetricName = (typeof metricNames)[number];
export type Metrics = Readonly<Record<MetricName, number>>;

/** Normalised discounted cumulative gain of the first k with linear gains and log2(rank + 1) (Järvelin and Kekäläinen 2002); 0 without relevant documents. */
export function ndcg(ranking: readonly string[], relevance: ReadonlyMap<string, number>, k: number): number {
  const ideal = dcg([...relevance.values()].sort((x, y) => y - x).slice(0, k));
  return ideal > 0 ? dcg(ranking.slice(0, k).map((id) => relevance.get(id) ?? 0)) / ideal : 0;
}

function dcg(gains: readonly number[]): number {
  return gains.reduce((sum, gain, i) => sum + Math.max(gain, 0) / Math.log2(i + 2), 0);
}

/** 1 / rank of the first relevant document, 0 where none is among the first k. */
export function reciprocalRank(ranking: readonly string[], relevance: ReadonlyMap<string, number>, k: number): number {
  const place = ranking.slice(0, k).findIndex((id) => (relevance.get(id) ?? 0) >= 1);
  return place < 0 ? 0 : 1 / (place + 1);
}

/** Relevant documents among the first k, divided by k even where fewer were retrieved. */
export function precision(ranking: readonly string[], relevance: ReadonlyMap<string, number>, k: number): number {
  return relevantAmong(ranking.slice(0, k), relevance) / k;
}

/** Relevant documents among the first k, divided by all relevant ones; 0 where there are none. */
export function recall(ranking: readonly string[], relevance: ReadonlyMap<string, number>, k: number): number {
  const relevant = relevantAmong([...relevance.keys()], relevance);
  return relevant === 0 ? 0 : relevantAmong(ranking.slice(0, k), relevance) / relevant;
}

/** Documents with any judgement among the first k, divided by how many of these k were retrieved. */
export function judged(ranking: readonly string[], relevance: ReadonlyMap<string, number>, k: number): number {
  const first = ranking.slice(0, k);
  return first.length === 0 ? 0 : first.filter((id) => relevance.has(id)).length / first.length;
}

function relevantAmong(ids: readonly string[], relevance: ReadonlyMap<string, number>): number {
  return ids.filter((id) => (relevance.get(id) ?? 0) >= 1).length;
}

/**
 * Metrics of every query that has both a ranking in the run and judgements, in the order of the qrels. As trec_eval
 * does without `-c`: queries missing from the run are left out, queries without a relevant document count as 0.
 */
export function queryMetrics(run: Run, qrels: Qrels): Map<string, Metrics> {
  const metrics = new Map<string, Metrics>();
  for (const [query, relevance] of qrels) {
    const scores = run.get(query);
    if (scores === undefined || relevance.size === 0) continue;
    const ranking = trecOrder(scores);
    metrics.set(query, {
      'nDCG@10': ndcg(ranking, relevance, 10),
      'RR@10': reciprocalRank(ranking, relevance, 10),
      'P@10': precision(ranking, relevance, 10),
      'R@100': recall(ranking, relevance, 100),
      'Judged@10': judged(ranking, relevance, 10),
    });
  }
  return metrics;
}
