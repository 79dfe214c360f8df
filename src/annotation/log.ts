/**
 * The annotators' logs `NAME.judgements.corrections/SLUG-XXXXXXXX.jsonl`: append-only, one per annotator and
 * installation, so that merging two people's work in git never conflicts. Whatever is found in a log stays in it: a line
 * that cannot be read is reported, never repaired.
 */
import { closeSync, fsyncSync, fstatSync, ftruncateSync, openSync, readSync, writeSync } from 'node:fs';
import { mkdir, readdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import * as v from 'valibot';
import { eventActions, type AnnotationEvent } from '../domain/event.js';
import { messageOf, RationaleError, hasCode } from '../domain/failure.js';
import { sha256 } from '../domain/identity.js';
import { slug } from '../domain/text.js';
import { withLock } from './lock.js';
import { companionStem } from './record.js';

export interface LogProblem {
  readonly file: string;
  /** From 1. */
  readonly line: number;
  readonly reason: string;
}

export interface Logs {
  readonly events: readonly AnnotationEvent[];
  readonly problems: readonly LogProblem[];
}

const codePoint = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const optionalText = v.exactOptional(v.string());
const schema = v.object({
  id: v.pipe(v.string(), v.uuid('is not a UUID')),
  at: v.string(),
  annotator: v.string(),
  query_id: v.string(),
  doc_id: v.string(),
  answer_id: optionalText,
  action: v.picklist(eventActions),
  label: v.exactOptional(v.pipe(v.number(), v.safeInteger())),
  explanation: optionalText,
  evidence: v.exactOptional(v.array(v.tuple([codePoint, codePoint]))),
  reasons: v.exactOptional(v.array(v.string())),
  note: optionalText,
  blind: v.exactOptional(v.boolean()),
  seconds: v.optional(v.pipe(v.number(), v.minValue(0)), 0),
  batch: optionalText,
  retracts: optionalText,
});

/** The folder of logs of the judgement file at `path`. */
export function logFolder(path: string): string {
  return `${companionStem(path)}.corrections`;
}

/** The log that `annotator` on this installation appends to. */
export function logFile(path: string, annotator: string, installationId: string): string {
  const hex = installationId.toLowerCase().replace(/[^0-9a-f]/g, '');
  const tail = hex.length >= 8 ? hex.slice(0, 8) : sha256(installationId).slice(0, 8);
  return join(logFolder(path), `${slug(annotator)}-${tail}.jsonl`);
}

/** The logs of the judgement file at `path`, by name. Throws RationaleError (environment) when their folder cannot be read. */
export async function logFiles(path: string): Promise<readonly string[]> {
  const folder = logFolder(path);
  try {
    const names = await readdir(folder);
    return names
      .filter((name) => name.endsWith('.jsonl'))
      .sort()
      .map((name) => join(folder, name));
  } catch (error) {
    if (isAbsent(error)) return [];
    throw new RationaleError('environment', `Cannot read the corrections in ${folder}: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

/** Reads every log of the judgement file at `path`. Throws RationaleError (environment) when a log cannot be read at all. */
export async function readLogs(path: string): Promise<Logs> {
  const events: AnnotationEvent[] = [];
  const problems: LogProblem[] = [];
  for (const file of await logFiles(path)) {
    let text: string;
    try {
      text = await readFile(file, 'utf8');
    } catch (error) {
      if (isAbsent(error)) continue;
      throw new RationaleError('environment', `Cannot read the corrections in ${file}: ${messageOf(error)}`, {
        cause: error,
      });
    }
    const read = parseLog(text, file);
    events.push(...read.events);
    problems.push(...read.problems);
  }
  return { events, problems };
}

/** Parses the text of one log; `file` is for messages only. */
export function parseLog(text: string, file: string): Logs {
  const events: AnnotationEvent[] = [];
  const problems: LogProblem[] = [];
  const lines = text.replace(/^\uFEFF/, '').split('\n');
  lines.forEach((line, index) => {
    if (line.trim() === '') return;
    const parsed = parseEvent(line);
    if (typeof parsed !== 'string') events.push(parsed);
    else {
      const torn = index === lines.length - 1 ? 'half-written: the log ends inside this line; ' : '';
      problems.push({ file, line: index + 1, reason: `${torn}${parsed}` });
    }
  });
  return { events, problems };
}

/** The event on a line, or the reason why it is none. */
function parseEvent(line: string): AnnotationEvent | string {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (error) {
    return `not valid JSON (${messageOf(error)})`;
  }
  const parsed = v.safeParse(schema, value);
  if (parsed.success) return parsed.output;
  const issue = parsed.issues[0];
  return `field "${issue.path?.map((p) => String(p.key)).join('.') ?? ''}": ${issue.message}`;
}

/**
 * Appends events to a log as whole lines and waits until they are on disk. A torn last line stays; the new lines begin
 * below it. When writing fails, what was partly written is taken back. Throws RationaleError (environment).
 */
export async function appendEvents(file: string, events: readonly AnnotationEvent[]): Promise<void> {
  if (events.length === 0) return;
  const lines = events.map((event) => `${JSON.stringify(event, wellFormed)}\n`).join('');
  try {
    await mkdir(join(file, '..'), { recursive: true });
    await withLock(`${file}.lock`, () => append(file, lines));
  } catch (error) {
    if (error instanceof RationaleError) throw error;
    throw new RationaleError(
      'environment',
      `Cannot write corrections to ${basename(file)}: ${messageOf(error)} Your decisions are kept in the editor; save again when the cause is gone.`,
      { cause: error },
    );
  }
}

function append(file: string, lines: string): void {
  const fd = openSync(file, 'a+');
  try {
    const { size } = fstatSync(fd);
    const last = Buffer.alloc(1);
    const torn = size > 0 && readSync(fd, last, 0, 1, size - 1) === 1 && last[0] !== 0x0a;
    const bytes = Buffer.from(torn ? `\n${lines}` : lines, 'utf8');
    try {
      for (let at = 0; at < bytes.length;) at += writeSync(fd, bytes, at);
      fsyncSync(fd);
    } catch (error) {
      ftruncateSync(fd, size);
      throw error;
    }
  } finally {
    closeSync(fd);
  }
}

function wellFormed(_key: string, value: unknown): unknown {
  return typeof value === 'string' ? value.toWellFormed() : value;
}

function isAbsent(error: unknown): boolean {
  return hasCode(error, 'ENOENT', 'ENOTDIR');
}
