/**
 * The rows of judgement files as people left them, in one form from which every training format derives: what was
 * asked, what the model said, what people say instead. A row that has no such form says why.
 */
import { foldEvents, isStale, viewRow, type FoldedAnnotator } from '../annotation/fold.js';
import { readLogs } from '../annotation/log.js';
import { readRunInfo, readSidecar, type RunInfo } from '../annotation/record.js';
import { readJudgementFile, type JudgementRow, type Row } from '../annotation/rows.js';
import { sha256 } from '../domain/identity.js';
import type { Judgement, Mode } from '../domain/judgement.js';
import { reviewState, type ReviewState } from '../domain/review.js';
import { findScale, interankScale, type LabelScale } from '../domain/scale.js';
import { interankProfile, interankPrompt } from '../profiles/interank.js';
import { promptFor, type Profile, type Prompt } from '../profiles/profile.js';
import { parseAnswer, promptInputOf, renderAnswer, renderPrompt, type RenderedPrompt } from '../profiles/template.js';

/** Why a row is not exported, and what that means, in the order in which a preview lists it. */
export const exclusions = {
  prefilled: 'not reviewed by anybody',
  skipped: 'skipped',
  cannot_judge: 'cannot be judged, says the annotator',
  flagged: 'flagged, without a decision',
  stale: 'reviewed in an earlier form, and the answer has changed since',
  unanswered: 'not judged by the model (pending or failed), and by nobody else',
  malformed: 'not readable as a judgement',
  disagreement: 'annotators disagree about label or explanation',
  no_label: 'no label: unparsed, and nobody gave one',
  no_explanation: 'no explanation, and the prompt asks for one',
  label_only_elsewhere: 'the label was decided on another answer of the pair, and nobody has read this explanation',
  no_exact_prompt: 'the exact prompt cannot be rebuilt (no run record or profile that matches prompt_sha256)',
  prompt_mismatch: 'the rebuilt prompt is not the one that was asked (prompt_sha256 differs)',
  off_scale: 'the label is not on the scale the prompt asks for',
  ambiguous_answer: 'the explanation holds text that the answer template reserves (its anchor or a stop text)',
  accepted: 'accepted as it was: there is no worse answer to prefer it to',
  nothing_rejected: 'the model gave no complete answer that could be the rejected one',
  equal_pair: 'chosen and rejected are equal',
  chat_prompt: 'the prompt is a chat, which a plain string cannot hold without the chat template',
  repeated: 'the same answer stands in an earlier file or line',
} as const;
export type Exclusion = keyof typeof exclusions;

export interface Answer {
  readonly label: number;
  readonly explanation: string | null;
}

/** A row that can be read, whatever anybody decided about it: all that a run needs. */
export interface JudgedRow {
  /** The answer_id. */
  readonly id: string;
  /** The judgement file's path. */
  readonly file: string;
  /** From 1. */
  readonly line: number;
  readonly judgement: Judgement;
  readonly scale: LabelScale | undefined;
}

/** A row with a label that counts: all that qrels need. */
export interface LabelledRow extends JudgedRow {
  /** `prefilled`: nobody decided, and the policy takes such rows as they are. */
  readonly review: 'accepted' | 'corrected' | 'prefilled';
  /** Who decided so, in code-unit order; nobody for `prefilled`. */
  readonly annotators: readonly string[];
  /** What counts: the human's answer, or for `prefilled` rows the model's. */
  readonly human: Answer;
  /** What the annotators marked in the document, code points, end exclusive. */
  readonly evidence: readonly (readonly [number, number])[];
}

/** A reviewed answer, ready for any training format. */
export interface CanonicalRow extends LabelledRow {
  /** Exactly what was asked (for teacher rows: what the named template asks). */
  readonly prompt: RenderedPrompt;
  /** Profile, version and mode the prompt comes from, e.g. `interank v1 explain-first`. */
  readonly template: string;
  /** The human's answer in the words of the profile's answer template: the training target. */
  readonly completion: string;
  /** The model's own answer likewise, or null where it gave none that is complete. */
  readonly original: (Answer & { readonly text: string }) | null;
}

