/** Numbers and labels as they stand in a picture, where no browser measures text. */

const segmenter = new Intl.Segmenter('en');

/** Units of `size` that a character takes in DejaVu Sans, the widest of the common sans-serif fonts. */
function widthOf(character: string): number {
  if (/^\p{M}/u.test(character)) return 0;
  if (
    /^[\u1100-\u11ff\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe4f\uff00-\uff60\p{Emoji_Presentation}]/u.test(
      character,
    )
  )
    return 1;
  if (/^[iljtfrI.,:;'|![\]() ]/.test(character)) return 0.38;
  if (/^[mwMW@%—]/.test(character)) return 0.95;
  return /^[A-Z0-9]/.test(character) ? 0.66 : 0.6;
}

/** Width of `text` in user units at a font size, estimated. */
export function textWidth(text: string, size: number): number {
  let sum = 0;
  for (const { segment } of segmenter.segment(text)) sum += widthOf(segment);
  return sum * size;
}

/** `text` on one line, cut with `…` where it is wider than `width`; never inside a character that people see as one. */
export function fit(text: string, width: number, size: number): string {
  const plain = oneLine(text);
  if (textWidth(plain, size) <= width) return plain;
  let sum = size;
  let out = '';
  for (const { segment } of segmenter.segment(plain)) {
    sum += widthOf(segment) * size;
    if (sum > width) break;
    out += segment;
  }
  return `${out.trimEnd()}…`;
}

/** `text` as lines no wider than `width`, broken between words; a single longer word is cut. */
export function wrap(text: string, width: number, size: number): string[] {
  const lines: string[] = [];
  let current = '';
  for (const word of oneLine(text).split(' ')) {
    const longer = current === '' ? word : `${current} ${word}`;
    if (current !== '' && textWidth(longer, size) > width) {
      lines.push(fit(current, width, size));
      current = word;
    } else current = longer;
  }
  if (current !== '') lines.push(fit(current, width, size));
  return lines;
}

/** White space of every kind as single spaces; what steers the direction of text goes, as it would reach beyond its label. */
function oneLine(text: string): string {
  return text
    .replace(/[\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, '')
    .replace(/\s+/g, ' ')
    .trim();
}

/** A number with `digits` places and a true minus sign; −0.00 is 0.00. */
export function decimal(value: number, digits: number): string {
  const written = value.toFixed(digits);
  return Number(written) === 0 ? (0).toFixed(digits) : written.replace('-', '\u2212');
}

/** With its sign, `±` for what is 0 when rounded. */
export function signed(value: number, digits: number): string {
  const written = decimal(value, digits);
  if (Number(written.replace('\u2212', '-')) === 0) return `±${written}`;
  return value > 0 ? `+${written}` : written;
}

/** `1 query`, `2 queries`. */
export function counted(n: number, one: string, many = `${one}s`): string {
  return `${n.toLocaleString('en-GB')} ${n === 1 ? one : many}`;
}
