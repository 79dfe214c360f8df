import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { codePointLength, sliceCodePoints } from '../domain/text.js';
import type { RerankEngine } from '../inference/engine.js';
import { interankProfile } from '../profiles/interank.js';
import type { JudgementEvent, RerankRequest } from '../protocol/inference.js';
import { CounterfactualCache, inspectPair, planCounterfactuals } from './counterfactual.js';
import { sentencesOf } from './sentences.js';

const pair = {
  query_id: 'q',
  query: 'what do seals eat',
  doc_id: 'd',
  title: null,
  document: 'The sky is blue. Seals eat fish. 😀 Ice is cold.',
  document_end: null,
};

/** Says "relevant" with the share of `eat` and `seals` words in what it is shown; counts what it was asked. */
class FakeEngine implements RerankEngine {
  readonly profile = interankProfile;
  asked: string[] = [];
  constructor(private readonly failOn = '') {}
  load() {
    const text = 'x';
    return Promise.resolve({
      id: text,
      sha256: text,
      profile: text,
      profile_sha256: text,
      engine: text,
      engine_version: text,
      device: text,
      precision: text,
    });
  }
  async *judge({ query, pairs }: RerankRequest, signal: AbortSignal): AsyncGenerator<JudgementEvent> {
    for (const { key, document } of pairs) {
      signal.throwIfAborted();
      await Promise.resolve();
      this.asked.push(document);
      if (this.failOn !== '' && document.includes(this.failOn) && document !== pair.document) {
        yield { type: 'failed', key, message: 'no memory' };
        continue;
      }
      const p = /fish/.test(document) && /eat/.test(query) ? 0.8 : 0.1;
      const result = {
        label: p > 0.5 ? 2 : 0,
        label_probabilities: [1 - p, 0, p],
        reads: {},
        document_end: codePointLength(document),
        prompt_sha256: '',
        prompt_tokens: 1,
        elapsed_ms: 1,
      };
      yield { type: 'scored', key, result };
    }
  }
  dispose() {
    return Promise.resolve();
  }
}

async function last(engine: RerankEngine, cache = new CounterfactualCache()) {
  let found;
  for await (const step of inspectPair(engine, pair, { signal: new AbortController().signal, cache })) found = step;
  return found;
}

describe('planCounterfactuals', () => {
  it('leaves out the sentence with the most terms of the query first, and counts in code points', () => {
    const [first, ...rest] = planCounterfactuals(pair);
    expect(first).toMatchObject({ kind: 'sentence', text: 'Seals eat fish.', query: pair.query });
    expect(first?.document).not.toContain('fish');
    for (const change of [first, ...rest]) {
      if (change === undefined) continue;
      const of = change.kind === 'sentence' ? pair.document : pair.query;
      expect(sliceCodePoints(of, change.start, change.end)).toBe(change.text);
    }
    expect(rest.filter(({ kind }) => kind === 'term').map(({ text }) => text)).toEqual(['seals', 'eat']);
    expect(planCounterfactuals(pair, { limit: 2 })).toHaveLength(2);
  });

  it('plans nothing that the model did not see, and brings no unseen text in', () => {
    const cut = { ...pair, document_end: 'The sky is blue. Seals eat fish.'.length };
    for (const { document, text } of planCounterfactuals(cut)) {
      expect(document).not.toContain('cold');
      expect(text).not.toContain('cold');
    }
  });

  it('leaves of any text everything but the part left out, and never nothing', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 60 }), (document) => {
        const text = document.toWellFormed();
        for (const change of planCounterfactuals({ ...pair, document: text })) {
          const squeezed = (s: string) => s.replace(/\s+/g, '');
          if (change.kind === 'sentence') {
            expect(change.document.trim()).not.toBe('');
            expect(squeezed(change.document)).toBe(
              squeezed(sliceCodePoints(text, 0, change.start)) + squeezed(sliceCodePoints(text, change.end, Infinity)),
            );
          }
        }
        const sentences = sentencesOf(text);
        expect(sentences.map(({ start, end }) => text.slice(start, end))).toEqual(sentences.map((s) => s.text));
      }),
      { numRuns: 50 },
    );
  });
});

describe('inspectPair', () => {
  it('shows which sentence and which word carry the label, with probabilities before and after', async () => {
    const found = await last(new FakeEngine());
    expect(found).toMatchObject({ label: 2, label_probabilities: [expect.closeTo(0.2), 0, 0.8], planned: 5 });
    const effects = Object.fromEntries(
      (found?.changes ?? []).map(({ text, effect }) => [text, Number(effect.toFixed(6))]),
    );
    expect(effects).toEqual({
      'Seals eat fish.': 1.4,
      'The sky is blue.': 0,
      '😀 Ice is cold.': 0,
      seals: 0,
      eat: 1.4,
    });
  });

  it('asks nothing again that is in the cache', async () => {
    const cache = new CounterfactualCache();
    const engine = new FakeEngine();
    const first = await last(engine, cache);
    const { length } = engine.asked;
    expect(await last(engine, cache)).toMatchObject({
      changes: expect.arrayContaining(first?.changes.slice() ?? []) as unknown,
    });
    expect(engine.asked).toHaveLength(length);
  });

  it('stops when cancelled, and says what failed', async () => {
    const abort = new AbortController();
    const engine = new FakeEngine();
    const steps = inspectPair(engine, pair, { signal: abort.signal });
    await steps.next();
    await steps.next();
    abort.abort();
    await expect(
      (async () => {
        for await (const step of steps) expect(step.changes.length).toBeLessThan(3);
      })(),
    ).rejects.toMatchObject({ name: 'AbortError' });
    await expect(last(new FakeEngine('sky'))).rejects.toThrow(/no memory/);
  });
});
