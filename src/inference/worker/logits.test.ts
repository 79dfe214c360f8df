import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { argmax, expectedLabel, labelProbabilities } from './logits.js';

const labels = [
  { id: 3, value: 0 },
  { id: 1, value: 1 },
  { id: 4, value: 2 },
];
const logits = fc
  .array(fc.double({ min: -40, max: 40, noNaN: true }), { minLength: 5, maxLength: 5 })
  .map((values) => Float32Array.from(values));
const temperature = fc.double({ min: 0.25, max: 8, noNaN: true });

describe('label probabilities', () => {
  it('are a softmax over the label tokens alone', () => {
    const row = Float32Array.from([99, Math.log(2), 99, 0, Math.log(5)]);
    const p = labelProbabilities(row, labels, 1);
    [1 / 8, 2 / 8, 5 / 8].forEach((expected, i) => expect(p[i]).toBeCloseTo(expected, 6));
    expect(expectedLabel(p, labels)).toBeCloseTo(12 / 8, 6);
  });

  it('have their log-odds divided by the temperature, sum to 1 and keep the label', () => {
    fc.assert(
      fc.property(logits, temperature, (row, t) => {
        const p = labelProbabilities(row, labels, t);
        expect(p.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 9);
        expect(argmax(p)).toBe(argmax(labelProbabilities(row, labels, 1)));
        const gap = ((row[3] ?? 0) - (row[1] ?? 0)) / t;
        if (Math.abs(gap) < 30) expect(Math.log((p[0] ?? 0) / (p[1] ?? 0))).toBeCloseTo(gap, 6);
      }),
    );
  });
});
