/**
 * The files of InteRank's released training code (arXiv 2504.03947): sampled rows with `predictions` and `groundtruth`,
 * which lose nothing, and the reward-weighted and pair rows that its later stages read. Its prompts are plain texts to which
 * the trainer applies the chat template itself.
 */
import { isContradiction } from '../annotation/checks.js';
import { isJsonObject, type Json, type JsonObject } from '../domain/json.js';
import type { CanonicalRow, Exclusion, LabelledRow, SampleRow } from './canonical.js';
import {
  conversation,
  modelId,
  provenance,
  type AnswerExporter,
  type ConvertContext,
  type ConvertedQuery,
  type JudgementExporter,
} from './exporter.js';
import type { ExportPolicy } from './policy.js';
import { rejectedOf } from './preference.js';
import { rewardOf } from './rewards.js';
import { soleMessage } from './sole-message.js';

export const interank: JudgementExporter = {
  id: 'interank',
  title: 'InteRank sampled rows: predictions and groundtruth (lossless)',
  card: "InteRank's sampled rows (input of its `score_outputs`): one line a pair, every answer of the model in `predictions`, the human's answer as `groundtruth`. Answers that nobody decided on are in `predictions` too.",
  needs: 'judgement',
  perQuery: true,
  convertQuery: (rows, { policy }) => byPair(rows, (pair) => sampledRow(pair, policy)),
};

export const interankRewarded: JudgementExporter = {
  id: 'interank-rewarded',
  title: 'InteRank reward-weighted rows',
  card: "InteRank's `train_rewarded` rows: `prompt`, `response`, `reward` (formula below; the trainer cubes it) and `misclass_prob`, the share of the model's answers to the pair whose label is not the human's. The human's own answer has the reward 1, the answer it corrects the formula's.",
  rewarded: true,
  needs: 'judgement',
  perQuery: true,
  convertQuery: (rows, context) => byPair(rows, (pair) => rewardedRows(pair, context)),
};

export const interankPairs: AnswerExporter = {
  id: 'interank-pairs',
  title: 'InteRank pairs with scores',
  card: "InteRank's pair rows: `prompt`, `chosen` (the correction), `rejected` (what the model had answered) as plain texts, with their rewards as `chosen_score` and `rejected_score` (formula below).",
  rewarded: true,
  prompts: 'messages',
  convert(row, { policy }) {
    const rejected = rejectedOf(row);
    if (typeof rejected === 'string') return { ok: false, reason: rejected };
    const prompt = soleMessage(conversation(row));
    if (prompt === null) return { ok: false, reason: 'chat_prompt' };
    const line = {
      prompt,
      chosen: row.completion,
      rejected: rejected.text,
      chosen_score: rewardOf(row.human, row, policy.rewards),
      rejected_score: rewardOf(rejected, row, policy.rewards),
      ...provenance(row),
    };
    return { ok: true, lines: [line] };
  },
};

interface ConvertedPair {
  readonly lines: readonly JsonObject[];
  readonly used: readonly LabelledRow[];
  readonly excluded: ConvertedQuery<SampleRow>['excluded'];
}

/** Converts the rows of a query document by document, in the order in which the documents come. */
function byPair(
  rows: readonly SampleRow[],
  convert: (pair: readonly SampleRow[]) => ConvertedPair,
): ConvertedQuery<SampleRow> {
  const pairs = grouped(rows, (row) => row.judgement.doc_id);
  const converted = [...pairs.values()].map(convert);
  return {
    lines: converted.flatMap(({ lines }) => lines),
    used: converted.flatMap(({ used }) => used),
    excluded: converted.flatMap(({ excluded }) => excluded),
  };
}

