/** The embedded model with another profile, for tests of what its own profile does not have: weights linked, never copied. */
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import type { Profile, Prompt } from '../../src/profiles/profile.js';

/** Makes `folder` a whole model folder with the profile of the model in `embedded` as `change` returns it. */
export function changedModel(embedded: string, folder: string, change: (profile: Profile) => Profile): void {
  mkdirSync(folder, { recursive: true });
  const listed = readFileSync(path.join(embedded, 'SHA256SUMS'), 'utf8');
  for (const [, name = ''] of listed.matchAll(/^[0-9a-f]{64} [ *](.+)$/gm)) {
    if (name !== 'profile.json') symlinkSync(path.join(embedded, name), path.join(folder, name));
  }
  const profile = JSON.parse(readFileSync(path.join(embedded, 'profile.json'), 'utf8')) as Profile;
  const text = JSON.stringify(change(profile));
  writeFileSync(path.join(folder, 'profile.json'), text);
  const sum = createHash('sha256').update(text).digest('hex');
  writeFileSync(path.join(folder, 'SHA256SUMS'), listed.replace(/^[0-9a-f]{64}(?= [ *]profile\.json$)/m, sum));
}

/** The same profile with an explain-first prompt for the embedded model, which knows the label-first order only. */
export function withExplainFirst(profile: Profile, change: Partial<Prompt> = {}): Profile {
  const explain_first: Prompt = {
    raw: 'Document: {document}\nQuestion: {query}\nExplanation:',
    add_generation_prompt: false,
    answer: ' {explanation}\nRelevance Label: {label}',
    stop: [],
    max_new_tokens: 24,
    reads: profile.prompts.score?.reads ?? [],
    ...change,
  };
  return { ...profile, prompts: { ...profile.prompts, explain_first } };
}
