/**
 * The paper's own prompt, as a profile. Teacher files carry no run record, so their rows are exported with it.
 * Wording: the released code's RELEVANCE template in its single-space training form (arXiv 2504.03947).
 */
import { interankScale } from '../domain/scale.js';
import { promptFor, type Profile, type Prompt } from './profile.js';

export const interankProfile: Profile = {
  id: 'interank',
  version: 1,
  kind: 'decoder',
  label_scale: { name: interankScale.name, labels: interankScale.labels.map((label) => ({ ...label })) },
  precision: 'unknown',
  max_tokens: 8192,
  prompts: {
    explain_first: {
      messages: [
        {
          role: 'user',
          content:
            'Explain whether the following document is relevant or not to the given question. Then end your response with ' +
            "a relevance label (0: irrelevant, 1: partially relevant, 2: relevant) and the symbol '##'. Question: {query}\nDocument: {document}",
        },
      ],
      add_generation_prompt: true,
      answer: '{explanation}\n\nRelevance Label: {label} ##',
      stop: [' ##'],
      max_new_tokens: 1024,
      reads: [],
    },
  },
  score: {},
};

/** The prompt of `interankProfile`. */
export function interankPrompt(): Prompt {
  const prompt = promptFor(interankProfile, 'explain-first');
  if (prompt === undefined) throw new TypeError('interankProfile has an explain_first prompt');
  return prompt;
}