function sampledRow(pair: readonly SampleRow[], policy: ExportPolicy): ConvertedPair {
  const decided = pair.map((row) => ({ row, ...row.labels() }));
  const refuse = (why: Exclusion | null): ConvertedPair => ({
    lines: [],
    used: [],
    excluded: decided.map(({ row, reasons, rows }) => ({
      row,
      reason: (rows.length === 0 ? reasons[0] : undefined) ?? why ?? 'prefilled',
    })),
  });
  const people = decided.flatMap(({ rows }) => rows).filter((row) => row.review !== 'prefilled');
  if (people.length === 0)
    return teachersRow(
      pair,
      decided.flatMap(({ rows }) => rows),
      policy,
      refuse,
    );
  const groups =
    policy.annotators === 'all' ? [...grouped(people, (row) => row.annotators.join('\n')).values()] : [people];
  const chosen: LabelledRow[] = [];
  let why: Exclusion | null = null;
  for (const group of groups) {
    const best = groundtruthOf(group, policy);
    if (typeof best === 'string') why ??= best;
    else chosen.push(best);
  }
  if (chosen.length === 0) return refuse(why);
  const [answered, unanswered] = partition(
    pair,
    ({ judgement: { status } }) => status !== 'pending' && status !== 'failed',
  );
  return {
    lines: chosen.map((row) =>
      sampledLine(
        answered.filter((sample) => !stands(sample, row)),
        row,
      ),
    ),
    used: chosen,
    excluded: unanswered.map((row) => ({ row, reason: 'unanswered' })),
  };
}

/** An undecided pair, as the teacher's file holds it. */
function teachersRow(
  pair: readonly SampleRow[],
  taken: readonly LabelledRow[],
  policy: ExportPolicy,
  refuse: (why: Exclusion | null) => ConvertedPair,
): ConvertedPair {
  if (policy.include === 'human' || taken.length === 0) return refuse(null);
  const truths = taken.length === 1 ? taken : taken.filter(isGroundtruth);
  const [truth] = truths;
  if (truth === undefined || truths.length > 1) return refuse('no_groundtruth');
  const [answered, unanswered] = partition(
    pair,
    ({ judgement: { status } }) => status !== 'pending' && status !== 'failed',
  );
  return {
    lines: [
      sampledLine(
        answered.filter((sample) => sample.id !== truth.id),
        truth,
      ),
    ],
    used: [truth],
    excluded: unanswered.map((row) => ({ row, reason: 'unanswered' })),
  };
}

/** True where the sample is the groundtruth itself: the teacher's answer, accepted. */
function stands(sample: SampleRow, truth: LabelledRow): boolean {
  return sample.id === truth.id && truth.review === 'accepted' && isGroundtruth(sample);
}

/** The decision that speaks for the pair: one whose explanation somebody wrote or accepted before one that was merely kept. */
function groundtruthOf(decisions: readonly LabelledRow[], policy: ExportPolicy): LabelledRow | Exclusion {
  if (new Set(decisions.map((row) => row.human.label)).size > 1) return 'disagreement';
  const read = decisions.filter(
    (row) => row.source === 'decided' || (row.source === 'kept' && policy.labelOnly === 'kept'),
  );
  if (read.length === 0) {
    const [first] = decisions;
    return first?.source === 'blind'
      ? 'label_only_blind'
      : first?.source === 'kept'
        ? 'label_only'
        : 'label_only_elsewhere';
  }
  const whole = read.filter((row) => (row.human.explanation ?? '') !== '');
  if (whole.length === 0) return 'no_explanation';
  const sound = whole.filter((row) => policy.contradictions === 'include' || !isContradiction(row.human, row.scale));
  const place = (row: LabelledRow): number => (row.source === 'kept' ? 2 : row.review === 'accepted' ? 1 : 0);
  return (
    sound.reduce<LabelledRow | undefined>(
      (best, row) => (best !== undefined && place(best) <= place(row) ? best : row),
      undefined,
    ) ?? 'contradiction'
  );
}

function sampledLine(samples: readonly SampleRow[], truth: LabelledRow): JsonObject {
  const { judgement } = truth;
  const shared = sharedFields([...samples, truth]);
  const models = new Set(samples.map(modelId));
  // A reward model's score of an imported answer: on every answer of the line or on none, and never on a human's words.
  const scored = [...samples, truth].some((row) => row.judgement.score !== null);
  const answer = (
    { judgement: { extra, score } }: { readonly judgement: LabelledRow['judgement'] },
    label: number | null,
    explanation: string | null,
    own: boolean,
  ): JsonObject => ({
    label,
    explanation,
    ...without(extra, shared),
    ...(scored ? { score: own ? score : null } : {}),
  });
  const prefilled = truth.review === 'prefilled';
  return {
    query: judgement.query,
    document: judgement.document,
    predictions: samples.map((row) => answer(row, row.judgement.label, row.judgement.explanation, true)),
    groundtruth: answer(
      truth,
      truth.human.label,
      // As the teacher wrote it, white space and all; people's texts are trimmed wherever they go.
      prefilled ? judgement.explanation : truth.human.explanation,
      truth.review !== 'corrected',
    ),
    ...Object.fromEntries(shared),
    query_id: judgement.query_id,
    doc_id: judgement.doc_id,
    model: models.size === 1 ? ([...models][0] ?? null) : null,
    review: truth.review,
    annotators: truth.annotators,
  };
}

