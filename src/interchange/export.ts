/** The plan of an export: which rows go in, which do not and why, before anything is written. One for editor and command line. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { logFiles } from '../annotation/log.js';
import { companionStem } from '../annotation/record.js';
import { streamJudgementFile } from '../annotation/rows.js';
import { RationaleError } from '../domain/failure.js';
import type { JsonObject } from '../domain/json.js';
import type { Profile } from '../profiles/profile.js';
import { openJudgements, type Exclusion, type OpenJudgements } from './canonical.js';
import { Conversion, surveyFiles, type Outcomes, type Survey } from './conversion.js';
import type { ConvertContext, SideLine, Split } from './exporter.js';
import { exporterOf, type ExportFormat } from './exporters.js';
import { readEvaluationSet, type Leakage } from './leakage.js';
import { exportPolicy, type ExportPolicy } from './policy.js';
import { rewardFormula } from './rewards.js';
import { splitOf } from './split.js';
import {
  Tally,
  type Agreement,
  type Count,
  type ExcludedRow,
  type Lengths,
  type SplitCount,
  type WarningId,
} from './tally.js';

interface Source {
  readonly path: string;
  /** Of the judgement file, as it was read. */
  readonly sha256: string;
  readonly rows: number;
  /** What was wrong with the files beside it: reported, never repaired. */
  readonly notices: readonly string[];
  /** Licence and origin as the sidecar states them, or null. */
  readonly origin: string | null;
  /** The files beside it, by name relative to its folder. */
  readonly companions: readonly { readonly name: string; readonly sha256: string }[];
}

export interface ExportPlan {
  readonly format: ExportFormat;
  readonly policy: ExportPolicy;
  readonly sources: readonly Source[];
  /** Rows of all files, malformed ones too: `included` and the rows of `reasons` add up to it. */
  readonly total: number;
  readonly included: number;
  /** Lines that will be written: some formats make several of a row, some one of several. */
  readonly lines: number;
  /** Only those with lines. */
  readonly splits: readonly SplitCount[];
  /** Only reasons that occur, in the order of `exclusions`. */
  readonly reasons: readonly Count<Exclusion>[];
  /** The first 1,000 rows that stay out, in the order of the files and their lines (by query, as queries end). */
  readonly excluded: readonly ExcludedRow[];
  readonly accepted: number;
  readonly corrected: number;
  /** Taken as the teacher or model wrote them. */
  readonly prefilled: number;
  /** Worth a look before training: rows that are included and yet fail a check. */
  readonly warnings: readonly Count<WarningId>[];
  readonly annotators: readonly string[];
  readonly models: readonly string[];
  readonly templates: readonly string[];
  readonly agreement: Agreement;
  /** One for each evaluation set of the policy, also where nothing leaks. */
  readonly leakage: readonly Leakage[];
  /** The first lines, for a preview. */
  readonly sample: readonly JsonObject[];
  readonly length: Lengths;
  /** The formula of the rewards or margins in the rows; null where the format has none. */
  readonly rewards: string | null;
  /** What the writer needs to go the same way again. */
  readonly walk: Walk;
}

interface Walk {
  readonly files: readonly OpenJudgements[];
  readonly survey: Survey;
  readonly outcomes: Outcomes;
  readonly form: ConvertContext['prompts'];
}

/** Why a preview or a bar moves: rows read so far. */
type ExportProgress = (rows: number) => void;

export interface PlanOptions {
  readonly files: readonly string[];
  readonly format: ExportFormat;
  /** Known ones beside those of the run records (the embedded model's). */
  readonly profiles?: readonly Profile[];
  readonly policy?: Partial<ExportPolicy>;
  readonly signal?: AbortSignal;
  readonly progress?: ExportProgress;
}

/**
 * Plans an export of what is saved on disk. Rows are read and counted, not kept; `onLines` gets the lines on the way, the
 * same and in the same order as `exportedLines` gives them later. Throws RationaleError when a file cannot be read or
 * changes meanwhile, or the policy cannot be.
 */
