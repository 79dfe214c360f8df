/**
 * Says what is wrong with a file before it is worked with: a judgement file with what stands beside it, an annotator's
 * log, an export folder (is it still what was written?), or a foreign file (what would an import take?).
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import * as v from 'valibot';
import { parseLog, readLogs } from '../annotation/log.js';
import { readRunInfo, readSidecar } from '../annotation/record.js';
import { streamJudgementFile, type Row } from '../annotation/rows.js';
import { messageOf, RationaleError } from '../domain/failure.js';
import { pairKey } from '../domain/judgement.js';
import { findScale } from '../domain/scale.js';
import { detectImporter, importFile } from './import/import.js';
import { linesText, skippedGroups } from './import/report.js';

type ValidatedKind = 'judgements' | 'corrections' | 'export' | 'foreign' | 'unreadable';

interface Problem {
  /** The file that is wrong, where it is not the one given. */
  readonly file?: string;
  /** From 1. */
  readonly line?: number;
  readonly text: string;
}

export interface Validation {
  readonly path: string;
  readonly kind: ValidatedKind;
  /** What it is and holds, in a few words. */
  readonly summary: string;
  readonly problems: readonly Problem[];
  /** Worth knowing, and nothing wrong. */
  readonly notes: readonly string[];
}

/** Validates the file or folder at `path`; never throws for what is wrong with it, only the signal's AbortError. */
export async function validatePath(
  path: string,
  options: { readonly toolVersion: string; readonly signal?: AbortSignal },
): Promise<Validation> {
  try {
    const info = await stat(path);
    if (info.isDirectory() && (await holds(path, 'manifest.json'))) return await validateExport(path);
    if (/\.judgements\.jsonl$/i.test(path)) return await validateJudgements(path);
    if (/\.judgements\.corrections[/\\][^/\\]+\.jsonl$/i.test(path)) return await validateLog(path);
    return await validateForeign(path, options);
  } catch (error) {
    options.signal?.throwIfAborted();
    return { path, kind: 'unreadable', summary: 'cannot be read', problems: [{ text: messageOf(error) }], notes: [] };
  }
}

async function validateJudgements(file: string): Promise<Validation> {
  const [{ run, notices }, sidecar, logs] = await Promise.all([readRunInfo(file), readSidecar(file), readLogs(file)]);
  const problems: Problem[] = [...notices, ...sidecar.notices].map((text) => ({ text }));
  const notes: string[] = [];
  const decided = logs.events.filter((event) => event.action !== 'retract');
  /** Pairs that somebody decided on and that have not come by yet. */
  const missing = new Set(decided.map(pairKey));
  const scales = [...sidecar.scales, ...(run?.scales ?? [])];
  const unknownScales = new Map<string, number>();
  let judgements = 0;
  const check = (row: Row): void => {
    if (row.kind === 'malformed') {
      problems.push({ line: row.line, text: row.reason });
      return;
    }
    judgements++;
    const { judgement } = row;
    if (missing.size > 0) missing.delete(pairKey(judgement));
    const scale = findScale(judgement.scale, scales);
    if (scale === undefined) unknownScales.set(judgement.scale, (unknownScales.get(judgement.scale) ?? 0) + 1);
    else if (judgement.label !== null && !scale.labels.some(({ value }) => value === judgement.label)) {
      problems.push({ line: row.line, text: `label ${judgement.label} is not on the scale "${scale.name}"` });
    }
  };
  const reader = streamJudgementFile(file, (line, keys) => {
    problems.push({ line, text: `holds a key twice, and its last value counts: ${keys.join(', ')}` });
  });
  let next = await reader.next();
  for (; next.done !== true; next = await reader.next()) for (const row of next.value) check(row);
  const { sha256, bytes } = next.value;
  // Lines are read in blocks, and a block's repeated keys are heard of before its rows come.
  problems.sort((a, b) => (a.line ?? 0) - (b.line ?? 0));
  for (const [name, count] of unknownScales)
    notes.push(`${count} rows use the scale "${name}", which nothing here describes`);
  const seal = run?.seal ?? null;
  if (seal !== null && (seal.sha256 !== sha256 || seal.bytes !== bytes)) {
    problems.push({ text: 'the file is not what its run wrote: its SHA-256 differs from the seal in the run record' });
  }
  if (run !== null && seal === null) notes.push('the run that wrote it was interrupted; it can be resumed');
  for (const problem of logs.problems) problems.push({ file: problem.file, line: problem.line, text: problem.reason });
  const orphans = decided.filter((event) => missing.has(pairKey(event))).length;
  if (orphans > 0) notes.push(`${orphans} decisions are about pairs that the file does not hold`);
  const people = new Set(logs.events.map((event) => event.annotator)).size;
  const decisions = logs.events.length === 0 ? '' : `, ${logs.events.length} events of ${people} annotators`;
  return {
    path: file,
    kind: 'judgements',
    summary: `judgement file, ${judgements} rows${decisions}`,
    problems,
    notes,
  };
}

