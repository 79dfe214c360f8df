/**
 * Lines of a JSONL file, streamed. Node's readline also breaks lines at U+2028 and U+2029, which JSON allows inside
 * strings, so lines are split here, at line feeds only.
 */
import { createReadStream } from 'node:fs';
import { messageOf, RationaleError } from '../domain/failure.js';
import { isJsonObject, type JsonObject } from '../domain/json.js';

export interface JsonLine {
  readonly value: JsonObject;
  /** From 1. */
  readonly line: number;
}

/** The JSON objects of a file, one a line, blank lines passed over. @throws RationaleError naming file and line. */
export async function* readJsonLines(path: string): AsyncGenerator<JsonLine> {
  let rest = '';
  let line = 0;
  try {
    for await (const chunk of createReadStream(path, { encoding: 'utf8', highWaterMark: 1 << 18 })) {
      const lines = (rest + String(chunk)).split('\n');
      rest = lines.pop() ?? '';
      for (const text of lines) {
        line++;
        if (text.trim() !== '') yield { value: parse(text, path, line), line };
      }
    }
  } catch (error) {
    if (error instanceof RationaleError) throw error;
    throw new RationaleError('user', `Cannot read ${path}: ${messageOf(error)}.`, { cause: error });
  }
  if (rest.trim() !== '') yield { value: parse(rest, path, line + 1), line: line + 1 };
}

function parse(text: string, path: string, line: number): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(line === 1 ? text.replace(/^\ufeff/, '') : text);
  } catch (error) {
    throw new RationaleError(
      'user',
      `${path}, line ${line} is not valid JSON (${messageOf(error)}). Nothing was loaded.`,
      { cause: error },
    );
  }
  if (!isJsonObject(value))
    throw new RationaleError('user', `${path}, line ${line} is not a JSON object. Nothing was loaded.`);
  return value;
}
