/** What the editor shows of one row, as pure functions of the row: its line in the list and its detail. */
import { isJsonObject } from '../domain/json.js';
import type { Judgement } from '../domain/judgement.js';
import type { Annotation, ReviewState } from '../domain/review.js';
import { findScale, labelName, type LabelScale } from '../domain/scale.js';
import { utf16Index } from '../domain/text.js';
import { hasScheme } from './document-place.js';
import { promptFor, type Profile } from '../profiles/profile.js';
import { promptText } from '../profiles/chat.js';
import { promptInputOf, renderPrompt } from '../profiles/template.js';
import type { LabelView, RowDetail, RowKey, RowSummary } from '../protocol/editor.js';

/** A row with everything known about it. */
export interface ShownJudgement {
  readonly key: RowKey;
  readonly judgement: Judgement;
  readonly annotation: Annotation;
  readonly review: ReviewState;
  readonly saved: boolean;
  readonly draft: string | null;
  /** The rationale as far as it is written, while it is being written. */
  readonly streaming: string | null;
}

/** What belongs to the whole file and is needed to show a row. */
export interface RowContext {
  readonly scales: readonly LabelScale[];
  /** The profile that the row was asked with, where it is known. */
  readonly profile: Profile | null;
  /** UTF-16 ranges of the query's terms in the document. */
  readonly termRanges: (document: string, query: string) => readonly { readonly start: number; readonly end: number }[];
  /** SHA-256 (hex) as `prompt_sha256` is made. */
  readonly sha256: (text: string) => string;
  /** False where no file can be opened from (a web file system, say). */
  readonly canOpen: boolean;
}

const snippetLength = 160;

/** What a person calls the document: its title, its file name, else its id. */
export function nameOf(j: Judgement): string {
  if (j.title !== null && j.title.trim() !== '') return j.title;
  if (j.uri !== null) return fileNameOf(j.uri);
  return j.doc_id;
}

/** A label as it is shown; `probability` is that of this label. */
export function labelView(j: Judgement, value: number, scales: readonly LabelScale[]): LabelView {
  const scale = findScale(j.scale, scales);
  const place = scale?.labels.findIndex((l) => l.value === value) ?? -1;
  const steps = (scale?.labels.length ?? 0) - 1;
  return {
    value,
    name: labelName(scale, value),
    probability: place < 0 ? null : (j.label_probabilities?.[place] ?? null),
    // On an unknown scale nothing is known of the grade: shown as the middle.
    grade: place < 0 || steps < 1 ? 0.5 : place / steps,
  };
}

/** One line of the list. `startsQuery`: the row above belongs to another query. */
export function rowSummary(row: ShownJudgement, scales: readonly LabelScale[], startsQuery: boolean): RowSummary {
  const j = row.judgement;
  const corrected = row.annotation.decision?.kind === 'corrected' ? row.annotation.decision.label : undefined;
  return {
    kind: 'judgement',
    key: row.key,
    queryId: j.query_id,
    query: j.query,
    startsQuery,
    name: nameOf(j),
    snippet: snippet(j),
    rank: j.rank,
    firstStageRank: j.first_stage_rank,
    score: j.score,
    status: j.status,
    label: j.label === null ? null : labelView(j, j.label, scales),
    correctedLabel: corrected === undefined || corrected === j.label ? null : labelView(j, corrected, scales),
    review: row.review,
    flagged: row.annotation.flagged,
    draft: row.draft !== null,
    saved: row.saved,
    hasExplanation: j.explanation !== null,
    streaming: row.streaming !== null,
  };
}

/** Everything about one row. */
export function rowDetail(row: ShownJudgement, context: RowContext): RowDetail {
  const j = row.judgement;
  const scale = findScale(j.scale, context.scales);
  const evidence = evidenceRanges(j);
  const terms = context.termRanges(j.document, j.query).filter((t) => !evidence.some((e) => overlaps(t, e)));
  const length = j.document_end === null ? null : utf16Index(j.document, j.document_end);
  return {
    key: row.key,
    line: row.key + 1,
    query: j.query,
    name: nameOf(j),
    docId: j.doc_id,
    place: placeOf(j),
    otherPlaces: otherPlaces(j),
    canOpen: context.canOpen && j.uri !== null,
    document: j.document,
    marks: [
      ...terms.map((t) => ({ start: t.start, end: t.end, kind: 'term' as const })),
      ...evidence.map((e) => ({ ...e, kind: 'evidence' as const })),
    ].sort((a, b) => a.start - b.start),
    seen: length === null || length >= j.document.length ? null : length,
    status: j.status,
    error: j.error,
    mode: j.mode,
    rank: j.rank,
    firstStageRank: j.first_stage_rank,
    firstStageScore: j.first_stage_score,
    score: j.score,
    scoreParts: Object.entries(j.score_parts ?? {}).map(([name, value]) => ({ name, value })),
    scale: scale ?? null,
    label: j.label === null ? null : labelView(j, j.label, context.scales),
    probabilities:
      j.label_probabilities === null || scale === undefined
        ? []
        : scale.labels.map((l) => labelView(j, l.value, context.scales)),
    explanation: row.streaming ?? j.explanation,
    explanationNotes: explanationNotes(j, context.profile),
    streaming: row.streaming !== null,
    annotation: row.annotation,
    review: row.review,
    saved: row.saved,
    draft: row.draft,
    rawResponse: j.raw_response,
    prompt: promptOf(j, context),
    facts: factsOf(j),
  };
}

