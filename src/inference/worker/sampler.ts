/** Which token comes next: the most probable one, or one drawn by temperature and nucleus from seeded random numbers. Pure. */
import { createHash } from 'node:crypto';
import { seededRandom } from '../../domain/random.js';
import type { Sampling } from '../../protocol/inference.js';
import { argmax } from './logits.js';

export type PickToken = (logits: Float32Array) => number;

/**
 * The picker of one answer. Its random numbers depend on the seed, the prompt and the sample's number alone, so that
 * neither the order of the documents nor how many are asked for changes an answer. `sampling` absent or at temperature 0
 * is greedy.
 */
export function tokenPicker(sampling: Sampling | undefined, promptSha256: string, sample: number): PickToken {
  if (sampling === undefined || sampling.temperature === 0) return argmax;
  const { temperature, top_p: topP, seed } = sampling;
  const digest = createHash('sha256').update(`${seed}\n${promptSha256}\n${sample}`, 'utf8').digest();
  const random = seededRandom(digest.readUInt32BE(0));
  return (logits) => draw(logits, temperature, topP, random());
}

/**
 * The token at `u` in [0, 1) of softmax(logits / temperature), cut to its nucleus: the fewest most probable tokens whose
 * probabilities sum to at least `topP` (Holtzman et al. 2020, "The Curious Case of Neural Text Degeneration").
 */
export function draw(logits: Float32Array, temperature: number, topP: number, u: number): number {
  const top = logits[argmax(logits)] ?? 0;
  const weights = Float64Array.from(logits, (value) => Math.exp((value - top) / temperature));
  const sum = weights.reduce((a, b) => a + b, 0);
  // All tokens below this weight together hold less than 1 − topP, so none of them is in the nucleus: few are left to sort.
  const least = topP < 1 ? ((1 - topP) * sum) / weights.length : 0;
  const candidates: number[] = [];
  weights.forEach((weight, id) => {
    if (weight > 0 && weight >= least) candidates.push(id);
  });
  if (topP < 1) candidates.sort((a, b) => (weights[b] ?? 0) - (weights[a] ?? 0) || a - b);
  let held = 0;
  let size = 0;
  while (size < candidates.length && (topP === 1 || size === 0 || held < topP * sum)) {
    held += weights[candidates[size] ?? 0] ?? 0;
    size++;
  }
  let rest = u * held;
  for (const id of candidates.slice(0, size)) {
    rest -= weights[id] ?? 0;
    if (rest < 0) return id;
  }
  // Rounding left a remainder at the very end.
  return candidates[size - 1] ?? argmax(logits);
}
