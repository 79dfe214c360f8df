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
/** Words of a repeated sentence. */
const shortestSentence = 4;

/** A sentence (of 4 words or more) three times, or a stretch of 8 words three times. */
function repeats(text: string): boolean {
  if (!mayRepeat(text)) return false;
  const words = (part: string): string[] => part.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
  const sentences = text
    .split(/[.!?\n]+/)
    .map((s) => words(s))
    .filter((w) => w.length >= shortestSentence);
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

const piecesAtMost = 1 << 12;
/** A word's hash, or 0 − a character beyond ASCII. */
const pieces = new Int32Array(piecesAtMost);
/** Open addressing, twice the pieces: which, and how often. */
const tableSize = piecesAtMost * 2;
const seen = new Int32Array(tableSize);
const times = new Uint8Array(tableSize);

/**
 * False where no four words in a row all stand three times: so it is in nearly every explanation, and then nothing repeats.
 * A pass over the characters, ten times as fast as the exact look. True without reason is allowed (hashes that agree, a
 * text of very many words), false never: characters beyond ASCII count for words of their own, and interrupt nothing.
 */
function mayRepeat(text: string): boolean {
  // As the exact look compares words, but for the sigma whose form depends on what follows.
  const lower = text.toLowerCase();
  let count = 0;
  let hash = 0;
  for (let i = 0; i <= lower.length; i++) {
    if (count + 2 > piecesAtMost) return true;
    const unit = i < lower.length ? lower.charCodeAt(i) : 0x20;
    if ((unit >= 0x61 && unit <= 0x7a) || (unit >= 0x30 && unit <= 0x39)) {
      hash = (Math.imul(hash ^ unit, 0x01000193) & 0x7fffffff) | 1;
      continue;
    }
    if (hash !== 0) pieces[count++] = hash;
    hash = 0;
    if (unit > 0x7f) pieces[count++] = -(unit === finalSigma ? sigma : unit);
  }
  // Three stretches may overlap.
  if (count < stretch + 2) return false;
  times.fill(0);
  for (let i = 0; i < count; i++) {
    const piece = pieces[i] ?? 0;
    const place = placeOf(piece);
    seen[place] = piece;
    times[place] = Math.min(3, (times[place] ?? 0) + 1);
  }
  for (let i = 0, run = 0; i < count; i++) {
    const piece = pieces[i] ?? 0;
    if (times[placeOf(piece)] === 3) run++;
    else if (piece > 0) run = 0;
    if (run === shortestSentence) return true;
  }
  return false;
}

const sigma = 0x3c3;
const finalSigma = 0x3c2;

function placeOf(piece: number): number {
  let place = (piece ^ (piece >>> 13)) & (tableSize - 1);
  while (times[place] !== 0 && seen[place] !== piece) place = (place + 1) & (tableSize - 1);
  return place;
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
