/**
 * Reads the records of a file, whatever its shape: JSON Lines, a JSON array or objects over many lines, tables. Files of
 * many gigabytes come from strangers: everything is streamed, and what is no record is handed on with its line and reason.
 */
import { isAscii, isUtf8 } from 'node:buffer';
import { open, type FileHandle } from 'node:fs/promises';
import { extname } from 'node:path';
import { messageOf, RationaleError } from '../../domain/failure.js';
import { isJsonObject, type Json, type JsonObject } from '../../domain/json.js';
import { repeatedKeys } from '../../domain/repeated-keys.js';
import { shown } from './fields.js';

export type SourceRecord =
  /** `line` is where it begins, from 1; `notes`: what was lost in reading it (a key that stands twice). */
  | {
      readonly line: number;
      readonly record: JsonObject;
      readonly reason?: undefined;
      readonly notes?: readonly string[];
    }
  | { readonly line: number; readonly record?: undefined; readonly reason: string };

const newline = 0x0a;
const blockSize = 1 << 20;
/** V8 holds no longer string than half a gigabyte; a line beyond this is an accident. */
const longestLine = 256 << 20;

/**
 * The records of a JSON file in batches. `.jsonl` and `.ndjson` are read by lines; any other name by what stands in it:
 * an array's elements, one object over many lines, or lines. Throws RationaleError (environment when it cannot be read,
 * user when its encoding is not UTF-8).
 */
export async function* readJsonRecords(
  path: string,
  onBytes?: (bytes: number) => void,
): AsyncGenerator<readonly SourceRecord[]> {
  let handle: FileHandle;
  try {
    handle = await open(path, 'r');
  } catch (error) {
    throw unreadable(path, error);
  }
  try {
    const shape = await shapeOf(handle, path);
    const reader = shape === 'lines' ? new LineReader() : new ElementReader(shape === 'array');
    yield* batches(handle, path, reader, onBytes);
  } finally {
    await handle.close();
  }
}

interface BlockReader {
  /** Takes the bytes of whole lines; `last` with what follows the last line feed of the file. */
  block(bytes: Buffer, last: boolean): SourceRecord[];
}

/** Feeds a reader with blocks that end at a line feed, reusing one buffer, which grows only for a longer line. */
async function* batches(
  handle: FileHandle,
  path: string,
  reader: BlockReader,
  onBytes?: (bytes: number) => void,
): AsyncGenerator<readonly SourceRecord[]> {
  // One byte more than a small file has, so that its end is found without growing.
  const { size } = await handle.stat();
  let buffer = Buffer.allocUnsafe(Math.min(blockSize, size + 1));
  let kept = 0;
  let position = 0;
  for (;;) {
    if (kept === buffer.length) {
      if (kept >= longestLine) {
        throw new RationaleError(
          'user',
          `${path} holds a line of more than ${longestLine >> 20} MB, which is no record. Nothing was written; split the file or cut the line.`,
        );
      }
      buffer = Buffer.concat([buffer], buffer.length * 2);
    }
    let bytesRead: number;
    try {
      ({ bytesRead } = await handle.read(buffer, kept, buffer.length - kept, position));
    } catch (error) {
      throw unreadable(path, error);
    }
    if (position === 0 && hasMark(buffer, bytesRead)) buffer.fill(0x20, 0, 3);
    position += bytesRead;
    const end = kept + bytesRead;
    const complete = bytesRead === 0 ? end : buffer.lastIndexOf(newline, end - 1) + 1;
    if (complete > kept || bytesRead === 0) {
      // The reader has turned the bytes into strings before the buffer is used again.
      const records = reader.block(buffer.subarray(0, complete), bytesRead === 0);
      if (records.length > 0) yield records;
      buffer.copy(buffer, 0, complete, end);
      kept = end - complete;
    } else {
      kept = end;
    }
    onBytes?.(bytesRead);
    if (bytesRead === 0) return;
  }
}

/** JSON Lines: one object a line, blank lines passed over. */
class LineReader implements BlockReader {
  private line = 0;

