/**
 * The analyzer: from text to the terms that the first stage counts, and back to the places where a query's terms stand.
 * One analysis for documents, queries and highlighting, so that what is marked is what was matched.
 *
 * A term is a lower-cased (NFKC), Porter-stemmed word that is no stop word. An identifier (camelCase, PascalCase,
 * snake_case, kebab-case, letters next to digits) gives its parts and also the whole, written together: `parseJson`,
 * `parse_json` and `parse-json` all give `parsejson`, `pars` and `json`, and so match each other. Scripts that put no
 * spaces between words (Han, Kana, Thai, …) give overlapping pairs of characters.
 */
import { stemmer } from 'stemmer';
import { eng } from 'stopword';

/** Changes whenever the same text may give other terms, so that a cached index of an older analyzer is rebuilt. */
export const analyzerVersion = 1;

const unspaced = ['Han', 'Hiragana', 'Katakana', 'Thai', 'Lao', 'Khmer', 'Myanmar']
  .map((script) => `\\p{Script=${script}}`)
  .join('');
const start = `[[\\p{L}\\p{N}]--[${unspaced}]]`;
const next = `[[\\p{L}\\p{N}\\p{M}]--[${unspaced}]]`;
/**
 * A word: letters and digits, joined by underscores or single hyphens; what follows an apostrophe in English (`'s`,
 * `n't`, `'ll`) is passed over. Group 1 is a stretch of an unspaced script, group 2 the word without that ending.
 */
const words = new RegExp(
  `([${unspaced}][${unspaced}\\p{M}ー]*)|(${start}${next}*(?:(?:_+|-)${start}${next}*)*)(?:['’]\\p{L}{1,2}(?!${next}))?`,
  'gv',
);
/** One part of an identifier: an acronym before the next capitalised word, a word, or digits. */
const parts = /\p{Lu}+(?!\p{Ll})|\p{Lu}?[\p{Ll}\p{Lt}\p{Lo}\p{Lm}\p{M}]+|\p{N}+|\p{Lu}/gu;
/** Most words of most texts: nothing inside them to split. An acronym's plural (`URLs`) counts as one word. */
const undivided = /^(?:[A-Z]?[a-z]+|[A-Z]+s?|[0-9]+)$/;
const ascii = /^[\x21-\x7e]*$/;
const stopWords: ReadonlySet<string> = new Set(eng);
/** Longer runs of letters are encoded data (base64, hashes in a row), not words. */
const longestWord = 100;

/** Stems of the words met so far: stemming is most of the cost of analysis, and texts repeat their words. */
const stems = new Map<string, string>();
const stemsKept = 200_000;

/** The term of one word or part, or `''` for a stop word. */
function termOf(word: string): string {
  const known = stems.get(word);
  if (known !== undefined) return known;
  const plain = (ascii.test(word) ? word : word.normalize('NFKC')).toLowerCase();
  const term = stopWords.has(plain) ? '' : /^[a-z]+$/.test(plain) ? stemmer(plain) : plain;
  if (stems.size >= stemsKept) stems.clear();
  const key = ownCopy(word);
  const kept = term === word ? key : ownCopy(term);
  stems.set(key, kept);
  return kept;
}

/** V8 keeps a whole text alive for each slice of it; what outlives the call is copied out. */
function ownCopy(slice: string): string {
  return Buffer.from(slice, 'utf16le').toString('utf16le');
}

/** Calls `found` for every term of `text` in reading order, with its UTF-16 range; an identifier's whole comes before its parts. */
function scan(text: string, found: (term: string, start: number, end: number) => void): void {
  const emit = (word: string, from: number, to: number) => {
    const term = termOf(word);
    if (term !== '') found(term, from, to);
  };
  for (const match of text.matchAll(words)) {
    const at = match.index;
    const run = match[1];
    if (run !== undefined) {
      scanUnspaced(run, at, emit);
      continue;
    }
    const word = match[2] ?? '';
    if (undivided.test(word)) {
      if (word.length <= longestWord) emit(word, at, at + word.length);
      continue;
    }
    const pieces = [...word.matchAll(parts)];
    if (pieces.length < 2) {
      if (word.length <= longestWord) emit(word, at, at + word.length);
      continue;
    }
    if (word.length <= longestWord) emit(word.replace(/[_-]+/g, '').toLowerCase(), at, at + word.length);
    for (const piece of pieces) {
      const part = piece[0];
      // A single letter or digit of an identifier (the 8 of utf8) says nothing by itself; as a word of its own it does.
      if (part.length < 2 || part.length > longestWord) continue;
      emit(part, at + piece.index, at + piece.index + part.length);
    }
  }
}

/** Terms of a stretch without spaces: each pair of neighbouring characters, or the one character there is. */
function scanUnspaced(run: string, at: number, emit: (word: string, start: number, end: number) => void): void {
  const characters = Array.from(run);
  if (characters.length === 1) {
    emit(run, at, at + run.length);
    return;
  }
  let offset = at;
  for (let i = 0; i + 1 < characters.length; i++) {
    const first = characters[i] ?? '';
    const pair = first + (characters[i + 1] ?? '');
    emit(pair, offset, offset + pair.length);
    offset += first.length;
  }
}

/** The terms of `text`, in reading order, repeated as often as they occur. */
export function termsOf(text: string): string[] {
  const terms: string[] = [];
  scan(text, (term) => terms.push(term));
  return terms;
}

/** A stretch of text in UTF-16 units, end exclusive. */
export interface TextRange {
  readonly start: number;
  readonly end: number;
}

/** Where the query's terms stand in `document`: UTF-16 ranges, ascending and disjoint, for marking them. */
export function matchRanges(document: string, query: string): TextRange[] {
  const wanted = new Set(termsOf(query));
  const ranges: { start: number; end: number }[] = [];
  if (wanted.size === 0) return ranges;
  scan(document, (term, from, to) => {
    if (!wanted.has(term)) return;
    const last = ranges.at(-1);
    // Ranges come by their start; a part lies inside its identifier, a pair of characters overlaps the next one.
    if (last !== undefined && from < last.end) last.end = Math.max(last.end, to);
    else ranges.push({ start: from, end: to });
  });
  return ranges;
}
