/**
 * A judgement: what a model or teacher said about one (query, document) pair, as one line of `NAME.judgements.jsonl`.
 * Field names are those of the file (docs/formats/judgements.md), so that a row in memory is a row on disk.
 */
import * as v from 'valibot';
import { isJsonObject, type Json, type JsonObject } from './json.js';
import { idOfText } from './identity.js';
import { repeatedKeys } from './repeated-keys.js';

const judgementStatuses = ['pending', 'ok', 'truncated', 'unparsed', 'failed'] as const;
/** Facts only: `pending` not judged yet, `truncated` capped before its own end, `unparsed` no label found, `failed` the engine gave up. */
export type JudgementStatus = (typeof judgementStatuses)[number];

export const modes = ['score', 'label-first', 'explain-first'] as const;
export type Mode = (typeof modes)[number];

/** Which model on which engine wrote a judgement: enough to say whether two scores may be compared. */
export interface ModelIdentity {
  readonly id: string;
  /** SHA-256 over the model's own list of file hashes. */
  readonly sha256: string;
  readonly profile: string;
  readonly profile_sha256: string;
  readonly engine: string;
  readonly engine_version: string;
  readonly device: string;
  readonly precision: string;
}

export interface Judgement {
  readonly query_id: string;
  readonly query: string;
  readonly doc_id: string;
  readonly title: string | null;
  /** The whole text, before any truncation. */
  readonly document: string;
  readonly uri: string | null;
  /** Code points of the file at `uri` that `document` covers, end exclusive. */
  readonly range: readonly [number, number] | null;
  /** How many code points of `document` the model saw. */
  readonly document_end: number | null;
  readonly label: number | null;
  readonly scale: string;
  readonly explanation: string | null;
  readonly raw_response: string | null;
  readonly score: number | null;
  readonly score_parts: Readonly<Record<string, number>> | null;
  readonly label_probabilities: readonly number[] | null;
  readonly rank: number | null;
  readonly first_stage_rank: number | null;
  readonly first_stage_score: number | null;
  readonly status: JudgementStatus;
  readonly run_id: string;
  readonly mode: Mode;
  readonly sample: number;
  readonly prompt_sha256: string | null;
  readonly model: ModelIdentity | JsonObject | null;
  readonly sampling: JsonObject | null;
  readonly prompt_tokens: number | null;
  readonly completion_tokens: number | null;
  readonly elapsed_ms: number | null;
  /** Why `status` is `failed`. */
  readonly error: string | null;
  /** Fields this version does not know: kept, shown nowhere, written out again. */
  readonly extra: JsonObject;
}

const number = v.pipe(v.number(), v.finite());
const integer = v.pipe(v.number(), v.safeInteger());
const text = v.string();

/** Absent and null mean the same, so that a teacher's file needs only query, document and what it has to say. */
const fields = {
  query_id: v.nullish(text),
  query: text,
  doc_id: v.nullish(text),
  title: v.nullish(text, null),
  document: text,
  uri: v.nullish(text, null),
  range: v.nullish(v.tuple([integer, integer]), null),
  document_end: v.nullish(integer, null),
  label: v.nullish(integer, null),
  scale: v.nullish(text, 'interank'),
  explanation: v.nullish(text, null),
  raw_response: v.nullish(text, null),
  score: v.nullish(number, null),
  score_parts: v.nullish(v.record(text, number), null),
  label_probabilities: v.nullish(v.array(number), null),
  rank: v.nullish(integer, null),
  first_stage_rank: v.nullish(integer, null),
  first_stage_score: v.nullish(number, null),
  status: v.nullish(v.picklist(judgementStatuses)),
  run_id: v.nullish(text, ''),
  mode: v.nullish(v.picklist(modes), 'explain-first'),
  sample: v.nullish(integer, 0),
  prompt_sha256: v.nullish(text, null),
  model: v.nullish(v.custom<JsonObject>(isJsonObject, 'Expected object'), null),
  sampling: v.nullish(v.custom<JsonObject>(isJsonObject, 'Expected object'), null),
  prompt_tokens: v.nullish(integer, null),
  completion_tokens: v.nullish(integer, null),
  elapsed_ms: v.nullish(number, null),
  error: v.nullish(text, null),
};
const schema = v.object(fields);
const known: ReadonlySet<string> = new Set(Object.keys(fields));

export type ParsedJudgement =
  { readonly ok: true; readonly judgement: Judgement } | { readonly ok: false; readonly reason: string };

/**
 * Reads one line of a judgement file. Never throws: a line that is no judgement says why, for a row of its own in the editor.
 * `onRepeatedKeys` hears of keys that the line holds twice, of which the last value counts.
 */
