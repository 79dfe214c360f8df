/**
 * One editor's place in a judgement file: order, filter, selection. Each visible editor has its own; it outlives a
 * hidden webview, which is why the host and not the webview owns it.
 */
import type { JudgementDocument } from '../annotation/document.js';
import type { Row } from '../annotation/rows.js';
import { isFinal } from '../domain/judgement.js';
import { noFilter, type Filter, type FromWebview, type Order, type RowKey } from '../protocol/editor.js';
import { orderedKeys } from './row-order.js';

type Move = Extract<FromWebview, { type: 'move' }>['to'];

/** Rows that another view asked for, with what they have in common. */
export interface Subset {
  readonly title: string;
  readonly keys: ReadonlySet<RowKey>;
}

export class EditorNavigation {
  private currentKeys: readonly RowKey[] = [];
  private positions = new Map<RowKey, number>();
  private selectedKey: RowKey | null = null;
  /** Where the selected row stood: its neighbour is selected when it leaves the list. */
  private selectedPosition = 0;
  private currentRevision = 0;
  private currentOrder: Order;
  private currentFilter: Filter = noFilter;
  private currentSubset: Subset | null = null;

  constructor(private readonly document: JudgementDocument) {
    this.currentOrder = document.run !== null || document.rows.some(isRanked) ? 'rank' : 'file';
    this.refresh();
  }

  get revision(): number {
    return this.currentRevision;
  }
  get order(): Order {
    return this.currentOrder;
  }
  get filter(): Filter {
    return this.currentFilter;
  }
  get subset(): Subset | null {
    return this.currentSubset;
  }
  /** Keys of the rows that pass the filter, in order. */
  get keys(): readonly RowKey[] {
    return this.currentKeys;
  }
  get selected(): { readonly key: RowKey; readonly position: number } | null {
    return this.selectedKey === null ? null : { key: this.selectedKey, position: this.selectedPosition };
  }

  setOrder(order: Order): void {
    this.currentOrder = order;
    this.refresh();
  }

  setFilter(filter: Filter): void {
    this.currentFilter = filter;
    this.refresh();
  }

  /** Shows these rows only, or all of the file again; a filter of before would hide what was asked for. */
  setSubset(subset: Subset | null): void {
    this.currentSubset = subset;
    this.currentFilter = noFilter;
    this.refresh();
  }

  /** After any change of the document: order and filter anew; the selected row stays selected while it is in the list. */
  refresh(): void {
    this.currentRevision++;
    const subset = this.currentSubset?.keys;
    const among = subset === undefined ? this.document.rows : this.document.rows.filter(({ key }) => subset.has(key));
    const rows = among.map((row) => {
      if (row.kind === 'malformed') {
        return { key: row.key, judgement: null, review: 'unseen' as const, label: null, explanation: null };
      }
      const { decision } = this.document.annotation(row.key);
      return {
        key: row.key,
        judgement: row.judgement,
        review: this.document.review(row.key),
        label: decision?.label ?? row.judgement.label,
        explanation: decision?.explanation ?? null,
      };
    });
    this.currentKeys = orderedKeys(rows, this.currentOrder, this.currentFilter);
    this.positions = new Map(this.currentKeys.map((key, position) => [key, position]));
    const position = this.selectedKey === null ? undefined : this.positions.get(this.selectedKey);
    this.selectAt(position ?? Math.min(this.selectedPosition, this.currentKeys.length - 1));
  }

  /** Selects a row; one that is not in the list is left alone. */
  select(key: RowKey): void {
    const position = this.positions.get(key);
    if (position !== undefined) this.selectAt(position);
  }

  /** Moves the selection; false where there is nowhere to go. `next-undecided` goes on from the top at the end. */
  move(to: Move): boolean {
    const count = this.currentKeys.length;
    if (count === 0) return false;
    const at = this.selectedPosition;
    switch (to) {
      case 'first':
        return this.selectAt(0);
      case 'last':
        return this.selectAt(count - 1);
      case 'next':
        return at + 1 < count && this.selectAt(at + 1);
      case 'previous':
        return at > 0 && this.selectAt(at - 1);
      case 'next-undecided': {
        for (let step = 1; step <= count; step++) {
          const position = (at + step) % count;
          const key = this.currentKeys[position];
          if (key !== undefined && this.isUndecided(key)) return this.selectAt(position);
        }
        return false;
      }
    }
  }

  private isUndecided(key: RowKey): boolean {
    const row = this.document.judgementRow(key);
    return row !== undefined && isFinal(row.judgement) && this.document.annotation(key).decision === null;
  }

  private selectAt(position: number): boolean {
    const key = this.currentKeys[position];
    this.selectedKey = key ?? null;
    this.selectedPosition = key === undefined ? 0 : position;
    return key !== undefined;
  }
}

function isRanked(row: Row): boolean {
  return row.kind === 'judgement' && row.judgement.rank !== null;
}