export async function planExport(
  options: PlanOptions,
  onLines?: (lines: readonly ExportedLine[]) => Promise<void>,
): Promise<ExportPlan> {
  const { format } = options;
  const policy = exportPolicy(options.policy);
  const exporter = exporterOf(format);
  const sets = await Promise.all(policy.evaluationSets.map(readEvaluationSet));
  const files: OpenJudgements[] = [];
  for (const path of options.files) files.push(await openJudgements(path, options.profiles ?? []));
  const survey = await surveyFiles(files, exporter);
  const tally = new Tally((queryId) => splitOf(queryId, policy), sets);
  let out: ExportedLine[] = [];
  const conversion = new Conversion(
    exporter,
    policy,
    survey,
    {
      lines: (lines, sides, queryId) => {
        const split = tally.lines(lines, queryId);
        if (onLines === undefined) return;
        for (const line of lines) out.push({ split, line });
        for (const side of sides) out.push({ split: null, side });
      },
      included: (row, used) => {
        tally.include(row, used);
      },
      excluded: (file, line, reason) => {
        tally.exclude(file, line, reason);
      },
      decided: (labels) => {
        tally.decided(labels);
      },
    },
    null,
  );
  const sources: Source[] = [];
  let read = 0;
  for (const file of files) {
    let rows = 0;
    const repeated: { line: number; count: number } = { line: 0, count: 0 };
    const stream = streamJudgementFile(file.path, (line) => {
      if (repeated.count++ === 0) repeated.line = line;
    });
    let next = await stream.next();
    for (; next.done !== true; next = await stream.next()) {
      options.signal?.throwIfAborted();
      for (const row of next.value) conversion.take(row, file);
      rows += next.value.length;
      if (out.length > 0) await onLines?.(out);
      out = [];
      options.progress?.(read + rows);
    }
    const { sha256 } = next.value;
    const surveyed = survey.sha256.get(file.path);
    if (surveyed !== undefined && surveyed !== sha256) throw changed(file.path);
    read += rows;
    const companions = await companionsOf(file.path);
    const notices = [
      ...file.notices,
      ...(repeated.count === 0
        ? []
        : [`${repeated.count} lines hold a key twice, and its last value counts (line ${repeated.line} first).`]),
    ];
    sources.push({ path: file.path, sha256, rows, notices, origin: file.origin, companions });
  }
  const { included, lineCount, excluded, excludedCount, accepted, corrected, prefilled, sample } = tally;
  if (included + excludedCount !== read) {
    throw new RationaleError('bug', `${read} rows were read, but ${included + excludedCount} accounted for.`);
  }
  return {
    format,
    policy,
    sources,
    total: read,
    included,
    lines: lineCount,
    excluded,
    accepted,
    corrected,
    prefilled,
    sample,
    ...tally.result(),
    rewards: exporter.rewarded === true ? rewardFormula(policy.rewards) : null,
    walk: { files, survey, outcomes: conversion.outcomes, form: conversion.prompts },
  };
}

/** A line of an export, and where it goes: to a split, or to a file beside them. */
export type ExportedLine =
  { readonly split: Split; readonly line: JsonObject } | { readonly split: null; readonly side: SideLine };

/**
 * The lines of a planned export in batches, in the order in which they are written. Throws RationaleError when a judgement
 * file changed since the plan was made.
 */
export async function* exportedLines(plan: ExportPlan, signal?: AbortSignal): AsyncGenerator<readonly ExportedLine[]> {
  const { files, survey, outcomes, form } = plan.walk;
  let out: ExportedLine[] = [];
  let lastQuery: string | undefined;
  let lastSplit: Split = 'train';
  const conversion = new Conversion(
    exporterOf(plan.format),
    plan.policy,
    survey,
    {
      lines: (lines, sides, queryId) => {
        if (queryId !== lastQuery) lastSplit = splitOf(queryId, plan.policy);
        lastQuery = queryId;
        const split = lastSplit;
        for (const line of lines) out.push({ split, line });
        for (const side of sides) out.push({ split: null, side });
      },
    },
    { outcomes, form },
  );
  for (const [i, file] of files.entries()) {
    const stream = streamJudgementFile(file.path);
    let next = await stream.next();
    for (; next.done !== true; next = await stream.next()) {
      signal?.throwIfAborted();
      for (const row of next.value) conversion.take(row, file);
      if (out.length > 0) yield out;
      out = [];
    }
    if (next.value.sha256 !== plan.sources[i]?.sha256) {
      throw changed(file.path);
    }
  }
}

function changed(path: string): RationaleError {
  return new RationaleError(
    'user',
    `${path} changed while it was exported. Nothing was written; export again when nobody writes to it.`,
  );
}

/** Everything beside a judgement file that the plan was made from, by name: the folder it lay in is this machine's business. */
async function companionsOf(path: string): Promise<{ name: string; sha256: string }[]> {
  const stem = companionStem(path);
  const found: { name: string; sha256: string }[] = [];
  for (const file of [`${stem}.run.json`, `${stem}.rationale.json`, ...(await logFiles(path))]) {
    const bytes = await readFile(file).catch(() => null);
    if (bytes === null) continue;
    const name = file.slice(stem.length - basename(stem).length).replaceAll('\\', '/');
    found.push({ name, sha256: createHash('sha256').update(bytes).digest('hex') });
  }
  return found;
}
