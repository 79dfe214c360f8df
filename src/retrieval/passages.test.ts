import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sliceCodePoints } from '../domain/text.js';
import { splitPassages } from './passages.js';

const words = (n: number, word = 'word') => Array.from({ length: n }, (_, i) => `${word}${i % 7}`).join(' ');

/** Texts with everything that decides about a cut. */
const texts = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        '\n',
        '\n\n',
        '\r\n',
        ' ',
        '\t',
        '. ',
        '# Heading\n',
        '```\n',
        '~~~~\n',
        '。',
        '😀',
        '\u00a0',
        '\ufeff',
        '\ud83d',
      ),
      fc.string({ unit: 'binary', maxLength: 12 }),
      fc.lorem({ maxCount: 4 }),
    ),
    { maxLength: 60 },
  )
  .map((parts) => parts.join(''));
const options = fc.record({ target: fc.integer({ min: 1, max: 20 }), max: fc.integer({ min: 1, max: 40 }) });

describe('splitPassages', () => {
  it('gives ascending, disjoint ranges whose slices are the texts and which leave out only white space', () => {
    fc.assert(
      fc.property(texts, options, (text, sizes) => {
        const passages = splitPassages(text, sizes);
        let end = 0;
        let position = 0;
        for (const passage of passages) {
          expect(passage.start).toBeGreaterThanOrEqual(end);
          expect(passage.end).toBeGreaterThan(passage.start);
          expect(sliceCodePoints(text, passage.start, passage.end)).toBe(passage.text);
          expect(passage.text).toBe(passage.text.trim());
          expect(sliceCodePoints(text, end, passage.start).trim()).toBe('');
          end = passage.end;
          position++;
        }
        expect(position).toBe(passages.length);
        expect(sliceCodePoints(text, end, text.length).trim()).toBe('');
      }),
      { numRuns: 400 },
    );
  });

  it('never cuts a surrogate pair', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', minLength: 1, maxLength: 300 }), options, (text, sizes) => {
        for (const passage of splitPassages(text, sizes)) expect(passage.text.isWellFormed()).toBe(true);
      }),
    );
    const emoji = splitPassages('😀'.repeat(5_000), { target: 10, max: 20 });
    expect(emoji.length).toBeGreaterThan(10);
    expect(emoji.every(({ text }) => text.isWellFormed())).toBe(true);
  });

  it('keeps every passage within the maximum', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 90 }), { maxLength: 30 }), options, (lengths, sizes) => {
        const text = lengths.map((n, i) => words(n) + (i % 3 === 0 ? '\n\n' : i % 3 === 1 ? '. ' : '\n')).join('');
        for (const passage of splitPassages(text, sizes)) {
          expect(passage.text.split(/\s+/).length).toBeLessThanOrEqual(sizes.max);
        }
      }),
    );
  });

  it('keeps a text that fits whole, and gives nothing for a blank one', () => {
    const text = `# Title\n\n${words(150)}\n\n${words(150)}\n`;
    expect(splitPassages(text).map((p) => p.text)).toEqual([text.trim()]);
    expect(splitPassages(' \n\t\r\n')).toEqual([]);
    expect(splitPassages('')).toEqual([]);
  });

  it('cuts between paragraphs, near the target', () => {
    const paragraphs = Array.from({ length: 12 }, (_, i) => words(60, `p${i}x`));
    const passages = splitPassages(paragraphs.join('\n\n'));
    expect(passages.map((p) => p.text)).toEqual([0, 3, 6, 9].map((i) => paragraphs.slice(i, i + 3).join('\n\n')));
  });

  it('starts a passage at a heading and leaves the heading with what it heads', () => {
    const section = (name: string) => `## ${name}\n\n${words(130)}`;
    const text = ['one', 'two', 'three', 'four'].map(section).join('\n\n');
    expect(splitPassages(text).map((p) => p.text)).toEqual(['one', 'two', 'three', 'four'].map(section));
  });

  it('keeps a fenced code block whole, blank lines and # comments inside it included', () => {
    const code = `\`\`\`python\n# not a heading\n${words(100)}\n\n# nor this\n${words(100)}\n\`\`\``;
    const passages = splitPassages(`${words(170)}\n\n${code}\n\n${words(170)}`);
    expect(passages.map((p) => p.text)).toEqual([words(170), code, words(170)]);
  });

  it('cuts an over-long paragraph at sentence ends', () => {
    const sentence = `${words(39)} end.`;
    const passages = splitPassages(Array.from({ length: 20 }, () => sentence).join(' '));
    expect(passages.length).toBeGreaterThan(2);
    for (const passage of passages) expect(passage.text.endsWith('end.')).toBe(true);
  });

  it('gives a short rest to the passage before', () => {
    const passages = splitPassages([words(180), words(180), 'The end.'].join('\n\n'));
    expect(passages.map((p) => p.text)).toEqual([words(180), `${words(180)}\n\nThe end.`]);
  });

  it('counts offsets in code points', () => {
    const passages = splitPassages(`😀😀\n\n${words(3)}`, { target: 2, max: 3 });
    expect(passages.map((p) => [p.start, p.end])).toEqual([
      [0, 2],
      [4, 4 + words(3).length],
    ]);
  });
});
