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
import { exportedLines, type ExportPlan } from './export.js';
import type { Exporter, SideLine, Split } from './exporter.js';
import { exporterOf } from './exporters.js';
import { hashFile, jsonLine, LineSink, temporaryOf } from './line-sink.js';
import { writeParquet } from './parquet.js';

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
 * Writes the export into `folder`, made if need be. Throws RationaleError, and leaves the folder as it was, when no row is
 * included, the folder holds anything but an unchanged earlier export, or a judgement file changed since the plan.
 */
export async function writeExport(
  plan: ExportPlan,
  folder: string,
  toolVersion: string,
  options: { readonly signal?: AbortSignal; readonly progress?: (lines: number) => void } = {},
): Promise<WrittenExport> {
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
  const exporter = exporterOf(plan.format);
  const outputs: Output[] = [];
  try {
    const earlier = await checkFolder(folder);
    const dataFiles = splits.map(({ split }) => ({ split, name: dataFileName(exporter, split, plan.policy) }));
    // A text format has one form in every container.
    const tables = plan.policy.container === 'parquet' && exporter.text === undefined;
    if (tables) await writeTables(plan, folder, dataFiles, outputs, options);
    else await writeLines(plan, folder, exporter, dataFiles, outputs, options);
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
    for (const output of outputs) await output.discard().catch(() => undefined);
    if (error instanceof RationaleError || isAbort(error)) throw error;
    throw new RationaleError('environment', `Cannot write the export to ${folder}: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

type DataFile = { readonly split: Split; readonly name: string };
type Options = { readonly signal?: AbortSignal; readonly progress?: (lines: number) => void };

/** Files beside the splits: JSON Lines, each key of a file once. */
class SideFiles {
  private readonly files = new Map<string, { readonly sink: LineSink; readonly keys: Set<string> }>();

  constructor(private readonly folder: string) {}

  async add({ file, key, line }: SideLine): Promise<void> {
    let known = this.files.get(file);
    if (known === undefined) {
      known = { sink: await LineSink.open(join(this.folder, file)), keys: new Set() };
      this.files.set(file, known);
    }
    if (known.keys.has(key)) return;
    known.keys.add(key);
    known.sink.add(jsonLine(line));
    await known.sink.drain();
  }

  async finish(outputs: Output[]): Promise<void> {
    for (const [name, { sink }] of this.files) outputs.push(await closed(name, sink));
  }

  async discard(): Promise<void> {
    for (const { sink } of this.files.values()) await sink.discard();
  }
}

/** All splits in one walk. */
async function writeLines(
  plan: ExportPlan,
  folder: string,
  exporter: Exporter,
  dataFiles: readonly DataFile[],
  outputs: Output[],
  { signal, progress }: Options,
): Promise<void> {
  const side = new SideFiles(folder);
  const sinks = new Map<Split, LineSink>();
  try {
    for (const { split, name } of dataFiles) {
      const sink = await LineSink.open(join(folder, name));
      sinks.set(split, sink);
      if (exporter.text?.header !== undefined) sink.add(`${exporter.text.header}\n`);
    }
    let written = 0;
    for await (const batch of exportedLines(plan, signal)) {
      for (const item of batch) {
        if (item.split === null) {
          await side.add(item.side);
          continue;
        }
        const text = exporter.text === undefined ? jsonLine(item.line) : `${exporter.text.line(item.line)}\n`;
        sinks.get(item.split)?.add(text);
        written++;
      }
      for (const sink of sinks.values()) await sink.drain();
      progress?.(written);
    }
    checkCount(plan, written);
    for (const { split, name } of dataFiles) {
      const sink = sinks.get(split);
      if (sink !== undefined) outputs.push(await closed(name, sink));
    }
    await side.finish(outputs);
  } catch (error) {
    for (const sink of sinks.values()) await sink.discard();
    await side.discard();
    throw error;
  }
}

/** One walk per split, because a Parquet file is pulled and two cannot be pulled from one walk at a time. */
async function writeTables(
  plan: ExportPlan,
  folder: string,
  dataFiles: readonly DataFile[],
  outputs: Output[],
  { signal, progress }: Options,
): Promise<void> {
  const side = new SideFiles(folder);
  let written = 0;
  async function* linesOf(split: Split, first: boolean): AsyncGenerator<JsonObject> {
    for await (const batch of exportedLines(plan, signal)) {
      for (const item of batch) {
        if (item.split === split) {
          written++;
          yield item.line;
        } else if (item.split === null && first) await side.add(item.side);
      }
      progress?.(written);
    }
  }
  try {
    for (const [i, { split, name }] of dataFiles.entries()) {
      const path = join(folder, name);
      await mkdir(dirname(path), { recursive: true });
      const temporary = temporaryOf(path);
      const discard = (): Promise<void> => rm(temporary, { force: true });
      await writeParquet(linesOf(split, i === 0), temporary);
      const file = await hashFile(temporary);
      outputs.push({ name, ...file, place: () => rename(temporary, path), discard });
    }
    checkCount(plan, written);
    await side.finish(outputs);
  } catch (error) {
    await side.discard();
    throw error;
  }
}

/** Nothing may be lost between plan and file. */
function checkCount(plan: ExportPlan, written: number): void {
  if (written === plan.lines) return;
  throw new RationaleError(
    'bug',
    `The plan holds ${plan.lines} lines, but ${written} were made. Nothing was written; please report this with the format (${plan.format}).`,
  );
}

async function closed(name: string, sink: LineSink, text = ''): Promise<Output> {
  try {
    if (text !== '') sink.add(text);
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
