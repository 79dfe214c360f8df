/** How alike two orders of documents are, whatever is relevant: rank-biased overlap and Kendall's τ. */
import type { RankingSimilarity } from '../domain/evaluation.js';
import { trecOrder, type Run } from '../retrieval/trec.js';

/** Persistence of the reader: the first ten ranks get 86 % of the weight. */
const rboPersistence = 0.9;

/**
 * Extrapolated rank-biased overlap of two rankings without repeats (Webber, Moffat and Zobel 2010, eq. 32, for rankings of
 * different length); 1 for the same order, 0 for nothing in common, null where one is empty.
 */
export function rankBiasedOverlap(one: readonly string[], other: readonly string[], p = rboPersistence): number | null {
  const [short, long] = one.length <= other.length ? [one, other] : [other, one];
  const [s, l] = [short.length, long.length];
  if (s === 0) return null;
  const [seenShort, seenLong] = [new Set<string>(), new Set<string>()];
  let overlap = 0;
  let overlapAtS = 0;
  let sum = 0;
  let weight = 1;
  for (let d = 1; d <= l; d++) {
    const [a, b] = [d <= s ? short[d - 1] : undefined, long[d - 1]];
    if (a !== undefined) seenShort.add(a);
    if (b !== undefined) seenLong.add(b);
    if (a !== undefined && a === b) overlap++;
    else {
      if (a !== undefined && seenLong.has(a)) overlap++;
      if (b !== undefined && seenShort.has(b)) overlap++;
    }
    if (d === s) overlapAtS = overlap;
    weight *= p;
    sum += (overlap / d) * weight;
    // Below the shorter ranking's end its agreement is taken to go on as it was there.
    if (d > s) sum += ((overlapAtS * (d - s)) / (s * d)) * weight;
  }
  return ((1 - p) / p) * sum + ((overlap - overlapAtS) / l + overlapAtS / s) * weight;
}

/**
 * Kendall's τ of two rankings over the documents in both: (concordant − discordant) / pairs. Null for fewer than two.
 * There are no ties: both are orders. O(n log n) by counting inversions while merging.
 */
export function kendallTau(one: readonly string[], other: readonly string[]): number | null {
  const place = new Map(other.map((id, i) => [id, i]));
  const places = one.flatMap((id) => place.get(id) ?? []);
  const n = places.length;
  if (n < 2) return null;
  return 1 - (4 * inversions(places)) / (n * (n - 1));
}

function inversions(values: readonly number[]): number {
  let from = Float64Array.from(values);
  let to = new Float64Array(from.length);
  let count = 0;
  for (let width = 1; width < from.length; width *= 2) {
    for (let start = 0; start < from.length; start += 2 * width) {
      const middle = Math.min(start + width, from.length);
      const end = Math.min(start + 2 * width, from.length);
      let [left, right] = [start, middle];
      for (let at = start; at < end; at++) {
        const [a = 0, b = 0] = [from[left], from[right]];
        if (left < middle && (right >= end || a <= b)) {
          to[at] = a;
          left++;
        } else {
          to[at] = b;
          right++;
          count += middle - left;
        }
      }
    }
    [from, to] = [to, from];
  }
  return count;
}

/** Means over the queries that both runs rank. */
export function similarityOf(one: Run, other: Run): RankingSimilarity {
  const [rbo, tau]: [number[], number[]] = [[], []];
  let queries = 0;
  for (const [query, scores] of one) {
    const others = other.get(query);
    if (others === undefined) continue;
    queries++;
    const [a, b] = [trecOrder(scores), trecOrder(others)];
    const [overlap, correlation] = [rankBiasedOverlap(a, b), kendallTau(a, b)];
    if (overlap !== null) rbo.push(overlap);
    if (correlation !== null) tau.push(correlation);
  }
  const meanOf = (values: readonly number[]) =>
    values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / values.length;
  return { queries, rbo: meanOf(rbo), rbo_p: rboPersistence, tau: meanOf(tau) };
}
