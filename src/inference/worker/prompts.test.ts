import { readFileSync } from 'node:fs';
import * as path from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { codePointLength, sliceCodePoints } from '../../domain/text.js';
import { parseProfile } from '../../profiles/profile.js';
import { BoundPrompt } from './prompts.js';
import { PromptTokenizer } from './tokenizer.js';

const model = path.join(import.meta.dirname, '../../../models/rationale-135m');
const read = (name: string): string => readFileSync(path.join(model, name), 'utf8');
const tokenizer = PromptTokenizer.load(read('tokenizer.json'));
const profile = parseProfile(read('profile.json'), 'profile.json');
const small = { ...profile, max_tokens: 160 };
const prepare = (document: string, mode: 'score' | 'label-first' = 'score', query = 'why?') =>
  new BoundPrompt(small, mode, tokenizer).prepare({ query, title: null, document });

describe('a prompt', () => {
  it('leaves room for everything that is generated or forced after it', () => {
    const { ids } = prepare('word '.repeat(500), 'label-first');
    const forced = 1 + tokenizer.encode('\nExplanation:').length;
    expect(ids.length + forced + 80).toBeLessThanOrEqual(160);
    expect(ids.length + forced + 80).toBeGreaterThan(157);
  });

  it('keeps white space that opens a document, and fills its room with long tokens, too', () => {
    expect(prepare(`${'\t'.repeat(40)}text`).documentEnd).toBe(44);
    const dashes = prepare('-'.repeat(100_000));
    expect(dashes.ids.length).toBeGreaterThan(150);
    expect(dashes.documentEnd).toBeGreaterThan(2_000);
  });

  it('is cut on a code point and tokenises to what its own text does', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', minLength: 150, maxLength: 400 }), (document) => {
        const { ids, documentEnd } = prepare(document);
        const seen = sliceCodePoints(document, 0, documentEnd);
        expect(ids.length).toBeLessThanOrEqual(160);
        expect(seen.isWellFormed()).toBe(true);
        expect(codePointLength(seen)).toBe(documentEnd);
        expect(ids).toEqual(tokenizer.encode(`Document: ${seen}\nQuestion: why?\nRelevance Label: `));
      }),
      { numRuns: 40 },
    );
  });

  it('is refused when the question leaves no room, whatever the document', () => {
    expect(() => prepare('short', 'score', 'long '.repeat(200))).toThrow(/question is too long/);
  });
});
