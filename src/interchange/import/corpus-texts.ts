/**
 * Texts of a corpus by id, left on disk: one pass notes where the wanted documents stand, and each is read when it is asked
 * for. Collections of millions of documents must not fill the memory for the few that somebody judged.
 */
import { open, type FileHandle } from 'node:fs/promises';
import { messageOf, RationaleError } from '../../domain/failure.js';
import { parseEntry, readLines, type TextEntry } from './collection-files.js';

interface Place {
  readonly offset: number;
  readonly bytes: number;
}

export class CorpusTexts {
  private constructor(
    private readonly path: string,
    private readonly file: FileHandle,
    private readonly places: ReadonlyMap<string, Place>,
  ) {}

  /**
   * Finds the documents `wanted` in the corpus at `path` (JSON Lines or tab-separated, see parseEntry); of two with the
   * same id the first counts. Throws RationaleError when it cannot be read.
   */
  static async open(path: string, wanted: ReadonlySet<string>): Promise<CorpusTexts> {
    const places = new Map<string, Place>();
    for await (const { text, offset, bytes } of readLines(path, 'corpus')) {
      const entry = parseEntry(text, path);
      if (entry !== null && wanted.has(entry.id) && !places.has(entry.id)) places.set(entry.id, { offset, bytes });
    }
    try {
      return new CorpusTexts(path, await open(path, 'r'), places);
    } catch (error) {
      throw unreadable(path, error);
    }
  }

  /** The document, or undefined where the corpus does not hold it (or it was not wanted). */
  async get(id: string): Promise<TextEntry | undefined> {
    const place = this.places.get(id);
    if (place === undefined) return undefined;
    const buffer = Buffer.allocUnsafe(place.bytes);
    try {
      await this.file.read(buffer, 0, place.bytes, place.offset);
    } catch (error) {
      throw unreadable(this.path, error);
    }
    const line = buffer
      .toString('utf8')
      .replace(/^\ufeff/, '')
      .replace(/\r$/, '');
    return parseEntry(line, this.path) ?? undefined;
  }

  async close(): Promise<void> {
    await this.file.close();
  }
}

function unreadable(path: string, error: unknown): RationaleError {
  return new RationaleError(
    'environment',
    `Cannot read the corpus ${path}: ${messageOf(error)}. Nothing was written.`,
    {
      cause: error,
    },
  );
}