async function validateLog(file: string): Promise<Validation> {
  const { events, problems } = parseLog(await readFile(file, 'utf8'), file);
  const seen = new Set<string>();
  const repeated = events.filter(({ id }) => seen.size === seen.add(id).size).length;
  return {
    path: file,
    kind: 'corrections',
    summary: `log of ${new Set(events.map((event) => event.annotator)).size} annotators, ${events.length} events`,
    problems: problems.map(({ line, reason }) => ({ line, text: reason })),
    notes: repeated === 0 ? [] : [`${repeated} events stand in it twice, and count once`],
  };
}

const manifestSchema = v.object({
  kind: v.literal('rationale-export'),
  format: v.string(),
  rows: v.number(),
  outputs: v.array(v.object({ name: v.string(), sha256: v.string() })),
});

async function validateExport(folder: string): Promise<Validation> {
  const file = path.join(folder, 'manifest.json');
  const parsed = v.safeParse(manifestSchema, JSON.parse(await readFile(file, 'utf8')));
  if (!parsed.success) {
    const [issue] = parsed.issues;
    throw new RationaleError(
      'user',
      `${file} is not the manifest of an export (${issue.path?.map((p) => String(p.key)).join('.') ?? 'file'}: ${issue.message}).`,
    );
  }
  const { format, rows, outputs } = parsed.output;
  const problems: Problem[] = [];
  const known = new Set(['manifest.json']);
  for (const { name, sha256 } of outputs) {
    known.add(name);
    if (path.isAbsolute(name) || name.split(/[/\\]/).includes('..')) {
      problems.push({ file, text: `it names ${name}, which is not in the folder` });
      continue;
    }
    const found = await hashOf(path.join(folder, name));
    if (found === null) problems.push({ file: path.join(folder, name), text: 'it is missing' });
    else if (found !== sha256)
      problems.push({ file: path.join(folder, name), text: 'it was changed since the export' });
  }
  const foreign: string[] = [];
  for (const name of (await readdir(folder, { recursive: true })).map((n) => n.split(path.sep).join('/')).sort()) {
    if (!known.has(name) && (await holds(folder, name))) foreign.push(name);
  }
  return {
    path: folder,
    kind: 'export',
    summary: `export as ${format}, ${rows} rows in ${outputs.length} files`,
    problems,
    notes: foreign.map((name) => `${name} is no part of the export`),
  };
}

async function validateForeign(
  source: string,
  options: { readonly toolVersion: string; readonly signal?: AbortSignal },
): Promise<Validation> {
  const [detected] = await detectImporter(source);
  if (detected === undefined) {
    const text =
      'no importer knows this format; a table with columns of other names needs a mapping (rationale import --map)';
    return { path: source, kind: 'foreign', summary: 'foreign file', problems: [{ text }], notes: [] };
  }
  const scratch = await mkdtemp(path.join(tmpdir(), 'rationale-validate-'));
  try {
    const report = await importFile({
      path: source,
      importer: detected.id,
      out: path.join(scratch, 'rows.judgements.jsonl'),
      importOptions: {},
      toolVersion: options.toolVersion,
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    });
    const problems = skippedGroups(report).map((group): Problem => {
      const [line] = group.lines;
      const where = group.count > 1 && group.lines.length > 0 ? ` (${linesText(group)})` : '';
      return {
        ...(line === undefined ? {} : { line }),
        text: `${group.count === 1 ? '' : `${group.count} × `}${group.example ?? group.reason}${where}`,
      };
    });
    if (report.taken === 0 && problems.length === 0) problems.push({ text: 'it holds no row' });
    return {
      path: source,
      kind: 'foreign',
      summary: `${detected.id} (${Math.round(detected.confidence * 100)} % sure), ${report.taken} of ${report.read} rows would be taken${report.corrections === 0 ? '' : ` with ${report.corrections} corrections`}`,
      problems,
      notes: [...report.noteCounts].map(([reason, count]) => `${count} taken with a change: ${reason}`),
    };
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

async function holds(folder: string, name: string): Promise<boolean> {
  return stat(path.join(folder, name)).then(
    (found) => found.isFile(),
    () => false,
  );
}

/** SHA-256 of a file, streamed, or null where there is none. */
async function hashOf(file: string): Promise<string | null> {
  const hash = createHash('sha256');
  try {
    for await (const chunk of createReadStream(file)) hash.update(chunk as Uint8Array);
  } catch {
    return null;
  }
  return hash.digest('hex');
}