export function parseJudgement(line: string, onRepeatedKeys?: (keys: readonly string[]) => void): ParsedJudgement {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (error) {
    return { ok: false, reason: `not valid JSON (${error instanceof Error ? error.message : String(error)})` };
  }
  if (!isJsonObject(value)) return { ok: false, reason: 'not a JSON object' };
  if (onRepeatedKeys !== undefined) {
    const repeated = repeatedKeys(line, value);
    if (repeated.length > 0) onRepeatedKeys(repeated);
  }
  // In a well-formed line only an escape can make half a character, so most lines need no look at their strings.
  const lone = line.includes('\\u') || !line.isWellFormed() ? firstLoneSurrogate(value, '') : undefined;
  if (lone !== undefined) {
    return { ok: false, reason: `field "${lone}" holds half of a surrogate pair: the text was cut inside a character` };
  }
  const judgement = judgementOf(value);
  return judgement === undefined ? parseBySchema(value) : { ok: true, judgement };
}

/** What the schema makes of a line's value. It takes five times as long as `judgementOf`, and says what is wrong. */
export function parseBySchema(value: JsonObject): ParsedJudgement {
  const parsed = v.safeParse(schema, value);
  if (!parsed.success) {
    const issue = parsed.issues[0];
    const path = issue.path?.map((p) => String(p.key)).join('.') ?? '';
    return { ok: false, reason: `field "${path}": ${issue.message}` };
  }
  const out = parsed.output;
  return {
    ok: true,
    judgement: {
      ...out,
      query_id: out.query_id ?? idOfText('q', out.query),
      doc_id: out.doc_id ?? idOfText('d', out.document),
      status: out.status ?? statusOf(out.label),
      extra: extraOf(value),
    },
  };
}

const isText = (value: unknown): value is string | null | undefined => value == null || typeof value === 'string';
const isNumber = (value: unknown): value is number | null | undefined => value == null || Number.isFinite(value);
const isInteger = (value: unknown): value is number | null | undefined => value == null || Number.isSafeInteger(value);

/**
 * The judgement that `value` holds, checked by hand because every line of a file of millions passes here; undefined where
 * anything is out of the ordinary, for the schema to decide. A property test holds it to what the schema says.
 */
export function judgementOf(value: JsonObject): Judgement | undefined {
  const { query_id, query, doc_id, title, document, uri, range, document_end, label, scale } = value;
  const { explanation, raw_response, score, score_parts, label_probabilities, rank } = value;
  const { first_stage_rank, first_stage_score, status, run_id, mode, sample, prompt_sha256 } = value;
  const { model, sampling, prompt_tokens, completion_tokens, elapsed_ms, error } = value;
  if (typeof query !== 'string' || typeof document !== 'string') return undefined;
  if (!isText(query_id) || !isText(doc_id) || !isText(title) || !isText(uri) || !isText(scale)) return undefined;
  if (!isText(explanation) || !isText(raw_response) || !isText(run_id)) return undefined;
  if (!isText(prompt_sha256) || !isText(error)) return undefined;
  if (!isInteger(document_end) || !isInteger(label) || !isInteger(rank) || !isInteger(first_stage_rank))
    return undefined;
  if (!isInteger(sample) || !isInteger(prompt_tokens) || !isInteger(completion_tokens)) return undefined;
  if (!isNumber(score) || !isNumber(first_stage_score) || !isNumber(elapsed_ms)) return undefined;
  if (!isOneOf(judgementStatuses, status) || !isOneOf(modes, mode)) return undefined;
  if (!isObject(model) || !isObject(sampling)) return undefined;
  if (!isRange(range) || !isNumbers(label_probabilities) || !isParts(score_parts)) return undefined;
  return {
    query_id: query_id ?? idOfText('q', query),
    query,
    doc_id: doc_id ?? idOfText('d', document),
    title: title ?? null,
    document,
    uri: uri ?? null,
    range: range ?? null,
    document_end: document_end ?? null,
    label: label ?? null,
    scale: scale ?? 'interank',
    explanation: explanation ?? null,
    raw_response: raw_response ?? null,
    score: score ?? null,
    score_parts: score_parts ?? null,
    label_probabilities: label_probabilities ?? null,
    rank: rank ?? null,
    first_stage_rank: first_stage_rank ?? null,
    first_stage_score: first_stage_score ?? null,
    status: status ?? statusOf(label),
    run_id: run_id ?? '',
    mode: mode ?? 'explain-first',
    sample: sample ?? 0,
    prompt_sha256: prompt_sha256 ?? null,
    model: model ?? null,
    sampling: sampling ?? null,
    prompt_tokens: prompt_tokens ?? null,
    completion_tokens: completion_tokens ?? null,
    elapsed_ms: elapsed_ms ?? null,
    error: error ?? null,
    extra: extraOf(value),
  };
}

