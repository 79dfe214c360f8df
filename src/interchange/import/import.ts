/**
 * Turns a file in a foreign format into a judgement file with its sidecar and, where the source holds decisions of
 * people, annotators' logs. Streams; drops nothing silently; the same source makes the same bytes.
 */
import { createHash } from 'node:crypto';
import { mkdir, open, readdir, rename, rm, stat, writeFile, type FileHandle } from 'node:fs/promises';
import { basename, dirname, join, relative } from 'node:path';
import { logFolder } from '../../annotation/log.js';
import { companionStem } from '../../annotation/record.js';
import { isAbort, messageOf, RationaleError } from '../../domain/failure.js';
import { uuidv7 } from '../../domain/identity.js';
import type { JsonObject } from '../../domain/json.js';
import { serialiseJudgement } from '../../domain/judgement.js';
import { findScale, type LabelScale } from '../../domain/scale.js';
import { LineFile } from '../line-file.js';
import { RowCompleter } from './complete.js';
import { CorrectionLogs } from './correction-logs.js';
import type { Importer, ImportOptions, ImportedRecord, RecordImporter } from './importer.js';
import { readJsonRecords, type SourceRecord } from './records.js';
import { importers } from './registry.js';
import { WrittenAnswers } from './repeats.js';
import { isTable, readTable } from './table-reader.js';

export interface ImportRequest {
  /** A file, or for folder importers a folder. */
  readonly path: string;
  /** Absent: the surest detection. */
  readonly importer?: string;
  /** `NAME.judgements.jsonl`, which must not exist. */
  readonly out: string;
  readonly importOptions: ImportOptions;
  readonly toolVersion: string;
  readonly signal?: AbortSignal;
  readonly progress?: (done: { readonly bytes: number; readonly totalBytes: number; readonly taken: number }) => void;
}

interface Remark {
  /** Of the source, from 1. */
  readonly line: number;
  readonly reason: string;
}

export interface ImportReport {
  readonly importer: string;
  /** Records of the source, unreadable ones too. */
  readonly records: number;
  /** Pairs (or unreadable records) found in them: read = taken + the sum of skippedCounts, always. */
  readonly read: number;
  /** Rows written, plus corrections of an answer that stands already in the file. */
  readonly taken: number;
  /** Events written to annotators' logs. */
  readonly corrections: number;
  /** The first 1,000. */
  readonly skipped: readonly Remark[];
  /** By kind of reason: its text up to the first colon or bracket. */
  readonly skippedCounts: ReadonlyMap<string, number>;
  /** What was taken otherwise than it was written (the label "2" as 2), likewise. */
  readonly notes: readonly Remark[];
  readonly noteCounts: ReadonlyMap<string, number>;
  /** Null where nothing could be taken, and so nothing was written. */
  readonly out: string | null;
}

const extension = '.judgements.jsonl';
/** Below this a detection is a guess. */
const surelyEnough = 0.25;
const sampleSize = 20;

/**
 * Imports a file. Throws RationaleError when the format is unknown, `out` or something beside it exists, or a file cannot
 * be read or written; AbortError on cancellation. Then, and when no row could be taken, nothing is left behind.
 */
export async function importFile(request: ImportRequest): Promise<ImportReport> {
  const { path, out, signal } = request;
  signal?.throwIfAborted();
  if (!basename(out).endsWith(extension)) {
    throw new RationaleError(
      'user',
      `The output ${out} must be called NAME${extension}, or nothing would open it. Nothing was written.`,
    );
  }
  await refuseExisting(out);
  const importer = await chooseImporter(path, request.importer);
  const source = await hashSource(path, request.importOptions, signal);
  const temporary = join(dirname(out), `.${basename(out, '.jsonl')}.${uuidv7()}.tmp.jsonl`);
  const run = new ImportRun(request, importer, source.sha256, temporary);
  try {
    await mkdir(dirname(out), { recursive: true });
    await run.write(source.bytes);
    signal?.throwIfAborted();
    if (run.taken > 0) {
      await refuseExisting(out);
      await run.commit();
    }
    return run.report();
  } catch (error) {
    if (error instanceof RationaleError || isAbort(error)) throw error;
    throw new RationaleError('environment', `Cannot import ${path} to ${out}: ${messageOf(error)} Nothing was kept.`, {
      cause: error,
    });
  } finally {
    await run.discard();
  }
}

