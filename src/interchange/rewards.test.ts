import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseJudgement } from '../domain/judgement.js';
import { interankScale } from '../domain/scale.js';
import type { LabelledRow } from './canonical.js';
import { editDistance, rewardOf } from './rewards.js';

function reviewed(label: number, explanation: string | null, evidence: LabelledRow['evidence'] = []): LabelledRow {
  const parsed = parseJudgement(JSON.stringify({ query: 'q', document: 'aspirin lowers fever in adults', label: 0 }));
  if (!parsed.ok) throw new Error(parsed.reason);
  return {
    id: 'i',
    file: 'f',
    line: 1,
    judgement: parsed.judgement,
    scale: interankScale,
    review: 'corrected',
    annotators: ['Ada'],
    human: { label, explanation },
    source: 'decided',
    evidence,
  };
}
const policy = { explanationWeight: 0.5, minimum: 0 };

describe('editDistance', () => {
  it('counts words that change, as a share of the longer text', () => {
    expect(editDistance('It answers the question.', 'it answers the question')).toBe(0);
    expect(editDistance('it answers the question', 'it answers half the question')).toBe(0.2);
    expect(editDistance('one two three four', 'two three four five')).toBe(0.5);
    expect(editDistance('', 'three new words')).toBe(1);
    expect(editDistance('这份文件', '这份文章')).toBe(0.25);
  });

  it('is a symmetric distance between 0 and 1, and 0 only for the same words', () => {
    const text = fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { maxLength: 12 });
    fc.assert(
      fc.property(text, text, (a, b) => {
        const distance = editDistance(a.join(' '), b.join(' '));
        expect(editDistance(b.join(' '), a.join(' '))).toBe(distance);
        expect(distance).toBeGreaterThanOrEqual(Math.abs(a.length - b.length) / Math.max(1, a.length, b.length));
        expect(distance).toBeLessThanOrEqual(1);
        expect(distance === 0).toBe(a.join(' ') === b.join(' '));
      }),
    );
  });
});

describe('rewardOf', () => {
  it("gives the human's own answer 1 and less the further label and explanation are from it", () => {
    const row = reviewed(2, 'it lowers fever');
    expect(rewardOf(row.human, row, policy)).toBe(1);
    expect(rewardOf({ label: 1, explanation: 'it lowers fever' }, row, policy)).toBe(0.5);
    expect(rewardOf({ label: 0, explanation: 'it lowers fever' }, row, policy)).toBe(0);
    expect(rewardOf({ label: 2, explanation: 'nothing of that' }, row, policy)).toBe(0.5);
    expect(rewardOf({ label: 2, explanation: 'it raises fever' }, row, policy)).toBeCloseTo(0.833333, 6);
  });

  it('counts the words of the marked evidence that the explanation names', () => {
    const row = reviewed(2, 'aspirin lowers fever', [[0, 20]]);
    expect(rewardOf(row.human, row, policy)).toBe(1);
    expect(rewardOf({ label: 2, explanation: 'aspirin' }, row, policy)).toBeCloseTo(0.5 + 0.5 / 3, 6);
  });

  it('needs no explanation where the prompt asks for none', () => {
    const row = reviewed(1, null);
    expect(rewardOf({ label: 1, explanation: null }, row, policy)).toBe(1);
    expect(rewardOf({ label: 2, explanation: null }, row, policy)).toBe(0.5);
  });
});
