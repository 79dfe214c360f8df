/**
 * Writes a planned export as a folder: the splits, the dataset card `README.md` and `manifest.json` with the SHA-256 of
 * everything read and written. Equal input gives equal bytes: no times, no paths of this machine.
 */
import { mkdir, readdir, readFile, rename, rm, rmdir } from 'node:fs/promises';
import { basename, dirname, join, posix } from 'node:path';
import * as v from 'valibot';
import { isAbort, messageOf, RationaleError, hasCode } from '../domain/failure.js';
import type { JsonObject } from '../domain/json.js';
import { cardOf } from './card.js';
import { dataFileName } from './data-files.js';
import { exportedLines, planExport, type ExportedLine, type ExportPlan, type PlanOptions } from './export.js';
import type { Exporter, SideLine, Split } from './exporter.js';
import { exporterOf } from './exporters.js';
import { hashFile, jsonLine, LineSink, temporaryOf } from './line-sink.js';
import { ParquetFile } from './parquet.js';
import { exportPolicy, type ExportPolicy } from './policy.js';

const manifestSchema = v.object({
  kind: v.literal('rationale-export'),
  outputs: v.array(v.object({ name: v.string(), sha256: v.string() })),
});

export interface WrittenExport {
  readonly folder: string;
  readonly files: readonly string[];
  /** Judgement rows that went in. */
  readonly rows: number;
  /** Lines written from them. */
  readonly lines: number;
}

/** A file that is written but does not bear its name yet. */
interface Output {
  readonly name: string;
  readonly bytes: number;
  readonly sha256: string;
  place(): Promise<void>;
  discard(): Promise<void>;
}

/**
 * Writes a planned export into `folder`, made if need be. Throws RationaleError, and leaves the folder as it was, when no row
 * is included, the folder holds anything but an unchanged earlier export, or a judgement file changed since the plan.
 */
export async function writeExport(
  plan: ExportPlan,
  folder: string,
  toolVersion: string,
  options: { readonly signal?: AbortSignal; readonly progress?: (lines: number) => void } = {},
): Promise<WrittenExport> {
  refuseEmpty(plan);
  return into(folder, plan, async (files) => {
    for await (const batch of exportedLines(plan, options.signal)) {
      await files.take(batch);
      options.progress?.(files.written);
    }
    return { plan, toolVersion };
  });
}

/**
 * Plans and writes in one walk, for those who need no preview first: half the time, and the same bytes. Throws as planning
 * and writing do, with nothing left behind.
 */
export async function exportInOneWalk(
  options: PlanOptions,
  folder: string,
  toolVersion: string,
): Promise<{ readonly plan: ExportPlan; readonly written: WrittenExport }> {
  const { format } = options;
  const policy = exportPolicy(options.policy);
  let planned: ExportPlan | undefined;
  const written = await into(folder, { format, policy }, async (files) => {
    planned = await planExport(options, (batch) => files.take(batch));
    refuseEmpty(planned);
    return { plan: planned, toolVersion };
  });
  if (planned === undefined) throw new RationaleError('bug', 'An export was written without a plan.');
  return { plan: planned, written };
}

function refuseEmpty(plan: ExportPlan): void {
  if (plan.lines === 0) {
    const why = plan.reasons.map(({ text, rows }) => `${rows} ${text}`).join('; ');
    throw new RationaleError(
      'user',
      `No row can be exported as ${plan.format}${why === '' ? '' : `: ${why}`}. Nothing was written.`,
    );
  }
  const splits = plan.splits.filter(({ lines }) => lines > 0);
  if (!splits.some(({ split }) => split === 'train')) {
    throw new RationaleError(
      'user',
      `All ${splits[0]?.queries ?? 0} queries fall into validation. Nothing was written; choose a smaller share or another seed.`,
    );
  }
}

