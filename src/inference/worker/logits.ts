/** What is read of a row of logits. Pure. */
import type { LabelToken } from './prompts.js';

/** Softmax over the label tokens' logits alone, divided by `temperature` (> 0), in the labels' order. */
export function labelProbabilities(logits: Float32Array, labels: readonly LabelToken[], temperature: number): number[] {
  const values = labels.map((label) => logits[label.id] ?? Number.NEGATIVE_INFINITY);
  const top = Math.max(...values);
  const weights = values.map((value) => Math.exp((value - top) / temperature));
  const sum = weights.reduce((a, b) => a + b, 0);
  return weights.map((weight) => weight / sum);
}

/** Σ value · p. */
export function expectedLabel(probabilities: readonly number[], labels: readonly LabelToken[]): number {
  return probabilities.reduce((sum, p, i) => sum + p * (labels[i]?.value ?? 0), 0);
}

/** log p(id) over the whole vocabulary. */
export function logProbability(logits: Float32Array, id: number): number {
  let top = Number.NEGATIVE_INFINITY;
  for (const value of logits) if (value > top) top = value;
  let sum = 0;
  for (const value of logits) sum += Math.exp(value - top);
  return (logits[id] ?? Number.NEGATIVE_INFINITY) - top - Math.log(sum);
}

/** Index of the greatest value, the first of equals. */
export function argmax(values: ArrayLike<number>): number {
  let best = 0;
  for (let i = 1; i < values.length; i++)
    if ((values[i] ?? Number.NEGATIVE_INFINITY) > (values[best] ?? Number.NEGATIVE_INFINITY)) best = i;
  return best;
}

/** Length of the longest common prefix of all sequences, at most one less than the shortest (each keeps a token of its own). */
export function commonPrefix(sequences: readonly (readonly number[])[]): number {
  const first = sequences[0];
  if (first === undefined) return 0;
  let length = Math.min(...sequences.map((s) => s.length)) - 1;
  for (const sequence of sequences) {
    let i = 0;
    while (i < length && sequence[i] === first[i]) i++;
    length = i;
  }
  return Math.max(0, length);
}
