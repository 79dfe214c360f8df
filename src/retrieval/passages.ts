/**
 * Splits long texts into passages, since a reranker reads a few hundred words at a time. Cuts fall where a reader would
 * make them: before a Markdown heading, between paragraphs and code blocks, between lines, between sentences, and only
 * inside an over-long line between words or, in the last resort, between characters.
 */

export interface Passage {
  /** Code points of the whole text, end exclusive. */
  readonly start: number;
  readonly end: number;
  /** The text between them; begins and ends with something that is not white space. */
  readonly text: string;
}

export interface PassageOptions {
  /** Words that a passage aims at. */
  readonly target?: number;
  /** Words that no passage exceeds. */
  readonly max?: number;
}

const defaultTarget = 180;
/** A text, paragraph or code block of up to twice the target stays whole: half of it would lack its context. */
const defaultMax = 360;

/** A stretch of text in UTF-16 units that is best not cut, with its size in words. */
interface Block {
  readonly start: number;
  readonly end: number;
  readonly words: number;
  readonly heading: boolean;
}

/** An ideograph or kana counts as a word, and so does every started dozen of other characters without a space. */
const wordPattern =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]|[^\s\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]{1,12}/gu;

/**
 * The passages of `text`: ascending, disjoint, together covering everything but white space; none where the text is
 * blank. The same text always gives the same passages.
 */
export function splitPassages(text: string, options: PassageOptions = {}): Passage[] {
  const max = Math.max(1, options.max ?? defaultMax);
  const target = Math.min(Math.max(1, options.target ?? defaultTarget), max);
  const stretches: { start: number; end: number; words: number }[] = [];
  let current: { start: number; end: number; words: number } | undefined;
  const flush = () => {
    if (current !== undefined) stretches.push(current);
    current = undefined;
  };
  const whole = countWords(text, 0, text.length);
  const blocks = whole <= max ? [{ start: 0, end: text.length, words: whole, heading: false }] : blocksOf(text);
  for (const large of blocks) {
    for (const block of large.words <= max ? [large] : pieces(text, large, max)) {
      if (block.words === 0) continue;
      if (current !== undefined) {
        const together: number = current.words + block.words;
        const closer = Math.abs(together - target) <= Math.abs(current.words - target);
        if (together > max || !closer || (block.heading && 2 * current.words >= target)) flush();
      }
      current =
        current === undefined
          ? { ...block }
          : { start: current.start, end: block.end, words: current.words + block.words };
    }
  }
  flush();
  joinShortEnd(stretches, target, max);
  return withCodePoints(text, stretches);
}

/** A last passage of less than a quarter of the target goes to the one before, where it fits. */
function joinShortEnd(stretches: { start: number; end: number; words: number }[], target: number, max: number): void {
  const last = stretches.at(-1);
  const before = stretches.at(-2);
  if (last === undefined || before === undefined || 4 * last.words >= target || before.words + last.words > max) return;
  stretches.splice(-2, 2, { start: before.start, end: last.end, words: before.words + last.words });
}

function countWords(text: string, start: number, end: number): number {
  return text.slice(start, end).match(wordPattern)?.length ?? 0;
}

function block(text: string, start: number, end: number, heading = false): Block {
  return { start, end, words: countWords(text, start, end), heading };
}

/** Paragraphs (up to a blank line), Markdown headings and fenced code blocks, without gaps between them. */
function blocksOf(text: string): Block[] {
  const blocks: Block[] = [];
  let start = 0;
  let heading = false;
  let fence: string | undefined;
  const cut = (at: number) => {
    if (at > start) blocks.push(block(text, start, at, heading));
    start = at;
    heading = false;
  };
  for (const line of linesOf(text, 0, text.length)) {
    const content = text.slice(line.start, line.end);
    const mark = /^ {0,3}(`{3,}|~{3,})/.exec(content)?.[1];
    if (fence !== undefined) {
      const closes = mark?.startsWith(fence) === true && content.trim() === mark;
      if (!closes) continue;
      fence = undefined;
      cut(line.end);
    } else if (mark !== undefined) {
      cut(line.start);
      fence = mark;
    } else if (/^ {0,3}#{1,6}\s+\S/.test(content)) {
      cut(line.start);
      heading = true;
    } else if (content.trim() === '') {
      // A heading's blank line does not part it from what it heads.
      if (!heading || countWords(text, start, line.start) > headingWords(text, start)) cut(line.end);
    }
  }
  cut(text.length);
  return blocks;
}

/** Words of the first line after `start`. */
function headingWords(text: string, start: number): number {
  const end = text.indexOf('\n', start);
  return countWords(text, start, end < 0 ? text.length : end);
}

/** A block that is too large, cut at line ends, sentence ends, spaces or, last, between characters: the first that suffices. */
function pieces(text: string, large: Block, max: number): Block[] {
  let parts: Block[] = [large];
  for (const split of [linesOf, sentencesOf, spacedOf, charactersOf]) {
    if (parts.every((part) => part.words <= max)) break;
    parts = parts.flatMap((part) =>
      part.words <= max ? [part] : split(text, part.start, part.end).map(({ start, end }) => block(text, start, end)),
    );
  }
  return parts.map((part, i) => ({ ...part, heading: i === 0 && large.heading }));
}

interface Stretch {
  readonly start: number;
  readonly end: number;
}

/** The text between two offsets, cut after each match of `boundary`. */
function cutAfter(boundary: RegExp, text: string, start: number, end: number): Stretch[] {
  const stretches: Stretch[] = [];
  let from = start;
  for (const match of text.slice(start, end).matchAll(boundary)) {
    const at = start + match.index + match[0].length;
    if (at > from) stretches.push({ start: from, end: at });
    from = at;
  }
  if (end > from) stretches.push({ start: from, end });
  return stretches;
}

const linesOf = (text: string, start: number, end: number) => cutAfter(/\r\n|\n|\r/g, text, start, end);
const sentencesOf = (text: string, start: number, end: number) =>
  cutAfter(/[.!?]+["'”’)\]]*\s+|[。！？]+/gu, text, start, end);
const spacedOf = (text: string, start: number, end: number) => cutAfter(/\s+/gu, text, start, end);
const charactersOf = (text: string, start: number, end: number) => cutAfter(wordPattern, text, start, end);

/** Trims each stretch and turns its UTF-16 offsets into code points, in one pass over the text. */
function withCodePoints(text: string, stretches: readonly Stretch[]): Passage[] {
  const passages: Passage[] = [];
  let index = 0;
  let codePoint = 0;
  const advance = (to: number) => {
    while (index < to) {
      const unit = text.codePointAt(index) ?? 0;
      index += unit > 0xffff ? 2 : 1;
      codePoint++;
    }
    return codePoint;
  };
  for (const stretch of stretches) {
    const raw = text.slice(stretch.start, stretch.end);
    const trimmed = raw.trim();
    if (trimmed === '') continue;
    const from = stretch.start + raw.indexOf(trimmed);
    passages.push({ start: advance(from), end: advance(from + trimmed.length), text: trimmed });
  }
  return passages;
}
