/**
 * A judgement: what a model or teacher said about one (query, document) pair, as one line of `NAME.judgements.jsonl`.
 * Field names are those of the file (docs/formats/judgements.md), so that a row in memory is a row on disk.
 */
import * as v from 'valibot';
import { isJsonObject, type Json, type JsonObject } from './json.js';
import { idOfText } from './identity.js';

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

/** Reads one line of a judgement file. Never throws: a line that is no judgement says why, for a row of its own in the editor. */
export function parseJudgement(line: string): ParsedJudgement {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (error) {
    return { ok: false, reason: `not valid JSON (${error instanceof Error ? error.message : String(error)})` };
  }
  if (!isJsonObject(value)) return { ok: false, reason: 'not a JSON object' };
  const lone = firstLoneSurrogate(value, '');
  if (lone !== undefined) {
    return { ok: false, reason: `field "${lone}" holds half of a surrogate pair: the text was cut inside a character` };
  }
  const parsed = v.safeParse(schema, value);
  if (!parsed.success) {
    const issue = parsed.issues[0];
    const path = issue.path?.map((p) => String(p.key)).join('.') ?? '';
    return { ok: false, reason: `field "${path}": ${issue.message}` };
  }
  const out = parsed.output;
  const extra: Record<string, Json> = {};
  for (const [key, item] of Object.entries(value)) if (!known.has(key)) extra[key] = item;
  return {
    ok: true,
    judgement: {
      ...out,
      query_id: out.query_id ?? idOfText('q', out.query),
      doc_id: out.doc_id ?? idOfText('d', out.document),
      // A teacher's row without a status is an answer if it has a label, and unparsed (never a 0) if it has none.
      status: out.status ?? (out.label === null ? 'unparsed' : 'ok'),
      extra,
    },
  };
}

/** One line of a judgement file, without the line end: known fields in the documented order, then the unknown ones as they came. */
export function serialiseJudgement(judgement: Judgement): string {
  // Without `extra` itself: JSON leaves out what is undefined, and that is cheaper than to copy all the others.
  const fields = { ...judgement, extra: undefined, ...judgement.extra };
  const line = JSON.stringify(fields);
  if (!line.includes('\\ud')) return line;
  // Perhaps a lone surrogate, which JSON.stringify escapes. A replacer takes three times as long: only then.
  return JSON.stringify(fields, (_key, value: unknown) => (typeof value === 'string' ? value.toWellFormed() : value));
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
