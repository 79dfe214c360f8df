/** What several annotators say about one answer, under the export's policy: one review, everybody's, or a reason why none. */
import type { AnnotationEvent } from '../domain/event.js';
import { cellsOf, isStale, viewRow, type FoldedAnnotator, type Statement } from '../annotation/fold.js';
import type { JudgementRow } from '../annotation/rows.js';
import { pairKey } from '../domain/judgement.js';
import { reviewState, type ReviewState } from '../domain/review.js';
import type { ExportPolicy } from './policy.js';

export interface Review {
  readonly kind: 'accepted' | 'corrected' | 'prefilled';
  readonly label: number | null;
  readonly explanation: string | null;
  /**
   * Where the explanation stands: `decided` written or accepted; `kept` the model's, left under a corrected label by
   * somebody who saw it; `blind` likewise by somebody who did not; `elsewhere` of an answer that nobody read.
   */
  readonly source: 'decided' | 'kept' | 'blind' | 'elsewhere';
  /** In code-unit order; nobody for `prefilled`. */
  readonly annotators: readonly string[];
  readonly evidence: readonly (readonly [number, number])[];
}

type Undecided = 'prefilled' | 'skipped' | 'cannot_judge' | 'flagged' | 'stale' | 'unanswered' | 'disagreement';

export type Reviews =
  | {
      readonly ok: true;
      /** What is exported: one, or with `all` everybody's. */
      readonly taken: readonly Review[];
      /** Labels of all who decided, for agreement. */
      readonly labels: readonly (number | null)[];
    }
  | { readonly ok: false; readonly reason: Undecided; readonly labels: readonly (number | null)[] };

/**
 * Everybody's decisions on `row`, settled by `policy`. `inFile` holds the answers of the file that decisions name;
 * `aspects`: whether annotators must agree on the label alone.
 */
export function reviewsOf(
  row: JudgementRow,
  annotators: ReadonlyMap<string, FoldedAnnotator>,
  inFile: ReadonlySet<string>,
  policy: ExportPolicy,
  aspects: 'label' | 'answer',
): Reviews {
  const { judgement } = row;
  const answered = judgement.status !== 'pending' && judgement.status !== 'failed';
  const reviews: Review[] = [];
  const states = new Map<string, ReviewState>();
  if (annotators.size > 0) {
    const pair = pairKey(judgement);
    for (const [name, folded] of annotators) {
      // Most rows of a large file concern nobody.
      if (!folded.touches(pair)) continue;
      const review = reviewBy(name, folded, row);
      if (review !== null) reviews.push(review);
      else {
        const { annotation } = viewRow((cell) => folded.statement(cell), row);
        const stale = isStale(folded, judgement, (id) => inFile.has(id));
        states.set(name, reviewState(annotation, { answered, stale }));
      }
    }
  }
  reviews.sort((a, b) => ((a.annotators[0] ?? '') < (b.annotators[0] ?? '') ? -1 : 1));
  const labels = reviews.map((review) => review.label);
  const settled = settle(reviews, states, policy, aspects);
  if (settled !== null) return typeof settled === 'string' ? no(settled, labels) : { ok: true, taken: settled, labels };
  const told = (['skipped', 'cannot_judge', 'flagged', 'stale'] as const).find((state) =>
    [...states.values()].includes(state),
  );
  if (told !== undefined) return no(told, labels);
  if (!answered) return no('unanswered', labels);
  if (policy.include === 'human') return no('prefilled', labels);
  const { label, explanation } = judgement;
  const asItIs: Review = { kind: 'prefilled', label, explanation, source: 'decided', annotators: [], evidence: [] };
  return { ok: true, taken: [{ ...asItIs, explanation: trimmed(explanation) }], labels };
}

function no(reason: Undecided, labels: readonly (number | null)[]): Reviews {
  return { ok: false, reason, labels };
}

