/** Data of plots from what an evaluation finds (src/domain/evaluation.ts), for every surface that shows both. */
import type {
  Calibration,
  ConfusionMatrix,
  PairComparison,
  QueryMovement,
  RankingComparison,
  Reliability,
} from '../domain/evaluation.js';
import type { ConfusionData } from './confusion.js';
import type { DifferencesData } from './differences.js';
import type { DistributionsData } from './distributions.js';
import type { MetricsData } from './metrics.js';
import type { MovementData } from './movement.js';
import type { ReliabilityData } from './reliability.js';

/** Per-query differences of one pair on the comparison's main metric. */
export function differencesOf(comparison: Pick<RankingComparison, 'metric'>, pair: PairComparison): DifferencesData {
  return {
    kind: 'differences',
    metric: comparison.metric,
    system: pair.system,
    baseline: pair.baseline,
    queries: pair.per_query.map((q) => ({
      queryId: q.query_id,
      query: q.query,
      system: q.value,
      baseline: q.baseline,
    })),
  };
}

/**
 * Means of every system, `metricNames` or all metrics of the comparison; `intervals` gives the interval of a system's
 * mean where one was computed.
 */
export function metricsOf(
  comparison: Pick<RankingComparison, 'metric_names' | 'systems'>,
  options: {
    readonly metricNames?: readonly string[];
    readonly intervals?: (system: string, metric: string) => readonly [number, number] | null;
  } = {},
): MetricsData {
  const { metricNames = comparison.metric_names, intervals = () => null } = options;
  const queries = Math.max(0, ...comparison.systems.map((s) => s.table.queries));
  return {
    kind: 'metrics',
    intervals: `95 % bootstrap intervals over ${queries === 1 ? '1 query' : `${queries} queries`}`,
    metrics: metricNames.map((name) => ({
      name,
      systems: comparison.systems.map((system) => ({
        name: system.name,
        mean: system.table.metrics[name] ?? 0,
        interval: intervals(system.name, name),
      })),
    })),
  };
}

/** The ranks of a query's documents, the first `depth` of each ranking. */
export function movementOf(movement: QueryMovement, depth = 20): MovementData {
  return {
    kind: 'movement',
    query: movement.query ?? movement.query_id,
    rankings: movement.systems,
    depth,
    documents: movement.documents.map((d) => ({
      docId: d.doc_id,
      name: d.title ?? d.doc_id,
      ranks: d.ranks,
      relevance: d.relevance,
    })),
  };
}

export function confusionOf(matrix: Omit<ConfusionMatrix, 'keys'>): ConfusionData {
  return {
    kind: 'confusion',
    rows: { who: matrix.reference, labels: matrix.label_names },
    columns: { who: matrix.prediction, labels: matrix.label_names },
    counts: matrix.counts,
    agreement: {
      accuracy: matrix.accuracy.value,
      macroF1: matrix.macro_f1.value,
      kappa: matrix.kappa.value,
    },
  };
}

/** Before and after the temperature on the held-out half where one was fitted, else every row. */
export function reliabilityOf(calibration: Calibration): ReliabilityData {
  const { temperature, model, all } = calibration;
  const series = (name: string, reliability: Reliability): ReliabilityData['series'][number] => ({
    name,
    ece: reliability.ece.value,
    bins: reliability.bins,
  });
  return {
    kind: 'reliability',
    what:
      temperature === null
        ? `labels of ${model} against ${all.items} human labels`
        : `labels of ${model} against ${temperature.after.items} held-out human labels`,
    series:
      temperature === null
        ? [series('as it is', all)]
        : [
            series('as it is', temperature.before),
            series(`temperature ${temperature.value.toFixed(2)}`, temperature.after),
          ],
  };
}

/** Scores by human label; null where no row has a score. */
export function distributionsOf(calibration: Calibration): DistributionsData | null {
  const [first] = calibration.scores;
  if (first === undefined) return null;
  return {
    kind: 'distributions',
    what: `scores of ${calibration.model} by human label`,
    edges: first.edges,
    groups: calibration.scores.map((score) => ({
      name: score.label_name,
      count: score.count,
      median: score.quartiles?.[2] ?? null,
      counts: score.histogram,
    })),
  };
}
