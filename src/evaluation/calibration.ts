/**
 * Are the label probabilities to be believed? Reliability diagram and expected calibration error against human labels, and
 * the temperature that would mend them: fitted on half of the queries and shown on the other half, because a temperature
 * always looks good on the rows it was fitted to. Formulas and sources: docs/evaluation.md.
 */
import { createHash } from 'node:crypto';
import type { Calibration, Reliability, ReliabilityBin, ScoreDistribution } from '../domain/evaluation.js';
import type { LabelledFile } from './labelled-file.js';
import { modelOf, scaleLabels } from './labelled-file.js';
import { estimates, percentile } from './resampling.js';

/** One answer with probabilities and a human label. */
export interface ProbabilityItem {
  /** The query: what is resampled and halved. */
  readonly group: string;
  /** In the order of the scale, from 0 to 1; normalised where they do not sum to 1. */
  readonly probabilities: readonly number[];
  /** Place of the human label on the scale. */
  readonly human: number;
}

export const defaultBins = 10;

/** Sums of a bin: items, confidence, hits. Behind the bins: none. */
const perBin = 3;

/** Reliability of the most probable label in equally wide bins, (low, high]. `items` must not be empty. */
export function reliability(items: readonly ProbabilityItem[], bins = defaultBins): Reliability {
  const groups = new Map<string, Float64Array>();
  let [nll, brier, hits] = [0, 0, 0];
  for (const { group, probabilities, human } of items) {
    const sums = groups.get(group) ?? new Float64Array(bins * perBin);
    groups.set(group, sums);
    let best = 0;
    for (let i = 1; i < probabilities.length; i++) if ((probabilities[i] ?? 0) > (probabilities[best] ?? 0)) best = i;
    const confidence = probabilities[best] ?? 0;
    const hit = best === human ? 1 : 0;
    const bin = Math.min(bins - 1, Math.max(0, Math.ceil(confidence * bins) - 1)) * perBin;
    sums[bin] = (sums[bin] ?? 0) + 1;
    sums[bin + 1] = (sums[bin + 1] ?? 0) + confidence;
    sums[bin + 2] = (sums[bin + 2] ?? 0) + hit;
    hits += hit;
    nll -= Math.log(Math.max(probabilities[human] ?? 0, Number.MIN_VALUE));
    brier += probabilities.reduce((sum, p, i) => sum + (p - (i === human ? 1 : 0)) ** 2, 0);
  }
  const vectors = [...groups.values()];
  const { ece } = estimates(vectors, { ece: (sums) => expectedCalibrationError(sums) });
  const total = vectors.reduce(
    (sum, vector) => sum.map((value, i) => value + (vector[i] ?? 0)),
    new Float64Array(bins * perBin),
  );
  const n = items.length;
  return {
    items: n,
    bins: Array.from({ length: bins }, (_, i): ReliabilityBin => {
      const [count = 0, confidence = 0, accuracy = 0] = total.slice(i * perBin, (i + 1) * perBin);
      return {
        low: i / bins,
        high: (i + 1) / bins,
        count,
        confidence: count === 0 ? null : confidence / count,
        accuracy: count === 0 ? null : accuracy / count,
      };
    }),
    ece,
    nll: nll / n,
    brier: brier / n,
    accuracy: hits / n,
  };
}

function expectedCalibrationError(sums: Float64Array): number | null {
  let [off, items] = [0, 0];
  for (let i = 0; i < sums.length; i += perBin) {
    off += Math.abs((sums[i + 1] ?? 0) - (sums[i + 2] ?? 0));
    items += sums[i] ?? 0;
  }
  return items === 0 ? null : off / items;
}

/** p^(1/T), normalised: what the logits divided by T would give (Guo et al. 2017). */
export function tempered(probabilities: readonly number[], temperature: number): number[] {
  const logits = probabilities.map((p) => Math.log(Math.max(p, 1e-12)) / temperature);
  const highest = Math.max(...logits);
  const powers = logits.map((logit) => Math.exp(logit - highest));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((power) => power / sum);
}

