/**
 * The edit list of a document: which edits exist, which are applied, and what they make of each cell. An edit is never
 * removed by undo, so that it can be done again and undone again, before and after a save, in any order.
 */
import { pairKey } from '../domain/judgement.js';
import { cellKey, type Cell, type Statement } from './fold.js';
import type { CellEdit, JournalEntry } from './journal.js';

interface Entry {
  readonly edit: CellEdit;
  /** Place in the order in which edits were made. */
  readonly seq: number;
  applied: boolean;
  /** Whether the log on disk reflects the edit as applied. */
  savedApplied: boolean;
  /** Whether its seconds are in the log. */
  counted: boolean;
}

export class EditList {
  private readonly entries = new Map<string, Entry>();
  private readonly byCell = new Map<string, Entry[]>();
  private readonly pairs = new Set<string>();
  private nextSeq = 0;
  private firstSeq = 0;

  /** True where an edit, applied or not, concerns the pair (its `pairKey`). */
  touches(pair: string): boolean {
    return this.pairs.has(pair);
  }

  /** Adds an edit just made, applied. */
  add(edit: CellEdit): void {
    this.insert({ edit, seq: this.nextSeq++, applied: true, savedApplied: false, counted: false });
  }

  /** Marks an edit undone or done again; false when it is so already. An edit of an earlier session is taken in as saved. */
  setApplied(edit: CellEdit, applied: boolean): boolean {
    let entry = this.entries.get(edit.id);
    if (entry === undefined) {
      // Undone newest first, done again oldest first: so an unknown edit stands before, or after, all known ones.
      const seq = applied ? this.nextSeq++ : --this.firstSeq;
      entry = { edit, seq, applied: !applied, savedApplied: !applied, counted: true };
      this.insert(entry, applied ? 'last' : 'first');
    }
    if (entry.applied === applied) return false;
    entry.applied = applied;
    return true;
  }

  /** The edited value of a cell, or undefined where nothing unsaved concerns it and the log decides. */
  valueOf(key: string): Statement | null | undefined {
    const entries = this.byCell.get(key);
    if (entries === undefined || !entries.some(isPending)) return undefined;
    const last = entries.findLast((e) => e.applied);
    if (last !== undefined) return changeOf(last, key)?.after ?? null;
    const first = entries[0];
    return first === undefined ? undefined : (changeOf(first, key)?.before ?? null);
  }

  /** Edits that are applied but not saved, or saved but undone, in the order in which they were made. */
  pending(): CellEdit[] {
    return [...this.entries.values()]
      .filter(isPending)
      .sort((a, b) => a.seq - b.seq)
      .map((e) => e.edit);
  }

  /** What a journal must hold so that replaying it brings back every pending edit `keep` wants. */
  journalEntries(keep: (edit: CellEdit) => boolean = () => true): JournalEntry[] {
    const pending = this.pending().filter(keep);
    const applied = (edit: CellEdit): boolean => this.entries.get(edit.id)?.applied === true;
    const undone = pending.filter((edit) => !applied(edit)).reverse();
    return [
      ...undone.map((edit) => ({ type: 'undo' as const, edit })),
      ...pending.filter(applied).map((edit) => ({ type: 'edit' as const, edit })),
    ];
  }

  /** The state to hand to `markSaved` once that state is on disk: edits made in the meantime stay unsaved. */
  snapshot(include: (edit: CellEdit) => boolean): ReadonlyMap<string, boolean> {
    return new Map([...this.entries.values()].filter((e) => include(e.edit)).map((e) => [e.edit.id, e.applied]));
  }

  markSaved(snapshot: ReadonlyMap<string, boolean>): void {
    for (const [id, applied] of snapshot) {
      const entry = this.entries.get(id);
      if (entry === undefined) continue;
      entry.savedApplied = applied;
      entry.counted = true;
    }
  }

  /** Seconds of the answer's edits that no event has recorded yet. */
  uncountedSeconds(answerId: string): number {
    let sum = 0;
    for (const e of this.entries.values()) if (!e.counted && e.edit.answerId === answerId) sum += e.edit.seconds;
    return sum;
  }

  /** Goes back to what is saved. Saved edits stay known, because VS Code keeps them on its undo stack. */
  revert(): void {
    for (const [id, entry] of [...this.entries]) {
      entry.applied = entry.savedApplied;
      if (!entry.savedApplied && !entry.counted) this.remove(id, entry);
    }
  }

