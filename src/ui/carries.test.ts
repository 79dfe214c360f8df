import { describe, expect, it } from 'vitest';
import { parseJudgement, type Judgement } from '../domain/judgement.js';
import { fourGradesScale } from '../domain/scale.js';
import { CounterfactualCache } from '../evaluation/counterfactual.js';
import type { RerankEngine } from '../inference/engine.js';
import { parseProfile } from '../profiles/profile.js';
import type { CarriesView } from '../protocol/editor.js';
import { readFileSync } from 'node:fs';
import { Carries } from './carries.js';

const profile = parseProfile(readFileSync('models/rationale-135m/profile.json', 'utf8'), 'profile.json');

function judgement(document: string, query = 'bees'): Judgement {
  const parsed = parseJudgement(JSON.stringify({ query, document, label: 2, scale: 'four-grades' }));
  if (!parsed.ok) throw new Error(parsed.reason);
  return parsed.judgement;
}

/** Finds a document relevant as far as it holds the word “honey”. */
function engine(asked: string[]): RerankEngine {
  return {
    profile,
    load: () =>
      Promise.resolve({
        id: 'words',
        sha256: '0',
        profile: 'words',
        profile_sha256: '0',
        engine: 'test',
        engine_version: '1',
        device: 'cpu',
        precision: 'none',
      }),
    async *judge({ pairs }, signal) {
      for (const { key, document } of pairs) {
        await Promise.resolve();
        signal.throwIfAborted();
        asked.push(document);
        const relevant = document.includes('honey') ? 0.9 : 0.1;
        yield {
          type: 'scored',
          key,
          result: {
            label: relevant > 0.5 ? 3 : 0,
            label_probabilities: [1 - relevant, 0, 0, relevant],
            reads: {},
            document_end: document.length,
            prompt_sha256: '',
            prompt_tokens: 1,
            elapsed_ms: 1,
          },
        };
      }
    },
    dispose: () => Promise.resolve(),
  };
}

const document = 'Bees fly. 🐝🐝 They make honey every day. They sleep.';

describe('what carries a label', () => {
  it('puts the sentence without which the label falls first, with the probabilities before and after', async () => {
    const views: (CarriesView | null)[] = [];
    const carries = new Carries(new CounterfactualCache(), (view) => views.push(view));
    await carries.start(7, judgement(document), engine([]));
    const view = carries.view;
    expect(view).toMatchObject({ key: 7, state: 'done' });
    expect(view?.whole).toMatchObject({
      labels: fourGradesScale.labels.map((label) => label.name),
      label: 'highly relevant',
    });
    const [strongest] = view?.parts ?? [];
    expect(strongest).toMatchObject({ label: 'irrelevant', probabilities: [0.9, 0, 0, 0.1] });
    expect(strongest?.effect).toBeCloseTo(2.4, 10);
    // UTF-16, whatever stands before: the text can be cut out of the document as the page holds it.
    for (const part of view?.parts ?? []) expect(document.slice(part.start, part.end)).toBe(part.text);
    expect(strongest?.text).toContain('honey');
    // It filled up on the way.
    expect(views.filter((v) => v?.state === 'running').length).toBeGreaterThan(2);
  });

  it('asks nothing a second time', async () => {
    const asked: string[] = [];
    const cache = new CounterfactualCache();
    await new Carries(cache, () => undefined).start(0, judgement(document), engine(asked));
    const first = asked.length;
    await new Carries(cache, () => undefined).start(0, judgement(document), engine(asked));
    expect(first).toBeGreaterThan(3);
    expect(asked).toHaveLength(first);
  });

  it('keeps what was scored when it is cancelled, and says so', async () => {
    const carries = new Carries(new CounterfactualCache(), (view) => {
      if ((view?.parts.length ?? 0) === 1) carries.cancel();
    });
    await carries.start(0, judgement(document), engine([]));
    expect(carries.view).toMatchObject({ state: 'cancelled' });
    expect(carries.view?.parts).toHaveLength(1);
  });

  it('shows the failure of an engine and nothing of a document that was closed meanwhile', async () => {
    const failing: RerankEngine = { ...engine([]), load: () => Promise.reject(new Error('no model')) };
    const carries = new Carries(new CounterfactualCache(), () => undefined);
    await carries.start(0, judgement(document), failing);
    expect(carries.view).toMatchObject({ state: 'failed', message: 'no model' });
    const running = carries.start(1, judgement(document), engine([]));
    carries.close();
    await running;
    expect(carries.view).toBeNull();
  });
});
