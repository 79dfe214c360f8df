/**
 * The files of a run: `NAME.judgements.jsonl` and its record `NAME.judgements.run.json`. Both are replaced atomically
 * (temporary file, fsync, rename), so that a reader never sees half of one.
 */
import { createHash, randomBytes } from 'node:crypto';
import { access, mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import * as path from 'node:path';
import { RationaleError, messageOf } from '../domain/failure.js';
import { modes, parseJudgement, serialiseJudgement, type Judgement } from '../domain/judgement.js';
import * as v from 'valibot';
import { isJsonObject, type JsonObject } from '../domain/json.js';
import { parseProfile } from '../profiles/profile.js';
import type { RunRecord } from './run.js';

export const judgementSuffix = '.judgements.jsonl';

const count = v.pipe(v.number(), v.integer(), v.minValue(0));
const object = v.custom<JsonObject>(isJsonObject, 'Expected object');
const identity = v.looseObject({
  id: v.string(),
  sha256: v.string(),
  profile: v.string(),
  profile_sha256: v.string(),
  engine: v.string(),
  engine_version: v.string(),
  device: v.string(),
  precision: v.string(),
});
const recordSchema = v.object({
  version: v.literal(1),
  run_id: v.string(),
  started_at: v.string(),
  tool: v.object({ name: v.literal('rationale'), version: v.string() }),
  settings: v.object({
    mode: v.picklist(modes),
    explain: count,
    sampling: v.exactOptional(
      v.object({
        temperature: v.pipe(v.number(), v.minValue(0)),
        top_p: v.pipe(v.number(), v.gtValue(0), v.maxValue(1)),
        seed: count,
        samples: v.pipe(count, v.minValue(1)),
      }),
    ),
  }),
  queries: v.array(v.object({ query_id: v.string(), query: v.string(), rows: count })),
  first_stage: object,
  model: v.nullable(identity),
  profile: object,
  scales: v.array(
    v.object({
      name: v.string(),
      labels: v.array(v.object({ value: v.number(), name: v.string(), description: v.string() })),
    }),
  ),
  seal: v.optional(
    v.object({ state: v.picklist(['complete', 'cancelled']), rows: count, bytes: count, sha256: v.string() }),
  ),
});

/** The record that stands beside a judgement file. Throws RationaleError when the name is no judgement file's. */
export function recordPath(file: string): string {
  if (!file.endsWith(judgementSuffix)) {
    throw new RationaleError('user', `${file}: a run is written to a file whose name ends in ${judgementSuffix}.`);
  }
  return `${file.slice(0, -judgementSuffix.length)}.judgements.run.json`;
}

/** Makes the folder of a new run file. Throws RationaleError when the file is there already: a run overwrites nothing. */
export async function claimRunFile(file: string): Promise<void> {
  for (const name of [file, recordPath(file)]) {
    const exists = await access(name).then(
      () => true,
      () => false,
    );
    if (exists) {
      throw new RationaleError(
        'user',
        `${name} exists already, and a run overwrites nothing. Choose another name, or go on with it (Resume, or --resume).`,
      );
    }
  }
  await mkdir(path.dirname(file), { recursive: true });
}

/** Writes rows and record. Returns the bytes and SHA-256 of the rows, for the seal. */
export async function writeRunFile(file: string, rows: readonly Judgement[], record: RunRecord): Promise<void> {
  const text = rows.map((row) => `${serialiseJudgement(row)}\n`).join('');
  const sealed: RunRecord =
    record.seal === undefined
      ? record
      : {
          ...record,
          seal: {
            ...record.seal,
            rows: rows.length,
            bytes: Buffer.byteLength(text, 'utf8'),
            sha256: createHash('sha256').update(text, 'utf8').digest('hex'),
          },
        };
  await replaceFile(file, text);
  await replaceFile(recordPath(file), `${JSON.stringify(sealed, null, 2)}\n`);
}

/** Reads an interrupted or cancelled run, to go on with it. Throws RationaleError naming the file and line that cannot be read. */
export async function readRunFile(file: string): Promise<{ readonly rows: Judgement[]; readonly record: RunRecord }> {
  const recordFile = recordPath(file);
  const [text, recordText] = await Promise.all([readText(file), readText(recordFile)]);
  let value: unknown;
  try {
    value = JSON.parse(recordText);
  } catch (error) {
    throw new RationaleError(
      'user',
      `${recordFile} is not valid JSON (${messageOf(error)}), so the run cannot be resumed. The judgements in ${file} are untouched.`,
    );
  }
  const record = v.safeParse(recordSchema, value);
  if (!record.success) {
    const issue = record.issues[0];
    const field = issue.path?.map((part) => String(part.key)).join('.') ?? 'the record';
    throw new RationaleError(
      'user',
      `${recordFile}: ${field}: ${issue.message}. The run cannot be resumed; its judgements in ${file} are untouched.`,
    );
  }
  const profile = parseProfile(JSON.stringify(record.output.profile), recordFile);
  const rows: Judgement[] = [];
  text.split('\n').forEach((line, i) => {
    if (line === '') return;
    const parsed = parseJudgement(line);
    if (!parsed.ok)
      throw new RationaleError('user', `${file}, line ${i + 1}: ${parsed.reason}. Repair the line, then resume.`);
    rows.push(parsed.judgement);
  });
  const { seal, ...rest } = record.output;
  return { rows, record: { ...rest, profile, ...(seal === undefined ? {} : { seal }) } };
}

async function readText(file: string): Promise<string> {
  return readFile(file, 'utf8').catch((error: unknown) => {
    throw new RationaleError('user', `${file} cannot be read: ${messageOf(error)}.`, { cause: error });
  });
}

async function replaceFile(file: string, text: string): Promise<void> {
  const temporary = `${file}.${randomBytes(4).toString('hex')}.tmp`;
  try {
    const handle = await open(temporary, 'wx');
    try {
      await handle.writeFile(text, 'utf8');
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true });
    throw new RationaleError(
      'environment',
      `${file} could not be written: ${messageOf(error)}. The rows stay in memory; free space or fix the folder's permissions.`,
      { cause: error },
    );
  }
}
