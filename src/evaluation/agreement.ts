/**
 * How far labels agree: confusion matrices with accuracy, macro-F1 and Cohen's κ for two sides, Krippendorff's α for any
 * number of raters. Intervals come from resampling whole queries. Formulas and sources: docs/evaluation.md.
 */
import type { Agreement, ConfusionMatrix, Estimate } from '../domain/evaluation.js';
import type { RowKey } from '../domain/row-key.js';
import { estimates } from './resampling.js';

/** One item labelled by both sides. */
export interface LabelPair {
  /** What is resampled together: the query. */
  readonly group: string;
  readonly reference: number;
  readonly prediction: number;
  /** Row of the judgement file behind it, where there is one. */
  readonly key?: RowKey;
}

export interface Scale {
  /** Ascending: their places are the distances of the weighted κ. */
  readonly labels: readonly number[];
  readonly names: readonly string[];
}

/** Counts the pairs; labels outside the scale are added to it at their place. */
export function confusionMatrix(
  names: { readonly reference: string; readonly prediction: string },
  pairs: readonly LabelPair[],
  scale: Scale,
): ConfusionMatrix {
  const labels = [...new Set([...scale.labels, ...pairs.flatMap((p) => [p.reference, p.prediction])])].sort(
    (a, b) => a - b,
  );
  const place = new Map(labels.map((label, i) => [label, i]));
  const n = labels.length;
  const groups = new Map<string, Float64Array>();
  const keys: RowKey[][][] = labels.map(() => labels.map(() => []));
  const total = new Float64Array(n * n);
  for (const { group, reference, prediction, key } of pairs) {
    const [row, column] = [place.get(reference) ?? 0, place.get(prediction) ?? 0];
    const counts = groups.get(group) ?? new Float64Array(n * n);
    groups.set(group, counts);
    counts[row * n + column] = (counts[row * n + column] ?? 0) + 1;
    total[row * n + column] = (total[row * n + column] ?? 0) + 1;
    if (key !== undefined) keys[row]?.[column]?.push(key);
  }
  const measures = estimates([...groups.values()], {
    accuracy: (counts) => accuracy(counts, n),
    macro_f1: (counts) => macroF1(counts, n),
    kappa: (counts) => kappa(counts, n, (i, j) => (i === j ? 0 : 1)),
    kappa_linear: (counts) => kappa(counts, n, (i, j) => Math.abs(i - j)),
    kappa_quadratic: (counts) => kappa(counts, n, (i, j) => (i - j) ** 2),
  });
  return {
    ...names,
    labels,
    label_names: labels.map((label) => scale.names[scale.labels.indexOf(label)] ?? String(label)),
    counts: labels.map((_, i) => [...total.slice(i * n, (i + 1) * n)]),
    keys: pairs.some(({ key }) => key !== undefined) ? keys : [],
    total: pairs.length,
    ...measures,
  };
}

function accuracy(counts: Float64Array, n: number): number | null {
  let [agreed, total] = [0, 0];
  for (let i = 0; i < n; i++)
    for (let j = 0; j < n; j++) {
      const count = counts[i * n + j] ?? 0;
      total += count;
      if (i === j) agreed += count;
    }
  return total === 0 ? null : agreed / total;
}

function margins(
  counts: Float64Array,
  n: number,
): { readonly rows: Float64Array; readonly columns: Float64Array; readonly total: number } {
  const [rows, columns] = [new Float64Array(n), new Float64Array(n)];
  let total = 0;
  for (let i = 0; i < n; i++)
    for (let j = 0; j < n; j++) {
      const count = counts[i * n + j] ?? 0;
      rows[i] = (rows[i] ?? 0) + count;
      columns[j] = (columns[j] ?? 0) + count;
      total += count;
    }
  return { rows, columns, total };
}

/** As scikit-learn's f1_score(average='macro'): over the labels that occur on either side. */
function macroF1(counts: Float64Array, n: number): number | null {
  const { rows, columns } = margins(counts, n);
  let [sum, present] = [0, 0];
  for (let i = 0; i < n; i++) {
    const both = (rows[i] ?? 0) + (columns[i] ?? 0);
    if (both === 0) continue;
    present++;
    sum += (2 * (counts[i * n + i] ?? 0)) / both;
  }
  return present === 0 ? null : sum / present;
}

