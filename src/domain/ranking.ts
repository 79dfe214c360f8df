/** How the reads of a query's candidates become scores and an order. */

export interface RankedInput {
  /** 1 is best. */
  readonly firstStageRank: number;
  readonly firstStageScore: number;
  /** What the engine read, by name; null where the document has not been scored (yet, or because it failed). */
  readonly reads: Readonly<Record<string, number>> | null;
}

export interface Ranked {
  /** null where there are no reads. */
  readonly score: number | null;
  readonly rank: number;
}

/**
 * Scores and ranks the candidates of one query. The score is Σ weight · read, where `z(name)` stands for a read normalised
 * over the scored candidates, z(x) = (x − mean) / standard deviation (0 where they are all equal), plus
 * `fusion` · z(first-stage score). Ties keep the first stage's order, never the ids'; what has no score ranks below what
 * has one, in first-stage order.
 */
export function rankCandidates(
  inputs: readonly RankedInput[],
  weights: Readonly<Record<string, number>>,
  fusion: number,
): Ranked[] {
  const scored = inputs.filter((input) => input.reads !== null);
  const terms = Object.entries(weights).map(([key, weight]) => {
    const normalised = /^z\((.+)\)$/.exec(key)?.[1];
    const name = normalised ?? key;
    const value = (input: RankedInput): number => input.reads?.[name] ?? 0;
    const scale = normalised === undefined ? (x: number): number => x : zScore(scored.map(value));
    return (input: RankedInput): number => weight * scale(value(input));
  });
  if (fusion !== 0) {
    const scale = zScore(scored.map((input) => input.firstStageScore));
    terms.push((input) => fusion * scale(input.firstStageScore));
  }
  const scores = inputs.map((input) =>
    input.reads === null ? null : terms.reduce((sum, term) => sum + term(input), 0),
  );
  const order = inputs
    .map((_, i) => i)
    .sort((a, b) => {
      const left = scores[a] ?? null;
      const right = scores[b] ?? null;
      if (left !== null && right !== null && left !== right) return right - left;
      if ((left === null) !== (right === null)) return left === null ? 1 : -1;
      return (inputs[a]?.firstStageRank ?? 0) - (inputs[b]?.firstStageRank ?? 0);
    });
  const ranks = new Array<number>(inputs.length);
  order.forEach((index, place) => (ranks[index] = place + 1));
  return scores.map((score, i) => ({ score, rank: ranks[i] ?? i + 1 }));
}

/** The function x → (x − mean) / standard deviation of `values` (population), or x → 0 where they do not differ. */
function zScore(values: readonly number[]): (x: number) => number {
  const mean = values.reduce((a, b) => a + b, 0) / (values.length || 1);
  const variance = values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / (values.length || 1);
  const deviation = Math.sqrt(variance);
  // Rounding leaves a tiny deviation among equal values; dividing by it would invent an order.
  return deviation <= 1e-12 * Math.max(1, Math.abs(mean)) ? () => 0 : (x) => (x - mean) / deviation;
}
