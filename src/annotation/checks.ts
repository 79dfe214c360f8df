/**
 * Checks on an answer: derived, never stored, several at once. They point at rows worth a second look; none decides
 * anything.
 */
import type { LabelScale } from '../domain/scale.js';

/** Grows when a check's outcome may change for the same answer, so that counts of two versions are not compared. */
export const checksVersion = 1;

export type CheckId = 'empty' | 'repetition' | 'contradiction';

export const checkTitles: Readonly<Record<CheckId, string>> = {
  empty: 'no explanation',
  repetition: 'the explanation repeats itself',
  contradiction: 'label and explanation contradict each other',
};

/**
 * The checks that an answer fails, in the order of `checkTitles`. `scale` tells which label is the lowest and which the
 * highest; without it, contradiction is not checked.
 */
export function failedChecks(
  answer: { readonly label: number | null; readonly explanation: string | null },
  scale: LabelScale | undefined,
): CheckId[] {
  const text = (answer.explanation ?? '').trim();
  if (text === '') return ['empty'];
  const failed: CheckId[] = [];
  if (repeats(text)) failed.push('repetition');
  if (isContradiction(answer, scale)) failed.push('contradiction');
  return failed;
}

/** Whether label and explanation contradict each other, for those who need no other check. */
export function isContradiction(
  answer: { readonly label: number | null; readonly explanation: string | null },
  scale: LabelScale | undefined,
): boolean {
  const { label, explanation } = answer;
  return label !== null && explanation !== null && scale !== undefined && contradicts(label, explanation, scale);
}

/** Words of a repeated stretch; shorter ones occur in good prose too. */
const stretch = 8;

/** A sentence (of 4 words or more) three times, or a stretch of 8 words three times. */
function repeats(text: string): boolean {
  const words = (part: string): string[] => part.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
  const sentences = text
    .split(/[.!?\n]+/)
    .map((s) => words(s))
    .filter((w) => w.length >= 4);
  if (someThrice(sentences.map((w) => w.join(' ')))) return true;
  const all = words(text);
  const counts = countsOf(all);
  // A stretch that stands three times has only words that do: in good prose hardly one, so hardly one is spelled out.
  const stretches: string[] = [];
  for (let i = 0, run = 0; i < all.length; i++) {
    run = (counts.get(all[i] ?? '') ?? 0) >= 3 ? run + 1 : 0;
    if (run >= stretch) stretches.push(all.slice(i + 1 - stretch, i + 1).join(' '));
  }
  return someThrice(stretches);
}

function countsOf(words: readonly string[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
  return counts;
}

function someThrice(parts: readonly string[]): boolean {
  const counts = new Map<string, number>();
  for (const part of parts) {
    const count = (counts.get(part) ?? 0) + 1;
    if (count === 3) return true;
    counts.set(part, count);
  }
  return false;
}

const says = {
  irrelevant: /\b(?:is|are|was)\s+(?:completely\s+|entirely\s+|therefore\s+|thus\s+)?(?:not\s+relevant|irrelevant)\b/i,
  answers: /\b(?:directly|fully|completely)\s+(?:answers?|addresse?s?)\b/i,
  negated:
    /\b(?:not|never|n't|nor|fails?\s+to|does\s+not)\s+(?:\w+\s+)?(?:directly|fully|completely)\s+(?:answers?|addresse?s?)\b/i,
};

function contradicts(label: number, text: string, scale: LabelScale): boolean {
  const values = scale.labels.map((l) => l.value);
  if (label === Math.max(...values)) return says.irrelevant.test(text);
  return label === Math.min(...values) && says.answers.test(text) && !says.negated.test(text);
}
