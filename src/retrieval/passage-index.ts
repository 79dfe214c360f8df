/**
 * The index over a workspace: files, their passages, and BM25 over these, kept fresh file by file. It holds no texts:
 * those of the few candidates of a query are read again, and a file that has changed meanwhile is indexed anew.
 */
import { createHash, randomUUID } from 'node:crypto';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Candidate } from '../domain/candidate.js';
import { messageOf, RationaleError } from '../domain/failure.js';
import { sliceCodePoints } from '../domain/text.js';
import { Bm25Index } from './bm25.js';
import { splitPassages } from './passages.js';
import type { ListedFile, SkipReason, TextFile } from './workspace.js';

/** Where the index finds its files. Paths are relative to the workspace, `/` between their parts. */
export interface PassageSource {
  /** The text of a file as it is now. */
  read(path: string): Promise<TextFile>;
  /** The URI that a candidate from this file carries. */
  uri(path: string): string;
}

export interface SkippedFile {
  readonly path: string;
  readonly reason: SkipReason;
  readonly detail: string;
}

export interface RefreshSummary {
  /** Files read because they were new or changed. */
  readonly read: number;
  readonly unchanged: number;
  readonly removed: number;
  /** Files that hold no passage, with the reason; remembered, so that they are not read again until they change. */
  readonly skipped: readonly SkippedFile[];
}

interface IndexedFile {
  readonly mtime: number;
  readonly size: number;
  /** The first Markdown heading, else the file name. */
  readonly title: string;
  /** Start, end (code points) and hash of the text, for one passage after another. */
  readonly passages: Float64Array;
  readonly skipped?: { readonly reason: SkipReason; readonly detail: string };
}

interface Place {
  readonly path: string;
  readonly start: number;
  readonly end: number;
}

export class PassageIndex {
  private readonly files = new Map<string, IndexedFile>();
  private bm25 = new Bm25Index();

  constructor(private readonly source: PassageSource) {}

  get fileCount(): number {
    return this.files.size;
  }

  get passageCount(): number {
    return this.bm25.size;
  }

  /** Whether the index holds this state of the file. */
  isCurrent(file: ListedFile): boolean {
    const known = this.files.get(file.path);
    return known?.mtime === file.mtime && known.size === file.size;
  }

  /** Indexes a file anew. `mtime` and `size` are those of its listing: whatever tells its states apart. */
  update(path: string, mtime: number, size: number, text: string): void {
    this.remove(path);
    const title = titleOf(path, text);
    const split = splitPassages(text);
    const passages = new Float64Array(3 * split.length);
    for (const [i, passage] of split.entries()) {
      passages.set([passage.start, passage.end, hashOf(passage.text)], 3 * i);
      // Title and path are searched with every passage: they often hold the words that a long file then takes for granted.
      this.bm25.add(idOf({ path, ...passage }), `${path}\n${title}\n${passage.text}`);
    }
    this.files.set(path, { mtime, size, title, passages });
  }

  /** Forgets a file; false where it was not known. */
  remove(path: string): boolean {
    const file = this.files.get(path);
    if (file === undefined) return false;
    for (const place of placesIn(path, file)) this.bm25.remove(idOf(place));
    this.files.delete(path);
    return true;
  }

  /** Reads and indexes one file as it is now: the answer to a file watcher's event. */
  async refreshFile(file: ListedFile): Promise<SkippedFile | undefined> {
    const content = await this.source.read(file.path);
    if (content.kind === 'text') {
      this.update(file.path, file.mtime, file.size, content.text);
      return undefined;
    }
    this.remove(file.path);
    const { reason, detail } = content;
    this.files.set(file.path, {
      mtime: file.mtime,
      size: file.size,
      title: file.path,
      passages: new Float64Array(0),
      skipped: { reason, detail },
    });
    return { path: file.path, reason, detail };
  }

  /**
   * Makes the index that of exactly these files, reading only those that are new or changed. Gives the event loop a turn
   * often enough for an extension host. @throws the signal's AbortError; what was indexed until then stays.
   */
  async refresh(
    files: readonly ListedFile[],
    options: { readonly signal?: AbortSignal; readonly progress?: (done: number, total: number) => void } = {},
  ): Promise<RefreshSummary> {
    const { signal, progress } = options;
    const wanted = new Set(files.map(({ path }) => path));
    const gone = [...this.files.keys()].filter((path) => !wanted.has(path));
    for (const path of gone) this.remove(path);
    const skipped: SkippedFile[] = [];
    let read = 0;
    let lastTurn = performance.now();
    for (const [done, file] of files.entries()) {
      signal?.throwIfAborted();
      const known = this.files.get(file.path);
      if (known !== undefined && this.isCurrent(file)) {
        if (known.skipped !== undefined) skipped.push({ path: file.path, ...known.skipped });
      } else {
        const reason = await this.refreshFile(file);
        if (reason !== undefined) skipped.push(reason);
        read++;
      }
      if (performance.now() - lastTurn > longestTurn) {
        progress?.(done, files.length);
        await new Promise((resolve) => setImmediate(resolve));
        lastTurn = performance.now();
      }
    }
    signal?.throwIfAborted();
    progress?.(files.length, files.length);
    return { read, unchanged: files.length - read, removed: gone.length, skipped };
  }

