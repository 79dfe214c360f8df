/**
 * Is one run better than another on the same queries? Differences are paired by query; the interval comes from the
 * bootstrap, the p-value from randomisation (Smucker, Allan and Carterette 2007), neither of which assumes a normal
 * distribution. The random numbers are seeded, so the same two runs always give the same interval.
 */
import { seededRandom } from '../domain/random.js';

export interface Comparison {
  /** Queries compared. */
  readonly queries: number;
  /** Mean over the queries of value − baseline. */
  readonly difference: number;
  /** 95 % interval of `difference`: 2.5th and 97.5th percentile of the means of `resamples` bootstrap samples of queries. */
  readonly confidence_interval: readonly [low: number, high: number];
  readonly wins: number;
  readonly ties: number;
  readonly losses: number;
  /** Two-sided: how often random signs give a mean at least as far from 0 (exact where the sign patterns can be counted out). */
  readonly p_value: number;
  readonly resamples: number;
}

const resamples = 10_000;
const seed = 20_250_101;

/**
 * Compares paired values (same query at the same place). Differences below 1e-12 are ties: they come from the order of
 * summation.
 */
export function comparePaired(values: readonly number[], baseline: readonly number[]): Comparison {
  const differences = values.map((value, i) => {
    const difference = value - (baseline[i] ?? 0);
    return Math.abs(difference) < 1e-12 ? 0 : difference;
  });
  const n = differences.length;
  return {
    queries: n,
    difference: mean(differences),
    confidence_interval: bootstrapInterval(differences),
    wins: differences.filter((d) => d > 0).length,
    ties: differences.filter((d) => d === 0).length,
    losses: differences.filter((d) => d < 0).length,
    p_value: randomisation(differences),
    resamples,
  };
}

function bootstrapInterval(differences: readonly number[]): [number, number] {
  const n = differences.length;
  if (n === 0) return [0, 0];
  const random = seededRandom(seed);
  const means = new Float64Array(resamples);
  for (let r = 0; r < resamples; r++) {
    let sum = 0;
    for (let i = 0; i < n; i++) sum += differences[Math.floor(random() * n)] ?? 0;
    means[r] = sum / n;
  }
  means.sort();
  return [percentile(means, 0.025), percentile(means, 0.975)];
}

/** Linear interpolation between order statistics (as numpy's default). */
function percentile(sorted: Float64Array, p: number): number {
  const place = p * (sorted.length - 1);
  const low = sorted[Math.floor(place)] ?? 0;
  const high = sorted[Math.ceil(place)] ?? low;
  return low + (high - low) * (place - Math.floor(place));
}

function randomisation(differences: readonly number[]): number {
  const changed = differences.filter((d) => d !== 0);
  const n = changed.length;
  const observed = Math.abs(changed.reduce((sum, d) => sum + d, 0));
  // Sums of the same numbers in another order or with all signs turned differ in the last bits.
  const threshold = observed - 1e-9 * Math.max(observed, 1e-9);
  const exact = 2 ** n <= resamples;
  const random = seededRandom(seed + 1);
  const samples = exact ? 2 ** n : resamples;
  let asFar = 0;
  for (let s = 0; s < samples; s++) {
    let sum = 0;
    for (const [i, d] of changed.entries()) sum += (exact ? (s >>> i) & 1 : random() < 0.5) ? d : -d;
    if (Math.abs(sum) >= threshold) asFar++;
  }
  // A sampled p-value counts the observed signs as one of the samples, so that it is never 0.
  return exact ? asFar / samples : (asFar + 1) / (samples + 1);
}

export function mean(values: readonly number[]): number {
  return values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;
}