function isOneOf<T extends string>(list: readonly T[], value: unknown): value is T | null | undefined {
  return value == null || (list as readonly unknown[]).includes(value);
}

function isObject(value: unknown): value is JsonObject | null | undefined {
  return value == null || isJsonObject(value);
}

function isRange(value: Json | undefined): value is readonly [number, number] | null | undefined {
  if (value == null) return true;
  return Array.isArray(value) && value.length === 2 && value.every((item) => Number.isSafeInteger(item));
}

function isNumbers(value: Json | undefined): value is readonly number[] | null | undefined {
  return value == null || (Array.isArray(value) && value.every((item) => Number.isFinite(item)));
}

/** `__proto__` and its like, which the schema leaves out, are no names of ordinary parts. */
function isParts(value: Json | undefined): value is Readonly<Record<string, number>> | null | undefined {
  if (value == null) return true;
  if (!isJsonObject(value)) return false;
  for (const key in value) {
    if (!Number.isFinite(value[key]) || key === '__proto__' || key === 'prototype' || key === 'constructor')
      return false;
  }
  return true;
}

/** A teacher's row without a status is an answer if it has a label, and unparsed (never a 0) if it has none. */
function statusOf(label: number | null | undefined): JudgementStatus {
  return label == null ? 'unparsed' : 'ok';
}

const noExtra: JsonObject = Object.freeze({});

/** The fields of a line that are none of ours. */
function extraOf(value: JsonObject): JsonObject {
  let extra: Record<string, Json> | undefined;
  for (const key in value) {
    const item = value[key];
    if (item === undefined || known.has(key)) continue;
    extra ??= {};
    // Assigning to this name would set the object's prototype and lose the field.
    if (key === '__proto__') Object.defineProperty(extra, key, { value: item, enumerable: true });
    else extra[key] = item;
  }
  return extra ?? noExtra;
}

/** One line of a judgement file, without the line end: known fields in the documented order, then the unknown ones as they came. */
export function serialiseJudgement(judgement: Judgement): string {
  const { query_id, query, doc_id, title, document, uri, range, document_end, label, scale } = judgement;
  const { explanation, raw_response, extra } = judgement;
  const head = { query_id, query, doc_id, title, document, uri, range, document_end, label, scale };
  const own = stringify({ ...head, explanation, raw_response });
  const unknown = extra === noExtra ? '{}' : stringify(extra);
  const between = unknown === '{}' ? '' : ',';
  return `${own.slice(0, -1)}${tailOf(judgement)}${between}${unknown.slice(1)}`;
}

let lastTail: { readonly of: Judgement; readonly text: string } | undefined;

/**
 * The fields after `raw_response`, with a comma before them and open at the end. In most files they are the same from row to
 * row, and to write them takes longer than all texts: the last ones are kept.
 */
function tailOf(judgement: Judgement): string {
  if (lastTail !== undefined && tailFields.every((field) => judgement[field] === lastTail?.of[field]))
    return lastTail.text;
  const fields = Object.fromEntries(tailFields.map((field) => [field, judgement[field]]));
  lastTail = { of: judgement, text: `,${stringify(fields).slice(1, -1)}` };
  return lastTail.text;
}

const tailFields = (Object.keys(fields) as (keyof typeof fields)[]).slice(Object.keys(fields).indexOf('score'));

function stringify(value: object): string {
  const text = JSON.stringify(value);
  if (!text.includes('\\ud')) return text;
  // Perhaps a lone surrogate, which JSON.stringify escapes. A replacer takes three times as long: only then.
  return JSON.stringify(value, (_key, item: unknown) => (typeof item === 'string' ? item.toWellFormed() : item));
}

/** Key of the (query, document) pair a label decision belongs to. */
export function pairKey(row: { readonly query_id: string; readonly doc_id: string }): string {
  return JSON.stringify([row.query_id, row.doc_id]);
}

/** True once nothing more will be written to the row, so that it may take a decision. */
export function isFinal(j: Judgement): boolean {
  return j.status !== 'pending';
}

/** Path of the first string in `value` with a lone surrogate, or undefined. */
function firstLoneSurrogate(value: Json, path: string): string | undefined {
  if (typeof value === 'string') return value.isWellFormed() ? undefined : path;
  if (typeof value !== 'object' || value === null) return undefined;
  for (const [key, item] of Object.entries(value)) {
    const found = firstLoneSurrogate(item, path === '' ? key : `${path}.${key}`);
    if (found !== undefined) return found;
  }
  return undefined;
}