/** Lets `fill` make the files of an export, then what is made of the plan, and gives all of them their names. */
async function into(
  folder: string,
  { format, policy }: Pick<ExportPlan, 'format' | 'policy'>,
  fill: (files: DataFiles) => Promise<{ readonly plan: ExportPlan; readonly toolVersion: string }>,
): Promise<WrittenExport> {
  const exporter = exporterOf(format);
  const outputs: Output[] = [];
  const files = new DataFiles(folder, exporter, policy);
  const before = new Set(await foldersOf(folder));
  try {
    const earlier = await checkFolder(folder);
    const { plan, toolVersion } = await fill(files);
    if (files.written !== plan.lines) {
      throw new RationaleError(
        'bug',
        `The plan holds ${plan.lines} lines, but ${files.written} were made. Nothing was written; please report this with the format (${format}).`,
      );
    }
    const dataFiles = await files.finish(outputs);
    const texts = [...(exporter.extraFiles?.(plan) ?? []), { name: 'README.md', text: cardOf(plan, dataFiles) }];
    for (const { name, text } of texts) {
      const sink = await LineSink.open(join(folder, name));
      outputs.push(await closed(name, sink, text));
    }
    const manifest = await LineSink.open(join(folder, 'manifest.json'));
    const text = `${JSON.stringify(manifestOf(plan, outputs, toolVersion), null, 2)}\n`;
    outputs.push(await closed('manifest.json', manifest, text));
    await removeStale(folder, earlier, outputs);
    // The manifest last, so that a folder with a manifest is whole.
    for (const output of outputs) await output.place();
    return { folder, files: outputs.map(({ name }) => name), rows: plan.included, lines: plan.lines };
  } catch (error) {
    await files.discard();
    for (const output of outputs) await output.discard().catch(() => undefined);
    // What only this export has made goes with it; a folder that holds anything stays.
    for (const made of await foldersOf(folder)) if (!before.has(made)) await rmdir(made).catch(() => undefined);
    if (error instanceof RationaleError || isAbort(error)) throw error;
    throw new RationaleError('environment', `Cannot write the export to ${folder}: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

type DataFile = { readonly split: Split; readonly name: string };

/** The files that lines go to, each opened with its first line: the splits and what stands beside them. */
class DataFiles {
  written = 0;
  private readonly side: SideFiles;
  private readonly splits = new Map<Split, SplitFile>();

  constructor(
    private readonly folder: string,
    private readonly exporter: Exporter,
    private readonly policy: ExportPolicy,
  ) {
    this.side = new SideFiles(folder);
  }

  async take(batch: readonly ExportedLine[]): Promise<void> {
    for (const item of batch) {
      if (item.split === null) {
        const waiting = this.side.add(item.side);
        if (waiting !== undefined) await waiting;
        continue;
      }
      const file = this.splits.get(item.split) ?? (await this.open(item.split));
      file.line(item.line);
      this.written++;
    }
    for (const file of this.splits.values()) await file.drain();
  }

  /** Adds what was written to `outputs`; returns the splits' files. */
  async finish(outputs: Output[]): Promise<readonly DataFile[]> {
    const dataFiles: DataFile[] = [];
    for (const split of ['train', 'validation'] as const) {
      const file = this.splits.get(split);
      if (file === undefined) continue;
      dataFiles.push({ split, name: file.name });
      outputs.push(await file.finish());
      this.splits.delete(split);
    }
    await this.side.finish(outputs);
    return dataFiles;
  }

  async discard(): Promise<void> {
    for (const file of this.splits.values()) await file.discard();
    await this.side.discard();
  }

  private async open(split: Split): Promise<SplitFile> {
    const { exporter, policy } = this;
    const name = dataFileName(exporter, split, policy);
    // A text format has one form in every container.
    const table = policy.container === 'parquet' && exporter.text === undefined;
    const file = table ? await tableFile(this.folder, name) : await lineFile(this.folder, name, exporter);
    this.splits.set(split, file);
    return file;
  }
}

interface SplitFile {
  readonly name: string;
  line(line: JsonObject): void;
  drain(): Promise<void> | undefined;
  finish(): Promise<Output>;
  discard(): Promise<void>;
}

async function lineFile(folder: string, name: string, { text }: Exporter): Promise<SplitFile> {
  const sink = await LineSink.open(join(folder, name));
  if (text?.header !== undefined) sink.line(text.header);
  return {
    name,
    line: (line) => {
      sink.line(text === undefined ? jsonLine(line) : text.line(line));
    },
    drain: () => sink.drain(),
    finish: () => closed(name, sink),
    discard: () => sink.discard(),
  };
}

async function tableFile(folder: string, name: string): Promise<SplitFile> {
  const path = join(folder, name);
  await mkdir(dirname(path), { recursive: true });
  const temporary = temporaryOf(path);
  const table = await ParquetFile.open(temporary);
  const discard = (): Promise<void> => rm(temporary, { force: true });
  return {
    name,
    line: (line) => {
      table.row(line);
    },
    drain: () => table.drain(),
    finish: async () => {
      await table.finish();
      return { name, ...(await hashFile(temporary)), place: () => rename(temporary, path), discard };
    },
    discard: async () => {
      await table.discard();
      await discard();
    },
  };
}

/** Files beside the splits: JSON Lines, each key of a file once. */
class SideFiles {
  private readonly files = new Map<string, { readonly sink: LineSink; readonly keys: Set<string> }>();

  constructor(private readonly folder: string) {}

  /** A promise only where there is something to wait for. */
  add(side: SideLine): Promise<void> | undefined {
    const known = this.files.get(side.file);
    if (known === undefined) return this.open(side);
    if (known.keys.has(side.key)) return undefined;
    known.keys.add(side.key);
    known.sink.line(jsonLine(side.line));
    return known.sink.drain();
  }

  private async open(side: SideLine): Promise<void> {
    this.files.set(side.file, { sink: await LineSink.open(join(this.folder, side.file)), keys: new Set() });
    await this.add(side);
  }

  async finish(outputs: Output[]): Promise<void> {
    for (const [name, { sink }] of this.files) outputs.push(await closed(name, sink));
  }

  async discard(): Promise<void> {
    for (const { sink } of this.files.values()) await sink.discard();
  }
}

async function closed(name: string, sink: LineSink, text = ''): Promise<Output> {
  try {
    if (text !== '') sink.text(text);
    const file = await sink.finish();
    return { name, ...file, place: () => sink.place(), discard: () => sink.discard() };
  } catch (error) {
    await sink.discard();
    throw error;
  }
}

function manifestOf(plan: ExportPlan, outputs: readonly Output[], toolVersion: string): JsonObject {
  const { rewards, ...policy } = plan.policy;
  return {
    kind: 'rationale-export',
    version: 1,
    tool: { name: 'rationale', version: toolVersion },
    format: plan.format,
    // The evaluation sets by name: where they lie is this machine's business.
    policy: { ...policy, rewards: { ...rewards }, evaluationSets: plan.leakage.map(({ name }) => name) },
    rows: plan.included,
    lines: plan.lines,
    splits: plan.splits.map(({ split, lines, queries }) => ({ split, lines, queries })),
    inputs: plan.sources.flatMap(({ path, sha256, companions }) => [
      { name: basename(path), sha256 },
      ...companions.map((file) => ({ ...file })),
    ]),
    evaluation_sets: plan.leakage.map(({ name, sha256, queries }) => ({ name, sha256, queries })),
    outputs: outputs.map(({ name, bytes, sha256 }) => ({ name, bytes, sha256 })),
  };
}

/** Refuses a folder that holds what somebody else put there, or an earlier export that somebody has changed; gives its files. */
async function checkFolder(folder: string): Promise<readonly string[]> {
  const names = await filesIn(folder);
  if (names.length === 0) return [];
  const refused = (why: string): RationaleError =>
    new RationaleError('user', `${folder} ${why}. Nothing was written; choose another folder.`);
  const text = await readFile(join(folder, 'manifest.json'), 'utf8').catch(() => '');
  const manifest = v.safeParse(manifestSchema, parsedOrNull(text));
  if (!manifest.success) throw refused('is not empty and holds no earlier export');
  const known = new Set(manifest.output.outputs.map(({ name }) => name));
  const foreign = names.find((name) => name !== 'manifest.json' && !known.has(name));
  if (foreign !== undefined) throw refused(`holds ${foreign}, which is no part of an export`);
  for (const { name, sha256 } of manifest.output.outputs) {
    if (!names.includes(name)) continue;
    const file = await hashFile(join(folder, name));
    if (file.sha256 !== sha256) throw refused(`holds an earlier export whose ${name} was changed since`);
  }
  return names;
}

/** Files of a folder and its subfolders, relative, with `/`; an empty folder counts as nothing. */
async function filesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((error: unknown) => {
    if (hasCode(error, 'ENOENT')) return [];
    throw error;
  });
  const files: string[] = [];
  for (const entry of entries) {
    if (!entry.isDirectory()) files.push(entry.name);
    else for (const inner of await filesIn(join(folder, entry.name))) files.push(posix.join(entry.name, inner));
  }
  return files.sort();
}

/** The folders in `folder` and it itself, as far as they exist. */
async function foldersOf(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => null);
  if (entries === null) return [];
  return [...entries.filter((entry) => entry.isDirectory()).map(({ name }) => join(folder, name)), folder];
}

/** Files of the earlier export that this one does not replace (another format, no validation any more). */
async function removeStale(folder: string, earlier: readonly string[], outputs: readonly Output[]): Promise<void> {
  const kept = new Set(outputs.map(({ name }) => name));
  for (const name of earlier) {
    if (kept.has(name)) continue;
    await rm(join(folder, name), { force: true });
    if (name.includes('/')) await rmdir(join(folder, posix.dirname(name))).catch(() => undefined);
  }
}

function parsedOrNull(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
