/**
 * What people decided, as a pure function of the *set* of their events: the order of reading, repeated reading and
 * the way logs were merged change nothing (docs/formats/corrections.md).
 *
 * Each annotator holds *statements*, each in a *cell*: a slot (decision, flag, comment) of a target. A label-only
 * correction targets the (query, document) pair; everything else targets the answer it was made on.
 */
import type { AnnotationEvent, EventAction } from '../domain/event.js';
import { pairKey, type Judgement } from '../domain/judgement.js';
import type { Annotation, Decision } from '../domain/review.js';

type Slot = 'decision' | 'flag' | 'comment';

/** Where a statement belongs. */
export interface Cell {
  readonly slot: Slot;
  readonly query_id: string;
  readonly doc_id: string;
  /** Null: the pair, whatever the answer. */
  readonly answer_id: string | null;
}

export type Content =
  | {
      readonly slot: 'decision';
      readonly decision: Decision;
      /** The answer that was on screen: also kept where the decision belongs to the pair. */
      readonly answerId: string | null;
    }
  | { readonly slot: 'flag' }
  | { readonly slot: 'comment'; readonly text: string };

export interface Statement {
  /** The event's id; in the editor, of an unsaved edit, something greater than every id. The greatest wins. */
  readonly order: string;
  readonly content: Content;
}

export function cellKey(cell: Cell): string {
  return JSON.stringify([cell.slot, cell.query_id, cell.doc_id, cell.answer_id]);
}

/** The two cells of a slot that speak about a row: its answer's and its pair's. */
export function cellsOf(
  slot: Slot,
  row: { readonly judgement: Judgement; readonly answerId: string },
): readonly [answer: Cell, pair: Cell] {
  const { query_id, doc_id } = row.judgement;
  return [
    { slot, query_id, doc_id, answer_id: row.answerId },
    { slot, query_id, doc_id, answer_id: null },
  ];
}

/** The cell a decision belongs to: a label-only correction is about the pair. */
export function cellOfDecision(decision: Decision, answer: Cell): Cell {
  return isLabelOnly(decision) ? { ...answer, answer_id: null } : answer;
}

export interface RowView {
  readonly annotation: Annotation;
  /** Where the decision came from; null without one. */
  readonly source: Statement | null;
}

/**
 * What one annotator holds on a row, from the statements that `lookup` finds. A label decided on another answer of
 * the pair counts here only where it differs from this answer's own label: nobody has read this answer.
 */
export function viewRow(
  lookup: (cell: Cell) => Statement | null,
  row: { readonly judgement: Judgement; readonly answerId: string },
): RowView {
  const pick = (slot: Slot): Statement | null => {
    const [answer, pair] = cellsOf(slot, row);
    const own = lookup(answer);
    const shared = lookup(pair);
    const agrees =
      shared?.content.slot === 'decision' &&
      isLabelOnly(shared.content.decision) &&
      shared.content.decision.label === row.judgement.label;
    if (shared === null || agrees) return own;
    return own !== null && own.order > shared.order ? own : shared;
  };
  const decision = pick('decision');
  const comment = pick('comment')?.content;
  return {
    source: decision,
    annotation: {
      decision: decision?.content.slot === 'decision' ? decision.content.decision : null,
      flagged: pick('flag') !== null,
      comment: comment?.slot === 'comment' ? comment.text : null,
    },
  };
}

/** The events of one annotator, folded. Grows by `add`, in any order, any number of times. */
export class FoldedAnnotator {
  /** Per cell, by content: one id with two contents (a damaged log) counts as two events, whichever is read first. */
  private readonly live = new Map<string, Map<string, AnnotationEvent>>();
  private readonly seen = new Set<string>();
  /** Events by their own id and by their batch's. */
  private readonly named = new Map<string, AnnotationEvent[]>();
  private readonly retracted = new Set<string>();
  private readonly answers = new Map<string, Map<string, number>>();
  private readonly pairs = new Set<string>();
  /** The greatest id seen: a new event's must be greater, whatever the clock says. */
  lastId = '';

  add(event: AnnotationEvent): void {
    const content = canonical(event);
    if (this.seen.has(content)) return;
    this.seen.add(content);
    if (event.id > this.lastId) this.lastId = event.id;
    if (event.action === 'retract') {
      if (event.retracts !== undefined) this.retract(event.retracts);
      return;
    }
    const names = event.batch === undefined ? [event.id] : [event.id, event.batch];
    for (const name of names) this.named.set(name, [...(this.named.get(name) ?? []), event]);
    if (names.some((name) => this.retracted.has(name))) return;
    const key = cellKey(cellOf(event));
    this.pairs.add(pairKey(event));
    const events = this.live.get(key) ?? new Map<string, AnnotationEvent>();
    this.live.set(key, events.set(content, event));
    this.countAnswer(event, 1);
  }

