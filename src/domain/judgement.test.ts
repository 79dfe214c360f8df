import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { JsonObject } from './json.js';
import { judgementOf, parseBySchema, parseJudgement, serialiseJudgement, type Judgement } from './judgement.js';

const names = Object.keys(judgement(JSON.stringify({ query: 'q', document: 'd' }))).filter((name) => name !== 'extra');

const parts = fc.oneof(
  fc.string({ maxLength: 5 }),
  fc.constantFrom('ok', 'pending', 'label-first', '', '\u2028', '😀'),
  fc.constantFrom(0, 1, 2, -0, 1.5, 9007199254740993, 1e308, -3),
  fc.constantFrom(null, true, false),
);
const anything = fc.oneof(
  { weight: 6, arbitrary: parts },
  { weight: 1, arbitrary: fc.array(parts, { maxLength: 3 }) },
  { weight: 1, arbitrary: fc.tuple(fc.integer(), fc.integer()) },
  { weight: 1, arbitrary: fc.array(fc.double({ noNaN: true, noDefaultInfinity: true }), { maxLength: 3 }) },
  {
    weight: 2,
    arbitrary: fc.dictionary(
      fc.constantFrom('id', 'expected', '__proto__', 'constructor', 'prototype', 'a'),
      fc.oneof({ weight: 4, arbitrary: fc.double({ noNaN: true, noDefaultInfinity: true }) }, parts),
      { maxKeys: 3 },
    ),
  },
);
/** Values of the right type for each field, so that most rows pass and one wrong field is what decides. */
const right: Readonly<Record<string, fc.Arbitrary<unknown>>> = Object.fromEntries(
  names.map((name): [string, fc.Arbitrary<unknown>] => {
    if (['query_id', 'doc_id', 'query', 'document', 'title', 'uri', 'scale', 'run_id', 'error'].includes(name))
      return [name, fc.string({ maxLength: 8 })];
    if (['explanation', 'raw_response', 'prompt_sha256'].includes(name)) return [name, fc.string({ maxLength: 8 })];
    if (name === 'status') return [name, fc.constantFrom('pending', 'ok', 'truncated', 'unparsed', 'failed')];
    if (name === 'mode') return [name, fc.constantFrom('score', 'label-first', 'explain-first')];
    if (name === 'range') return [name, fc.tuple(fc.integer(), fc.integer())];
    if (name === 'label_probabilities')
      return [name, fc.array(fc.double({ noNaN: true, noDefaultInfinity: true }), { maxLength: 3 })];
    if (name === 'score_parts') return [name, fc.constantFrom({}, { expected: 1.5 }, { a: 1, b: -2 })];
    if (name === 'model' || name === 'sampling') return [name, fc.constantFrom({}, { id: 'm' }, { id: 1, deep: [{}] })];
    return [name, fc.integer()];
  }),
);
const row = fc
  .record({
    query: fc.string({ maxLength: 8 }),
    document: fc.string({ maxLength: 8 }),
    fields: fc.record(right, { requiredKeys: [] }),
    wrong: fc.dictionary(fc.constantFrom(...names), anything, { maxKeys: 2 }),
    unknown: fc.dictionary(fc.oneof(fc.string({ maxLength: 5 }), fc.constant('__proto__')), anything, { maxKeys: 2 }),
    damaged: fc.boolean(),
  })
  .map(({ query, document, fields, wrong, unknown, damaged }) =>
    JSON.stringify({ ...unknown, query, document, ...fields, ...(damaged ? wrong : {}) }),
  );

describe('judgementOf', () => {
  it('is what the schema says, or leaves it to the schema', () => {
    let byHand = 0;
    fc.assert(
      fc.property(row, (line) => {
        const value = JSON.parse(line) as JsonObject;
        const fast = judgementOf(value);
        if (fast === undefined) return;
        byHand++;
        expect({ ok: true, judgement: fast }).toStrictEqual(parseBySchema(value));
      }),
      { numRuns: 5_000 },
    );
    // Otherwise the property would hold of a function that never answers.
    expect(byHand).toBeGreaterThan(1_000);
  });

  it('takes every sound row', () => {
    fc.assert(
      fc.property(
        fc.record(right, { requiredKeys: ['query', 'document'] }),
        (value) => judgementOf(JSON.parse(JSON.stringify(value)) as JsonObject) !== undefined,
      ),
    );
  });
});

describe('serialiseJudgement', () => {
  it('writes what is read as the same row, whichever rows were written before', () => {
    fc.assert(
      fc.property(fc.array(row, { maxLength: 6 }), (lines) => {
        for (const line of lines) {
          const parsed = parseJudgement(line);
          if (!parsed.ok) continue;
          const written = serialiseJudgement(parsed.judgement);
          // JSON has no −0.
          expect(judgement(written)).toEqual(
            judgement(JSON.stringify({ ...parsed.judgement, extra: undefined, ...parsed.judgement.extra })),
          );
          expect(Object.keys(JSON.parse(written) as object).filter((name) => names.includes(name))).toEqual(names);
        }
      }),
    );
  });

  it('writes half a character, which a row of a run may hold, as U+FFFD', () => {
    const half = { ...judgement('{"query":"q","document":"d"}'), explanation: 'a \ud83d', error: '\udc00' };
    expect(judgement(serialiseJudgement(half))).toMatchObject({ explanation: 'a \ufffd', error: '\ufffd' });
  });
});

describe('parseJudgement', () => {
  it('keeps a field called __proto__ like any other it does not know', () => {
    const line = '{"query":"q","document":"d","__proto__":{"a":1}}';
    expect(serialiseJudgement(judgement(line))).toContain('"__proto__":{"a":1}');
  });

  it('refuses half a character, whether it was escaped or not', () => {
    for (const half of ['\\ud83d', '\ud83d']) {
      expect(parseJudgement(`{"query":"q","document":"a ${half} b"}`)).toMatchObject({
        ok: false,
        reason: expect.stringContaining('half of a surrogate pair') as string,
      });
    }
    expect(parseJudgement('{"query":"q","document":"\\ud83d\\ude00 😀"}')).toMatchObject({ ok: true });
  });
});

function judgement(line: string): Judgement {
  const parsed = parseJudgement(line);
  if (!parsed.ok) throw new Error(parsed.reason);
  return parsed.judgement;
}
