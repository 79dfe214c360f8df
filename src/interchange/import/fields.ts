/**
 * Reads fields of foreign records, where numbers come as strings and anything may be missing. One place, so that every
 * importer takes and refuses the same things.
 */
import type { Json, JsonObject } from '../../domain/json.js';

export type LabelRead =
  | { readonly ok: true; readonly label: number | null; readonly notes: readonly string[] }
  | { readonly ok: false; readonly reason: string };

const none: readonly string[] = [];

/**
 * The label that `value` holds: an integer, or an integer written as a string or as 2.0 in a string (taken with a note);
 * null where there is none. Anything else is refused: a label is never guessed.
 */
export function readLabel(value: Json | undefined, field = 'label'): LabelRead {
  if (typeof value === 'number' && Number.isSafeInteger(value)) return { ok: true, label: value, notes: none };
  if (value === undefined || value === null) return { ok: true, label: null, notes: none };
  if (typeof value === 'string') {
    if (value.trim() === '') return { ok: true, label: null, notes: none };
    if (/^\s*[+-]?\d{1,15}(?:\.0*)?\s*$/.test(value))
      return { ok: true, label: Number(value) || 0, notes: [`"${field}" is a string that holds an integer`] };
  }
  return { ok: false, reason: `"${field}" is not an integer: ${shown(value)}` };
}

/** The finite number that `value` holds (also in a string), or null where there is none or it is something else. */
export function readNumber(value: Json | undefined): number | null {
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  return typeof number === 'number' && Number.isFinite(number) ? number : null;
}

/** The text that `value` holds; a number as its digits (ids); null where there is none or it is something else. */
export function readText(value: Json | undefined): string | null {
  if (typeof value === 'string') return value;
  return typeof value === 'number' ? String(value) : null;
}

/** The fields of a record that an importer has not used, to be kept; undefined where none are left. */
export function otherFields(record: JsonObject, used: ReadonlySet<string>): JsonObject | undefined {
  let rest: Record<string, Json> | undefined;
  for (const key in record) {
    const value = record[key];
    if (value !== undefined && !used.has(key)) (rest ??= {})[key] = value;
  }
  return rest;
}

/** A value for a message, short enough for one line. */
export function shown(value: Json): string {
  const text = JSON.stringify(value);
  return text.length > 40 ? `${text.slice(0, 40).toWellFormed()}…` : text;
}
