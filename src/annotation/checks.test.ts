import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { interankScale } from '../domain/scale.js';
import { failedChecks } from './checks.js';

const check = (label: number | null, explanation: string | null): string[] =>
  failedChecks({ label, explanation }, interankScale);

describe('checks', () => {
  it('finds an empty explanation', () => {
    expect(check(1, null)).toEqual(['empty']);
    expect(check(1, ' \n')).toEqual(['empty']);
  });

  it('finds the top label under "not relevant" and the lowest under "directly answers"', () => {
    expect(check(2, 'The document is not relevant to the question.')).toEqual(['contradiction']);
    expect(check(2, 'The passage is completely irrelevant.')).toEqual(['contradiction']);
    expect(check(0, 'It directly answers the question.')).toEqual(['contradiction']);
  });

  it('passes what only sounds like it', () => {
    expect(check(0, 'The document is not relevant to the question.')).toEqual([]);
    expect(check(0, 'It does not directly answer the question.')).toEqual([]);
    expect(check(0, 'It never fully addresses the question.')).toEqual([]);
    expect(check(1, 'It is not relevant in part.')).toEqual([]);
    expect(check(2, 'It directly answers the question.')).toEqual([]);
  });

  it('finds loops, not lists', () => {
    expect(check(1, 'The text is about sky. The text is about sky. The text is about sky.')).toEqual(['repetition']);
    expect(check(1, 'the dog and the cat and a bird sat '.repeat(3))).toEqual(['repetition']);
    expect(check(1, 'The first trial shows an effect. The second trial shows none. The third is open.')).toEqual([]);
  });
  it('finds a repetition wherever three sentences or three stretches of eight words are equal', () => {
    const word = fc.constantFrom('a', 'The', 'the', 'größe', 'σ', 'ΟΣ', '这份', '2', 'b', 'c', 'd', '😀', 'é—à');
    const sentence = fc.tuple(
      fc.array(word, { maxLength: 7 }),
      fc.constantFrom('. ', '.', '! ', ', ', ' — ', '\n', ' '),
    );
    const text = fc
      .tuple(fc.array(sentence, { minLength: 1, maxLength: 6 }), fc.array(fc.nat(5), { maxLength: 12 }))
      .map(([sentences, order]) =>
        order.map((i) => sentences[i % sentences.length] ?? ([[], ''] satisfies [string[], string])),
      )
      .map((chosen) => chosen.map(([words, end]) => `${words.join(' ')}${end}`).join(''));
    let found = 0;
    fc.assert(
      fc.property(text, (explanation) => {
        const repeats = thrice(explanation);
        if (repeats) found++;
        expect(check(1, explanation).includes('repetition')).toBe(repeats);
      }),
      { numRuns: 3_000 },
    );
    expect(found).toBeGreaterThan(50);
  });
});

/** The definition, without any short cut. */
function thrice(text: string): boolean {
  const words = (part: string): string[] => part.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
  const sentences = text
    .trim()
    .split(/[.!?\n]+/)
    .map(words);
  const long = sentences.filter((sentence) => sentence.length >= 4).map((sentence) => sentence.join(' '));
  const all = words(text.trim());
  const stretches = all.slice(7).map((_, i) => all.slice(i, i + 8).join(' '));
  return [long, stretches].some((parts) => parts.some((part) => parts.filter((other) => other === part).length >= 3));
}