/** One annotator's accepted or corrected answer, or null. */
function reviewBy(name: string, folded: FoldedAnnotator, row: JudgementRow): Review | null {
  const { source, annotation } = viewRow((cell) => folded.statement(cell), row);
  const { decision } = annotation;
  if (source === null || (decision?.kind !== 'accepted' && decision?.kind !== 'corrected')) return null;
  const { content } = source;
  const event = eventOf(folded, row, source);
  const onThis =
    decision.explanation !== undefined || (content.slot === 'decision' && content.answerId === row.answerId);
  const labelOnly = decision.kind === 'corrected' && decision.explanation === undefined;
  return {
    kind: decision.kind,
    label: decision.label ?? row.judgement.label,
    explanation: trimmed(decision.explanation ?? row.judgement.explanation),
    source: !onThis ? 'elsewhere' : !labelOnly ? 'decided' : event?.blind === true ? 'blind' : 'kept',
    annotators: [name],
    evidence: event?.evidence ?? [],
  };
}

/** The event that a row's statement comes from: evidence and blindness stand there alone. */
function eventOf(folded: FoldedAnnotator, row: JudgementRow, statement: Statement): AnnotationEvent | undefined {
  return cellsOf('decision', row)
    .flatMap((cell) => folded.liveIn(cell))
    .find((event) => event.id === statement.order);
}

/** The reviews that count, a reason why none does, or null where nobody decided anything that counts. */
function settle(
  reviews: readonly Review[],
  states: ReadonlyMap<string, ReviewState>,
  policy: ExportPolicy,
  aspects: 'label' | 'answer',
): readonly Review[] | Undecided | null {
  if (policy.annotators === 'adjudicated' && policy.adjudicator !== null) {
    const final = reviews.find((review) => review.annotators[0] === policy.adjudicator);
    if (final !== undefined) return [final];
    const state = states.get(policy.adjudicator);
    if (state === 'skipped' || state === 'cannot_judge') return state;
  }
  const [first] = reviews;
  if (first === undefined) return null;
  if (policy.annotators === 'all') return reviews;
  if (policy.annotators === 'majority') {
    const label = reviews.find(({ label: one }) => countOf(reviews, (r) => r.label === one) * 2 > reviews.length);
    if (label === undefined) return 'disagreement';
    return [joined(mostCommonExplanation(reviews.filter((r) => r.label === label.label)))];
  }
  const differ = (r: Review): boolean =>
    r.label !== first.label || (aspects === 'answer' && r.explanation !== first.explanation);
  return reviews.some(differ) ? 'disagreement' : [joined(reviews)];
}

/** Those of the most frequent explanation; among equals, of the annotator whose name is first. */
function mostCommonExplanation(reviews: readonly Review[]): readonly Review[] {
  const votes = (review: Review): number => countOf(reviews, (r) => r.explanation === review.explanation);
  const winner = reviews.reduce((best, review) => (votes(review) > votes(best) ? review : best));
  return reviews.filter((r) => r.explanation === winner.explanation);
}

/** Reviews that say the same, as one: the best founded explanation counts, everybody is named, all evidence is kept. */
function joined(reviews: readonly Review[]): Review {
  const order = ['decided', 'kept', 'blind', 'elsewhere'];
  const best = reviews.reduce((a, b) => (order.indexOf(b.source) < order.indexOf(a.source) ? b : a));
  const evidence = new Map(reviews.flatMap((r) => r.evidence).map((range) => [range.join('-'), range]));
  return {
    ...best,
    annotators: reviews.flatMap((r) => r.annotators),
    evidence: [...evidence.values()].sort((a, b) => a[0] - b[0] || a[1] - b[1]),
  };
}

function countOf(reviews: readonly Review[], counts: (review: Review) => boolean): number {
  return reviews.filter(counts).length;
}

/** White space around an explanation is no part of it: the answer template brings its own. */
export function trimmed(explanation: string | null): string | null {
  return explanation === null ? null : explanation.trim();
}
