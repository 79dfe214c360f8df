/**
 * Reads what stands beside a judgement file: the run record (`NAME.judgements.run.json`, written by src/runs, which is
 * above this folder: hence a tolerant reading type of its own) and the sidecar that people edit
 * (`NAME.judgements.rationale.json`). A fault in either is a notice; the judgements stay readable.
 */
import { readFile } from 'node:fs/promises';
import * as v from 'valibot';
import { messageOf, hasCode } from '../domain/failure.js';
import { isJsonObject, type JsonObject } from '../domain/json.js';
import { modes } from '../domain/judgement.js';
import type { LabelScale } from '../domain/scale.js';
import { parseProfile, type Profile } from '../profiles/profile.js';

const scale = v.object({
  name: v.string(),
  labels: v.array(
    v.object({ value: v.pipe(v.number(), v.safeInteger()), name: v.string(), description: v.optional(v.string(), '') }),
  ),
});

const seal = v.object({
  state: v.picklist(['complete', 'cancelled']),
  rows: v.number(),
  bytes: v.number(),
  sha256: v.string(),
});

const record = v.object({
  version: v.literal(1),
  run_id: v.string(),
  started_at: v.optional(v.string(), ''),
  settings: v.optional(v.object({ mode: v.picklist(modes), explain: v.number() })),
  model: v.nullish(v.custom<JsonObject>(isJsonObject, 'Expected object'), null),
  profile: v.nullish(v.custom<JsonObject>(isJsonObject, 'Expected object'), null),
  scales: v.optional(v.array(scale), []),
  seal: v.optional(seal),
});

const sidecar = v.object({
  version: v.optional(v.literal(1), 1),
  scales: v.optional(v.array(scale), []),
  guidelines: v.nullish(v.string(), null),
});

/** What a reader needs of a run record. */
export interface RunInfo {
  readonly run_id: string;
  readonly started_at: string;
  readonly settings: { readonly mode: (typeof modes)[number]; readonly explain: number } | null;
  readonly model: JsonObject | null;
  /** Null where the record has none or one this version does not understand (said in a notice). */
  readonly profile: Profile | null;
  readonly scales: readonly LabelScale[];
  /** Null while the run is going on or when it was interrupted. */
  readonly seal: {
    readonly state: 'complete' | 'cancelled';
    readonly rows: number;
    readonly bytes: number;
    readonly sha256: string;
  } | null;
}

interface Sidecar {
  readonly scales: readonly LabelScale[];
  readonly guidelines: string | null;
}

/** The stem `DIR/NAME.judgements` of a judgement file: what its companions' names begin with. */
export function companionStem(path: string): string {
  return path.replace(/\.jsonl$/i, '');
}

/** The run record beside the judgement file at `path`, null where there is none, and what is wrong with it. */
export async function readRunInfo(
  path: string,
): Promise<{ readonly run: RunInfo | null; readonly notices: readonly string[] }> {
  const file = `${companionStem(path)}.run.json`;
  const read = await readJson(file);
  if (!read.ok) return { run: null, notices: read.notices };
  const parsed = v.safeParse(record, read.value);
  if (!parsed.success) return { run: null, notices: [faultOf(file, parsed.issues[0])] };
  const { profile: rawProfile, seal: sealed, settings, ...rest } = parsed.output;
  const notices: string[] = [];
  let profile: Profile | null = null;
  if (rawProfile !== null) {
    try {
      profile = parseProfile(JSON.stringify(rawProfile), `${file}, profile`);
    } catch (error) {
      notices.push(`${messageOf(error)} Prompts cannot be rebuilt; everything else works.`);
    }
  }
  return { run: { ...rest, settings: settings ?? null, seal: sealed ?? null, profile }, notices };
}

/** The sidecar beside the judgement file at `path` (empty where there is none), and what is wrong with it. */
export async function readSidecar(path: string): Promise<Sidecar & { readonly notices: readonly string[] }> {
  const file = `${companionStem(path)}.rationale.json`;
  const none = { scales: [], guidelines: null };
  const read = await readJson(file);
  if (!read.ok) return { ...none, notices: read.notices };
  const parsed = v.safeParse(sidecar, read.value);
  if (!parsed.success) return { ...none, notices: [faultOf(file, parsed.issues[0])] };
  return { scales: parsed.output.scales, guidelines: parsed.output.guidelines, notices: [] };
}

type Read =
  { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly notices: readonly string[] };

async function readJson(file: string): Promise<Read> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    const absent = hasCode(error, 'ENOENT', 'ENOTDIR');
    return { ok: false, notices: absent ? [] : [`Cannot read ${file}: ${messageOf(error)} It is ignored.`] };
  }
  try {
    return { ok: true, value: JSON.parse(text.replace(/^\uFEFF/, '')) as unknown };
  } catch (error) {
    return {
      ok: false,
      notices: [`${file} is not valid JSON (${messageOf(error)}). It is ignored; correct it and reload.`],
    };
  }
}

function faultOf(file: string, issue: v.BaseIssue<unknown>): string {
  const path = issue.path?.map((p) => String(p.key)).join('.') ?? 'file';
  return `${file}: ${path}: ${issue.message}. The file is ignored; correct it and reload.`;
}
