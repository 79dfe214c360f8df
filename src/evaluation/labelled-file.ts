/**
 * A judgement file together with what people decided about its answers: the human side of every comparison of labels.
 * Only decisions count. A prefilled label that nobody looked at is the model's own and says nothing about the model.
 */
import { cellsOf, foldEvents, viewRow, type FoldedAnnotator } from '../annotation/fold.js';
import { readLogs } from '../annotation/log.js';
import { readRunInfo, readSidecar, type RunInfo } from '../annotation/record.js';
import { streamJudgementFile, type JudgementRow } from '../annotation/rows.js';
import { RationaleError } from '../domain/failure.js';
import { isJsonObject } from '../domain/json.js';
import { pairKey } from '../domain/judgement.js';
import { findScale, labelName, type LabelScale } from '../domain/scale.js';
import type { Qrels } from '../retrieval/trec.js';

/** What one person said about one answer. */
interface HumanReview {
  readonly annotator: string;
  readonly kind: 'accepted' | 'corrected';
  /** The label after the decision; null where an answer without a label was accepted. */
  readonly label: number | null;
  /** The explanation, where it was rewritten. */
  readonly explanation: string | null;
}

export interface LabelledRow {
  readonly row: JudgementRow;
  readonly reviews: readonly HumanReview[];
  /** The label that the annotators settle on; null where nobody decided or they disagree. */
  readonly human: number | null;
}

export interface LabelledFile {
  readonly path: string;
  readonly rows: readonly LabelledRow[];
  readonly run: RunInfo | null;
  readonly scales: readonly LabelScale[];
  /** Lines that could not be read, each with file and line, and companions that are ignored. */
  readonly notices: readonly string[];
}

export const settlements = ['agreeing', 'majority'] as const;
/** Several people labelled one answer: only what all say counts, or what more than half say. */
export type Settlement = (typeof settlements)[number];

export const decisionKinds = ['decided', 'accepted', 'corrected'] as const;
/** Which decisions make qrels: all, those that left the answer as it was, or those that changed it. */
export type DecisionKind = (typeof decisionKinds)[number];

/** Reads the judgement file at `path`, its logs, run record and sidecar. @throws RationaleError naming the file when it cannot be read or holds no judgement. */
export async function readLabelledFile(path: string, settlement: Settlement = 'agreeing'): Promise<LabelledFile> {
  const [logs, { run, notices: ofRun }, sidecar] = await Promise.all([
    readLogs(path),
    readRunInfo(path),
    readSidecar(path),
  ]);
  const notices = [...ofRun, ...sidecar.notices];
  for (const { file, line, reason } of logs.problems) notices.push(`${file}, line ${line}: ${reason}; left out.`);
  const annotators = foldEvents(logs.events);
  const rows: LabelledRow[] = [];
  for await (const batch of streamJudgementFile(path)) {
    for (const row of batch) {
      if (row.kind === 'malformed') {
        notices.push(`${path}, line ${row.line}: ${row.reason}; left out.`);
        continue;
      }
      const reviews = annotators.size === 0 ? none : reviewsOf(row, annotators);
      rows.push({ row, reviews, human: settle(reviews, settlement) });
    }
  }
  const [first] = notices;
  if (rows.length === 0)
    throw new RationaleError('user', `${path} holds no judgement${first === undefined ? '' : ` (${first})`}.`);
  return { path, rows, run, scales: [...(run?.scales ?? []), ...sidecar.scales], notices };
}

const none: readonly HumanReview[] = [];