  block(bytes: Buffer, last: boolean): SourceRecord[] {
    const records: SourceRecord[] = [];
    if (!isUtf8(bytes)) {
      // Rare and slow: only the lines that are not UTF-8 are refused.
      for (let from = 0; from < bytes.length;) {
        const at = bytes.indexOf(newline, from);
        const end = at < 0 ? bytes.length : at;
        this.line++;
        const part = bytes.subarray(from, end);
        if (isUtf8(part)) this.take(part.toString('utf8'), records, at < 0 && last);
        else records.push({ line: this.line, reason: 'not valid UTF-8' });
        from = end + 1;
      }
      return records;
    }
    const text = bytes.toString(isAscii(bytes) ? 'latin1' : 'utf8');
    for (let from = 0; from < text.length;) {
      const at = text.indexOf('\n', from);
      const end = at < 0 ? text.length : at;
      this.line++;
      this.take(text.slice(from, end), records, at < 0 && last);
      from = end + 1;
    }
    return records;
  }

  private take(text: string, records: SourceRecord[], torn: boolean): void {
    if (text.length < 8 && text.trim() === '') return;
    const record = parseRecord(text, this.line);
    if (record.reason === undefined) records.push(record);
    else if (text.trim() !== '') {
      const where = torn ? 'half-written: the file ends inside this line, ' : '';
      records.push({ line: this.line, reason: `${where}${record.reason}` });
    }
  }
}

const quote = 0x22;
const backslash = 0x5c;
const comma = 0x2c;

/**
 * Elements of one array, or objects one after another, over any number of lines. Finds where an element ends by counting
 * brackets outside strings; whether it is valid is for JSON.parse to say.
 */
class ElementReader implements BlockReader {
  private line = 1;
  private depth = 0;
  private inString = false;
  private escaped = false;
  private closed = false;
  private parts: Buffer[] = [];
  private begun = false;
  private firstLine = 1;
  private readonly base: number;

  constructor(array: boolean) {
    this.base = array ? 1 : 0;
  }

  block(bytes: Buffer, last: boolean): SourceRecord[] {
    const records: SourceRecord[] = [];
    let from = 0;
    for (let i = 0; i < bytes.length; i++) {
      const byte = bytes[i] ?? 0;
      if (byte === newline) this.line++;
      if (this.inString) {
        if (this.escaped) this.escaped = false;
        else if (byte === backslash) this.escaped = true;
        else if (byte === quote) this.inString = false;
        continue;
      }
      switch (byte) {
        case quote:
          this.begin();
          this.inString = true;
          break;
        case 0x7b: // {
        case 0x5b: // [
          if (this.depth === 0 && this.base === 1 && byte === 0x5b && !this.closed) {
            // The array itself.
            this.depth = 1;
            from = i + 1;
            break;
          }
          this.begin();
          this.depth++;
          break;
        case 0x7d: // }
        case 0x5d: // ]
          if (this.depth === this.base && this.base === 1 && byte === 0x5d && !this.closed) {
            this.end(bytes.subarray(from, i), records, '');
            this.depth = 0;
            this.closed = true;
            from = i + 1;
            break;
          }
          this.begin();
          if (this.depth > this.base) this.depth--;
          if (this.base === 0 && this.depth === 0) {
            this.end(bytes.subarray(from, i + 1), records, '');
            from = i + 1;
          }
          break;
        case comma:
          if (this.base === 1 && this.depth === 1) {
            this.end(bytes.subarray(from, i), records, '');
            from = i + 1;
          }
          break;
        case 0x20:
        case 0x09:
        case 0x0d:
        case newline:
          break;
        default:
          this.begin();
      }
    }
    // Copied: the buffer is used again.
    this.keep(Buffer.from(bytes.subarray(from)));
    if (last) {
      const torn = this.depth > this.base || this.inString ? 'half-written: the file ends inside this record, ' : '';
      this.end(Buffer.alloc(0), records, this.closed ? 'stands after the end of the array: ' : torn);
      if (this.base === 1 && !this.closed) {
        records.push({ line: this.line, reason: 'half-written: the file ends before the array does' });
      }
    }
    return records;
  }

