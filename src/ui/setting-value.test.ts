import { describe, expect, it } from 'vitest';
import { settingProblem } from './setting-value.js';

describe('settingProblem', () => {
  it('takes what the settings declare', () => {
    expect(settingProblem('rerank.depth', 1)).toBeNull();
    expect(settingProblem('rerank.depth', 1000)).toBeNull();
    expect(settingProblem('annotator', '')).toBeNull();
  });

  it('refuses other types, fractions and what is out of bounds, and says what is wanted', () => {
    expect(settingProblem('rerank.depth', 0)).toBe(
      'Setting rationale.rerank.depth must be a whole number, at least 1 and at most 1000, but is 0.',
    );
    for (const value of [1001, 2.5, NaN, '20', null, undefined])
      expect(settingProblem('rerank.depth', value)).not.toBeNull();
    expect(settingProblem('rerank.mode', 'explain-first')).toBeNull();
    expect(settingProblem('rerank.mode', 'fast')).toBe(
      'Setting rationale.rerank.mode must be one of auto, score, label-first, explain-first, but is "fast".',
    );
    expect(settingProblem('annotator', 3)).toBe('Setting rationale.annotator must be a string, but is 3.');
  });
});
