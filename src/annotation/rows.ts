/**
 * Reads a judgement file into rows. The file may be written by other tools and by hand, so a line that is no
 * judgement becomes a row that says why: nothing is dropped and nothing is guessed.
 */
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

/**
 * The rows of the judgement file at `path` in batches as they are read, for files that do not fit in memory; returns the
 * file's size and hash. Throws RationaleError (environment) naming the file when it cannot be read.
 */
export async function* streamJudgementFile(path: string): AsyncGenerator<readonly Row[], FileEnd, undefined> {
  // Larger pieces make batches that outlive the garbage collector's first generation: a quarter slower.
  const chunks = createReadStream(path, { highWaterMark: 1 << 18 });
  try {
    return yield* streamRows(chunks);
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
): AsyncGenerator<readonly Row[], FileEnd, undefined> {
  const reader = new RowReader();
  const hash = createHash('sha256');
  let bytes = 0;
  let rest: Uint8Array[] = [];
  for await (const chunk of chunks) {
    hash.update(chunk);
    bytes += chunk.length;
    const rows: Row[] = [];
    let from = 0;
    for (let at = chunk.indexOf(newline); at >= 0; at = chunk.indexOf(newline, from)) {
      rest.push(chunk.subarray(from, at));
      const row = reader.line(joined(rest), true);
      if (row !== null) rows.push(row);
      rest = [];
      from = at + 1;
    }
    // Copied, because a stream may reuse its buffer.
    if (from < chunk.length) rest.push(chunk.slice(from));
    if (rows.length > 0) yield rows;
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
  private readonly strict = new TextDecoder('utf-8', { fatal: true });

  /** The row of one line's bytes without the line feed, null for a blank line; `ended` is false for a last line without one. */
  line(bytes: Uint8Array, ended: boolean): Row | null {
    const key = this.index++;
    let text: string;
    try {
      // TextDecoder drops a byte order mark, which only the first line can have.
      text = this.strict.decode(bytes);
    } catch {
      const shown = Buffer.from(bytes).toString('utf8');
      return malformed(key, ended ? 'not valid UTF-8' : 'half-written: the file ends inside this line', shown);
    }
    if (text.endsWith('\r')) text = text.slice(0, -1);
    if (text.trim() === '') return null;
    const parsed = parseJudgement(text);
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
  const shown = text.slice(0, shownOfMalformed).toWellFormed();
  return { kind: 'malformed', key, line: key + 1, reason, text: shown };
}
