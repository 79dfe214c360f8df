/** Evaluates a run, alone or against a baseline: everything `rationale evaluate` prints, unrounded. */
import { RationaleError } from '../domain/failure.js';
import type { Qrels, Run } from '../retrieval/trec.js';
import { comparePaired, mean, type Comparison } from './compare.js';
import { metricNames, queryMetrics, type MetricName, type Metrics } from './metrics.js';

export interface Evaluation {
  /** Queries with both judgements and a ranking: the means are over these. */
  readonly queries: number;
  /** Queries with judgements that the run does not rank (averaged out, as trec_eval does without `-c`). */
  readonly queries_not_in_run: number;
  readonly metrics: Metrics;
  readonly per_query: Readonly<Record<string, Metrics>>;
  readonly baseline?: {
    readonly queries: number;
    readonly metrics: Metrics;
    /** Run − baseline, over the queries that both rank. */
    readonly comparison: Readonly<Record<MetricName, Comparison>>;
  };
}

/** Metrics of `run` under `qrels`, and its paired difference from a baseline. @throws RationaleError where the two share no query. */
export function evaluate(run: Run, qrels: Qrels, options: { readonly baseline?: Run } = {}): Evaluation {
  const values = queryMetrics(run, qrels);
  if (values.size === 0) throw nothingShared('run', run, qrels);
  const evaluation: Evaluation = {
    queries: values.size,
    queries_not_in_run: qrels.size - values.size,
    metrics: means([...values.values()]),
    per_query: Object.fromEntries(values),
  };
  if (options.baseline === undefined) return evaluation;
  const baseline = queryMetrics(options.baseline, qrels);
  if (baseline.size === 0) throw nothingShared('baseline', options.baseline, qrels);
  const pairs = [...values].flatMap(([query, value]) => {
    const other = baseline.get(query);
    return other === undefined ? [] : [{ value, other }];
  });
  const comparison = forEachMetric((name) =>
    comparePaired(
      pairs.map(({ value }) => value[name]),
      pairs.map(({ other }) => other[name]),
    ),
  );
  return { ...evaluation, baseline: { queries: baseline.size, metrics: means([...baseline.values()]), comparison } };
}

function means(rows: readonly Metrics[]): Metrics {
  return forEachMetric((name) => mean(rows.map((row) => row[name])));
}

function forEachMetric<T>(make: (name: MetricName) => T): Record<MetricName, T> {
  return Object.fromEntries(metricNames.map((name) => [name, make(name)])) as Record<MetricName, T>;
}

function nothingShared(what: string, run: Run, qrels: Qrels): RationaleError {
  const example = (ids: Iterable<string>) =>
    [...ids]
      .slice(0, 3)
      .map((id) => `"${id}"`)
      .join(', ') || 'none';
  return new RationaleError(
    'user',
    `The ${what} and the qrels share no query id (${what}: ${example(run.keys())}; qrels: ${example(qrels.keys())}). Check that they belong to the same collection.`,
  );
}
