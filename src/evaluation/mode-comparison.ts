/** Does the explanation help? The same queries and candidates judged in each mode, under the same relevance. */
import type { MetricValues, ModeComparison } from '../domain/evaluation.js';
import { modes, type Judgement, type Mode } from '../domain/judgement.js';
import type { Qrels, Run } from '../retrieval/trec.js';
import { comparePaired } from './compare.js';
import { metricTable } from './evaluate.js';
import { defaultMetrics, metricName, valueOf, type MetricOptions } from './metrics.js';

export interface ModeRun {
  readonly mode: Mode;
  readonly rows: readonly Judgement[];
  readonly seconds: number;
}

export interface ModeInput {
  readonly model: string;
  readonly runs: readonly ModeRun[];
  /** Why a mode has no run, by mode. */
  readonly notOffered: ReadonlyMap<Mode, string>;
  readonly qrels: Qrels;
}

/** One row a mode, in the order score, label-first, explain-first; differences are paired with `score` on the first metric. */
export function compareModes(
  { model, runs, notOffered, qrels }: ModeInput,
  options: MetricOptions = {},
): ModeComparison {
  const metric = metricName((options.metrics ?? defaultMetrics)[0] ?? 'nDCG@10');
  const tables = new Map(
    runs.map(({ mode, rows }) => [mode, metricTable(runOf(rows), qrels, { ...options, run: `${mode} run` })]),
  );
  const score = tables.get('score');
  return {
    model,
    metric,
    queries: Math.max(0, ...[...tables.values()].map(({ queries }) => queries)),
    modes: modes.map((mode) => {
      const table = tables.get(mode);
      const run = runs.find((each) => each.mode === mode);
      if (table === undefined || run === undefined) {
        const not_offered = notOffered.get(mode) ?? 'not asked for';
        return { mode, not_offered, metrics: null, against_score: null, seconds: null, completion_tokens: null };
      }
      const tokens = run.rows.reduce((sum, row) => sum + (row.completion_tokens ?? 0), 0);
      return {
        mode,
        not_offered: null,
        metrics: table.metrics,
        against_score:
          mode === 'score' || score === undefined ? null : paired(table.per_query, score.per_query, metric),
        seconds: run.seconds,
        completion_tokens: tokens,
      };
    }),
  };
}

type PerQuery = Readonly<Record<string, MetricValues>>;

function paired(of: PerQuery, baseline: PerQuery, metric: string) {
  const shared = Object.keys(of).filter((query) => query in baseline);
  const values = (table: PerQuery) => shared.map((query) => valueOf(table[query] ?? {}, metric));
  return comparePaired(values(of), values(baseline));
}

/** Ranks as scores: the greater the better. Of several samples of a document the best placed counts. */
function runOf(rows: readonly Judgement[]): Run {
  const run = new Map<string, Map<string, number>>();
  for (const { query_id, doc_id, rank } of rows) {
    if (rank === null) continue;
    const scores = run.get(query_id) ?? new Map<string, number>();
    run.set(query_id, scores);
    scores.set(doc_id, Math.max(scores.get(doc_id) ?? -Infinity, -rank));
  }
  return run;
}