  /**
   * The best `depth` passages for the query, best first, with `relative/path#start-end` as doc_id. Passages of equal text
   * are one candidate, the best-ranked of them, with the others as its `places`.
   */
  async candidates(query: string, depth: number): Promise<Candidate[]> {
    const texts = new Map<string, string | undefined>();
    for (;;) {
      const groups = this.distinct(query, depth);
      for (const path of new Set(groups.map(({ best }) => best.path))) {
        if (texts.has(path)) continue;
        const content = await this.source.read(path);
        texts.set(path, content.kind === 'text' ? content.text : undefined);
      }
      const stale = groups.filter((group) => !holds(texts.get(group.best.path), group));
      if (stale.length === 0)
        return groups.map((group, i) => this.candidate(group, i + 1, texts.get(group.best.path) ?? ''));
      // These files changed under the index: with them indexed as they were read just now, the ranking is another one.
      // Every file is read once, so this comes to an end.
      for (const path of new Set(stale.map(({ best }) => best.path))) {
        const text = texts.get(path);
        // No file has the size −1: the next refresh reads it again and notes its true state.
        if (text === undefined) this.remove(path);
        else this.update(path, 0, -1, text);
      }
    }
  }

  /** Writes the index to `path`, in full or not at all. */
  async save(path: string): Promise<void> {
    const files = [...this.files].map(([name, { mtime, size, title, passages, skipped }]) => [
      name,
      mtime,
      size,
      title,
      [...passages],
      skipped ?? null,
    ]);
    const head = Buffer.from(JSON.stringify({ format, files }), 'utf8');
    const bm25 = this.bm25.serialise();
    const digest = createHash('sha256').update(head).digest();
    const length = Buffer.alloc(4);
    length.writeUInt32LE(head.length);
    const temporary = `${path}.${randomUUID()}.tmp`;
    try {
      await mkdir(dirname(path), { recursive: true });
      await writeFile(temporary, Buffer.concat([magic, digest, length, head, bm25]));
      await rename(temporary, path);
    } catch (error) {
      await rm(temporary, { force: true }).catch(() => undefined);
      throw new RationaleError(
        'environment',
        `Cannot save the index to ${path}: ${messageOf(error)}. Searching still works; it is built anew next time.`,
        { cause: error },
      );
    }
  }

  /** Reads what `save` wrote. A file that is missing, damaged or of another version leaves an empty index and gives the reason. */
  static async load(
    path: string,
    source: PassageSource,
  ): Promise<{ readonly index: PassageIndex; readonly rebuilt: string | undefined }> {
    const index = new PassageIndex(source);
    const rebuilt = await index.restore(path);
    return { index, rebuilt };
  }

  private async restore(path: string): Promise<string | undefined> {
    let bytes: Buffer;
    try {
      bytes = await readFile(path);
    } catch (error) {
      return messageOf(error);
    }
    const at = magic.length + 36;
    if (bytes.length < at || !magic.equals(bytes.subarray(0, magic.length))) return 'not a passage index';
    const end = at + bytes.readUInt32LE(at - 4);
    const head = bytes.subarray(at, end);
    if (
      !createHash('sha256')
        .update(head)
        .digest()
        .equals(bytes.subarray(magic.length, at - 4))
    )
      return 'damaged (its checksum does not match)';
    const saved = JSON.parse(head.toString('utf8')) as SavedIndex;
    if (saved.format !== format) return `passage index format ${saved.format}, this version reads ${format}`;
    const restored = Bm25Index.deserialise(bytes.subarray(end));
    if (restored.index === undefined) return restored.reason;
    this.bm25 = restored.index;
    for (const [name, mtime, size, title, passages, skipped] of saved.files) {
      this.files.set(name, {
        mtime,
        size,
        title,
        passages: Float64Array.from(passages),
        ...(skipped === null ? {} : { skipped }),
      });
    }
    return undefined;
  }