  private insert(entry: Entry, place: 'first' | 'last' = 'last'): void {
    this.entries.set(entry.edit.id, entry);
    for (const { cell } of entry.edit.changes) {
      const key = cellKey(cell);
      const list = this.byCell.get(key) ?? [];
      this.pairs.add(pairKey(cell));
      if (place === 'first') list.unshift(entry);
      else list.push(entry);
      this.byCell.set(key, list);
    }
  }

  private remove(id: string, entry: Entry): void {
    this.entries.delete(id);
    for (const { cell } of entry.edit.changes) {
      const key = cellKey(cell);
      const list = this.byCell.get(key)?.filter((e) => e !== entry) ?? [];
      if (list.length > 0) this.byCell.set(key, list);
      else this.byCell.delete(key);
    }
  }
}

/**
 * The edits that bring `saved` to the state a journal describes, all applied, oldest first: for VS Code's undo stack,
 * which after a restart is empty. An undo of a saved edit comes back as an edit of its own.
 */
export function restoreEdits(
  journal: readonly JournalEntry[],
  saved: (cell: Cell) => Statement | null,
  newId: () => string,
): readonly CellEdit[] {
  const list = new EditList();
  const cells = new Map<string, Cell>();
  let stack: CellEdit[] = [];
  for (const entry of journal) {
    if (entry.type === 'draft') continue;
    const { edit } = entry;
    for (const { cell } of edit.changes) cells.set(cellKey(cell), cell);
    if (entry.type === 'edit') {
      list.add(edit);
      stack.push(edit);
      continue;
    }
    list.setApplied(edit, entry.type === 'redo');
    const onStack = stack.some((e) => e.id === edit.id);
    const inverseId = `${edit.id}~`;
    if (entry.type === 'undo') {
      if (onStack) stack = stack.filter((e) => e.id !== edit.id);
      else stack.push(inverse(edit, inverseId));
    } else if (stack.some((e) => e.id === inverseId)) stack = stack.filter((e) => e.id !== inverseId);
    else if (!onStack) stack.push(edit);
  }
  const reached = new EditList();
  for (const edit of stack) reached.add(edit);
  const target = (cell: Cell): Statement | null => list.valueOf(cellKey(cell)) ?? null;
  const now = (cell: Cell): Statement | null => {
    const value = reached.valueOf(cellKey(cell));
    return value === undefined ? saved(cell) : value;
  };
  const changes = [...cells.values()].flatMap((cell) => {
    const wanted = list.valueOf(cellKey(cell)) === undefined ? saved(cell) : target(cell);
    const have = now(cell);
    return sameContent(wanted, have) ? [] : [{ cell, before: have, after: wanted }];
  });
  // Undone out of order: one edit more sets right what the stack alone would get wrong.
  const last = journal.findLast((e) => e.type !== 'draft');
  if (changes.length > 0 && last !== undefined) {
    stack.push({ ...last.edit, id: newId(), title: 'Restore', changes });
  }
  return stack.filter((edit) =>
    edit.changes.some(({ cell }) => !sameContent(now(cell), saved(cell)) || isIn(changes, cell)),
  );
}

/** True when two statements say the same, whoever made them and when. */
export function sameContent(a: Statement | null, b: Statement | null): boolean {
  if (a === null || b === null) return a === b;
  return JSON.stringify(plain(a)) === JSON.stringify(plain(b));
}

function plain({ content }: Statement): unknown {
  if (content.slot === 'flag') return ['flag'];
  if (content.slot === 'comment') return ['comment', content.text];
  const { kind, label, explanation, reasons, note } = content.decision;
  return [kind, label ?? null, explanation ?? null, reasons ?? null, note ?? null];
}

function inverse(edit: CellEdit, id: string): CellEdit {
  return {
    ...edit,
    id,
    title: `Undo ${edit.title}`,
    changes: edit.changes.map(({ cell, before, after }) => ({ cell, before: after, after: before })),
  };
}

function isIn(changes: CellEdit['changes'], cell: Cell): boolean {
  return changes.some((change) => cellKey(change.cell) === cellKey(cell));
}

function isPending(entry: Entry): boolean {
  return entry.applied !== entry.savedApplied;
}

function changeOf(entry: Entry, key: string): CellEdit['changes'][number] | undefined {
  return entry.edit.changes.find(({ cell }) => cellKey(cell) === key);
}
