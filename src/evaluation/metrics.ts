/**
 * Ranking metrics, equal to trec_eval's (through pytrec_eval) and, for Judged@k, ir_measures': the numbers in a paper's
 * table and those of this project must be the same thing. Formulas and sources: docs/evaluation.md.
 */
import type { MetricValues } from '../domain/evaluation.js';
import { RationaleError } from '../domain/failure.js';
import { trecOrder, type Qrels, type Run } from '../retrieval/trec.js';

/** What is reported where nobody asks for others. */
export const defaultMetrics = [
  'nDCG@10',
  'nDCG-exp@10',
  'RR@10',
  'AP',
  'P@10',
  'R@100',
  'Judged@10',
  'Bpref',
  'ERR@10',
  'RBP(0.8)',
] as const;

/** A ranking of one query with its judgements laid over it: all that a metric may look at. */
export interface JudgedRanking {
  /** By rank: the relevance judged, null for an unjudged document. */
  readonly grades: readonly (number | null)[];
  /** Relevances above 0 of all judged documents, descending. */
  readonly ideal: readonly number[];
  /** Judged documents with a relevance of at least `level`, and from 0 to below it. */
  readonly relevant: number;
  readonly nonRelevant: number;
  /** The least relevance that counts as relevant; trec_eval's `-l`. */
  readonly level: number;
  /** Highest relevance in the qrels of the whole collection, at least 1: what ERR divides by. */
  readonly highest: number;
}

interface Metric {
  /** As it is printed. */
  readonly name: string;
  readonly of: (ranking: JudgedRanking) => number;
}

export interface MetricOptions {
  /** Names; `defaultMetrics` where not given. */
  readonly metrics?: readonly string[];
  /** The least relevance that counts as relevant (default 1). nDCG, ERR and Judged do not use it. */
  readonly level?: number;
}

const families: Readonly<
  Record<
    string,
    { readonly cut: 'optional' | 'needed' | 'none'; readonly of: (ranking: JudgedRanking, k: number) => number }
  >
> = {
  nDCG: { cut: 'optional', of: (ranking, k) => ndcg(ranking, k, (grade) => grade) },
  'nDCG-exp': { cut: 'optional', of: (ranking, k) => ndcg(ranking, k, (grade) => 2 ** grade - 1) },
  RR: { cut: 'optional', of: reciprocalRank },
  AP: { cut: 'optional', of: averagePrecision },
  P: { cut: 'needed', of: precision },
  R: { cut: 'needed', of: recall },
  Judged: { cut: 'needed', of: judged },
  Bpref: { cut: 'none', of: bpref },
  ERR: { cut: 'optional', of: expectedReciprocalRank },
};

/** The metric of a name such as `nDCG@10`, `AP` (`MAP` is its mean and read as it) or `RBP(0.8)`. @throws RationaleError for a name that is none. */
function parseMetric(text: string): Metric {
  const rbp = /^RBP\((0?\.\d+)\)$/i.exec(text);
  if (rbp?.[1] !== undefined) {
    const p = Number(rbp[1]);
    if (p > 0) return { name: `RBP(${p})`, of: (ranking) => rankBiasedPrecision(ranking, p) };
  }
  const [, given, cut] = /^([a-z-]+)(?:@([1-9]\d*))?$/i.exec(text) ?? [];
  const wanted = given?.toLowerCase() === 'map' ? 'ap' : given?.toLowerCase();
  const [name, family] = Object.entries(families).find(([each]) => each.toLowerCase() === wanted) ?? [];
  const fits = family !== undefined && (cut === undefined ? family.cut !== 'needed' : family.cut !== 'none');
  if (name === undefined || !fits) {
    throw new RationaleError(
      'user',
      `There is no metric "${text}". There are nDCG@k, nDCG-exp@k, RR@k, AP@k, ERR@k (all also without @k), P@k, R@k, Judged@k, Bpref and RBP(p) with 0 < p < 1, for example RBP(0.8).`,
    );
  }
  const k = cut === undefined ? Infinity : Number(cut);
  return { name: cut === undefined ? name : `${name}@${k}`, of: (ranking) => family.of(ranking, k) };
}

/** The metrics of these names, each once. @throws RationaleError for a name that is none. */
function metricsOf(names: readonly string[]): Metric[] {
  const metrics = new Map(names.map((name) => parseMetric(name)).map((metric) => [metric.name, metric]));
  if (metrics.size === 0) throw new RationaleError('user', 'No metric is named.');
  return [...metrics.values()];
}

/** Lays the judgements of one query over its ranking (best first). */
export function judge(
  ranking: readonly string[],
  relevance: ReadonlyMap<string, number>,
  { level = 1, highest }: { readonly level?: number; readonly highest?: number } = {},
): JudgedRanking {
  let relevant = 0;
  let nonRelevant = 0;
  const ideal: number[] = [];
  for (const grade of relevance.values()) {
    if (grade >= level) relevant++;
    else if (grade >= 0) nonRelevant++;
    if (grade > 0) ideal.push(grade);
  }
  ideal.sort((x, y) => y - x);
  const grades = ranking.map((id) => relevance.get(id) ?? null);
  return { grades, ideal, relevant, nonRelevant, level, highest: Math.max(1, highest ?? ideal[0] ?? 1) };
}

/**
 * Normalised discounted cumulative gain of the first k, discount log2(rank + 1) (Järvelin and Kekäläinen 2002); 0 without
 * relevant documents. Relevance below 0 gains nothing. Linear gains are trec_eval's; 2^grade − 1 is Burges et al.'s (2005).
 */