function reviewsOf(row: JudgementRow, annotators: ReadonlyMap<string, FoldedAnnotator>): readonly HumanReview[] {
  const pair = pairKey(row.judgement);
  const reviews: HumanReview[] = [];
  for (const [annotator, folded] of annotators) {
    if (!folded.touches(pair)) continue;
    const { decision } = viewRow((cell) => folded.statement(cell), row).annotation;
    if (decision?.kind === 'accepted' || decision?.kind === 'corrected') {
      const { kind, label, explanation } = decision;
      reviews.push({ annotator, kind, label: label ?? row.judgement.label, explanation: explanation ?? null });
      continue;
    }
    if (decision !== null) continue;
    // A label given to another answer of the pair that happens to be this one's, too: the pair's label all the same.
    const shared = folded.statement(cellsOf('decision', row)[1])?.content;
    const label =
      shared?.slot === 'decision' && shared.decision.kind === 'corrected' ? shared.decision.label : undefined;
    if (label !== undefined) reviews.push({ annotator, kind: 'accepted', label, explanation: null });
  }
  return reviews;
}

function settle(reviews: readonly HumanReview[], settlement: Settlement): number | null {
  const labels = reviews.flatMap(({ label }) => (label === null ? [] : [label]));
  const [first] = labels;
  if (first === undefined) return null;
  if (settlement === 'agreeing') return labels.every((label) => label === first) ? first : null;
  return labels.find((label) => labels.filter((other) => other === label).length * 2 > labels.length) ?? null;
}

export interface HumanQrels {
  readonly qrels: Qrels;
  /** Pairs whose answers were given different labels: left out, for qrels have no place for two opinions. */
  readonly disagreeing: number;
}

/**
 * The settled human labels of a file as relevance judgements. @throws RationaleError where there is none, or where they
 * stand on several scales.
 */
export function humanQrels(file: LabelledFile, kind: DecisionKind): HumanQrels {
  const labels = new Map<string, Map<string, number | null>>();
  const scales = new Map<string, number>();
  let disagreeing = 0;
  for (const { row, reviews, human } of file.rows) {
    const wanted = reviews.length > 0 && (kind === 'decided' || reviews.every((review) => review.kind === kind));
    if (human === null || !wanted) continue;
    const { query_id, doc_id, scale } = row.judgement;
    if (!scales.has(scale)) scales.set(scale, row.line);
    const documents = labels.get(query_id) ?? new Map<string, number | null>();
    labels.set(query_id, documents);
    const known = documents.get(doc_id);
    if (known !== undefined && known !== null && known !== human) disagreeing++;
    documents.set(doc_id, known === undefined || known === human ? human : null);
  }
  const [[one, line] = [], [other, otherLine] = []] = [...scales];
  if (otherLine !== undefined) {
    throw new RationaleError(
      'user',
      `${file.path} has labels of the scale "${one ?? ''}" (line ${line ?? 0}) and of "${other ?? ''}" (line ${otherLine}): they cannot stand in the same qrels. Split the file by scale.`,
    );
  }
  const qrels = new Map<string, ReadonlyMap<string, number>>();
  for (const [query, documents] of labels) {
    const settled = [...documents].filter((entry): entry is [string, number] => entry[1] !== null);
    if (settled.length > 0) qrels.set(query, new Map(settled));
  }
  if (qrels.size === 0) {
    throw new RationaleError(
      'user',
      `${file.path} has no ${kind === 'decided' ? 'accepted or corrected' : kind} label to evaluate with. Open it in the editor, decide on some rows and save.`,
    );
  }
  return { qrels, disagreeing };
}

/** What the model of a row is called: its id, else the run's or "unknown model". */
export function modelOf({ judgement }: JudgementRow): string {
  const id = isJsonObject(judgement.model) ? judgement.model['id'] : undefined;
  return typeof id === 'string' && id !== '' ? id : 'unknown model';
}

/** The labels of a scale, or where it is unknown those that occur, ascending, with their names. */
export function scaleLabels(
  name: string,
  scales: readonly LabelScale[],
  found: Iterable<number>,
): { readonly labels: readonly number[]; readonly names: readonly string[]; readonly known: boolean } {
  const scale = findScale(name, scales);
  const labels = [...new Set([...(scale?.labels.map(({ value }) => value) ?? []), ...found])].sort((a, b) => a - b);
  return { labels, names: labels.map((label) => labelName(scale, label)), known: scale !== undefined };
}
