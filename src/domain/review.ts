/** What people decided about a judgement, and the review state derived from it. */

export const reviewStates = [
  'unseen',
  'prefilled',
  'accepted',
  'corrected',
  'skipped',
  'cannot_judge',
  'flagged',
  'stale',
] as const;
/**
 * Derived, never stored: `unseen` no answer yet, `prefilled` an answer without a decision, `flagged` flagged without
 * another decision, `stale` decided on an answer that has changed since. Prefilled never exports as human data.
 */
export type ReviewState = (typeof reviewStates)[number];

/** One annotator's decision on one answer. Absent fields keep what the model said. */
export interface Decision {
  readonly kind: 'accepted' | 'corrected' | 'skipped' | 'cannot_judge';
  /** With `corrected`: the label if it was changed. */
  readonly label?: number;
  /** With `corrected`: the explanation if it was changed. */
  readonly explanation?: string;
  readonly reasons?: readonly string[];
  readonly note?: string;
}

/** Everything one annotator holds on one answer: a decision, a flag and a comment are independent of each other. */
export interface Annotation {
  readonly decision: Decision | null;
  readonly flagged: boolean;
  readonly comment: string | null;
}

export const noAnnotation: Annotation = { decision: null, flagged: false, comment: null };

/** Review state of a row: `answered` is false while the row is pending, `stale` when only a changed answer was decided on. */
export function reviewState(
  annotation: Annotation,
  row: { readonly answered: boolean; readonly stale: boolean },
): ReviewState {
  if (annotation.decision !== null) return annotation.decision.kind;
  if (annotation.flagged) return 'flagged';
  if (row.stale) return 'stale';
  return row.answered ? 'prefilled' : 'unseen';
}