/** 1 − Σ w·observed / Σ w·expected by chance (Cohen 1960, 1968); undefined where both sides gave one and the same label only. */
function kappa(counts: Float64Array, n: number, weight: (i: number, j: number) => number): number | null {
  const { rows, columns, total } = margins(counts, n);
  let [observed, expected] = [0, 0];
  for (let i = 0; i < n; i++)
    for (let j = 0; j < n; j++) {
      const w = weight(i, j);
      observed += w * (counts[i * n + j] ?? 0);
      expected += (w * (rows[i] ?? 0) * (columns[j] ?? 0)) / total;
    }
  return expected > 0 ? 1 - observed / expected : null;
}

/** One item with the labels of those who gave one. */
export interface RatedItem {
  readonly group: string;
  /** By rater. */
  readonly labels: ReadonlyMap<string, number>;
  readonly key?: RowKey;
}

/** α over all raters, and the confusion of each two of them. Items with one label alone say nothing about agreement. */
export function raterAgreement(items: readonly RatedItem[], scale: Scale): Agreement {
  const rated = items.filter((item) => item.labels.size > 1);
  const raters = [...new Set(rated.flatMap((item) => [...item.labels.keys()]))].sort();
  const labels = [...new Set([...scale.labels, ...rated.flatMap((item) => [...item.labels.values()])])].sort(
    (a, b) => a - b,
  );
  const place = new Map(labels.map((label, i) => [label, i]));
  const n = labels.length;
  const groups = new Map<string, Float64Array>();
  for (const item of rated) {
    const coincidences = groups.get(item.group) ?? new Float64Array(n * n);
    groups.set(item.group, coincidences);
    const places = [...item.labels.values()].map((label) => place.get(label) ?? 0);
    // Every ordered pair of two raters' labels, weighted so that each label counts once.
    for (const [a, i] of places.entries())
      for (const [b, j] of places.entries())
        if (a !== b) coincidences[i * n + j] = (coincidences[i * n + j] ?? 0) + 1 / (places.length - 1);
  }
  const { nominal, ordinal } = estimates([...groups.values()], {
    nominal: (sum) => alpha(sum, n, () => (i, j) => (i === j ? 0 : 1)),
    ordinal: (sum) => alpha(sum, n, ordinalDistance),
  });
  const pairs = raters.flatMap((reference, a) =>
    raters.slice(a + 1).map((prediction) => {
      const both = rated.flatMap(({ group, labels: given, key }): LabelPair[] => {
        const [one, other] = [given.get(reference), given.get(prediction)];
        if (one === undefined || other === undefined) return [];
        return [{ group, reference: one, prediction: other, ...(key === undefined ? {} : { key }) }];
      });
      return confusionMatrix({ reference, prediction }, both, scale);
    }),
  );
  return {
    raters,
    items: rated.length,
    ratings: rated.reduce((sum, item) => sum + item.labels.size, 0),
    alpha_nominal: nominal,
    alpha_ordinal: ordinal,
    pairs: pairs.filter(({ total }) => total > 0),
  };
}

type Distance = (i: number, j: number) => number;

/** 1 − observed / expected disagreement of a coincidence matrix (Krippendorff 2011); undefined where all gave one label. */
function alpha(coincidences: Float64Array, n: number, metric: (values: Float64Array) => Distance): number | null {
  const { rows: values, total } = margins(coincidences, n);
  const distance = metric(values);
  let [observed, expected] = [0, 0];
  for (let i = 0; i < n; i++)
    for (let j = 0; j < n; j++) {
      const d = distance(i, j);
      observed += d * (coincidences[i * n + j] ?? 0);
      expected += d * (values[i] ?? 0) * (values[j] ?? 0);
    }
  return expected > 0 ? 1 - ((total - 1) * observed) / expected : null;
}

/** Square of the labels counted from one to the other, half of each end. */
function ordinalDistance(values: Float64Array): Distance {
  return (i, j) => {
    const [low, high] = i < j ? [i, j] : [j, i];
    let between = 0;
    for (let g = low; g <= high; g++) between += values[g] ?? 0;
    return (between - ((values[low] ?? 0) + (values[high] ?? 0)) / 2) ** 2;
  };
}

/** An estimate as text: `0.612 [0.540, 0.671]`, or a dash where it is undefined. */
export function estimateText({ value, interval }: Estimate, digits = 3): string {
  if (value === null) return '–';
  const range = interval === null ? '' : ` [${interval.map((end) => end.toFixed(digits)).join(', ')}]`;
  return `${value.toFixed(digits)}${range}`;
}