/**
 * The importers that know the file or folder at `path`, surest first; empty when none does. Throws RationaleError when it
 * cannot be read.
 */
export async function detectImporter(path: string): Promise<{ readonly id: string; readonly confidence: number }[]> {
  const isFolder = await statOf(path).then((found) => found.isDirectory());
  const sample = isFolder ? [] : await sampleRecords(path);
  const found: { id: string; confidence: number }[] = [];
  for (const importer of importers) {
    let confidence = 0;
    if (importer.kind === 'folder') confidence = await importer.detect(path);
    else if (sample.length > 0) confidence = importer.detect(sample);
    if (confidence > 0) found.push({ id: importer.id, confidence });
  }
  // A stable sort: equally sure ones stay in the order of the registry.
  return found.sort((a, b) => b.confidence - a.confidence);
}

async function chooseImporter(path: string, id: string | undefined): Promise<Importer> {
  const list = importers.map((importer) => importer.id).join(', ');
  if (id !== undefined) {
    const named = importers.find((importer) => importer.id === id);
    if (named === undefined) throw new RationaleError('user', `No importer is called ${id}. There are: ${list}.`);
    return named;
  }
  const [best] = await detectImporter(path);
  const chosen = importers.find((importer) => importer.id === best?.id);
  if (best === undefined || chosen === undefined || best.confidence < surelyEnough) {
    const guess = best === undefined ? '' : ` It looks a little like ${best.id}.`;
    throw new RationaleError(
      'user',
      `The format of ${path} is not one of those known.${guess} Nothing was written; name the importer (${list}).`,
    );
  }
  return chosen;
}

/** The first records of a file (at most 20), for detection and for people to map columns. Throws RationaleError when it cannot be read. */
export async function sampleRecords(path: string): Promise<NonNullable<SourceRecord['record']>[]> {
  const sample: NonNullable<SourceRecord['record']>[] = [];
  for await (const batch of recordsOf(path)) {
    for (const { record } of batch) {
      if (record !== undefined) sample.push(record);
      if (sample.length === sampleSize) return sample;
    }
  }
  return sample;
}

async function* recordsOf(path: string, onBytes?: (bytes: number) => void): AsyncGenerator<readonly SourceRecord[]> {
  if (!isTable(path)) {
    yield* readJsonRecords(path, onBytes);
    return;
  }
  for await (const row of readTable(path)) yield [row];
}

/** One import under way: what it has read, and the temporary files it writes. */
class ImportRun {
  taken = 0;
  private records = 0;
  private rows = 0;
  /** The record at hand: the line of the source, and which row of the output would be its first. */
  private record = { line: 0, firstRow: 1 };
  private skippedTotal = 0;
  private readonly skipped = new Remarks();
  private readonly notes = new Remarks();
  private readonly written = new WrittenAnswers();
  private readonly scales = new Set<string>();
  private readonly completer: RowCompleter;
  private readonly logs: CorrectionLogs;
  private handle: FileHandle | undefined;
  private lines: LineFile | undefined;
  private readonly sidecar: string;
  private committed = false;

  constructor(
    private readonly request: ImportRequest,
    private readonly importer: Importer,
    private readonly sourceSha256: string,
    private readonly temporary: string,
  ) {
    const tag = sourceSha256.slice(0, 8);
    this.completer = new RowCompleter(`import-${importer.id}-${tag}`, request.importOptions.scale);
    this.logs = new CorrectionLogs(temporary, tag);
    this.sidecar = `${companionStem(temporary)}.rationale.json`;
  }

  /** Reads the whole source into the temporary files. */
  async write(totalBytes: number): Promise<void> {
    const { path, importOptions, signal, progress } = this.request;
    this.handle = await open(this.temporary, 'wx');
    const lines = new LineFile(this.handle);
    this.lines = lines;
    let bytes = 0;
    const { importer } = this;
    if (importer.kind === 'folder') {
      for await (const part of importer.read(path, importOptions)) {
        this.records++;
        await this.take(part, part.line);
        if (lines.full) {
          signal?.throwIfAborted();
          await lines.write();
          progress?.({ bytes, totalBytes, taken: this.taken });
        }
      }
    } else {
      for await (const batch of recordsOf(path, (read) => (bytes += read))) {
        signal?.throwIfAborted();
        for (const source of batch) {
          const { line, record } = source;
          this.records++;
          if (record === undefined) {
            this.skip(line, source.reason);
            continue;
          }
          for (const note of source.notes ?? []) this.notes.add(line, note);
          const parts = convert(importer, record, importOptions);
          if (parts.length === 0) this.skip(line, 'holds no judgement');
          for (const part of parts) {
            const waiting = this.take(part, line);
            // Awaiting nothing costs more than the row itself.
            if (waiting !== undefined) await waiting;
          }
          if (lines.full) await lines.write();
        }
        progress?.({ bytes, totalBytes, taken: this.taken });
      }
    }
    await lines.finish();
    await this.handle.sync();
  }