  /** True where an event concerns the pair (its `pairKey`): most rows of a large file need no further look. */
  touches(pair: string): boolean {
    return this.pairs.has(pair);
  }

  /** The winning statement of a cell, or null. */
  statement(cell: Cell): Statement | null {
    const winner = this.liveIn(cell).at(-1);
    return winner === undefined ? null : statementOf(winner);
  }

  /** All events of a cell that nothing has retracted, oldest first. */
  liveIn(cell: Cell): readonly AnnotationEvent[] {
    const events = this.live.get(cellKey(cell));
    if (events === undefined) return [];
    return [...events].sort(([x, a], [y, b]) => compare(a.id, b.id) || compare(x, y)).map(([, event]) => event);
  }

  /** Ids of the answers of a pair that live decisions were made on. */
  decidedAnswers(pair: { readonly query_id: string; readonly doc_id: string }): Iterable<string> {
    return this.answers.get(pairKey(pair))?.keys() ?? [];
  }

  private retract(name: string): void {
    this.retracted.add(name);
    for (const event of this.named.get(name) ?? []) {
      const key = cellKey(cellOf(event));
      if (this.live.get(key)?.delete(canonical(event)) === true) this.countAnswer(event, -1);
    }
  }

  private countAnswer(event: AnnotationEvent, by: 1 | -1): void {
    const cell = cellOf(event);
    if (cell.slot !== 'decision' || cell.answer_id === null) return;
    const pair = pairKey(event);
    const counts = this.answers.get(pair) ?? new Map<string, number>();
    const count = (counts.get(cell.answer_id) ?? 0) + by;
    if (count > 0) counts.set(cell.answer_id, count);
    else counts.delete(cell.answer_id);
    this.answers.set(pair, counts);
  }
}

/** Folds events per annotator. A retract takes back only its own annotator's events, and cannot be retracted itself. */
export function foldEvents(events: Iterable<AnnotationEvent>): ReadonlyMap<string, FoldedAnnotator> {
  const annotators = new Map<string, FoldedAnnotator>();
  for (const event of events) {
    let folded = annotators.get(event.annotator);
    if (folded === undefined) {
      folded = new FoldedAnnotator();
      annotators.set(event.annotator, folded);
    }
    folded.add(event);
  }
  return annotators;
}

/**
 * True when a row without a decision was decided on in an earlier form: a live decision names an answer of its pair
 * that the file no longer holds.
 */
export function isStale(folded: FoldedAnnotator, row: Judgement, inFile: (answerId: string) => boolean): boolean {
  for (const id of folded.decidedAnswers(row)) if (!inFile(id)) return true;
  return false;
}

function isLabelOnly(decision: Decision): boolean {
  return decision.kind === 'corrected' && decision.label !== undefined && decision.explanation === undefined;
}

function cellOf(event: AnnotationEvent): Cell {
  const slot: Slot = event.action === 'flag' || event.action === 'comment' ? event.action : 'decision';
  const labelOnly = event.action === 'correct' && event.label !== undefined && event.explanation === undefined;
  return {
    slot,
    query_id: event.query_id,
    doc_id: event.doc_id,
    answer_id: labelOnly ? null : (event.answer_id ?? null),
  };
}

const decisionKinds = {
  accept: 'accepted',
  correct: 'corrected',
  skip: 'skipped',
  cannot_judge: 'cannot_judge',
} as const satisfies Partial<Record<EventAction, Decision['kind']>>;

function statementOf(event: AnnotationEvent): Statement | null {
  const { action, id: order } = event;
  if (action === 'retract') return null;
  if (action === 'flag') return { order, content: { slot: 'flag' } };
  if (action === 'comment') return { order, content: { slot: 'comment', text: event.note ?? '' } };
  const kind = decisionKinds[action];
  const decision: Decision = {
    kind,
    ...(kind === 'corrected' && event.label !== undefined ? { label: event.label } : {}),
    ...(kind === 'corrected' && event.explanation !== undefined ? { explanation: event.explanation } : {}),
    ...(event.reasons === undefined ? {} : { reasons: event.reasons }),
    ...(event.note === undefined ? {} : { note: event.note }),
  };
  return { order, content: { slot: 'decision', decision, answerId: event.answer_id ?? null } };
}

/** The event as text with sorted keys: equal for equal events, however their lines were written. */
function canonical(event: AnnotationEvent): string {
  return JSON.stringify(event, Object.keys(event).sort());
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