function ndcg({ grades, ideal }: JudgedRanking, k: number, gain: (grade: number) => number): number {
  let sum = 0;
  for (let i = 0; i < Math.min(k, grades.length); i++) {
    const grade = grades[i] ?? 0;
    if (grade > 0) sum += gain(grade) / Math.log2(i + 2);
  }
  let best = 0;
  for (let i = 0; i < Math.min(k, ideal.length); i++) best += gain(ideal[i] ?? 0) / Math.log2(i + 2);
  return best > 0 ? sum / best : 0;
}

function isRelevant(grade: number | null | undefined, level: number): boolean {
  return grade !== null && grade !== undefined && grade >= level;
}

/** 1 / rank of the first relevant document, 0 where none is among the first k. */
function reciprocalRank({ grades, level }: JudgedRanking, k: number): number {
  for (let i = 0; i < Math.min(k, grades.length); i++) if (isRelevant(grades[i], level)) return 1 / (i + 1);
  return 0;
}

/** Σ over the relevant documents among the first k of the precision at their rank, divided by all relevant ones. Its mean over queries is MAP. */
function averagePrecision({ grades, level, relevant }: JudgedRanking, k: number): number {
  let found = 0;
  let sum = 0;
  for (let i = 0; i < Math.min(k, grades.length); i++) if (isRelevant(grades[i], level)) sum += ++found / (i + 1);
  return relevant === 0 ? 0 : sum / relevant;
}

function relevantAmong({ grades, level }: JudgedRanking, k: number): number {
  let found = 0;
  for (let i = 0; i < Math.min(k, grades.length); i++) if (isRelevant(grades[i], level)) found++;
  return found;
}

/** Relevant documents among the first k, divided by k even where fewer were retrieved. */
function precision(ranking: JudgedRanking, k: number): number {
  return relevantAmong(ranking, k) / k;
}

/** Relevant documents among the first k, divided by all relevant ones; 0 where there are none. */
function recall(ranking: JudgedRanking, k: number): number {
  return ranking.relevant === 0 ? 0 : relevantAmong(ranking, k) / ranking.relevant;
}

/** Documents with any judgement among the first k, divided by how many of these k were retrieved. */
function judged({ grades }: JudgedRanking, k: number): number {
  const first = Math.min(k, grades.length);
  let found = 0;
  for (let i = 0; i < first; i++) if (grades[i] !== null) found++;
  return first === 0 ? 0 : found / first;
}

/**
 * Bpref as trec_eval has it (Buckley and Voorhees 2004, with the denominator min(R, N) of its later correction): the share
 * of judged non-relevant documents that each relevant one is ranked above. Unjudged documents and those judged below 0
 * do not count.
 */
function bpref({ grades, level, relevant, nonRelevant }: JudgedRanking): number {
  let above = 0;
  let sum = 0;
  for (const grade of grades) {
    if (grade === null || grade < Math.min(0, level)) continue;
    if (grade < level) above++;
    else sum += above === 0 ? 1 : 1 - Math.min(above, relevant) / Math.min(nonRelevant, relevant);
  }
  return relevant === 0 ? 0 : sum / relevant;
}

/** Expected reciprocal rank (Chapelle et al. 2009): the reader stops at a document with probability (2^grade − 1) / 2^highest. */
function expectedReciprocalRank({ grades, highest }: JudgedRanking, k: number): number {
  let reads = 1;
  let sum = 0;
  for (let i = 0; i < Math.min(k, grades.length); i++) {
    const grade = grades[i] ?? 0;
    if (grade <= 0) continue;
    const stops = (2 ** grade - 1) / 2 ** highest;
    sum += (reads * stops) / (i + 1);
    reads *= 1 - stops;
  }
  return sum;
}

/** Rank-biased precision (Moffat and Zobel 2008): (1 − p) · Σ p^(rank − 1) over the relevant documents. A lower bound: unjudged documents count as not relevant. */
function rankBiasedPrecision({ grades, level }: JudgedRanking, p: number): number {
  let weight = 1 - p;
  let sum = 0;
  for (const grade of grades) {
    if (isRelevant(grade, level)) sum += weight;
    weight *= p;
  }
  return sum;
}

/** The metrics of one judged ranking by name. @throws RationaleError for a name that is no metric. */
export function metricValues(ranking: JudgedRanking, names: readonly string[] = defaultMetrics): MetricValues {
  return valuesOf(ranking, metricsOf(names));
}

function valuesOf(ranking: JudgedRanking, metrics: readonly Metric[]): MetricValues {
  const values: Record<string, number> = {};
  for (const { name, of } of metrics) values[name] = of(ranking);
  return values;
}

/**
 * Metrics of every query that has both a ranking in the run and judgements, in the order of the qrels. As trec_eval
 * does without `-c`: queries missing from the run are left out, queries without a relevant document count as 0.
 */
export function queryMetrics(run: Run, qrels: Qrels, options: MetricOptions = {}): Map<string, MetricValues> {
  const metrics = metricsOf(options.metrics ?? defaultMetrics);
  const { level = 1 } = options;
  let highest = 1;
  for (const relevance of qrels.values()) for (const grade of relevance.values()) highest = Math.max(highest, grade);
  const values = new Map<string, MetricValues>();
  for (const [query, relevance] of qrels) {
    const scores = run.get(query);
    if (scores === undefined || relevance.size === 0) continue;
    values.set(query, valuesOf(judge(trecOrder(scores), relevance, { level, highest }), metrics));
  }
  return values;
}

/** The value of a metric that is known to have been computed. */
export function valueOf(values: MetricValues, name: string): number {
  const value = values[name];
  if (value === undefined) throw new RationaleError('bug', `The metric "${name}" was not computed.`);
  return value;
}

/** The name under which a metric is reported: `map` is `AP`. @throws RationaleError for a name that is no metric. */
export function metricName(name: string): string {
  return parseMetric(name).name;
}
