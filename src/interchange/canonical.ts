/**
 * The rows of judgement files as people left them, in one form from which every training format derives: what was
 * asked, what the model said, what people say instead. A row that has no such form says why.
 */
import { isContradiction } from '../annotation/checks.js';
import { foldEvents, type FoldedAnnotator } from '../annotation/fold.js';
import { readLogs } from '../annotation/log.js';
import { readRunInfo, readSidecar, type RunInfo } from '../annotation/record.js';
import type { JudgementRow } from '../annotation/rows.js';
import { sha256 } from '../domain/identity.js';
import type { Judgement, Mode } from '../domain/judgement.js';
import { findScale, interankScale, type LabelScale } from '../domain/scale.js';
import { interankProfile, interankPrompt } from '../profiles/interank.js';
import { promptText } from '../profiles/chat.js';
import { promptFor, type Profile, type Prompt } from '../profiles/profile.js';
import { parseAnswer, promptInputOf, renderAnswer, renderPrompt, type RenderedPrompt } from '../profiles/template.js';
import type { ExportPolicy } from './policy.js';
import { readOrigin } from './origin.js';
import { reviewsOf, trimmed, type Review } from './reviews.js';

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
  label_only_blind:
    'the label was corrected blind, and the explanation argues for a label that the annotator had not seen',
  label_only: 'only the label was corrected, and the policy keeps no explanation that was left as it was',
  contradiction: 'label and explanation contradict each other',
  no_exact_prompt: 'the exact prompt cannot be rebuilt (no run record or profile that matches prompt_sha256)',
  prompt_mismatch: 'the rebuilt prompt is not the one that was asked (prompt_sha256 differs)',
  off_scale: 'the label is not on the scale the prompt asks for',
  ambiguous_answer: 'the explanation holds text that the answer template reserves (its anchor or a stop text)',
  accepted: 'accepted as it was: there is no worse answer to prefer it to',
  nothing_rejected: 'the model gave no complete answer that could be the rejected one',
  equal_pair: 'chosen and rejected are equal',
  chat_prompt: 'the prompt is a chat, which a plain string cannot hold without the chat template',
  raw_prompt: 'the prompt is raw text, and the rows before it in this export are chats',
  no_score: 'no score to rank by',
  low_reward: 'the reward is below the least one that the policy takes',
  no_groundtruth: 'the pair has several answers, and nothing says which of them is right',
  no_sentences: 'the explanation has no sentence that could be a step',
  repeated: 'the same answer stands in an earlier file or line',
  repeated_pair: 'an earlier row has the same query and document, and this format holds each pair once',
  unsafe_id: 'the id is empty, or holds what this format cannot (a tab, a line break, a quote at its start)',
  chat_turns: 'the turns of the chat do not alternate between user and assistant, and this trainer would drop the row',
  image_placeholder: 'a message holds "<image>", which this trainer takes for a picture',
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
  /** Where the explanation in `human` stands; `elsewhere` and `blind`: nobody who decided had read it. */
  readonly source: Review['source'];
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

/** A row with what people decided about it, looked up only by the formats that ask. */
export interface SampleRow extends JudgedRow {
  labels(): Candidates<LabelledRow>;
  answers(): Candidates<CanonicalRow>;
}

/** A judgement file with everything beside it that decides what becomes of its rows; the rows themselves are streamed. */
export interface OpenJudgements {
  readonly path: string;
  readonly run: RunInfo | null;
  readonly profiles: readonly Profile[];
  readonly scales: readonly LabelScale[];
  readonly annotators: ReadonlyMap<string, FoldedAnnotator>;
  /** Answers that decisions name: whether the file still holds them tells what is stale. */
  readonly decidedAnswers: ReadonlySet<string>;
  /** What was wrong with the files beside it: reported, never repaired. */
  readonly notices: readonly string[];
  /** Where the texts come from and under which licence, as the sidecar's `source` states it; null where it does not. */
  readonly origin: string | null;
}

/**
 * Reads what stands beside a judgement file. `profiles` are known ones beside the run record's own: a prompt whose hash
 * matches is exact, wherever its template was found. Throws RationaleError when a log cannot be read.
 */
export async function openJudgements(path: string, profiles: readonly Profile[]): Promise<OpenJudgements> {
  const logs = await readLogs(path);
  const { run, notices } = await readRunInfo(path);
  const sidecar = await readSidecar(path);
  const torn = logs.problems.map((p) => `${p.file}, line ${p.line}: ${p.reason}. The line counts for nothing.`);
  return {
    path,
    run,
    profiles,
    scales: [...sidecar.scales, ...(run?.scales ?? [])],
    annotators: foldEvents(logs.events),
    decidedAnswers: new Set(logs.events.flatMap((event) => event.answer_id ?? [])),
    notices: [...torn, ...notices, ...sidecar.notices],
    origin: await readOrigin(path),
  };
}

/** What a row becomes: with several annotators' answers, one each; a reason for each that becomes nothing. */
export interface Candidates<R> {
  readonly rows: readonly R[];
  readonly reasons: readonly Exclusion[];
  /** Labels of all who decided on the answer. */
  readonly labels: readonly (number | null)[];
}