  /** The best `depth` groups of equal passages. */
  private distinct(query: string, depth: number): Group[] {
    for (let deep = 2 * depth; ; deep *= 2) {
      const hits = this.bm25.search(query, deep);
      const groups = new Map<number, Group>();
      for (const { id, score } of hits) {
        const best = placeOf(id);
        const hash = this.hashAt(best);
        if (hash !== undefined && !groups.has(hash)) groups.set(hash, { hash, best, score });
        if (groups.size === depth) break;
      }
      if (groups.size === depth || hits.length < deep) return [...groups.values()];
    }
  }

  private candidate(group: Group, rank: number, text: string): Candidate {
    const { best, score } = group;
    const places = this.placesOf(group.hash)
      .filter((place) => idOf(place) !== idOf(best))
      .map(({ path, start, end }) => ({ uri: this.source.uri(path), range: [start, end] as const }));
    return {
      doc_id: idOf(best),
      title: this.files.get(best.path)?.title ?? null,
      document: sliceCodePoints(text, best.start, best.end),
      uri: this.source.uri(best.path),
      range: [best.start, best.end],
      first_stage_rank: rank,
      first_stage_score: score,
      ...(places.length === 0 ? {} : { places }),
    };
  }

  private hashAt(place: Place): number | undefined {
    const passages = this.files.get(place.path)?.passages;
    if (passages === undefined) return undefined;
    for (let i = 0; i < passages.length; i += 3)
      if (passages[i] === place.start && passages[i + 1] === place.end) return passages[i + 2];
    return undefined;
  }

  /** Every place that holds the text of this hash: a pass over all passages, some milliseconds for 200,000. */
  private placesOf(hash: number): Place[] {
    const places: Place[] = [];
    for (const [path, { passages }] of this.files) {
      for (let i = 2; i < passages.length; i += 3) {
        if (passages[i] === hash) places.push({ path, start: passages[i - 2] ?? 0, end: passages[i - 1] ?? 0 });
      }
    }
    return places.sort((x, y) => (x.path < y.path ? -1 : x.path > y.path ? 1 : x.start - y.start));
  }
}

interface Group {
  readonly hash: number;
  readonly best: Place;
  readonly score: number;
}

interface SavedIndex {
  readonly format: number;
  readonly files: readonly (readonly [
    path: string,
    mtime: number,
    size: number,
    title: string,
    passages: readonly number[],
    skipped: NonNullable<IndexedFile['skipped']> | null,
  ])[];
}

const magic = Buffer.from('RATPASS\n', 'latin1');
/** Also counts versions of the splitting: the same file must give the same passages. */
const format = 1;
/** Milliseconds of work between two turns of the event loop: below what a person notices while typing. */
const longestTurn = 12;

function idOf(place: Place): string {
  return `${place.path}#${place.start}-${place.end}`;
}

function placeOf(id: string): Place {
  const hash = id.lastIndexOf('#');
  const [start, end] = id.slice(hash + 1).split('-');
  return { path: id.slice(0, hash), start: Number(start), end: Number(end) };
}

function* placesIn(path: string, file: IndexedFile): Generator<Place> {
  for (let i = 0; i < file.passages.length; i += 3)
    yield { path, start: file.passages[i] ?? 0, end: file.passages[i + 1] ?? 0 };
}

/** Whether the file's text still has the group's passage at its place. */
function holds(text: string | undefined, { best, hash }: Group): boolean {
  return text !== undefined && hashOf(sliceCodePoints(text, best.start, best.end)) === hash;
}

/** 52 bits of SHA-256, so that it fits a number: among a million passages two different ones collide with p ≈ 10⁻⁴. */
function hashOf(text: string): number {
  const digest = createHash('sha256').update(text.toWellFormed(), 'utf8').digest();
  return digest.readUIntBE(0, 6) * 16 + (digest.readUInt8(6) >> 4);
}

/** The first ATX heading outside fenced code in a Markdown file, else the file's name. */
function titleOf(path: string, text: string): string {
  const name = path.slice(path.lastIndexOf('/') + 1);
  if (!/\.(md|mdx|markdown)$/i.test(name)) return name;
  const withoutCode = text.replace(/^ {0,3}(`{3,}|~{3,})[^\n]*\n[\s\S]*?(?:^ {0,3}\1|$(?![\s\S]))/gm, '');
  const heading = /^ {0,3}#{1,6}[ \t]+(.*?)[ \t]*#*[ \t]*\r?$/m.exec(withoutCode)?.[1];
  return heading === undefined || heading === '' ? name : heading;
}
