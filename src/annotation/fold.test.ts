import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AnnotationEvent } from '../domain/event.js';
import { answerId } from '../domain/identity.js';
import { parseJudgement } from '../domain/judgement.js';
import { foldEvents, isStale, viewRow } from './fold.js';

const answers = ['d1', 'd2'].flatMap((doc) =>
  [0, 1].map((label) => {
    const parsed = parseJudgement(
      JSON.stringify({ query_id: 'q', query: 'sky', doc_id: doc, document: 'x', label, explanation: `e${label}` }),
    );
    if (!parsed.ok) throw new Error(parsed.reason);
    return { judgement: parsed.judgement, answerId: answerId(parsed.judgement) };
  }),
);

const id = (n: number): string => `0190a000-0000-7000-8000-${n.toString(16).padStart(12, '0')}`;

/** Everything the fold says about every row, for every annotator. */
function outcome(events: readonly AnnotationEvent[]): unknown {
  const folded = foldEvents(events);
  return ['ada', 'bob'].map((name) => {
    const annotator = folded.get(name);
    if (annotator === undefined) return null;
    return answers.map((row) => [
      viewRow((cell) => annotator.statement(cell), row).annotation,
      isStale(annotator, row.judgement, () => false),
    ]);
  });
}

const event: fc.Arbitrary<AnnotationEvent> = fc
  .record({
    n: fc.nat(30),
    annotator: fc.constantFrom('ada', 'bob'),
    row: fc.constantFrom(...answers),
    withAnswer: fc.boolean(),
    action: fc.constantFrom('accept', 'correct', 'skip', 'cannot_judge', 'flag', 'comment', 'retract' as const),
    label: fc.option(fc.nat(2), { nil: undefined }),
    explanation: fc.option(fc.constantFrom('x', 'y'), { nil: undefined }),
    batch: fc.option(fc.constantFrom('b1', 'b2'), { nil: undefined }),
    target: fc.oneof(fc.nat(30).map(id), fc.constantFrom('b1', 'b2')),
  })
  .map(({ n, annotator, row, withAnswer, action, label, explanation, batch, target }) => ({
    id: id(n),
    at: '2026-01-01T00:00:00Z',
    annotator,
    query_id: row.judgement.query_id,
    doc_id: row.judgement.doc_id,
    ...(withAnswer ? { answer_id: row.answerId } : {}),
    action,
    ...(label === undefined ? {} : { label }),
    ...(explanation === undefined ? {} : { explanation }),
    ...(batch === undefined ? {} : { batch }),
    ...(action === 'retract' ? { retracts: target } : {}),
    seconds: 0,
  }));

describe('folding events', () => {
  it('does not depend on their order, even where ids repeat', () => {
    fc.assert(
      fc.property(
        fc
          .array(event, { maxLength: 40 })
          .chain((events) => fc.tuple(fc.constant(events), fc.shuffledSubarray(events, { minLength: events.length }))),
        ([events, shuffled]) => {
          expect(outcome(shuffled)).toEqual(outcome(events));
        },
      ),
    );
  });

  it('counts an event once however often it is read, and merges logs as a union', () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 30 }), fc.array(event, { maxLength: 30 }), (mine, theirs) => {
        expect(outcome([...mine, ...theirs, ...mine])).toEqual(outcome([...theirs, ...mine]));
      }),
    );
  });

  const base = { at: '', annotator: 'ada', query_id: 'q', doc_id: 'd1', seconds: 0 } as const;
  const [first, second] = answers;

  it('lets the greatest id win and a retract bring the earlier one back', () => {
    if (first === undefined) throw new Error('no row');
    const events: AnnotationEvent[] = [
      { ...base, id: id(1), action: 'accept', answer_id: first.answerId },
      { ...base, id: id(3), action: 'skip', answer_id: first.answerId },
      { ...base, id: id(2), action: 'cannot_judge', answer_id: first.answerId },
    ];
    const decision = (more: AnnotationEvent[]): unknown => {
      const ada = foldEvents([...events, ...more]).get('ada');
      return ada === undefined ? null : viewRow((cell) => ada.statement(cell), first).annotation.decision?.kind;
    };
    expect(decision([])).toBe('skipped');
    expect(decision([{ ...base, id: id(4), action: 'retract', retracts: id(3) }])).toBe('cannot_judge');
    expect(decision([{ ...base, annotator: 'bob', id: id(4), action: 'retract', retracts: id(3) }])).toBe('skipped');
  });

  it('gives a label to every answer of the pair, and an explanation to its own alone', () => {
    if (first === undefined || second === undefined) throw new Error('no rows');
    const ada = foldEvents([{ ...base, id: id(1), action: 'correct', label: 2, answer_id: first.answerId }]).get('ada');
    expect(ada && viewRow((c) => ada.statement(c), second).annotation.decision).toEqual({
      kind: 'corrected',
      label: 2,
    });
    const bob = foldEvents([
      { ...base, id: id(1), action: 'correct', label: 2, explanation: 'x', answer_id: first.answerId },
    ]).get('ada');
    expect(bob && viewRow((c) => bob.statement(c), second).annotation.decision).toBeNull();
    expect(bob && isStale(bob, second.judgement, (answer) => answer === second.answerId)).toBe(true);
  });
});
