import { describe, expect, it } from 'vitest';
import { parseJudgement } from '../domain/judgement.js';
import type { RenderedPrompt } from '../profiles/template.js';
import { axolotlKto, axolotlSft } from './axolotl.js';
import type { CanonicalRow } from './canonical.js';
import type { AnswerExporter, ConvertContext, Converted } from './exporter.js';
import { llamaFactoryKto, llamaFactorySft } from './llama-factory.js';
import { openrlhfRl } from './openrlhf.js';
import { defaultPolicy } from './policy.js';
import { verlRm } from './verl.js';

const raw = (text: string): RenderedPrompt => ({ kind: 'raw', text });
const chat = (...messages: readonly (readonly ['system' | 'user' | 'assistant', string])[]): RenderedPrompt => ({
  kind: 'messages',
  messages: messages.map(([role, content]) => ({ role, content })),
});

function row(fields: Partial<CanonicalRow> = {}): CanonicalRow {
  const parsed = parseJudgement('{"query":"q?","document":"text","label":2,"explanation":"why"}');
  if (!parsed.ok) throw new Error(parsed.reason);
  return {
    id: '0123456789abcdef',
    file: 'f',
    line: 1,
    judgement: parsed.judgement,
    scale: undefined,
    review: 'corrected',
    annotators: ['Ada'],
    human: { label: 1, explanation: 'no' },
    source: 'decided',
    evidence: [],
    prompt: raw('P'),
    template: 't',
    completion: 'no 1',
    original: { label: 2, explanation: 'why', text: 'why 2' },
    ...fields,
  };
}

function convert(
  exporter: AnswerExporter,
  of: CanonicalRow,
  prompts: ConvertContext['prompts'] = 'messages',
): Converted {
  if (exporter.perQuery === true) throw new Error('These formats take a row at a time.');
  return exporter.convert(of, { prompts, policy: defaultPolicy });
}

describe('formats of trainers', () => {
  it('hold back a prompt in which OpenRLHF would see a picture, unless it is a string', () => {
    const shown = row({ prompt: raw('see <image> here') });
    expect(convert(openrlhfRl, shown)).toEqual({ ok: false, reason: 'image_placeholder' });
    expect(convert(openrlhfRl, shown, 'strings').ok).toBe(true);
  });

  it('hold back a chat that LLaMA-Factory would drop, and take one that it reads', () => {
    expect(convert(llamaFactorySft, row({ prompt: chat(['user', 'a'], ['user', 'b']) }))).toEqual({
      ok: false,
      reason: 'chat_turns',
    });
    expect(convert(llamaFactorySft, row({ prompt: chat(['system', 's'], ['user', 'a']) })).ok).toBe(true);
  });

  it('hold back chats from formats of plain strings', () => {
    const asked = row({ prompt: chat(['user', 'a']) });
    for (const exporter of [verlRm, axolotlKto]) {
      expect(convert(exporter, asked)).toEqual({ ok: false, reason: 'chat_prompt' });
    }
  });

  it('give KTO a bad and a good answer for a correction, one good one for an acceptance, and none that nobody read', () => {
    const labels = (fields: Partial<CanonicalRow>) => {
      const converted = convert(llamaFactoryKto, row(fields));
      return converted.ok ? converted.lines.map((line) => line['label']) : converted.reason;
    };
    expect(labels({})).toEqual([false, true]);
    expect(labels({ review: 'accepted' })).toEqual([true]);
    expect(labels({ original: null })).toEqual([true]);
    expect(labels({ review: 'prefilled' })).toBe('prefilled');
  });

  it('write raw prompts for Axolotl without a chat template', () => {
    const converted = convert(axolotlSft, row(), 'strings');
    expect(converted.ok && converted.lines[0]).toMatchObject({ prompt: 'P', completion: 'no 1' });
  });
});
