import { describe, expect, it } from 'vitest';
import { movement, number, percent, rowWords } from './words.js';

describe('words', () => {
  it('says which way a document moved, and from where', () => {
    expect(movement(3, 7)).toEqual({ direction: 'up', short: '↑4', long: 'up 4 from first stage 7' });
    expect(movement(5, 2)).toEqual({ direction: 'down', short: '↓3', long: 'down 3 from first stage 2' });
    expect(movement(2, 2)?.short).toBe('=');
    expect(movement(null, 2)).toBeNull();
  });

  it('calls nothing certain or impossible that is not', () => {
    expect(percent(0.9999)).toBe('>99 %');
    expect(percent(0.0001)).toBe('<1 %');
    expect([percent(1), percent(0), percent(0.625)]).toEqual(['100 %', '0 %', '63 %']);
  });

  it('keeps the sign of a score', () => {
    expect([number(-0.294), number(12.34), number(1234.5)]).toEqual(['−0.29', '12.3', '1235']);
  });

  it('says everything about a row that the eye sees', () => {
    const label = { value: 2, name: 'relevant', probability: 0.62, grade: 0.66 };
    const text = rowWords({
      kind: 'judgement',
      key: 0,
      queryId: 'q',
      query: 'why',
      startsQuery: true,
      name: 'a.md',
      snippet: '',
      rank: 1,
      firstStageRank: 4,
      score: 2.31,
      status: 'truncated',
      label,
      correctedLabel: { ...label, value: 0, name: 'irrelevant', probability: null },
      review: 'corrected',
      flagged: true,
      draft: true,
      saved: false,
      hasExplanation: true,
      streaming: false,
    });
    expect(text).toBe(
      'Query: why. Rank 1. up 3 from first stage 4. a.md. Label corrected to irrelevant. model said relevant, 62 %. Score 2.31. Answer cut off. Corrected. Flagged. Has a draft. Not saved',
    );
  });
});
