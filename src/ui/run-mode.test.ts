import { describe, expect, it } from 'vitest';
import { interankProfile } from '../profiles/interank.js';
import type { Profile } from '../profiles/profile.js';
import { runMode } from './run-mode.js';

const { explain_first: prompt } = interankProfile.prompts;
const profile = (...prompts: (keyof Profile['prompts'])[]): Profile => ({
  ...interankProfile,
  prompts: Object.fromEntries(prompts.map((name) => [name, prompt])),
});

describe('the mode of a run', () => {
  it('is label-first by itself where the model writes and something is to be explained', () => {
    expect(runMode('auto', 3, profile('score', 'label_first', 'explain_first'))).toBe('label-first');
    expect(runMode('auto', 0, profile('score', 'label_first'))).toBe('score');
    expect(runMode('auto', 3, profile('score', 'explain_first'))).toBe('score');
  });

  it('is the one that is set, or an error that names the setting and what there is', () => {
    expect(runMode('explain-first', 0, profile('score', 'explain_first'))).toBe('explain-first');
    expect(() => runMode('explain-first', 3, profile('score', 'label_first'))).toThrow(
      /rationale\.rerank\.mode asks for explain-first, but the model interank offers only score and label-first/,
    );
  });
});