/** `folder/file.md`, with the characters of it where the document is a part; null where the row came from no file. */
export function placeOf(j: Judgement): string | null {
  if (j.uri === null) return null;
  // A workspace's doc_id is `relative/path#start-end`; elsewhere only the URI tells.
  const named = /^(.*)#(\d+)-(\d+)$/.exec(j.doc_id);
  return place(named?.[1] ?? fileNameOf(j.uri), j.range);
}

/** What must be said under a rationale so that nobody takes it for more than it is. */
function explanationNotes(j: Judgement, profile: Profile | null): string[] {
  const notes: string[] = [];
  if (j.explanation !== null && j.mode === 'label-first') {
    notes.push('Written after the label: it explains the label and did not lead to it.');
  }
  if (j.explanation !== null && profile?.rationale_notice !== undefined) notes.push(profile.rationale_notice);
  if (j.status === 'truncated') notes.push('Cut off at the token limit.');
  if (j.status === 'unparsed') notes.push('No label could be read from the response.');
  return notes;
}

/** The prompt, rebuilt from the run's profile; exact only if it hashes to what the run recorded (DESIGN §1). */
function promptOf(j: Judgement, context: RowContext): RowDetail['prompt'] {
  if (j.prompt_sha256 === null || context.profile === null) return null;
  const prompt = promptFor(context.profile, j.mode);
  if (prompt === undefined) return null;
  const input = promptInputOf(j);
  const text = promptText(context.profile, prompt, input);
  if (text === null) {
    const rendered = renderPrompt(prompt, input);
    const messages = rendered.kind === 'messages' ? rendered.messages : [];
    return {
      text: messages.map((m) => `${m.role}:\n${m.content}`).join('\n\n'),
      exact: false,
      why: 'The chat template that the model’s tokenizer adds around the messages is not known.',
    };
  }
  if (context.sha256(text) === j.prompt_sha256) return { text, exact: true, why: null };
  return {
    text: '',
    exact: false,
    why: 'The prompt rebuilt from the run record is not the one that was asked (its SHA-256 differs): the document, the query or the record changed since.',
  };
}

function factsOf(j: Judgement): { name: string; value: string }[] {
  const facts: { name: string; value: string }[] = [];
  const add = (name: string, value: string | number | null | undefined): void => {
    if (value !== null && value !== undefined && value !== '') facts.push({ name, value: String(value) });
  };
  add('Mode', j.mode);
  add('Prompt tokens', j.prompt_tokens);
  add('Rationale tokens', j.completion_tokens);
  if (j.elapsed_ms !== null) {
    add('Time', j.elapsed_ms < 1_000 ? `${Math.round(j.elapsed_ms)} ms` : `${(j.elapsed_ms / 1_000).toFixed(1)} s`);
  }
  if (isJsonObject(j.model)) {
    const text = (key: string): string => {
      const value = isJsonObject(j.model) ? j.model[key] : undefined;
      return typeof value === 'string' ? value : '';
    };
    add('Model', text('id'));
    add('Device', [text('device'), text('precision')].filter((s) => s !== '').join(' · '));
    add('Engine', [text('engine'), text('engine_version')].filter((s) => s !== '').join(' '));
    add('Profile', text('profile'));
  }
  if (j.sampling !== null) add('Sampling', JSON.stringify(j.sampling));
  if (j.sample !== 0) add('Sample', j.sample);
  add('Run', j.run_id);
  return facts;
}

function snippet(j: Judgement): string {
  const start = j.document
    .slice(0, snippetLength * 3)
    // The list shows the title already, and headings say little on one line.
    .replace(/^(?:\s*#{1,6} [^\n]*\n)+/, '')
    .replace(/\s+/g, ' ')
    .trim();
  return start.length <= snippetLength ? start : `${start.slice(0, snippetLength).trimEnd()}…`;
}

/** Evidence that a source marked in its own field: kept in `extra`, in code points. */
function evidenceRanges(j: Judgement): { start: number; end: number }[] {
  const value = j.extra['evidence'];
  if (!Array.isArray(value)) return [];
  const ranges: { start: number; end: number }[] = [];
  for (const item of value as readonly unknown[]) {
    if (!Array.isArray(item)) continue;
    const [start, end] = item as readonly unknown[];
    if (typeof start !== 'number' || typeof end !== 'number' || start >= end) continue;
    const range = { start: utf16Index(j.document, start), end: utf16Index(j.document, end) };
    if (range.start < range.end && !ranges.some((r) => overlaps(r, range))) ranges.push(range);
  }
  return ranges.sort((a, b) => a.start - b.start);
}

function overlaps(a: { start: number; end: number }, b: { start: number; end: number }): boolean {
  return a.start < b.end && b.start < a.end;
}

/** Other places of the workspace that hold the same text. */
function otherPlaces(j: Judgement): string[] {
  const value = j.extra['places'];
  if (!Array.isArray(value)) return [];
  return (value as readonly unknown[]).flatMap((item) => {
    if (!isJsonObject(item) || typeof item['uri'] !== 'string') return [];
    const range = item['range'];
    const [start, end] = Array.isArray(range) ? (range as readonly unknown[]) : [];
    const known = typeof start === 'number' && typeof end === 'number' ? ([start, end] as const) : null;
    return [place(fileNameOf(item['uri']), known)];
  });
}

function place(path: string, range: readonly [number, number] | null): string {
  return range === null ? path : `${path}, characters ${range[0] + 1} to ${range[1]}`;
}

function fileNameOf(uri: string): string {
  // A path is no URI: its percent signs and number signs stand for themselves.
  if (!hasScheme(uri)) return uri.slice(uri.lastIndexOf('/') + 1);
  const path = uri.replace(/[?#].*$/, '');
  const last = path.slice(path.lastIndexOf('/') + 1);
  try {
    return decodeURIComponent(last);
  } catch {
    return last;
  }
}