/** Fields the importer marks for its own use, and those that belong to one answer even where all answers agree. */
const ownFields: ReadonlySet<string> = new Set(['interank', 'score', 'label', 'explanation']);

/** Unknown fields that all answers of the pair share: the source row's own. */
function sharedFields(rows: readonly { readonly judgement: LabelledRow['judgement'] }[]): ReadonlyMap<string, Json> {
  const [first] = rows;
  const shared = new Map<string, Json>();
  for (const [key, value] of Object.entries(first?.judgement.extra ?? {})) {
    const text = JSON.stringify(value);
    const same = rows.every(({ judgement: { extra } }) => key in extra && JSON.stringify(extra[key]) === text);
    if (same && !ownFields.has(key)) shared.set(key, value);
  }
  return shared;
}

function without(extra: JsonObject, shared: ReadonlyMap<string, Json>): JsonObject {
  const kept = Object.entries(extra).filter(([key]) => key !== 'interank' && !shared.has(key));
  return Object.fromEntries(kept);
}

/** The teacher's answer of an imported sampled row. */
function isGroundtruth({ judgement }: { readonly judgement: LabelledRow['judgement'] }): boolean {
  const place = judgement.extra['interank'];
  return place !== undefined && isJsonObject(place) && place['part'] === 'groundtruth';
}

function rewardedRows(pair: readonly SampleRow[], { policy }: ConvertContext): ConvertedPair {
  const predictions = pair.filter((row) => row.judgement.label !== null && !isGroundtruth(row));
  const lines: JsonObject[] = [];
  const used: CanonicalRow[] = [];
  const excluded: { row: SampleRow; reason: Exclusion }[] = [];
  for (const row of pair) {
    const answers = row.answers();
    let reason = answers.reasons[0];
    let written = false;
    for (const answer of answers.rows) {
      const made = rewardedLines(answer, predictions, policy);
      if (typeof made === 'string') reason ??= made;
      else {
        written = true;
        used.push(answer);
        lines.push(...made);
      }
    }
    if (!written) excluded.push({ row, reason: reason ?? 'prefilled' });
  }
  return { lines, used, excluded };
}

function rewardedLines(
  row: CanonicalRow,
  predictions: readonly SampleRow[],
  policy: ExportPolicy,
): readonly JsonObject[] | Exclusion {
  if (row.review === 'prefilled') return 'prefilled';
  const prompt = soleMessage(conversation(row));
  if (prompt === null) return 'chat_prompt';
  const wrong = predictions.filter(({ judgement }) => judgement.label !== row.human.label).length;
  const misclassified =
    predictions.length === 0 ? Number(row.judgement.label !== row.human.label) : wrong / predictions.length;
  const line = (response: string, reward: number, relevance: number): JsonObject => ({
    prompt,
    response,
    reward,
    misclass_prob: Math.round(misclassified * 1e6) / 1e6,
    relevance,
    ...provenance(row),
  });
  const lines = [line(row.completion, rewardOf(row.human, row, policy.rewards), row.human.label)];
  const { original } = row;
  if (original !== null && original.text !== row.completion) {
    lines.push(line(original.text, rewardOf(original, row, policy.rewards), original.label));
  }
  // A reward of 0 weighs nothing.
  const worth = lines.filter(
    ({ reward }) => typeof reward === 'number' && reward > 0 && reward >= policy.rewards.minimum,
  );
  return worth.length === 0 ? 'low_reward' : worth;
}

/** `Map.groupBy`, which Node 20 does not have. */
function grouped<T>(items: readonly T[], key: (item: T) => string): ReadonlyMap<string, readonly T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const group = groups.get(key(item));
    if (group === undefined) groups.set(key(item), [item]);
    else group.push(item);
  }
  return groups;
}

function partition<T>(items: readonly T[], test: (item: T) => boolean): [T[], T[]] {
  return [items.filter(test), items.filter((item) => !test(item))];
}
