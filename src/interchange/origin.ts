/** Where the texts of a judgement file come from, and under which licence: what its sidecar says, for the dataset card. */
import { readFile } from 'node:fs/promises';
import { companionStem } from '../annotation/record.js';
import { isJsonObject } from '../domain/json.js';

/**
 * The sidecar's `source`, a text or `{name, licence, url}` (`license` too), in one line; null where there is none. A sidecar
 * that cannot be read is reported by its own reader.
 */
export async function readOrigin(path: string): Promise<string | null> {
  const text = await readFile(`${companionStem(path)}.rationale.json`, 'utf8').catch(() => '');
  let value: unknown;
  try {
    value = JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch {
    return null;
  }
  const source = isJsonObject(value) ? value['source'] : undefined;
  if (typeof source === 'string') return oneLine(source);
  if (source === undefined || !isJsonObject(source)) return null;
  const licence = source['licence'] ?? source['license'];
  const said = [source['name'], typeof licence === 'string' ? `licence ${licence}` : undefined, source['url']];
  return oneLine(said.filter((part) => typeof part === 'string').join(', '));
}

function oneLine(text: string): string | null {
  const line = text.toWellFormed().replace(/\s+/g, ' ').trim();
  return line === '' ? null : line;
}
