/** Text offsets. Every offset in a judgement file counts Unicode code points, never UTF-16 units. */

/** Number of code points in `text`; a lone surrogate counts as one. */
export function codePointLength(text: string): number {
  let n = 0;
  for (let i = 0; i < text.length; n++) i += isPair(text, i) ? 2 : 1;
  return n;
}

/** The UTF-16 index of code point `offset` of `text` (its length when `offset` lies beyond the end). */
export function utf16Index(text: string, offset: number): number {
  let i = 0;
  for (let n = 0; n < offset && i < text.length; n++) i += isPair(text, i) ? 2 : 1;
  return i;
}

/** The part of `text` between two code-point offsets (end exclusive). */
export function sliceCodePoints(text: string, start: number, end: number): string {
  const from = utf16Index(text, start);
  return text.slice(from, from + utf16Index(text.slice(from), end - start));
}

/** A short, file-name-safe form of `text`: lower-case ASCII letters and digits joined by single hyphens. */
export function slug(text: string, maxLength = 40): string {
  const plain = text
    .normalize('NFKD')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '');
  return plain.slice(0, maxLength).replace(/-+$/, '') || 'untitled';
}

function isPair(text: string, i: number): boolean {
  const high = text.charCodeAt(i);
  if (high < 0xd800 || high > 0xdbff || i + 1 >= text.length) return false;
  const low = text.charCodeAt(i + 1);
  return low >= 0xdc00 && low <= 0xdfff;
}
