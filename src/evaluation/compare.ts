/**
 * Is one run better than another on the same queries? Differences are paired by query; the interval comes from the
 * bootstrap, the p-value from randomisation (Smucker, Allan and Carterette 2007), neither of which assumes a normal
 * distribution. The random numbers are seeded, so the same two runs always give the same interval.
 */
import type { PairedComparison } from '../domain/evaluation.js';
import { seededRandom } from '../domain/random.js';
import { mean, percentile, seed } from './resampling.js';

const resamples = 10_000;

/**
 * Compares paired values (same query at the same place). Differences below 1e-12 are ties: they come from the order of
 * summation.
 */
export function comparePaired(values: readonly number[], baseline: readonly number[]): PairedComparison {
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
    effect_size: effectSize(differences),
  };
}

/** Cohen's d of paired differences (d_z): mean / standard deviation (n − 1). */
function effectSize(differences: readonly number[]): number | null {
  if (differences.length < 2) return null;
  const centre = mean(differences);
  const variance = differences.reduce((sum, d) => sum + (d - centre) ** 2, 0) / (differences.length - 1);
  return variance < 1e-24 ? null : centre / Math.sqrt(variance);
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

/**
 * Holm's step-down correction (1979): p-values of a family of tests, in the order given, so adjusted that rejecting those
 * below α keeps the chance of any false rejection at most α.
 */
export function holm(pValues: readonly number[]): number[] {
  const order = pValues.map((p, i) => ({ p, i })).sort((a, b) => a.p - b.p);
  const adjusted = pValues.map(() => 1);
  let least = 0;
  for (const [step, { p, i }] of order.entries()) {
    least = Math.max(least, Math.min(1, p * (pValues.length - step)));
    adjusted[i] = least;
  }
  return adjusted;
}
