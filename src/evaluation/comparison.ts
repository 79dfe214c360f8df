/** Two or more rankings of the same queries: which is better by how much, and how alike they are. */
import type { MetricTable, PairComparison, QueryDifference, RankingComparison } from '../domain/evaluation.js';
import { RationaleError } from '../domain/failure.js';
import type { Qrels } from '../retrieval/trec.js';
import { comparePaired, holm } from './compare.js';
import { metricTable } from './evaluate.js';
import { defaultMetrics, metricName, valueOf, type MetricOptions } from './metrics.js';
import type { Ranking } from './rankings.js';
import { similarityOf } from './similarity.js';

export interface ComparisonOptions extends MetricOptions {
  /** The metric of the per-query differences (default: the first). */
  readonly metric?: string;
  /** Name of the qrels in messages. */
  readonly qrels?: string;
}

/**
 * Every later ranking against every earlier one, over the queries that both rank and that are judged. p-values are
 * corrected by Holm over the pairs of each metric. @throws RationaleError where two rankings share no judged query.
 */
export function compareRankings(
  rankings: readonly Ranking[],
  qrels: Qrels,
  options: ComparisonOptions = {},
): RankingComparison {
  if (rankings.length < 2) throw new RationaleError('user', 'A comparison needs at least two rankings.');
  const names = options.metrics ?? defaultMetrics;
  const metric = metricName(options.metric ?? names[0] ?? 'nDCG@10');
  const metrics = [...new Set([metric, ...names.map((name) => metricName(name))])];
  const systems = rankings.map(({ name, path, run }) => ({
    name,
    source: path,
    table: metricTable(run, qrels, {
      ...options,
      metrics,
      run: `ranking ${path}`,
      ...(options.qrels === undefined ? {} : { qrels: options.qrels }),
    }),
  }));
  const texts = queryTexts(rankings);
  const raw = rankings.flatMap((system, s) =>
    rankings
      .slice(0, s)
      .map((baseline, b) =>
        comparePair(
          { ...baseline, table: systems[b]?.table },
          { ...system, table: systems[s]?.table },
          { metrics, metric, texts },
        ),
      ),
  );
  const adjusted = new Map(metrics.map((name) => [name, holm(raw.map(({ metrics: of }) => of[name]?.p_value ?? 1))]));
  const common = Object.keys(systems[0]?.table.per_query ?? {}).filter((query) =>
    systems.every(({ table }) => query in table.per_query),
  );
  return {
    metric,
    metric_names: metrics,
    systems,
    pairs: raw.map((pair, i) => ({
      ...pair,
      metrics: Object.fromEntries(
        Object.entries(pair.metrics).map(([name, c]) => [name, { ...c, p_adjusted: adjusted.get(name)?.[i] ?? 1 }]),
      ),
    })),
    common_queries: common.length,
  };
}

/** Texts of the queries, from the judgement files among the rankings. */
export function queryTexts(rankings: readonly Ranking[]): ReadonlyMap<string, string> {
  const texts = new Map<string, string>();
  for (const { file } of rankings)
    for (const { row } of file?.rows ?? []) texts.set(row.judgement.query_id, row.judgement.query);
  return texts;
}

type Tabled = Ranking & { readonly table: MetricTable | undefined };

function comparePair(
  baseline: Tabled,
  system: Tabled,
  {
    metrics,
    metric,
    texts,
  }: { readonly metrics: readonly string[]; readonly metric: string; readonly texts: ReadonlyMap<string, string> },
): PairComparison {
  const [one, other] = [baseline.table?.per_query ?? {}, system.table?.per_query ?? {}];
  const shared = Object.entries(one).flatMap(([query, values]) => {
    const others = other[query];
    return others === undefined ? [] : [{ query, baseline: values, value: others }];
  });
  if (shared.length === 0) {
    throw new RationaleError(
      'user',
      `${baseline.path} and ${system.path} share no judged query (the first ranks e.g. "${Object.keys(one)[0] ?? ''}", the second "${Object.keys(other)[0] ?? ''}"): there is nothing to compare.`,
    );
  }
  const per_query = shared
    .map(({ query, baseline: b, value: v }): QueryDifference => {
      const [was, is] = [valueOf(b, metric), valueOf(v, metric)];
      return { query_id: query, query: texts.get(query) ?? null, baseline: was, value: is, difference: is - was };
    })
    .sort((a, b) => b.difference - a.difference);
  return {
    baseline: baseline.name,
    system: system.name,
    metrics: Object.fromEntries(
      metrics.map((name) => {
        const of = (values: Readonly<Record<string, number>>) => valueOf(values, name);
        const compared = comparePaired(
          shared.map(({ value }) => of(value)),
          shared.map(({ baseline: b }) => of(b)),
        );
        return [name, { ...compared, p_adjusted: compared.p_value }];
      }),
    ),
    per_query,
    similarity: similarityOf(baseline.run, system.run),
  };
}
