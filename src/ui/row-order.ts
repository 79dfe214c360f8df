/** Which rows the list shows and in which order: pure, so that a changed order can be tested without an editor. */
import type { Judgement } from '../domain/judgement.js';
import type { ReviewState } from '../domain/review.js';
import type { Filter, Order, RowKey } from '../protocol/editor.js';

/** What ordering and filtering look at. A malformed line has no judgement; it stands at its place and passes no filter but none. */
export interface OrderedRow {
  readonly key: RowKey;
  readonly judgement: Judgement | null;
  readonly review: ReviewState;
  /** The label that counts: the person's where there is one, else the model's. */
  readonly label: number | null;
  /** The text of the annotator's explanation where it was changed. */
  readonly explanation: string | null;
}

/**
 * Keys of the rows that pass `filter`, in `order`. Queries keep the order of their first row in the file; rows without
 * a value sort after those with one; ties go by first-stage rank, then by line. Malformed lines come last within `rank`,
 * `first-stage` and `margin`.
 */
export function orderedKeys(rows: readonly OrderedRow[], order: Order, filter: Filter): RowKey[] {
  const needle = filter.text.trim().toLowerCase();
  const shown = rows.filter((row) => passes(row, filter, needle));
  if (order === 'file') return shown.map((r) => r.key);
  const queryPlace = new Map<string, number>();
  if (order !== 'margin') {
    for (const { judgement } of rows) {
      if (judgement !== null && !queryPlace.has(judgement.query_id))
        queryPlace.set(judgement.query_id, queryPlace.size);
    }
  }
  const sortable = shown.map((row) => {
    const j = row.judgement;
    return {
      key: row.key,
      group: j === null ? Infinity : (queryPlace.get(j.query_id) ?? 0),
      value: j === null ? Infinity : sortValue(j, order),
      tie: j?.first_stage_rank ?? Infinity,
    };
  });
  sortable.sort(
    (a, b) => ascending(a.group, b.group) || ascending(a.value, b.value) || ascending(a.tie, b.tie) || a.key - b.key,
  );
  return sortable.map((r) => r.key);
}

/** How much the most probable label leads the second, in [0, 1]; null where the row has no probabilities. */
function marginOf(j: Judgement): number | null {
  const [first, second] = [...(j.label_probabilities ?? [])].sort((a, b) => b - a);
  return first === undefined || second === undefined ? null : first - second;
}

function sortValue(j: Judgement, order: Exclude<Order, 'file'>): number {
  const value = order === 'rank' ? j.rank : order === 'first-stage' ? j.first_stage_rank : marginOf(j);
  return value ?? Infinity;
}

function passes(row: OrderedRow, filter: Filter, needle: string): boolean {
  const j = row.judgement;
  if (j === null) {
    return filter.queryId === null && filter.review.length === 0 && filter.labels.length === 0 && needle === '';
  }
  if (filter.queryId !== null && j.query_id !== filter.queryId) return false;
  if (filter.review.length > 0 && !filter.review.includes(row.review)) return false;
  if (filter.labels.length > 0 && (row.label === null || !filter.labels.includes(row.label))) return false;
  if (needle === '') return true;
  return [j.title, j.document, row.explanation ?? j.explanation, j.query, j.doc_id].some(
    (text) => text !== null && text.toLowerCase().includes(needle),
  );
}

/** Infinity - Infinity is NaN, so not a plain difference. */
function ascending(a: number, b: number): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
