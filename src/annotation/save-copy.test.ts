import { cpSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { DecisionRequest } from '../protocol/editor.js';
import { JudgementDocument } from './document.js';

function rows(): string {
  return ['a', 'b', 'c', 'c']
    .map((doc, i) =>
      JSON.stringify({ query: 'q', doc_id: doc, document: doc, label: i % 3, explanation: `why ${doc}`, sample: i }),
    )
    .map((text) => `${text}\n`)
    .join('');
}

async function opened(folder: string): Promise<JudgementDocument> {
  return JudgementDocument.open({
    path: join(folder, 'x.judgements.jsonl'),
    annotator: 'Ada',
    installationId: '0123456789abcdef',
    journalDir: join(folder, 'journal'),
  });
}

async function copyOf(original: JudgementDocument, folder: string): Promise<JudgementDocument> {
  const target = mkdtempSync(join(tmpdir(), 'rationale-copy-'));
  cpSync(folder, target, { recursive: true, filter: (name) => !name.includes('journal') });
  await original.saveCopy(join(target, 'x.judgements.jsonl'));
  return opened(target);
}

const request: fc.Arbitrary<DecisionRequest> = fc.oneof(
  fc.constantFrom<DecisionRequest>({ kind: 'accept' }, { kind: 'skip' }, { kind: 'cannot_judge' }, { kind: 'clear' }),
  fc.record({ kind: fc.constant('label' as const), label: fc.integer({ min: 0, max: 2 }) }),
  fc.record({ kind: fc.constant('explanation' as const), text: fc.constantFrom('x', 'y', 'why a') }),
  fc.record({ kind: fc.constant('flag' as const), flagged: fc.boolean() }),
);

describe('a saved copy', () => {
  it('holds an unsaved accept where a correction is saved', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'rationale-copy-'));
    writeFileSync(join(folder, 'x.judgements.jsonl'), rows());
    const original = await opened(folder);
    original.decide(0, { kind: 'label', label: 2 });
    await original.save();
    original.decide(0, { kind: 'clear' });
    original.decide(0, { kind: 'accept' });
    expect((await copyOf(original, folder)).annotation(0).decision).toMatchObject({ kind: 'accepted' });
  });

  it('holds what the original holds, whatever was decided and saved before', async () => {
    const step = fc.record({ key: fc.integer({ min: 0, max: 3 }), request, save: fc.boolean() });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
        const folder = mkdtempSync(join(tmpdir(), 'rationale-copy-'));
        writeFileSync(join(folder, 'x.judgements.jsonl'), rows());
        const original = await opened(folder);
        for (const { key, request: made, save } of steps) {
          original.decide(key, made);
          if (save) await original.save();
        }
        const copy = await copyOf(original, folder);
        for (const key of [0, 1, 2, 3]) expect(copy.annotation(key)).toEqual(original.annotation(key));
      }),
      { numRuns: 40 },
    );
  });
});
