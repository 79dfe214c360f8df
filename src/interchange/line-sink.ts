/** One file of an export while it is written: lines go to a temporary file beside it, hashed on the way, never all in memory. */
import { createHash, randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, rename, rm, stat, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { JsonObject } from '../domain/json.js';
import { LineFile } from './line-file.js';

export class LineSink {
  private readonly hash = createHash('sha256');
  private readonly lines: LineFile;
  private bytes = 0;

  private constructor(
    private readonly temporary: string,
    private readonly handle: FileHandle,
    readonly path: string,
  ) {
    this.lines = new LineFile(handle, (piece) => {
      this.hash.update(piece);
      this.bytes += piece.length;
    });
  }

  /** Opens the temporary file of `path`, whose folder is made if need be. */
  static async open(path: string): Promise<LineSink> {
    await mkdir(dirname(path), { recursive: true });
    const temporary = temporaryOf(path);
    return new LineSink(temporary, await open(temporary, 'wx'), path);
  }

  /** Takes a line, which gets a line feed; it is written by `drain`. */
  line(text: string): void {
    this.lines.line(text);
  }

  /** Takes text as it is. */
  text(text: string): void {
    this.lines.text(text);
  }

  /** Writes what has gathered, if it is worth it; a promise only where there is something to wait for. */
  drain(): Promise<void> | undefined {
    return this.lines.full ? this.lines.write() : undefined;
  }

  /** Writes the rest and waits until it is on disk; the file then takes its name with `place`. */
  async finish(): Promise<{ readonly bytes: number; readonly sha256: string }> {
    await this.lines.finish();
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
 * One line of JSON, without its end. One lone surrogate makes `datasets.load_dataset` refuse the whole file, so strings are made well-formed:
 * only where `JSON.stringify` had to write such a half as `\ud800`, because a replacer makes it ten times slower.
 */
export function jsonLine(line: JsonObject): string {
  const text = JSON.stringify(line);
  if (!text.includes('\\ud')) return text;
  return JSON.stringify(line, (_key, value: unknown) => (typeof value === 'string' ? value.toWellFormed() : value));
}
