/**
 * Prompts as the model gets them: raw text, or messages through the model's chat template. The template is rendered with
 * a sentinel in place of each slot, so that its own text (with its special tokens) and untrusted text stay apart.
 */
import { Template } from '@huggingface/jinja';
import { RationaleError, messageOf } from '../domain/failure.js';
import type { Profile, Prompt } from './profile.js';
import { renderSegments, type PromptInput, type Segment } from './template.js';

/** Private-use characters, which no template holds; a document that does is never searched for them. */
const sentinel = (n: number): string => `\uE000${n}\uE001`;

/**
 * The segments of a prompt of `profile`. Throws RationaleError (user) when it has messages and the profile no
 * chat_template, or when the template cannot be rendered or drops or repeats a slot.
 */
export function promptSegments(profile: Profile, prompt: Prompt, input: PromptInput): Segment[] {
  if (prompt.messages === undefined) return renderSegments(prompt.raw ?? '', input);
  if (profile.chat_template === undefined) {
    throw new RationaleError('user', `profile ${profile.id}: a prompt with messages needs "chat_template".`);
  }
  const slots: Segment[] = [];
  const messages = prompt.messages.map(({ role, content }) => ({
    role,
    content: renderSegments(content, input)
      .map((segment) => (segment.slot === null ? segment.text : sentinel(slots.push(segment) - 1)))
      .join(''),
  }));
  let text: string;
  try {
    text = new Template(profile.chat_template).render({
      messages,
      add_generation_prompt: prompt.add_generation_prompt,
      bos_token: profile.special_tokens?.bos_token ?? '',
      eos_token: profile.special_tokens?.eos_token ?? '',
    });
  } catch (error) {
    throw new RationaleError(
      'user',
      `profile ${profile.id}: the chat template cannot be rendered: ${messageOf(error)}`,
      { cause: error },
    );
  }
  const parts = text.split(/\uE000(\d+)\uE001/);
  const order = parts.filter((_, i) => i % 2 === 1);
  if (order.length !== slots.length || order.some((n, i) => Number(n) !== i)) {
    throw new RationaleError(
      'user',
      `profile ${profile.id}: the chat template drops, repeats or reorders a slot of the prompt.`,
    );
  }
  return parts
    .map((part, i): Segment =>
      i % 2 === 0 ? { text: part, slot: null } : (slots[Number(part)] ?? { text: '', slot: null }),
    )
    .filter((segment) => segment.text !== '' || segment.slot !== null);
}

/** The very text that a prompt is sent as, or null where it has messages and the profile's chat template is missing or fails. */
export function promptText(profile: Profile, prompt: Prompt, input: PromptInput): string | null {
  try {
    return promptSegments(profile, prompt, input)
      .map((segment) => segment.text)
      .join('');
  } catch (error) {
    if (error instanceof RationaleError) return null;
    throw error;
  }
}