export interface ExcludedRow {
  readonly file: string;
  readonly line: number;
  readonly reason: Exclusion;
}

export interface Source {
  readonly path: string;
  /** Of the judgement file, as it was read. */
  readonly sha256: string;
  readonly rows: number;
  /** What was wrong with the files beside it: reported, never repaired. */
  readonly notices: readonly string[];
}

export interface CanonicalFile {
  readonly source: Source;
  readonly rows: readonly CanonicalRow[];
  readonly excluded: readonly ExcludedRow[];
}

/**
 * Reads a judgement file and everybody's saved decisions on it. `profiles` are known ones beside the run record's own:
 * a prompt whose hash matches is exact, wherever its template was found. Throws RationaleError when a file cannot be read.
 */
export async function readCanonicalFile(path: string, profiles: readonly Profile[]): Promise<CanonicalFile> {
  const { rows, sha256: hash } = await readJudgementFile(path);
  const logs = await readLogs(path);
  const { run, notices } = await readRunInfo(path);
  const sidecar = await readSidecar(path);
  const annotators = foldEvents(logs.events);
  const inFile = new Set(rows.flatMap((row) => (row.kind === 'judgement' ? [row.answerId] : [])));
  const scales = [...sidecar.scales, ...(run?.scales ?? [])];
  const context: Context = { path, annotators, inFile, run, profiles, scales };
  const included: CanonicalRow[] = [];
  const excluded: ExcludedRow[] = [];
  for (const row of rows) {
    const result = canonical(row, context);
    if (typeof result === 'string') excluded.push({ file: path, line: row.line, reason: result });
    else included.push(result);
  }
  const torn = logs.problems.map((p) => `${p.file}, line ${p.line}: ${p.reason}. The line counts for nothing.`);
  return {
    source: { path, sha256: hash, rows: rows.length, notices: [...torn, ...notices, ...sidecar.notices] },
    rows: included,
    excluded,
  };
}

interface Context {
  readonly path: string;
  readonly annotators: ReadonlyMap<string, FoldedAnnotator>;
  readonly inFile: ReadonlySet<string>;
  readonly run: RunInfo | null;
  readonly profiles: readonly Profile[];
  readonly scales: readonly LabelScale[];
}

function canonical(row: Row, context: Context): CanonicalRow | Exclusion {
  if (row.kind === 'malformed') return 'malformed';
  const review = reviewOf(row, context);
  if (typeof review === 'string') return review;
  const { judgement } = row;
  const asked = exactPrompt(judgement, (review.explanation ?? '') !== '', context);
  if (typeof asked === 'string') return asked;
  const { prompt, spec, labels, template } = asked;
  const wantsExplanation = spec.answer.includes('{explanation}');
  if (wantsExplanation && !review.read) return 'label_only_elsewhere';
  const { label } = review;
  if (label === null) return 'no_label';
  const human: Answer = { label, explanation: wantsExplanation ? review.explanation : null };
  const completion = answerText(spec, human, labels);
  if (!completion.ok) return completion.reason;
  const original =
    judgement.label === null
      ? null
      : answerText(
          spec,
          { label: judgement.label, explanation: wantsExplanation ? trimmed(judgement.explanation) : null },
          labels,
        );
  return {
    id: row.answerId,
    file: context.path,
    line: row.line,
    judgement,
    review: review.kind,
    annotators: review.annotators,
    prompt,
    template,
    human,
    completion: completion.text,
    original:
      original?.ok === true && judgement.label !== null ? { text: original.text, label: judgement.label } : null,
    scale: findScale(judgement.scale, context.scales),
  };
}

interface Review {
  readonly kind: 'accepted' | 'corrected';
  readonly label: number | null;
  readonly explanation: string | null;
  /** Whether the decision was made on this very answer. */
  readonly read: boolean;
  readonly annotators: readonly string[];
}

