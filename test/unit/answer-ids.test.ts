import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { answerId } from '../../src/domain/identity.js';
import { parseJudgement, type Judgement } from '../../src/domain/judgement.js';

interface Vector {
  readonly name: string;
  readonly answer: {
    readonly query_id: string;
    readonly doc_id: string;
    readonly model_id: string | null;
    readonly run_id: string;
    readonly sample: number;
    readonly label: number | null;
    readonly explanation: string | null;
  };
  readonly answer_id: string;
}

const vectors = JSON.parse(readFileSync('test/fixtures/answer-ids.json', 'utf8')) as readonly Vector[];

/** The judgement file's line for an answer, read back as the program reads it. */
function judgementOf({ model_id, ...answer }: Vector['answer']): Judgement {
  const model = model_id === null ? null : { id: model_id };
  const parsed = parseJudgement(JSON.stringify({ query: 'a question', document: 'a document', ...answer, model }));
  if (!parsed.ok) throw new Error(parsed.reason);
  return parsed.judgement;
}

// The same vectors are checked in Python (test/python/answer_ids.py): other tools must be able to compute the ids.
describe('answer ids', () => {
  it.each(vectors)('matches the test vector "$name"', ({ answer, answer_id }) => {
    expect(answerId(judgementOf(answer))).toBe(answer_id);
  });

  it('does not depend on what the answer was measured with', () => {
    const first = vectors[0];
    if (first === undefined) throw new Error('test/fixtures/answer-ids.json is empty');
    const changed = { ...judgementOf(first.answer), score: 0.5, rank: 3, elapsed_ms: 12, title: 'another title' };
    expect(answerId(changed)).toBe(first.answer_id);
  });

  it('reads half of a surrogate pair as U+FFFD, as every UTF-8 encoder writes it', () => {
    const first = vectors[0];
    if (first === undefined) throw new Error('test/fixtures/answer-ids.json is empty');
    const row = judgementOf(first.answer);
    expect(answerId({ ...row, explanation: 'cut \ud83d' })).toBe(answerId({ ...row, explanation: 'cut \ufffd' }));
  });
});
