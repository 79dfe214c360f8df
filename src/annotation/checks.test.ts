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
});