/** What the annotators agree on, or the reason why there is nothing to export. */
function reviewOf(row: JudgementRow, context: Context): Review | Exclusion {
  const { judgement } = row;
  const reviews: Review[] = [];
  const states = new Set<ReviewState>();
  const answered = judgement.status !== 'pending' && judgement.status !== 'failed';
  for (const [name, folded] of context.annotators) {
    const view = viewRow((cell) => folded.statement(cell), row);
    const { decision } = view.annotation;
    if (decision?.kind === 'accepted' || decision?.kind === 'corrected') {
      const content = view.source?.content;
      reviews.push({
        kind: decision.kind,
        label: decision.label ?? judgement.label,
        explanation: trimmed(decision.explanation ?? judgement.explanation),
        read: decision.explanation !== undefined || (content?.slot === 'decision' && content.answerId === row.answerId),
        annotators: [name],
      });
      continue;
    }
    const stale = isStale(folded, judgement, (id) => context.inFile.has(id));
    states.add(reviewState(view.annotation, { answered, stale }));
  }
  const [first] = reviews;
  if (first === undefined) {
    const told = (['skipped', 'cannot_judge', 'flagged', 'stale'] as const).find((state) => states.has(state));
    return told ?? (answered ? 'prefilled' : 'unanswered');
  }
  if (reviews.some((r) => r.label !== first.label || r.explanation !== first.explanation)) return 'disagreement';
  return {
    ...first,
    read: reviews.some((r) => r.read),
    annotators: reviews.flatMap((r) => r.annotators).sort((a, b) => (a < b ? -1 : 1)),
  };
}

interface ExactPrompt {
  readonly prompt: RenderedPrompt;
  readonly spec: Prompt;
  readonly labels: readonly number[];
  readonly template: string;
}

/**
 * Rebuilds what was asked and proves it by its hash; a row that names no prompt is asked with the paper's template. Where
 * somebody explained an answer that the model only scored, the label-first prompt is taken if it is the same text.
 */
function exactPrompt(j: Judgement, explained: boolean, context: Context): ExactPrompt | Exclusion {
  const found = (profile: Profile, spec: Prompt, mode: Mode): ExactPrompt => ({
    prompt: renderPrompt(spec, promptInputOf(j)),
    spec,
    labels: profile.label_scale.labels.map((label) => label.value),
    template: `${profile.id} v${profile.version} ${mode}`,
  });
  if (j.prompt_sha256 === null) {
    if (context.run !== null) return 'no_exact_prompt';
    if (j.scale !== interankScale.name) return 'off_scale';
    return found(interankProfile, interankPrompt(), 'explain-first');
  }
  const wanted: readonly Mode[] = explained && j.mode === 'score' ? ['label-first', 'score'] : [j.mode];
  const own = context.run?.profile ?? null;
  for (const profile of [...(own === null ? [] : [own]), ...context.profiles]) {
    for (const mode of wanted) {
      const spec = promptFor(profile, mode);
      if (spec === undefined) continue;
      const exact = found(profile, spec, mode);
      if (exact.prompt.kind === 'raw' && sha256(exact.prompt.text) === j.prompt_sha256) return exact;
    }
  }
  return own === null ? 'no_exact_prompt' : 'prompt_mismatch';
}

type AnswerText = { readonly ok: true; readonly text: string } | { readonly ok: false; readonly reason: Exclusion };

/** An answer in the template's words, if reading it again gives the same answer. */
function answerText(spec: Prompt, answer: Answer, labels: readonly number[]): AnswerText {
  if (!labels.includes(answer.label)) return { ok: false, reason: 'off_scale' };
  const { explanation } = answer;
  if (spec.answer.includes('{explanation}') && (explanation === null || explanation === ''))
    return { ok: false, reason: 'no_explanation' };
  const text = renderAnswer(spec, answer);
  const again = parseAnswer(spec, text, labels);
  const stopped = explanation !== null && spec.stop.some((stop) => explanation.includes(stop));
  if (stopped || again?.label !== answer.label || again.explanation !== explanation) {
    return { ok: false, reason: 'ambiguous_answer' };
  }
  return { ok: true, text: text.toWellFormed() };
}

/** White space around an explanation is no part of it: the answer template brings its own. */
function trimmed(explanation: string | null): string | null {
  return explanation === null ? null : explanation.trim();
}
