import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { splitOf } from './split.js';

const share = fc.double({ min: 0, max: 0.999, noNaN: true });

describe('splitOf', () => {
  it('keeps a query where it is, and moves it only from train to validation when the share grows', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.integer(), share, share, (query, seed, a, b) => {
        const [small, large] = [Math.min(a, b), Math.max(a, b)];
        const before = splitOf(query, { validation: small, seed });
        expect(splitOf(query, { validation: small, seed })).toBe(before);
        if (before === 'validation') expect(splitOf(query, { validation: large, seed })).toBe('validation');
      }),
    );
  });

  it('takes about the share that was asked for, other queries for another seed, and none for none', () => {
    const queries = Array.from({ length: 2000 }, (_, i) => `q${i}`);
    const chosen = (seed: number): string[] => queries.filter((q) => splitOf(q, { validation: 0.2, seed }) !== 'train');
    expect(chosen(1).length).toBeGreaterThan(340);
    expect(chosen(1).length).toBeLessThan(460);
    expect(chosen(2)).not.toEqual(chosen(1));
    expect(queries.every((q) => splitOf(q, { validation: 0, seed: 1 }) === 'train')).toBe(true);
  });
});
