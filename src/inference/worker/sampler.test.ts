import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { argmax } from './logits.js';
import { draw, tokenPicker } from './sampler.js';

const logits = fc
  .array(fc.double({ min: -20, max: 20, noNaN: true }), { minLength: 2, maxLength: 40 })
  .map((values) => Float32Array.from(values));
const unit = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

describe('a drawn token', () => {
  it('comes as often as its probability at that temperature says', () => {
    const row = Float32Array.from([Math.log(1), Math.log(4), Math.log(16)]);
    const counts = [0, 0, 0];
    const draws = 21_000;
    for (let i = 0; i < draws; i++) {
      const id = draw(row, 1, 1, (i + 0.5) / draws);
      counts[id] = (counts[id] ?? 0) + 1;
    }
    expect(counts).toEqual([1_000, 4_000, 16_000]);
    // At temperature 2 the weights are 1, 2 and 4.
    expect([0.1, 0.2, 0.5].map((u) => draw(row, 2, 1, u))).toEqual([0, 1, 2]);
  });

  it('is one of the fewest most probable tokens that hold top_p', () => {
    fc.assert(
      fc.property(logits, fc.double({ min: 0.05, max: 1, noNaN: true }), unit, (row, topP, u) => {
        const id = draw(row, 1, topP, u);
        const weights = Array.from(row, Math.exp);
        const sum = weights.reduce((a, b) => a + b, 0);
        const more = weights.filter((w) => w > (weights[id] ?? 0)).reduce((a, b) => a + b, 0);
        expect(more / sum).toBeLessThan(topP + 1e-9);
      }),
    );
  });

  it('is the most probable one where the nucleus holds no other', () => {
    fc.assert(
      fc.property(logits, unit, (row, u) => {
        // Logits may differ by less than their probabilities can show.
        expect(row[draw(row, 1, 1e-9, u)]).toBeCloseTo(row[argmax(row)] ?? Number.NaN, 12);
      }),
    );
  });
});

describe('a token picker', () => {
  const row = Float32Array.from({ length: 500 }, (_, i) => Math.sin(i));
  const sequence = (seed: number, sample: number, prompt = 'p'): number[] => {
    const pick = tokenPicker({ temperature: 1, top_p: 0.9, seed, samples: 4 }, prompt, sample);
    return Array.from({ length: 12 }, () => pick(row));
  };

  it('draws the same for the same seed, prompt and sample, and otherwise for another of them', () => {
    expect(sequence(7, 1)).toEqual(sequence(7, 1));
    for (const other of [sequence(8, 1), sequence(7, 2), sequence(7, 1, 'q')])
      expect(other).not.toEqual(sequence(7, 1));
  });

  it('is greedy without sampling and at temperature 0', () => {
    expect(tokenPicker(undefined, 'p', 0)(row)).toBe(argmax(row));
    expect(tokenPicker({ temperature: 0, top_p: 1, seed: 1, samples: 2 }, 'p', 1)(row)).toBe(argmax(row));
  });
});