  /** Gives the temporary files their names; the judgement file last, so that one that is there is whole. */
  async commit(): Promise<void> {
    const { out, path, toolVersion } = this.request;
    await this.close();
    const scales: LabelScale[] = (this.importer.scales ?? []).filter((scale) => this.scales.has(scale.name));
    const sidecar = {
      version: 1,
      ...(scales.length === 0 ? {} : { scales }),
      source: {
        file: basename(path),
        sha256: this.sourceSha256,
        importer: this.importer.id,
        tool: { name: 'rationale', version: toolVersion },
      },
    };
    await writeFile(this.sidecar, `${JSON.stringify(sidecar, null, 2)}\n`, { flag: 'wx' });
    await this.logs.commit(out);
    await rename(this.sidecar, `${companionStem(out)}.rationale.json`);
    await rename(this.temporary, out);
    this.committed = true;
  }

  /** Removes whatever still has a temporary name. */
  async discard(): Promise<void> {
    await this.close();
    if (this.committed) return;
    await rm(this.temporary, { force: true });
    await rm(this.sidecar, { force: true });
    await this.logs.discard();
  }

  report(): ImportReport {
    return {
      importer: this.importer.id,
      records: this.records,
      read: this.taken + this.skippedTotal,
      taken: this.taken,
      corrections: this.logs.count,
      skipped: this.skipped.first,
      skippedCounts: this.skipped.counts,
      notes: this.notes.first,
      noteCounts: this.notes.counts,
      out: this.committed ? this.request.out : null,
    };
  }

  /** Writes or skips one part of a record; a promise only where there is something to wait for. */
  private take(part: ImportedRecord, line: number): Promise<void> | undefined {
    if (part.kind === 'skipped') {
      this.skip(line, part.reason);
      return undefined;
    }
    const completed = this.completer.complete(part.judgement);
    if (!completed.ok) {
      this.skip(line, completed.reason);
      return undefined;
    }
    const { judgement } = completed;
    let text: string;
    try {
      text = serialiseJudgement(judgement);
    } catch (error) {
      // The only way for JSON to fail: it nests more deeply than the stack, or is longer than a string can be.
      this.skip(line, `cannot be written as JSON (${messageOf(error)})`);
      return undefined;
    }
    const earlier = this.written.add(judgement, this.rows + 1);
    if (earlier !== 0 && part.kind === 'judgement') {
      this.skip(line, `repeats an answer: it stands in line ${earlier} of the output`);
      return undefined;
    }
    this.taken++;
    for (const note of part.notes ?? []) this.notes.add(line, note);
    if (line !== this.record.line) this.record = { line, firstRow: this.rows + 1 };
    if (earlier !== 0 && earlier < this.record.firstRow && part.judgement.extra !== undefined) {
      this.notes.add(
        line,
        'fields beside a correction not kept: its answer was written with those of an earlier record',
      );
    }
    if (earlier === 0) {
      this.rows++;
      this.lines?.line(text);
      if (!this.scales.has(judgement.scale)) this.scales.add(judgement.scale);
      const { label } = judgement;
      const scale = label === null ? undefined : this.scaleOf(judgement.scale);
      if (scale?.labels.some(({ value }) => value === label) === false) {
        this.notes.add(line, `a label that is not on the scale ${judgement.scale}: ${label ?? ''}`);
      }
    }
    if (part.kind === 'judgement') return undefined;
    return this.logs.add(part, judgement).then((notes) => notes.forEach((note) => this.notes.add(line, note)));
  }

  private scaleOf(name: string): LabelScale | undefined {
    return findScale(name, this.importer.scales);
  }

