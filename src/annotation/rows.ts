/**
 * Reads a judgement file into rows. The file may be written by other tools and by hand, so a line that is no
 * judgement becomes a row that says why: nothing is dropped and nothing is guessed.
 */
import { isAscii, isUtf8 } from 'node:buffer';
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { messageOf, RationaleError, hasCode } from '../domain/failure.js';
import { answerId } from '../domain/identity.js';
import { parseJudgement, type Judgement } from '../domain/judgement.js';
import type { RowKey } from '../protocol/editor.js';
import { AnswerLines } from './answer-lines.js';

export interface JudgementRow {
  readonly kind: 'judgement';
  /** Index of the line in the file, from 0. */
  readonly key: RowKey;
  /** From 1, as an editor counts. */
  readonly line: number;
  readonly judgement: Judgement;
  readonly answerId: string;
}

interface MalformedRow {
  readonly kind: 'malformed';
  readonly key: RowKey;
  readonly line: number;
  readonly reason: string;
  /** The line as far as it is text, at most 2,000 UTF-16 units. */
  readonly text: string;
}

export type Row = JudgementRow | MalformedRow;

export interface JudgementRows {
  readonly rows: readonly Row[];
  readonly bytes: number;
  /** Of the whole file, lower-case hex: what the seal of a run is compared with. */
  readonly sha256: string;
}

const newline = 0x0a;
const byteOrderMark = 0xfeff;
const shownOfMalformed = 2000;

/** Reads the judgement file at `path`. Throws RationaleError (environment) naming the file when it cannot be read. */
export async function readJudgementFile(path: string): Promise<JudgementRows> {
  const rows: Row[] = [];
  const stream = streamJudgementFile(path);
  for (let next = await stream.next(); ; next = await stream.next()) {
    if (next.done === true) return { rows, ...next.value };
    for (const row of next.value) rows.push(row);
  }
}

/** Reads judgement rows from the bytes of a file, in chunks cut anywhere. */
export async function readJudgementBytes(
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): Promise<JudgementRows> {
  const rows: Row[] = [];
  const stream = streamRows(chunks);
  for (let next = await stream.next(); ; next = await stream.next()) {
    if (next.done === true) return { rows, ...next.value };
    for (const row of next.value) rows.push(row);
  }
}

type FileEnd = Omit<JudgementRows, 'rows'>;

/** Hears of a line (from 1) that holds keys twice, of which the last value counts. */
type OnRepeatedKeys = (line: number, keys: readonly string[]) => void;

/**
 * The rows of the judgement file at `path` in batches as they are read, for files that do not fit in memory; returns the
 * file's size and hash. Throws RationaleError (environment) naming the file when it cannot be read.
 */
export async function* streamJudgementFile(
  path: string,
  onRepeatedKeys?: OnRepeatedKeys,
): AsyncGenerator<readonly Row[], FileEnd, undefined> {
  // Larger pieces make batches that outlive the garbage collector's first generation: a quarter slower.
  const chunks = createReadStream(path, { highWaterMark: 1 << 18 });
  try {
    return yield* streamRows(chunks, onRepeatedKeys);
  } catch (error) {
    if (error instanceof RationaleError) throw error;
    const named = hasCode(error, 'ENOENT', 'EISDIR');
    throw new RationaleError(named ? 'user' : 'environment', `Cannot read ${path}: ${messageOf(error)}`, {
      cause: error,
    });
  } finally {
    chunks.destroy();
  }
}

async function* streamRows(
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  onRepeatedKeys?: OnRepeatedKeys,
): AsyncGenerator<readonly Row[], FileEnd, undefined> {
  const reader = new RowReader(onRepeatedKeys);
  const hash = createHash('sha256');
  let bytes = 0;
  let rest: Uint8Array[] = [];
  for await (const chunk of chunks) {
    hash.update(chunk);
    bytes += chunk.length;
    const end = chunk.lastIndexOf(newline) + 1;
    if (end > 0) {
      rest.push(chunk.subarray(0, end));
      const rows: Row[] = [];
      reader.lines(joined(rest), rows);
      rest = [];
      if (rows.length > 0) yield rows;
    }
    // Copied, because a stream may reuse its buffer.
    if (end < chunk.length) rest.push(chunk.slice(end));
  }
  const last = joined(rest);
  const row = last.length > 0 ? reader.line(last, false) : null;
  if (row !== null) yield [row];
  return { bytes, sha256: hash.digest('hex') };
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const [only] = parts;
  return parts.length === 1 && only !== undefined ? only : Buffer.concat(parts);
}

class RowReader {
  private index = 0;
  private readonly lineOfAnswer = new AnswerLines();
  private readonly heedKeys: ((keys: readonly string[]) => void) | undefined;

  constructor(onRepeatedKeys: OnRepeatedKeys | undefined) {
    this.heedKeys =
      onRepeatedKeys &&
      ((keys) => {
        onRepeatedKeys(this.index, keys);
      });
  }

  /** The rows of whole lines, each with its line feed; blank lines are passed over. */
  lines(bytes: Uint8Array, rows: Row[]): void {
    const block = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    if (isUtf8(block)) {
      // Decoded at once: a line at a time takes as long as parsing it.
      const text = block.toString(isAscii(block) ? 'latin1' : 'utf8');
      for (let from = 0; from < text.length;) {
        const at = text.indexOf('\n', from);
        const row = this.row(text.slice(from, at), true);
        if (row !== null) rows.push(row);
        from = at + 1;
      }
      return;
    }
    for (let from = 0; from < block.length;) {
      const at = block.indexOf(newline, from);
      const row = this.line(block.subarray(from, at), true);
      if (row !== null) rows.push(row);
      from = at + 1;
    }
  }

  /** The row of one line's bytes without the line feed, null for a blank line; `ended` is false for a last line without one. */
  line(bytes: Uint8Array, ended: boolean): Row | null {
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8');
    if (isUtf8(bytes)) return this.row(text, ended);
    return malformed(this.index++, ended ? 'not valid UTF-8' : 'half-written: the file ends inside this line', text);
  }

  private row(line: string, ended: boolean): Row | null {
    const key = this.index++;
    // Without a byte order mark, which only the first line can have, and without a carriage return before the line feed.
    let text = line.charCodeAt(0) === byteOrderMark ? line.slice(1) : line;
    if (text.endsWith('\r')) text = text.slice(0, -1);
    if (text.trim() === '') return null;
    const parsed = parseJudgement(text, this.heedKeys);
    if (!parsed.ok) {
      const reason = ended ? parsed.reason : `half-written: the file ends inside this line (${parsed.reason})`;
      return malformed(key, reason, text);
    }
    const id = answerId(parsed.judgement);
    const earlier = this.lineOfAnswer.claim(id, key + 1);
    if (earlier !== key + 1) return malformed(key, `repeats line ${earlier}`, text);
    return { kind: 'judgement', key, line: key + 1, judgement: parsed.judgement, answerId: id };
  }
}

function malformed(key: RowKey, reason: string, text: string): MalformedRow {
  // Through bytes: a slice would keep the block it was read in for as long as the row lives.
  const shown = Buffer.from(text.slice(0, shownOfMalformed), 'utf8').toString('utf8');
  return { kind: 'malformed', key, line: key + 1, reason, text: shown };
}
