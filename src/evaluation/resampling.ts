/**
 * Random numbers that are the same every time, and what resampling makes of them. Rows of one query resemble each other,
 * so whole queries are resampled, never rows.
 */
import { seededRandom } from '../domain/random.js';
import type { Estimate } from '../domain/evaluation.js';

/** Seed of every resampling here, so that the same files always give the same intervals. */
export const seed = 20_250_101;

/** Linear interpolation between order statistics (as numpy's default), 0 ≤ p ≤ 1; NaN of nothing. */
export function percentile(sorted: Float64Array | readonly number[], p: number): number {
  const place = p * (sorted.length - 1);
  const low = sorted[Math.floor(place)] ?? NaN;
  const high = sorted[Math.ceil(place)] ?? low;
  return low + (high - low) * (place - Math.floor(place));
}

export function mean(values: readonly number[]): number {
  return values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Resamples of the intervals of measures over labels. */
const resamples = 1_000;

/**
 * Measures that are functions of a sum over groups (counts of a table, sums of a calibration bin), each with its 95 %
 * percentile interval from resampling the groups. `groups` are vectors of one length. A measure may be undefined (null) on
 * some resamples, which are then left out of its interval.
 */
export function estimates<Name extends string>(
  groups: readonly Float64Array[],
  measures: Readonly<Record<Name, (sum: Float64Array) => number | null>>,
): Readonly<Record<Name, Estimate>> {
  const names = Object.keys(measures) as Name[];
  const width = groups[0]?.length ?? 0;
  const sampled = new Map<Name, number[]>(names.map((name) => [name, []]));
  const sum = new Float64Array(width);
  const random = seededRandom(seed);
  // One group alone says nothing about others.
  for (let r = 0; groups.length > 1 && r < resamples; r++) {
    sum.fill(0);
    for (let g = 0; g < groups.length; g++) add(sum, groups[Math.floor(random() * groups.length)] ?? sum);
    for (const name of names) {
      const value = measures[name](sum);
      if (value !== null) sampled.get(name)?.push(value);
    }
  }
  sum.fill(0);
  for (const group of groups) add(sum, group);
  const entries = names.map((name): [Name, Estimate] => {
    const values = Float64Array.from(sampled.get(name) ?? []).sort();
    const value = measures[name](sum);
    const interval =
      value === null || values.length === 0 ? null : ([percentile(values, 0.025), percentile(values, 0.975)] as const);
    return [name, { value, interval }];
  });
  return Object.fromEntries(entries) as Record<Name, Estimate>;
}

function add(sum: Float64Array, group: Float64Array): void {
  for (let i = 0; i < sum.length; i++) sum[i] = (sum[i] ?? 0) + (group[i] ?? 0);
}
