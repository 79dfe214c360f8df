/** The sentences of a text and whether a document supports one: a measure over words, not a judge of truth. */
import { termsOf } from '../retrieval/analyzer.js';

export interface Sentence {
  readonly text: string;
  /** UTF-16 units, end exclusive; without the white space around it. */
  readonly start: number;
  readonly end: number;
}

const segmenter = new Intl.Segmenter('en', { granularity: 'sentence' });

/** The sentences of `text`, in order, blank ones left out. A line break ends one, too. */
export function sentencesOf(text: string): Sentence[] {
  return [...segmenter.segment(text)].flatMap(({ segment, index }) => {
    const trimmed = segment.trim();
    if (trimmed === '') return [];
    const start = index + segment.indexOf(trimmed);
    return [{ text: trimmed, start, end: start + trimmed.length }];
  });
}

/** Share of a sentence's own terms that must stand in the document. */
const supportedShare = 0.5;

/**
 * Whether `document` (a set of terms) supports the sentence: at least half of its distinct terms that are not the query's
 * stand in it. Null where it has no term of its own: it then only restates the question or gives a verdict.
 */
export function isSupported(
  sentence: string,
  document: ReadonlySet<string>,
  query: ReadonlySet<string>,
): boolean | null {
  const own = [...new Set(termsOf(sentence))].filter((term) => !query.has(term));
  if (own.length === 0) return null;
  return own.filter((term) => document.has(term)).length >= supportedShare * own.length;
}
