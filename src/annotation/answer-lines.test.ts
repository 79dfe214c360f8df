import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AnswerLines } from './answer-lines.js';

describe('AnswerLines', () => {
  it('gives every answer the line it stood in first, as a Map would', () => {
    const hex = fc.integer({ min: 0, max: 0xffffffff }).map((n) => n.toString(16).padStart(8, '0'));
    // Few distinct first words, so that slots collide.
    const id = fc.tuple(fc.constantFrom('00000000', 'ffffffff', '000003ff'), hex).map(([a, b]) => `${a}${b}`.repeat(4));
    fc.assert(
      fc.property(fc.array(id, { maxLength: 3000, size: 'max' }), (ids) => {
        const table = new AnswerLines();
        const map = new Map<string, number>();
        ids.forEach((value, i) => {
          const first = map.get(value) ?? i + 1;
          map.set(value, first);
          expect(table.claim(value, i + 1)).toBe(first);
        });
      }),
      { numRuns: 20 },
    );
  });
});