/** A row as a run sees it, with what people decided within reach. */
export function sampleRow(
  row: JudgementRow,
  file: OpenJudgements,
  inFile: ReadonlySet<string>,
  policy: ExportPolicy,
): SampleRow {
  return {
    ...judgedRow(row, file),
    labels: () => labelledRows(row, file, inFile, policy),
    answers: () => canonicalRows(row, file, inFile, policy),
  };
}

function judgedRow(row: JudgementRow, file: OpenJudgements): JudgedRow {
  const { judgement, answerId: id, line } = row;
  return { id, file: file.path, line, judgement, scale: findScale(judgement.scale, file.scales) };
}

/** The labels that count for a row: no prompt and no explanation is needed. */
export function labelledRows(
  row: JudgementRow,
  file: OpenJudgements,
  inFile: ReadonlySet<string>,
  policy: ExportPolicy,
): Candidates<LabelledRow> {
  return candidates(row, file, inFile, policy, 'label', (review) => {
    if (review.label === null) return 'no_label';
    const human = { label: review.label, explanation: review.explanation };
    return labelled(row, file, review, human);
  });
}

/** The answers that count for a row, with the exact prompt: what training needs. */
export function canonicalRows(
  row: JudgementRow,
  file: OpenJudgements,
  inFile: ReadonlySet<string>,
  policy: ExportPolicy,
): Candidates<CanonicalRow> {
  return candidates(row, file, inFile, policy, 'answer', (review) => canonical(row, review, file, policy));
}

function candidates<R>(
  row: JudgementRow,
  file: OpenJudgements,
  inFile: ReadonlySet<string>,
  policy: ExportPolicy,
  aspects: 'label' | 'answer',
  make: (review: Review) => R | Exclusion,
): Candidates<R> {
  const reviews = reviewsOf(row, file.annotators, inFile, policy, aspects);
  const { labels } = reviews;
  if (!reviews.ok) return { rows: [], reasons: [reviews.reason], labels };
  const rows: R[] = [];
  const reasons: Exclusion[] = [];
  for (const review of reviews.taken) {
    const made = make(review);
    if (typeof made === 'string') reasons.push(made as Exclusion);
    else rows.push(made);
  }
  return { rows, reasons, labels };
}

function labelled(row: JudgementRow, file: OpenJudgements, review: Review, human: Answer): LabelledRow {
  // Written out: a spread costs more than everything else here, a million times.
  return {
    id: row.answerId,
    file: file.path,
    line: row.line,
    judgement: row.judgement,
    scale: findScale(row.judgement.scale, file.scales),
    review: review.kind,
    annotators: review.annotators,
    human,
    source: review.source,
    evidence: review.evidence,
  };
}

function canonical(
  row: JudgementRow,
  review: Review,
  file: OpenJudgements,
  policy: ExportPolicy,
): CanonicalRow | Exclusion {
  const { judgement } = row;
  const asked = exactPrompt(judgement, (review.explanation ?? '') !== '', file);
  if (typeof asked === 'string') return asked;
  const { prompt, spec, labels, template } = asked;
  const wantsExplanation = spec.answer.includes('{explanation}');
  if (wantsExplanation) {
    if (review.source === 'elsewhere') return 'label_only_elsewhere';
    if (review.source === 'blind') return 'label_only_blind';
    if (review.source === 'kept' && policy.labelOnly === 'hold_back') return 'label_only';
  }
  if (review.label === null) return 'no_label';
  const human: Answer = { label: review.label, explanation: wantsExplanation ? review.explanation : null };
  const scale = findScale(judgement.scale, file.scales);
  if (policy.contradictions === 'hold_back' && isContradiction(human, scale)) return 'contradiction';
  const completion = answerText(spec, human, labels);
  if (!completion.ok) return completion.reason;
  return {
    id: row.answerId,
    file: file.path,
    line: row.line,
    judgement,
    scale,
    review: review.kind,
    annotators: review.annotators,
    human,
    source: review.source,
    evidence: review.evidence,
    prompt,
    template,
    completion: completion.text,
    original: originalOf(judgement, spec, labels, wantsExplanation, { ...human, text: completion.text }),
  };
}

/** The model's own answer; `target` saves rendering it again where both are equal. */
function originalOf(
  judgement: Judgement,
  spec: Prompt,
  labels: readonly number[],
  wantsExplanation: boolean,
  target: Answer & { readonly text: string },
): CanonicalRow['original'] {
  const { label } = judgement;
  if (label === null) return null;
  const explanation = wantsExplanation ? trimmed(judgement.explanation) : null;
  if (label === target.label && explanation === target.explanation) return target;
  const rendered = answerText(spec, { label, explanation }, labels);
  return rendered.ok ? { label, explanation, text: rendered.text } : null;
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
function exactPrompt(j: Judgement, explained: boolean, context: OpenJudgements): ExactPrompt | Exclusion {
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
      const text = promptText(profile, spec, promptInputOf(j));
      if (text !== null && sha256(text) === j.prompt_sha256) return exact;
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
