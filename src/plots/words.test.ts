import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decimal, fit, signed, textWidth, wrap } from './words.js';

describe('labels in a picture', () => {
  it('are cut to their width, between characters as people see them', () => {
    expect(fit('short', 100, 11)).toBe('short');
    expect(fit('👩‍👩‍👧‍👦👩‍👩‍👧‍👦👩‍👩‍👧‍👦👩‍👩‍👧‍👦', 40, 11)).toBe('👩‍👩‍👧‍👦👩‍👩‍👧‍👦…');
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 200 }), fc.integer({ min: 30, max: 400 }), (text, width) => {
        const shown = fit(text, width, 11);
        expect(textWidth(shown, 11)).toBeLessThanOrEqual(width + 1e-9);
        expect(shown).not.toMatch(/[\n\u202e]/);
      }),
    );
  });

  it('break between words and lose none', () => {
    fc.assert(
      fc.property(fc.array(fc.stringMatching(/^[a-z]{1,8}$/), { maxLength: 40 }), (words) => {
        const lines = wrap(words.join(' '), 120, 11);
        expect(lines.join(' ')).toBe(words.join(' '));
        for (const line of lines) expect(textWidth(line, 11)).toBeLessThanOrEqual(120);
      }),
    );
  });

  it('write numbers with a true minus sign and no negative zero', () => {
    expect(decimal(-0.1234, 2)).toBe('\u22120.12');
    expect(decimal(-0.0001, 2)).toBe('0.00');
    expect([signed(0.5, 1), signed(-0.5, 1), signed(0.0001, 2)]).toEqual(['+0.5', '\u22120.5', '±0.00']);
  });
});
