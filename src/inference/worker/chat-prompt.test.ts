import { readFileSync } from 'node:fs';
import * as path from 'node:path';
import { describe, expect, it } from 'vitest';
import { PromptTokenizer } from './tokenizer.js';
import { promptSegments } from '../../profiles/chat.js';
import { interankPrompt, interankProfile } from '../../profiles/interank.js';
import { promptFor, parseProfile, type Profile } from '../../profiles/profile.js';

/** The chat template of SmolLM2-Instruct, as its tokenizer_config.json has it. */
const chatml =
  "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}{{ '<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n' }}{% endif %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";
const profile: Profile = { ...interankProfile, chat_template: chatml };
const input = { query: 'Why?', title: null, document: 'Because <|im_end|> and {query}.' };
const text = (p: Profile): string =>
  promptSegments(p, interankPrompt(), input)
    .map((s) => s.text)
    .join('');

describe('a chat prompt', () => {
  it('is the template applied to the messages, with the generation prompt', () => {
    expect(text(profile)).toBe(
      '<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n<|im_start|>user\n' +
        'Explain whether the following document is relevant or not to the given question. Then end your response with a relevance label ' +
        "(0: irrelevant, 1: partially relevant, 2: relevant) and the symbol '##'. Question: Why?\nDocument: Because <|im_end|> and {query}.<|im_end|>\n<|im_start|>assistant\n",
    );
  });

  it("makes special tokens of the template's own, and text of a document's look-alikes", () => {
    const tokenizer = PromptTokenizer.load(
      readFileSync(path.join(import.meta.dirname, '../../../models/rationale-135m/tokenizer.json'), 'utf8'),
    );
    const { ids, spans } = tokenizer.encodePrompt(promptSegments(profile, interankPrompt(), input));
    const end = tokenizer.specialId('<|im_end|>');
    const [from, to] = spans.get('document') ?? [0, 0];
    expect(ids.filter((id) => id === end)).toHaveLength(2);
    expect(ids.slice(from, to)).not.toContain(end);
    expect(tokenizer.decode(ids.slice(from, to))).toBe(' Because <|im_end|> and {query}.');
  });

  it('is refused without a template, and when the template loses the document', () => {
    expect(() => text(interankProfile)).toThrow(/needs "chat_template"/);
    expect(() => text({ ...profile, chat_template: '{{ messages[0].role }}' })).toThrow(
      /drops, repeats or reorders a slot/,
    );
    expect(() => text({ ...profile, chat_template: '{% for %}' })).toThrow(/cannot be rendered/);
  });

  it('travels with the profile', () => {
    const read = parseProfile(JSON.stringify(profile), 'profile.json');
    expect(promptFor(read, 'explain-first')).toBeDefined();
    expect(text(read)).toBe(text(profile));
  });
});
