import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { carriedSegments, segmentsOf } from './segments.js';

const range = fc
  .tuple(fc.integer({ min: -3, max: 60 }), fc.integer({ min: -3, max: 20 }))
  .map(([start, length]) => ({ start, end: start + length, kind: 'term' as const }));

describe('segmentsOf', () => {
  it('loses and repeats nothing, whatever the marks and the cut', () => {
    fc.assert(
      fc.property(
        fc.string({ maxLength: 50 }),
        fc.array(range),
        fc.option(fc.integer({ min: -5, max: 70 })),
        (text, marks, seen) => {
          const segments = segmentsOf(text, marks, seen);
          expect(segments.map((s) => s.text).join('')).toBe(text);
          expect(segments.every((s) => s.text.length > 0)).toBe(true);
        },
      ),
    );
  });

  it('marks exactly the given ranges', () => {
    const marks = [
      { start: 0, end: 3, kind: 'term' as const },
      { start: 8, end: 13, kind: 'evidence' as const },
    ];
    const marked = segmentsOf('one two three', marks, null).filter((s) => s.mark !== null);
    expect(marked).toEqual([
      { text: 'one', mark: 'term', seen: true },
      { text: 'three', mark: 'evidence', seen: true },
    ]);
  });

  it('cuts a mark in two where the view of the model ends inside it', () => {
    expect(segmentsOf('abcdef', [{ start: 1, end: 5, kind: 'term' }], 3)).toEqual([
      { text: 'a', mark: null, seen: true },
      { text: 'bc', mark: 'term', seen: true },
      { text: 'de', mark: 'term', seen: false },
      { text: 'f', mark: null, seen: false },
    ]);
  });
});

const scored = fc.array(
  fc.tuple(fc.nat(60), fc.nat(60)).map(([start, end]) => ({ start, end })),
  { maxLength: 8 },
);

describe('carriedSegments', () => {
  it('loses no text and shows each sentence as itself, whatever the scored', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1, maxLength: 50 }), scored, (document, parts) => {
        const segments = carriedSegments(document, parts);
        expect(segments.map((s) => s.text).join('')).toBe(document);
        for (const { text, place } of segments) {
          const part = place === null ? undefined : parts[place];
          if (part !== undefined) expect(text).toBe(document.slice(part.start, part.end));
        }
      }),
    );
  });

  it('names a sentence by its place among the effects, not in the document', () => {
    const segments = carriedSegments('One. Two. End', [
      { start: 5, end: 9 },
      { start: 0, end: 4 },
    ]);
    expect(segments).toEqual([
      { text: 'One.', place: 1 },
      { text: ' ', place: null },
      { text: 'Two.', place: 0 },
      { text: ' End', place: null },
    ]);
  });
});
