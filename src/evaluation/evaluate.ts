/** Evaluates a run, alone or against a baseline: everything `rationale evaluate` prints, unrounded. */
import type { MetricTable, MetricValues, PairedComparison } from '../domain/evaluation.js';
import { RationaleError } from '../domain/failure.js';
import type { Qrels, Run } from '../retrieval/trec.js';
import { comparePaired } from './compare.js';
import { queryMetrics, valueOf, type MetricOptions } from './metrics.js';
import { mean } from './resampling.js';

export interface Evaluation extends MetricTable {
  readonly baseline?: {
    readonly queries: number;
    readonly metrics: MetricValues;
    /** Run − baseline, over the queries that both rank. */
    readonly comparison: Readonly<Record<string, PairedComparison>>;
  };
}

/** What a file is called in the message that it shares no query with the qrels. */
interface Named {
  /** e.g. `run out.trec`. */
  readonly run?: string;
  readonly qrels?: string;
}

/** Metrics of `run` under `qrels`. @throws RationaleError where the two share no query. */
export function metricTable(run: Run, qrels: Qrels, options: MetricOptions & Named = {}): MetricTable {
  const values = queryMetrics(run, qrels, options);
  if (values.size === 0) throw nothingShared(options.run ?? 'run', run, options.qrels ?? 'qrels', qrels);
  return {
    queries: values.size,
    queries_not_in_run: qrels.size - values.size,
    queries_not_judged: run.size - values.size,
    metrics: means([...values.values()]),
    per_query: Object.fromEntries(values),
  };
}

/** Metrics of `run` under `qrels`, and its paired difference from a baseline. @throws RationaleError where the two share no query. */
export function evaluate(
  run: Run,
  qrels: Qrels,
  options: MetricOptions & { readonly baseline?: Run } = {},
): Evaluation {
  const table = metricTable(run, qrels, options);
  if (options.baseline === undefined) return table;
  const baseline = metricTable(options.baseline, qrels, { ...options, run: 'baseline' });
  const pairs = Object.entries(table.per_query).flatMap(([query, value]) => {
    const other = baseline.per_query[query];
    return other === undefined ? [] : [{ value, other }];
  });
  const comparison = Object.fromEntries(
    Object.keys(table.metrics).map((name) => [
      name,
      comparePaired(
        pairs.map(({ value }) => valueOf(value, name)),
        pairs.map(({ other }) => valueOf(other, name)),
      ),
    ]),
  );
  return { ...table, baseline: { queries: baseline.queries, metrics: baseline.metrics, comparison } };
}

/** The mean of each metric over rows that have the same ones. */
function means(rows: readonly MetricValues[]): MetricValues {
  const [first] = rows;
  return Object.fromEntries(
    Object.keys(first ?? {}).map((name) => [name, mean(rows.map((row) => valueOf(row, name)))]),
  );
}

function nothingShared(what: string, run: Run, where: string, qrels: Qrels): RationaleError {
  const example = (ids: Iterable<string>) =>
    [...ids]
      .slice(0, 3)
      .map((id) => `"${id}"`)
      .join(', ') || 'none';
  return new RationaleError(
    'user',
    `The ${what} and the ${where} share no query id (${what}: ${example(run.keys())}; ${where}: ${example(qrels.keys())}). Check that they belong to the same collection.`,
  );
}