  private begin(): void {
    if (!this.begun) this.firstLine = this.line;
    this.begun = true;
  }

  private keep(part: Buffer): void {
    if (part.length > 0) this.parts.push(part);
  }

  private end(tail: Buffer, records: SourceRecord[], why: string): void {
    this.keep(tail);
    const bytes = Buffer.concat(this.parts);
    const { begun } = this;
    this.parts = [];
    this.begun = false;
    if (!begun) return;
    if (!isUtf8(bytes)) {
      records.push({ line: this.firstLine, reason: `${why}not valid UTF-8` });
      return;
    }
    const record = parseRecord(bytes.toString('utf8'), this.firstLine);
    if (record.reason === undefined && why === '') records.push(record);
    else records.push({ line: this.firstLine, reason: `${why}${record.reason ?? 'a record'}` });
  }
}

/** A record from its JSON text. */
function parseRecord(text: string, line: number): SourceRecord {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return { line, reason: `not valid JSON (${messageOf(error)})` };
  }
  if (!isJsonObject(value)) return { line, reason: 'not a JSON object' };
  // In valid UTF-8 only an escape can make half a character, so most records need no look at their strings.
  if (text.includes('\\u')) {
    const lone = loneSurrogate(value);
    if (lone !== undefined) {
      return { line, reason: `half of a surrogate pair in a field (${lone}): the text was cut inside a character` };
    }
  }
  const repeated = repeatedKeys(text, value);
  return repeated.length === 0 ? { line, record: value } : { line, record: value, notes: repeated.map(repetitionNote) };
}

function repetitionNote(key: string): string {
  return `a key stands twice in one object, and its last value counts: ${shown(key)}`;
}

/** The name of the first field that holds, or is named by, a string with a lone surrogate. */
function loneSurrogate(root: JsonObject): string | undefined {
  // A stack of its own: records nest as deeply as their writer likes.
  const stack: { readonly field: string; readonly value: Json }[] = [{ field: '', value: root }];
  for (let top = stack.pop(); top !== undefined; top = stack.pop()) {
    const { field, value } = top;
    if (typeof value === 'string') {
      if (!value.isWellFormed()) return field;
    } else if (typeof value === 'object' && value !== null) {
      for (const [key, item] of Object.entries<Json>(value)) {
        if (!key.isWellFormed()) return key.toWellFormed();
        stack.push({ field: field === '' ? key : field, value: item });
      }
    }
  }
  return undefined;
}

/** How the records of a file are laid out, from its name and its beginning. */
async function shapeOf(handle: FileHandle, path: string): Promise<'lines' | 'array' | 'objects'> {
  const head = Buffer.allocUnsafe(1 << 16);
  let bytesRead: number;
  try {
    ({ bytesRead } = await handle.read(head, 0, head.length, 0));
  } catch (error) {
    throw unreadable(path, error);
  }
  if (bytesRead >= 2 && ((head[0] === 0xff && head[1] === 0xfe) || (head[0] === 0xfe && head[1] === 0xff))) {
    throw new RationaleError('user', `${path} is UTF-16. Nothing was written; save it as UTF-8 and try again.`);
  }
  if (['.jsonl', '.ndjson'].includes(extname(path).toLowerCase())) return 'lines';
  const text = head.subarray(hasMark(head, bytesRead) ? 3 : 0, bytesRead).toString('utf8');
  const start = text.trimStart();
  if (start.startsWith('[')) return 'array';
  const firstLine = start.split('\n', 1)[0] ?? '';
  // A first line longer than the look is no line of an indented object.
  if (firstLine.length === start.length && bytesRead === head.length) return 'lines';
  return parseRecord(firstLine, 1).reason === undefined || !start.startsWith('{') ? 'lines' : 'objects';
}

/** True for a UTF-8 byte order mark. */
function hasMark(bytes: Buffer, length: number): boolean {
  return length >= 3 && bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
}

function unreadable(path: string, error: unknown): RationaleError {
  return new RationaleError('environment', `Cannot read ${path}: ${messageOf(error)} Nothing was written.`, {
    cause: error,
  });
}