  private skip(line: number, reason: string): void {
    this.skippedTotal++;
    this.skipped.add(line, reason);
  }

  private async close(): Promise<void> {
    await this.handle?.close();
    this.handle = undefined;
  }
}

/** A record that an importer stumbles over (nested beyond the stack) must not end the import of a million others. */
function convert(importer: RecordImporter, record: JsonObject, options: ImportOptions): ImportedRecord[] {
  try {
    return importer.convert(record, options);
  } catch (error) {
    return [{ kind: 'skipped', reason: `cannot be read as ${importer.id} (${messageOf(error)})` }];
  }
}

const shownRemarks = 1_000;
const countedKinds = 1_000;

/** Remarks on a source that may hold millions of faults: the first ones, and all of them counted by kind. */
class Remarks {
  readonly first: Remark[] = [];
  readonly counts = new Map<string, number>();

  add(line: number, reason: string): void {
    if (this.first.length < shownRemarks) this.first.push({ line, reason });
    const named = (/^[^:(]*/.exec(reason)?.[0] ?? '').trim();
    const kind = named === '' ? reason.slice(0, 80) : named;
    const key = this.counts.has(kind) || this.counts.size < countedKinds ? kind : 'for other reasons';
    this.counts.set(key, (this.counts.get(key) ?? 0) + 1);
  }
}

/** Refuses to write over a judgement file or what stands beside one. */
async function refuseExisting(out: string): Promise<void> {
  const stem = companionStem(out);
  for (const file of [out, `${stem}.rationale.json`, `${stem}.run.json`, logFolder(out)]) {
    const exists = await stat(file).then(
      () => true,
      () => false,
    );
    if (exists) {
      throw new RationaleError('user', `${file} exists already. Nothing was written; choose another name.`);
    }
  }
}

interface HashedSource {
  /**
   * Of a file its SHA-256; of a folder, or a file with others that belong to it, the SHA-256 of the lines
   * `HASH  NAME` (as sha256sum writes them) in the order of the names.
   */
  readonly sha256: string;
  readonly bytes: number;
}

async function hashSource(
  path: string,
  options: ImportOptions,
  signal: AbortSignal | undefined,
): Promise<HashedSource> {
  const isFolder = (await statOf(path)).isDirectory();
  const others = [options.corpus, options.queries, options.qrels].filter((file) => file !== undefined);
  if (!isFolder && others.length === 0) return hashFile(path, signal);
  const files = isFolder ? await filesUnder(path) : [{ name: basename(path), file: path }];
  for (const other of others) {
    const inside = (await statOf(other)).isDirectory() ? await filesUnder(other) : [{ name: '', file: other }];
    files.push(...inside.map(({ name, file }) => ({ name: join(basename(other), name), file })));
  }
  const hash = createHash('sha256');
  let bytes = 0;
  files.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  for (const { name, file } of files) {
    const one = await hashFile(file, signal);
    bytes += one.bytes;
    hash.update(`${one.sha256}  ${name.replaceAll('\\', '/')}\n`);
  }
  return { sha256: hash.digest('hex'), bytes };
}

async function filesUnder(folder: string): Promise<{ name: string; file: string }[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .map((file) => ({ name: relative(folder, file), file }));
}

async function hashFile(path: string, signal: AbortSignal | undefined): Promise<HashedSource> {
  const hash = createHash('sha256');
  let bytes = 0;
  try {
    const handle = await open(path, 'r');
    try {
      const buffer = Buffer.allocUnsafe(Math.min(1 << 20, (await handle.stat()).size + 1));
      for (;;) {
        signal?.throwIfAborted();
        const { bytesRead } = await handle.read(buffer, 0, buffer.length, null);
        if (bytesRead === 0) return { sha256: hash.digest('hex'), bytes };
        hash.update(buffer.subarray(0, bytesRead));
        bytes += bytesRead;
      }
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (isAbort(error)) throw error;
    throw unreadable(path, error);
  }
}

async function statOf(path: string): ReturnType<typeof stat> {
  return stat(path).catch((error: unknown) => {
    throw unreadable(path, error);
  });
}

function unreadable(path: string, error: unknown): RationaleError {
  return new RationaleError('environment', `Cannot read ${path}: ${messageOf(error)} Nothing was written.`, {
    cause: error,
  });
}
