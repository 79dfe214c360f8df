/** One file of an export while it is written: lines go to a temporary file beside it, hashed on the way, never all in memory. */
import { createHash, randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, rename, rm, stat, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { JsonObject } from '../domain/json.js';

/** Characters gathered before they are written: larger pieces are not faster, and this much is held per file. */
const pieceSize = 1 << 20;

export class LineSink {
  private readonly hash = createHash('sha256');
  private pieces: string[] = [];
  private size = 0;
  private bytes = 0;

  private constructor(
    private readonly temporary: string,
    private readonly handle: FileHandle,
    readonly path: string,
  ) {}

  /** Opens the temporary file of `path`, whose folder is made if need be. */
  static async open(path: string): Promise<LineSink> {
    await mkdir(dirname(path), { recursive: true });
    const temporary = temporaryOf(path);
    return new LineSink(temporary, await open(temporary, 'wx'), path);
  }

  /** Takes text that is to be written; nothing is until `drain`. */
  add(text: string): void {
    this.pieces.push(text);
    this.size += text.length;
  }

  /** Writes what has gathered, if it is worth it. */
  async drain(all = false): Promise<void> {
    if (this.size === 0 || (!all && this.size < pieceSize)) return;
    const piece = Buffer.from(this.pieces.join(''), 'utf8');
    this.pieces = [];
    this.size = 0;
    this.hash.update(piece);
    this.bytes += piece.length;
    for (let at = 0; at < piece.length;) at += (await this.handle.write(piece, at)).bytesWritten;
  }

  /** Writes the rest and waits until it is on disk; the file then takes its name with `place`. */
  async finish(): Promise<{ readonly bytes: number; readonly sha256: string }> {
    await this.drain(true);
    await this.handle.sync();
    await this.handle.close();
    return { bytes: this.bytes, sha256: this.hash.digest('hex') };
  }

  async place(): Promise<void> {
    await rename(this.temporary, this.path);
  }

  /** Takes the temporary file back. */
  async discard(): Promise<void> {
    await this.handle.close().catch(() => undefined);
    await rm(this.temporary, { force: true });
  }
}

/** A name beside `path` that nobody has. */
export function temporaryOf(path: string): string {
  return `${path}.${randomBytes(6).toString('hex')}.tmp`;
}

/** Size and hash of a file that something else has written. */
export async function hashFile(path: string): Promise<{ readonly bytes: number; readonly sha256: string }> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return { bytes: (await stat(path)).size, sha256: hash.digest('hex') };
}

/**
 * One line of JSON. One lone surrogate makes `datasets.load_dataset` refuse the whole file, so strings are made well-formed:
 * only where `JSON.stringify` had to write such a half as `\ud800`, because a replacer makes it ten times slower.
 */
export function jsonLine(line: JsonObject): string {
  const text = JSON.stringify(line);
  if (!text.includes('\\ud')) return `${text}\n`;
  return `${JSON.stringify(line, (_key, value: unknown) => (typeof value === 'string' ? value.toWellFormed() : value))}\n`;
}
