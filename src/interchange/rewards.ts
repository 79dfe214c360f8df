/**
 * How good an answer is in the light of the human's: the reward of reward-weighted data and the margin of preference pairs.
 * The formula is this project's, not the paper's, whose rewards come from a reward model (arXiv 2504.03947, score_outputs).
 */
import { sliceCodePoints } from '../domain/text.js';
import type { Answer, LabelledRow } from './canonical.js';
import type { RewardPolicy } from './policy.js';

/** The formula in one line, for plan and card. */
export function rewardFormula({ explanationWeight: w }: RewardPolicy): string {
  const rest = Math.round((1 - w) * 1e6) / 1e6;
  return `reward = agreement × (${rest} + ${w} × quality); agreement = 1 − |label − human label| / width of the scale; quality = mean of (1 − normalised edit distance to the human explanation) and, where evidence is marked, how many of its words the explanation names, by how many the human explanation does`;
}

/**
 * Reward of `answer` in [0, 1], rounded to six digits: 1 for the human's own label and explanation. Terms that are not known
 * (no explanation asked for, no evidence marked or named) are left out of `quality`.
 */
export function rewardOf(answer: Answer, row: LabelledRow, policy: RewardPolicy): number {
  const terms: number[] = [];
  if (row.human.explanation !== null) {
    terms.push(1 - editDistance(answer.explanation ?? '', row.human.explanation));
    // Measured by what the human's explanation names, so that the human's own answer is always worth 1.
    const wanted = evidenceNamed(row.human.explanation, row);
    if (wanted > 0) terms.push(Math.min(1, evidenceNamed(answer.explanation ?? '', row) / wanted));
  }
  const quality = terms.length === 0 ? 1 : terms.reduce((a, b) => a + b, 0) / terms.length;
  const w = policy.explanationWeight;
  return Math.round(agreement(answer.label, row) * (1 - w + w * quality) * 1e6) / 1e6;
}

/** 1 for equal labels, 0 for the two ends of the scale; on an unknown scale 1 or 0. */
function agreement(label: number, { human, scale }: LabelledRow): number {
  if (label === human.label) return 1;
  const values = scale?.labels.map(({ value }) => value) ?? [];
  const width = Math.max(...values) - Math.min(...values);
  return width > 0 ? Math.max(0, 1 - Math.abs(label - human.label) / width) : 0;
}

/** How many distinct words of all evidence `explanation` names. */
function evidenceNamed(explanation: string, { evidence, judgement }: LabelledRow): number {
  const marked = new Set(evidence.flatMap(([start, end]) => tokens(sliceCodePoints(judgement.document, start, end))));
  if (marked.size === 0) return 0;
  const said = new Set(tokens(explanation));
  return [...marked].filter((word) => said.has(word)).length;
}

/** Cells of the distance table above which only the tokens' multisets are compared (two texts of 4,000 differing words). */
const tableLimit = 16_000_000;

/**
 * Levenshtein distance of two texts in words (characters where a script has no spaces), divided by the longer's length: 0
 * equal, 1 nothing in common. Beyond `tableLimit` a lower bound that ignores the order.
 */
export function editDistance(a: string, b: string): number {
  let left = tokens(a);
  let right = tokens(b);
  const longest = Math.max(left.length, right.length);
  if (longest === 0) return 0;
  let same = 0;
  while (same < left.length && same < right.length && left[same] === right[same]) same++;
  left = left.slice(same);
  right = right.slice(same);
  let tail = 0;
  while (tail < left.length && tail < right.length && left.at(-1 - tail) === right.at(-1 - tail)) tail++;
  left = left.slice(0, left.length - tail);
  right = right.slice(0, right.length - tail);
  const distance = left.length * right.length > tableLimit ? unordered(left, right) : levenshtein(left, right);
  return distance / longest;
}

function levenshtein(a: readonly string[], b: readonly string[]): number {
  let above = b.map((_, i) => i + 1);
  let last = b.length;
  a.forEach((word, i) => {
    const row: number[] = [];
    let diagonal = i;
    let beside = i + 1;
    b.forEach((other, j) => {
      const over = above[j] ?? 0;
      beside = Math.min(beside + 1, over + 1, diagonal + (word === other ? 0 : 1));
      diagonal = over;
      row.push(beside);
    });
    above = row;
    last = beside;
  });
  return last;
}

function unordered(a: readonly string[], b: readonly string[]): number {
  const counts = new Map<string, number>();
  for (const word of a) counts.set(word, (counts.get(word) ?? 0) + 1);
  let shared = 0;
  for (const word of b) {
    const left = counts.get(word) ?? 0;
    if (left > 0) {
      shared++;
      counts.set(word, left - 1);
    }
  }
  return Math.max(a.length, b.length) - shared;
}

/** Lower-case words; each character of a script without spaces on its own. */
function tokens(text: string): string[] {
  return (
    text
      .toLowerCase()
      .match(
        /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}]|(?:(?![\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}])[\p{L}\p{N}\p{M}])+/gu,
      ) ?? []
  );
}
