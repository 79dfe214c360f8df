/** Prompts for trainers that take one text and apply their own chat template to it. */
import type { JsonObject } from '../domain/json.js';

/** The content of a conversation that is one user message; null for any other, which one text cannot hold. */
export function soleMessage(messages: readonly JsonObject[]): string | null {
  const [message] = messages;
  const content = message?.['content'];
  return messages.length === 1 && message?.['role'] === 'user' && typeof content === 'string' ? content : null;
}
