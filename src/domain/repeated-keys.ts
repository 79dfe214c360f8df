/**
 * Keys that stand twice in one object of a JSON text. JSON.parse keeps the last value and says nothing, so what a file
 * holds and what is read of it would differ without a word.
 */
import { isJsonObject, type Json } from './json.js';

/**
 * The keys that `text` repeats within an object, each once, in the order of the text; `value` is what JSON.parse makes of
 * it. Costs a look at the colons where nothing is repeated, and a walk over the text where something may be.
 */
export function repeatedKeys(text: string, value: Json): readonly string[] {
  return mayRepeatKeys(text, value) ? findRepeatedKeys(text) : none;
}

const none: readonly string[] = [];
const quote = 0x22;

/**
 * False where the text has as many quotes directly before a colon as the value has keys: inside a string such a quote is
 * escaped or opens the string, so there can only be more of them, and a repeated key makes one more.
 */
function mayRepeatKeys(text: string, value: Json): boolean {
  let keys = 0;
  for (let at = text.indexOf(':'); at >= 0; at = text.indexOf(':', at + 1)) {
    const before = text.charCodeAt(at - 1);
    if (before === quote) keys++;
    // White space before a colon: perhaps a key's, perhaps a sentence's.
    else if (before === 0x20 || before === 0x09 || before === 0x0a || before === 0x0d) return true;
  }
  return keys !== keysIn(value);
}

/** How many keys the objects in `value` have, with a stack of its own: texts nest as deeply as their writer likes. */
function keysIn(value: Json): number {
  let keys = 0;
  const stack: Json[] = [value];
  for (let top = stack.pop(); top !== undefined; top = stack.pop()) {
    if (Array.isArray(top)) {
      for (const item of top as readonly Json[]) if (typeof item === 'object' && item !== null) stack.push(item);
    } else if (isJsonObject(top)) {
      for (const key in top) {
        keys++;
        const item = top[key];
        if (typeof item === 'object' && item !== null) stack.push(item);
      }
    }
  }
  return keys;
}

function findRepeatedKeys(text: string): readonly string[] {
  const repeated = new Set<string>();
  /** Keys of the objects around; null for an array. */
  const around: (Set<string> | null)[] = [];
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (unit === 0x7b) around.push(new Set());
    else if (unit === 0x5b) around.push(null);
    else if (unit === 0x7d || unit === 0x5d) around.pop();
    else if (unit === quote) {
      const end = endOfString(text, at);
      const keys = around.at(-1);
      if (keys != null && isColonNext(text, end)) {
        // With its escapes undone: "\u0061" and "a" are one key.
        const key = JSON.parse(text.slice(at, end)) as string;
        if (keys.has(key)) repeated.add(key);
        keys.add(key);
      }
      at = end - 1;
    }
  }
  return [...repeated];
}

/** The place after the quote that closes the string whose opening quote is at `start`. */
function endOfString(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (unit === 0x5c) at++;
    else if (unit === quote) return at + 1;
  }
  return text.length;
}

function isColonNext(text: string, at: number): boolean {
  let next = at;
  while (' \t\r\n'.includes(text.charAt(next)) && next < text.length) next++;
  return text.charCodeAt(next) === 0x3a;
}
