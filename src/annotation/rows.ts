/**
 * Reads a judgement file into rows. The file may be written by other tools and by hand, so a line that is no
 * judgement becomes a row that says why: nothing is dropped and nothing is guessed.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { messageOf, RationaleError } from '../domain/failure.js';
import { answerId } from '../domain/identity.js';
import { parseJudgement, type Judgement } from '../domain/judgement.js';
import type { RowKey } from '../protocol/editor.js';

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
  try {
    return await readJudgementBytes(createReadStream(path, { highWaterMark: 1 << 20 }));
  } catch (error) {
    throw new RationaleError('environment', `Cannot read ${path}: ${messageOf(error)}`, { cause: error });
  }
}

/** Reads judgement rows from the bytes of a file, in chunks cut anywhere. */
export async function readJudgementBytes(
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): Promise<JudgementRows> {
  const reader = new RowReader();
  const hash = createHash('sha256');
  let bytes = 0;
  let rest: Uint8Array[] = [];
  for await (const chunk of chunks) {
    hash.update(chunk);
    bytes += chunk.length;
    let from = 0;
    for (let at = chunk.indexOf(newline); at >= 0; at = chunk.indexOf(newline, from)) {
      rest.push(chunk.subarray(from, at));
      reader.line(joined(rest), true);
      rest = [];
      from = at + 1;
    }
    // Copied, because a stream may reuse its buffer.
    if (from < chunk.length) rest.push(chunk.slice(from));
  }
  const last = joined(rest);
  if (last.length > 0) reader.line(last, false);
  return { rows: reader.rows, bytes, sha256: hash.digest('hex') };
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const [only] = parts;
  return parts.length === 1 && only !== undefined ? only : Buffer.concat(parts);
}

class RowReader {
  readonly rows: Row[] = [];
  private index = 0;
  private readonly lineOfAnswer = new Map<string, number>();
  private readonly strict = new TextDecoder('utf-8', { fatal: true });

  /** Takes the bytes of one line without its line feed; `ended` is false for a last line that has none. */
  line(bytes: Uint8Array, ended: boolean): void {
    const key = this.index++;
    let text: string;
    try {
      // TextDecoder drops a byte order mark, which only the first line can have.
      text = this.strict.decode(bytes);
    } catch {
      const shown = Buffer.from(bytes).toString('utf8');
      this.malformed(key, ended ? 'not valid UTF-8' : 'half-written: the file ends inside this line', shown);
      return;
    }
    if (text.endsWith('\r')) text = text.slice(0, -1);
    if (text.trim() === '') return;
    const parsed = parseJudgement(text);
    if (!parsed.ok) {
      this.malformed(
        key,
        ended ? parsed.reason : `half-written: the file ends inside this line (${parsed.reason})`,
        text,
      );
      return;
    }
    const id = answerId(parsed.judgement);
    const earlier = this.lineOfAnswer.get(id);
    if (earlier !== undefined) {
      this.malformed(key, `repeats line ${earlier}`, text);
      return;
    }
    this.lineOfAnswer.set(id, key + 1);
    this.rows.push({ kind: 'judgement', key, line: key + 1, judgement: parsed.judgement, answerId: id });
  }

  private malformed(key: RowKey, reason: string, text: string): void {
    const shown = text.slice(0, shownOfMalformed).toWellFormed();
    this.rows.push({ kind: 'malformed', key, line: key + 1, reason, text: shown });
  }
}