/** The temperature, from 0.05 to 20, with the least negative log-likelihood of the human labels (which has one minimum in 1/T). */
export function fitTemperature(items: readonly ProbabilityItem[]): number {
  const logs = items.map(({ probabilities, human }) => ({
    logits: probabilities.map((p) => Math.log(Math.max(p, 1e-12))),
    human,
  }));
  const loss = (inverse: number): number => {
    let sum = 0;
    for (const { logits, human } of logs) {
      let highest = -Infinity;
      for (const logit of logits) highest = Math.max(highest, logit * inverse);
      let total = 0;
      for (const logit of logits) total += Math.exp(logit * inverse - highest);
      sum += Math.log(total) + highest - (logits[human] ?? 0) * inverse;
    }
    return sum;
  };
  // Golden-section search on the convex loss in 1/T.
  const ratio = (Math.sqrt(5) - 1) / 2;
  let [low, high] = [1 / 20, 20];
  let [left, right] = [high - ratio * (high - low), low + ratio * (high - low)];
  let [atLeft, atRight] = [loss(left), loss(right)];
  while (high - low > 1e-6) {
    if (atLeft < atRight) {
      [high, right, atRight] = [right, left, atLeft];
      left = high - ratio * (high - low);
      atLeft = loss(left);
    } else {
      [low, left, atLeft] = [left, right, atRight];
      right = low + ratio * (high - low);
      atRight = loss(right);
    }
  }
  return 2 / (low + high);
}

/** Which half a query belongs to: by the hash of its id, so that a half stays the same when queries are added. */
function inFirstHalf(query: string): boolean {
  return ((createHash('sha256').update(query).digest()[0] ?? 0) & 1) === 0;
}

/** Calibration of each model and scale of a file that has both probabilities and human labels. */
export function calibrationOf(file: LabelledFile, bins = defaultBins): Calibration[] {
  interface Collected {
    readonly model: string;
    readonly scale: string;
    readonly items: ProbabilityItem[];
    readonly scores: Map<number, number[]>;
  }
  const collected = new Map<string, Collected>();
  for (const { row, human } of file.rows) {
    const { label_probabilities: given, scale, score, query_id } = row.judgement;
    if (human === null) continue;
    const model = modelOf(row);
    const key = JSON.stringify([model, scale]);
    const { labels, known } = scaleLabels(scale, file.scales, []);
    const into = collected.get(key) ?? { model, scale, items: [], scores: new Map<number, number[]>() };
    collected.set(key, into);
    if (score !== null) {
      const scores = into.scores.get(human);
      if (scores === undefined) into.scores.set(human, [score]);
      else scores.push(score);
    }
    const place = labels.indexOf(human);
    const sum = given?.reduce((a, b) => a + b, 0) ?? 0;
    // Probabilities without a known scale belong to no labels, and those of another length to other ones.
    if (given === null || !known || given.length !== labels.length || place < 0 || !(sum > 0)) continue;
    into.items.push({ group: query_id, probabilities: given.map((p) => p / sum), human: place });
  }
  return [...collected.values()]
    .filter(({ items }) => items.length > 0)
    .map(({ model, scale, items, scores }) => {
      const { labels, names } = scaleLabels(scale, file.scales, []);
      return {
        model,
        scale,
        labels,
        all: reliability(items, bins),
        temperature: temperatureOf(items, bins),
        scores: distributions(scores, labels, names),
      };
    });
}

function temperatureOf(items: readonly ProbabilityItem[], bins: number): Calibration['temperature'] {
  const [fitting, heldOut] = [
    items.filter(({ group }) => inFirstHalf(group)),
    items.filter(({ group }) => !inFirstHalf(group)),
  ];
  if (fitting.length === 0 || heldOut.length === 0) return null;
  const value = fitTemperature(fitting);
  const queries = (some: readonly ProbabilityItem[]) => new Set(some.map(({ group }) => group)).size;
  const mended = heldOut.map((item) => ({ ...item, probabilities: tempered(item.probabilities, value) }));
  return {
    value,
    fitted_queries: queries(fitting),
    held_out_queries: queries(heldOut),
    before: reliability(heldOut, bins),
    after: reliability(mended, bins),
  };
}

const histogramBins = 20;

function distributions(
  scores: ReadonlyMap<number, readonly number[]>,
  labels: readonly number[],
  names: readonly string[],
): ScoreDistribution[] {
  let [low, high] = [Infinity, -Infinity];
  for (const some of scores.values())
    for (const score of some) [low, high] = [Math.min(low, score), Math.max(high, score)];
  if (low > high) [low, high] = [0, 1];
  if (low === high) high = low + 1;
  const edges = Array.from({ length: histogramBins + 1 }, (_, i) => low + ((high - low) * i) / histogramBins);
  return labels.map((label, i) => {
    const sorted = [...(scores.get(label) ?? [])].sort((a, b) => a - b);
    const histogram = Array.from({ length: histogramBins }, () => 0);
    for (const score of sorted) {
      const bin = Math.min(histogramBins - 1, Math.floor(((score - low) / (high - low)) * histogramBins));
      histogram[bin] = (histogram[bin] ?? 0) + 1;
    }
    const at = (p: number) => percentile(sorted, p);
    return {
      label,
      label_name: names[i] ?? String(label),
      count: sorted.length,
      quartiles: sorted.length === 0 ? null : [at(0), at(0.25), at(0.5), at(0.75), at(1)],
      histogram,
      edges,
    };
  });
}
