/**
 * The undoable document behind a Rationale editor: rows that people never change, and a list of edits over them.
 * Free of `vscode`, so that it can be tested whole; src/ui connects it to VS Code's undo stack.
 */
import { randomUUID } from 'node:crypto';
import { basename } from 'node:path';
import type { AnnotationEvent } from '../domain/event.js';
import { RationaleError } from '../domain/failure.js';
import { answerId, uuidv7 } from '../domain/identity.js';
import { isFinal, pairKey, type Judgement } from '../domain/judgement.js';
import { noAnnotation, reviewState, type Annotation, type ReviewState } from '../domain/review.js';
import type { LabelScale } from '../domain/scale.js';
import type { DecisionRequest, RowKey } from '../protocol/editor.js';
import { planDecision } from './decide.js';
import { EditList, restoreEdits, sameContent } from './edits.js';
import {
  cellKey,
  cellOfDecision,
  cellsOf,
  FoldedAnnotator,
  foldEvents,
  isStale,
  viewRow,
  type Cell,
  type RowView,
  type Statement,
} from './fold.js';
import { Journal, type CellEdit, type JournalEntry } from './journal.js';
import { appendEvents, logFile, readLogs, type LogProblem } from './log.js';
import { readRunInfo, readSidecar, type RunInfo } from './record.js';
import { readJudgementBytes, readJudgementFile, type JudgementRow, type Row } from './rows.js';

export interface OpenOptions {
  /** Of the judgement file. */
  readonly path: string;
  readonly annotator: string;
  /** Random and lasting; its first 8 hex digits name the annotator's log. */
  readonly installationId: string;
  /** Where the private journal of unsaved edits lies (the extension's storage). */
  readonly journalDir: string;
  readonly readonly?: boolean;
  /** The file's content where it is not what lies at `path` (a git revision): read-only, without decisions. */
  readonly text?: string;
}

/** One unit of the undo stack. Opaque to the user interface but for these fields; hand the same object to undo and redo. */
export interface Edit {
  readonly id: string;
  /** The row it was made on, at that time. */
  readonly key: RowKey;
  readonly answerId: string;
  /** What it did, for the Edit menu: `Label 2`, `Accept` … */
  readonly title: string;
}

/** What changed; `keys` are the rows concerned, null when it may be all. */
export interface DocumentChange {
  readonly type: 'rows' | 'decisions' | 'drafts' | 'saved' | 'reloaded';
  readonly keys: readonly RowKey[] | null;
}

/** Unsaved work on an answer that is no longer in the file: kept in the journal, attached again when the answer returns. */
export interface Conflict {
  readonly answerId: string;
  readonly queryId: string;
  readonly docId: string;
  /** `Label 2`, `Accept`, `draft` … */
  readonly what: string;
}

export class JudgementDocument {
  readonly path: string;
  readonly annotator: string;
  readonly readonly: boolean;
  /** Edits that the journal brought back at open, oldest first: to be put on the undo stack. */
  readonly restoredEdits: readonly Edit[];

  private content: FileContent;
  private index: RowIndex;
  private folded: FoldedAnnotator;
  /** Everybody else's decisions. */
  private others: readonly FoldedAnnotator[];
  private readonly edits = new EditList();
  private readonly drafts = new Map<string, Draft>();
  private readonly journal: Journal | null;
  /** The annotator's log of this installation, which `save` appends to. Other windows of the installation do, too. */
  readonly log: string;
  private readonly listeners = new Set<(change: DocumentChange) => void>();
  private dirtyCells: ReadonlyMap<string, Cell> | null = null;
  /** By pair, so that the thousandth unsaved decision costs no more than the first. */
  private readonly dirtyOfPair = new Map<string, ReadonlyMap<string, Cell>>();
  /** Saves and reloads one after the other: a reload must not read a log that a save is about to extend. */
  private queue: Promise<unknown> = Promise.resolve();

  private constructor(
    private readonly options: OpenOptions,
    content: FileContent,
  ) {
    this.path = options.path;
    this.annotator = options.annotator;
    this.readonly = options.readonly === true || options.text !== undefined;
    this.log = logFile(options.path, options.annotator, options.installationId);
    this.content = content;
    this.index = indexRows(content.rows.rows);
    ({ own: this.folded, others: this.others } = foldOf(content, options.annotator));
    this.journal = this.readonly
      ? null
      : new Journal(options.journalDir, options.path, options.annotator, randomUUID());
    this.restoredEdits = this.journal === null ? [] : this.restore(this.journal);
  }

  /** Opens a judgement file. Throws RationaleError when it or its logs cannot be read. */
  static async open(options: OpenOptions): Promise<JudgementDocument> {
    return new JudgementDocument(options, await readContent(options));
  }

  /** In file order; `key` is the index of the line, which is not the index in this array where the file has blank lines. */
  get rows(): readonly Row[] {
    return this.content.rows.rows;
  }

  row(key: RowKey): Row | undefined {
    const at = this.index.byKey.get(key);
    return at === undefined ? undefined : this.rows[at];
  }

  /** The row as a judgement, or undefined where it is malformed or gone. */
  judgementRow(key: RowKey): JudgementRow | undefined {
    const row = this.row(key);
    return row?.kind === 'judgement' ? row : undefined;
  }

  /** The row that holds an answer now, or undefined. */
  keyOfAnswer(answerId: string): RowKey | undefined {
    return this.index.byAnswer.get(answerId);
  }

  /** `NAME.judgements.run.json`, or null. */
  get run(): RunInfo | null {
    return this.content.run;
  }

  /** Declared by the run record and the sidecar. */
  get scales(): readonly LabelScale[] {
    return this.content.scales;
  }

  get guidelines(): string | null {
    return this.content.guidelines;
  }

  /** Plain sentences about what was found on disk: malformed lines, torn logs, an altered sealed file … */
  get notices(): readonly string[] {
    const failure = this.journal?.failure ?? null;
    if (failure === null) return this.content.notices;
    return [
      ...this.content.notices,
      `Unsaved work is not protected against a crash: the journal cannot be written (${failure}). Save often.`,
    ];
  }

  /** Unsaved work whose answer is no longer in the file. It stays in the journal until its answer returns or the file is reverted. */
  get conflicts(): readonly Conflict[] {
    const edits = this.edits.pending().filter((edit) => !this.isAttached(edit));
    const drafts = [...this.drafts].filter(([answerId]) => !this.index.byAnswer.has(answerId));
    return [
      ...edits.map((edit) => {
        const cell = edit.changes[0]?.cell;
        return { answerId: edit.answerId, queryId: cell?.query_id ?? '', docId: cell?.doc_id ?? '', what: edit.title };
      }),
      ...drafts.map(([answerId, d]) => ({ answerId, queryId: d.query_id, docId: d.doc_id, what: 'draft' })),
    ];
  }

  /**
   * For a live run: the row's new content. A label decided on the pair stays; what was decided on the old answer does
   * not pass to the new one.
   */
  replaceRow(key: RowKey, judgement: Judgement): void {
    const at = this.index.byKey.get(key);
    const old = at === undefined ? undefined : this.rows[at];
    if (at === undefined || old === undefined) {
      throw new RationaleError('bug', `${this.path} has no row at line ${key + 1} to replace.`);
    }
    const row: JudgementRow = { kind: 'judgement', key, line: old.line, judgement, answerId: answerId(judgement) };
    this.content.rows.rows[at] = row;
    if (old.kind === 'judgement' && this.index.byAnswer.get(old.answerId) === key) {
      this.index.byAnswer.delete(old.answerId);
      this.index.answersOf.get(pairKey(old.judgement))?.delete(old.answerId);
    }
    addToIndex(this.index, row);
    const oldPair = old.kind === 'judgement' ? [pairKey(old.judgement)] : [];
    this.changed('rows', [key], [pairKey(judgement), ...oldPair]);
  }

  /** What the annotator holds on the row, unsaved edits included. */
  annotation(key: RowKey): Annotation {
    const row = this.judgementRow(key);
    return row === undefined || this.isUntouched(row) ? noAnnotation : this.view(row).annotation;
  }

  /** True where the annotator (unsaved included) or anybody else's log holds a decision on the row. */
  isDecided(key: RowKey): boolean {
    const row = this.judgementRow(key);
    if (row === undefined) return false;
    if (this.annotation(key).decision !== null) return true;
    const pair = pairKey(row.judgement);
    return this.others.some(
      (other) => other.touches(pair) && viewRow((cell) => other.statement(cell), row).annotation.decision !== null,
    );
  }

  review(key: RowKey): ReviewState {
    const row = this.judgementRow(key);
    if (row === undefined) return 'unseen';
    const { status } = row.judgement;
    const stale =
      !this.isUntouched(row) && isStale(this.folded, row.judgement, (answer) => this.index.byAnswer.has(answer));
    return reviewState(this.annotation(key), { answered: status !== 'pending' && status !== 'failed', stale });
  }

  /** True when every decision on the row is in the log on disk. */
  saved(key: RowKey): boolean {
    const row = this.judgementRow(key);
    const dirty = this.dirty();
    return (
      row === undefined || dirty.size === 0 || !slots.some((s) => cellsOf(s, row).some((c) => dirty.has(cellKey(c))))
    );
  }

  /** How many rows have unsaved decisions. */
  get unsavedCount(): number {
    const dirty = this.dirty();
    if (dirty.size === 0) return 0;
    const owner = new Map<string, string>();
    for (const edit of this.edits.pending())
      for (const { cell } of edit.changes) owner.set(cellKey(cell), edit.answerId);
    return new Set([...dirty.keys()].map((key) => owner.get(key) ?? key)).size;
  }

  /** Text of an edit of the explanation that is not committed, or null. */
  draft(key: RowKey): string | null {
    const row = this.judgementRow(key);
    return row === undefined ? null : (this.drafts.get(row.answerId)?.text ?? null);
  }

  /**
   * Makes an edit, or returns undefined when nothing changes or the row takes no decision. `seconds` is the active
   * time spent on it.
   */
  decide(key: RowKey, request: DecisionRequest, seconds = 0): Edit | undefined {
    const row = this.judgementRow(key);
    if (this.readonly || row === undefined || !isFinal(row.judgement)) return undefined;
    if (request.kind === 'explanation') this.setDraft(key, null);
    const planned = planDecision(row, this.view(row).annotation, request, this.content.scales);
    if (planned === undefined) return undefined;
    const statement = planned.content === null ? null : { order: `~${uuidv7()}`, content: planned.content };
    const changes = this.cellsToChange(row, planned.slot, statement).map((cell) => {
      return { cell, before: this.valueOf(cell), after: statement };
    });
    const edit: CellEdit = { id: randomUUID(), key, answerId: row.answerId, title: planned.title, seconds, changes };
    this.edits.add(edit);
    this.journal?.append({ type: 'edit', edit });
    this.changed('decisions', this.keysOf(edit), [pairOfEdit(edit)]);
    return edit;
  }

  /** Takes an edit back; nothing happens when it is taken back already. */
  undo(edit: Edit): void {
    this.apply(edit, 'undo');
  }

  /** Does an undone edit again; nothing happens when it is in force already. */
  redo(edit: Edit): void {
    this.apply(edit, 'redo');
  }

  /** Keeps what is being typed into the explanation, or forgets it (null). */
  setDraft(key: RowKey, text: string | null): void {
    const row = this.judgementRow(key);
    if (this.readonly || row === undefined || this.draft(key) === text) return;
    const { query_id, doc_id } = row.judgement;
    if (text === null) this.drafts.delete(row.answerId);
    else this.drafts.set(row.answerId, { query_id, doc_id, text });
    this.journal?.append({ type: 'draft', answer_id: row.answerId, query_id, doc_id, text });
    this.changed('drafts', [key], []);
  }

  /**
   * Appends the net change since the last save to the annotator's log. Throws RationaleError when it cannot; then the
   * edits and their journal stay as they were.
   */
  save(): Promise<{ readonly events: number }> {
    return this.exclusive(async () => {
      if (this.readonly) return { events: 0 };
      const events = this.netEvents();
      const snapshot = this.edits.snapshot((edit) => this.isAttached(edit));
      await appendEvents(this.log, events);
      for (const event of events) this.folded.add(event);
      this.content.events.push(...events);
      this.edits.markSaved(snapshot);
      this.journal?.replace(this.journalEntries());
      this.changed('saved', null);
      return { events: events.length };
    });
  }

  /**
   * Appends what a save would write to the log of a copy of the file at `path`, beside which the logs have been copied
   * already. The document itself stays as unsaved as it was. Throws RationaleError when the log cannot be written.
   */
  saveCopy(path: string): Promise<void> {
    const { annotator, installationId } = this.options;
    return this.exclusive(() => appendEvents(logFile(path, annotator, installationId), this.netEvents()));
  }

  /** Drops what is unsaved, drafts and conflicts included, and reads the disk again. */
  async revert(): Promise<void> {
    this.edits.revert();
    this.drafts.clear();
    this.journal?.replace([]);
    await this.reload();
  }

  /**
   * After a change of the file or the logs on disk: rows anew, edits kept. Not for the replacements of a run of this
   * window: those come through `replaceRow`. Throws RationaleError when the disk cannot be read; then all stays as it was.
   */
  reload(): Promise<void> {
    return this.exclusive(async () => {
      const content = await readContent(this.options);
      this.content = content;
      this.index = indexRows(content.rows.rows);
      ({ own: this.folded, others: this.others } = foldOf(content, this.annotator));
      this.changed('reloaded', null);
    });
  }

  onDidChange(listener: (change: DocumentChange) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Unsaved work stays in the journal and is restored at the next open. */
  dispose(): void {
    this.listeners.clear();
    this.journal?.release(this.journalEntries());
  }

  private apply(edit: Edit, direction: 'undo' | 'redo'): void {
    if (this.readonly || !isCellEdit(edit)) return;
    if (!this.edits.setApplied(edit, direction === 'redo')) return;
    this.journal?.append({ type: direction, edit });
    this.changed('decisions', this.keysOf(edit), [pairOfEdit(edit)]);
  }

  /** Replays the journal: what an earlier window left unsaved. */
  private restore(journal: Journal): readonly Edit[] {
    let restored: readonly CellEdit[] = [];
    journal.adopt((entries) => {
      restored = restoreEdits(entries, (cell) => this.folded.statement(cell), randomUUID);
      for (const edit of restored) this.edits.add(edit);
      for (const entry of entries) {
        if (entry.type !== 'draft') continue;
        const { answer_id, query_id, doc_id, text } = entry;
        if (text === null) this.drafts.delete(answer_id);
        else this.drafts.set(answer_id, { query_id, doc_id, text });
      }
      return this.journalEntries();
    });
    return restored.filter((edit) => this.isAttached(edit));
  }

  private journalEntries(): JournalEntry[] {
    const drafts = [...this.drafts].map(([answer_id, draft]) => ({ type: 'draft' as const, answer_id, ...draft }));
    return [...this.edits.journalEntries(), ...drafts];
  }

  private valueOf(cell: Cell): Statement | null {
    const edited = this.edits.valueOf(cellKey(cell));
    return edited === undefined ? this.folded.statement(cell) : edited;
  }

  private view(row: JudgementRow): RowView {
    return viewRow((cell) => this.valueOf(cell), row);
  }

  private rowOfAnswer(answer: string): JudgementRow | undefined {
    const key = this.index.byAnswer.get(answer);
    return key === undefined ? undefined : this.judgementRow(key);
  }

  private isUntouched(row: JudgementRow): boolean {
    const pair = this.index.pairOf.get(row.answerId);
    return pair !== undefined && !this.folded.touches(pair) && !this.edits.touches(pair);
  }

  /** One cell takes a statement; taking back concerns every cell of the slot that says something. */
  private cellsToChange(row: JudgementRow, slot: Cell['slot'], statement: Statement | null): Cell[] {
    const [answer, pair] = cellsOf(slot, row);
    if (statement === null) return [answer, pair].filter((cell) => this.valueOf(cell) !== null);
    const { content } = statement;
    return [content.slot === 'decision' ? cellOfDecision(content.decision, answer) : answer];
  }

  /** True when what the edit is about is in the file. */
  private isAttached(edit: CellEdit): boolean {
    return edit.changes.every(({ cell }) =>
      cell.answer_id === null
        ? (this.index.answersOf.get(pairKey(cell))?.size ?? 0) > 0
        : this.index.byAnswer.has(cell.answer_id),
    );
  }

  private keysOf(edit: CellEdit): RowKey[] | null {
    // A label decision shows on every row of its pair.
    if (edit.changes.some(({ cell }) => cell.answer_id === null)) return null;
    const key = this.index.byAnswer.get(edit.answerId);
    return key === undefined ? [] : [key];
  }

  /** Cells whose statement on disk is not the one in the editor. */
  private dirty(): ReadonlyMap<string, Cell> {
    if (this.dirtyCells !== null) return this.dirtyCells;
    const pending = new Map<string, CellEdit[]>();
    for (const edit of this.edits.pending()) {
      const pair = pairOfEdit(edit);
      const edits = pending.get(pair);
      if (edits === undefined) pending.set(pair, [edit]);
      else edits.push(edit);
    }
    const dirty = new Map<string, Cell>();
    for (const [pair, edits] of pending) {
      const cells = this.dirtyOfPair.get(pair) ?? this.findDirty(pair, edits);
      this.dirtyOfPair.set(pair, cells);
      for (const [key, cell] of cells) dirty.set(key, cell);
    }
    this.dirtyCells = dirty;
    return dirty;
  }

  /** The dirty cells of one pair, from its pending edits. No edit concerns two pairs. */
  private findDirty(pair: string, pending: readonly CellEdit[]): ReadonlyMap<string, Cell> {
    const dirty = new Map<string, Cell>();
    const attached = pending.filter((edit) => this.isAttached(edit));
    if (attached.length === 0) return dirty;
    for (const edit of attached) {
      for (const { cell } of edit.changes) {
        if (!sameContent(this.valueOf(cell), this.folded.statement(cell))) dirty.set(cellKey(cell), cell);
      }
    }
    // A statement written now becomes the latest of its row on disk. Where another one is the latest in the editor, that
    // one must be said again after it, and so on for the other rows of the pair.
    const rows = [...(this.index.answersOf.get(pair) ?? [])].flatMap((answer) => this.rowOfAnswer(answer) ?? []);
    for (let before = -1; before !== dirty.size;) {
      before = dirty.size;
      for (const row of rows) {
        const now = this.view(row).source;
        if (now === null) continue;
        const cells = cellsOf('decision', row).map((cell) => {
          return { cell, key: cellKey(cell), statement: this.valueOf(cell) };
        });
        const latest = cells.find(({ statement }) => statement?.order === now.order);
        if (latest === undefined || dirty.has(latest.key)) continue;
        const outdone = cells.some(({ key, statement }) => statement !== null && dirty.has(key));
        const onDisk = viewRow((cell) => this.folded.statement(cell), row).source;
        const reordered = !cells.some(({ key }) => dirty.has(key)) && !sameContent(now, onDisk);
        if (outdone || reordered) dirty.set(latest.key, latest.cell);
      }
    }
    return dirty;
  }

  private netEvents(): AnnotationEvent[] {
    const pending = this.edits.pending();
    const counted = new Set<string>();
    const secondsFor = (key: string): number => {
      const edit = pending.findLast((e) => e.changes.some(({ cell }) => cellKey(cell) === key));
      if (edit === undefined || counted.has(edit.answerId)) return 0;
      counted.add(edit.answerId);
      return this.edits.uncountedSeconds(edit.answerId);
    };
    // In the order in which they were said, so that ids keep it.
    const cells = [...this.dirty()].map(([key, cell]) => ({ key, cell, statement: this.valueOf(cell) }));
    cells.sort((a, b) => ((a.statement?.order ?? '') < (b.statement?.order ?? '') ? -1 : 1));
    return cells.flatMap(({ key, cell, statement }) => {
      const make = (what: EventBody, seconds: number): AnnotationEvent => ({
        id: idAfter(this.folded.lastId),
        at: new Date().toISOString(),
        annotator: this.annotator,
        query_id: cell.query_id,
        doc_id: cell.doc_id,
        ...what,
        seconds,
      });
      const seconds = secondsFor(key);
      if (statement !== null) return [make(bodyOf(statement, cell), seconds)];
      return this.folded.liveIn(cell).map((event, at) =>
        make(
          {
            action: 'retract',
            retracts: event.id,
            ...(event.answer_id === undefined ? {} : { answer_id: event.answer_id }),
          },
          at === 0 ? seconds : 0,
        ),
      );
    });
  }

  /** `pairs`: whose unsaved state may differ now; absent, everybody's. */
  private changed(type: DocumentChange['type'], keys: readonly RowKey[] | null, pairs?: readonly string[]): void {
    this.dirtyCells = null;
    if (pairs === undefined) this.dirtyOfPair.clear();
    else for (const pair of pairs) this.dirtyOfPair.delete(pair);
    for (const listener of [...this.listeners]) listener({ type, keys });
  }

  private exclusive<T>(work: () => Promise<T>): Promise<T> {
    const result = this.queue.then(work);
    this.queue = result.catch(() => undefined);
    return result;
  }
}

interface Draft {
  readonly query_id: string;
  readonly doc_id: string;
  readonly text: string;
}

interface FileContent {
  readonly rows: { readonly rows: Row[] };
  readonly events: AnnotationEvent[];
  readonly run: RunInfo | null;
  readonly scales: readonly LabelScale[];
  readonly guidelines: string | null;
  readonly notices: readonly string[];
}

interface RowIndex {
  readonly byKey: Map<RowKey, number>;
  readonly byAnswer: Map<string, RowKey>;
  readonly pairOf: Map<string, string>;
  readonly answersOf: Map<string, Set<string>>;
}

type EventBody = Pick<
  AnnotationEvent,
  'action' | 'answer_id' | 'label' | 'explanation' | 'reasons' | 'note' | 'retracts'
>;

const slots = ['decision', 'flag', 'comment'] as const;

async function readContent(options: OpenOptions): Promise<FileContent> {
  const { path, text } = options;
  const rows =
    text === undefined ? await readJudgementFile(path) : await readJudgementBytes([Buffer.from(text, 'utf8')]);
  const logs = text === undefined ? await readLogs(path) : { events: [], problems: [] };
  const { run, notices: runNotices } = await readRunInfo(path);
  const sidecar = await readSidecar(path);
  const altered =
    text === undefined && run?.seal !== null && run?.seal !== undefined && run.seal.sha256 !== rows.sha256
      ? ['This file was changed after its run was sealed: what it says is not what the run wrote.']
      : [];
  return {
    rows: { rows: [...rows.rows] },
    events: [...logs.events],
    run,
    scales: [...sidecar.scales, ...(run?.scales ?? [])],
    guidelines: sidecar.guidelines,
    notices: [
      ...noticesOfRows(rows.rows),
      ...noticesOfLogs(logs.problems),
      ...runNotices,
      ...sidecar.notices,
      ...altered,
    ],
  };
}

function noticesOfRows(rows: readonly Row[]): string[] {
  const malformed = rows.filter((row) => row.kind === 'malformed');
  const [first] = malformed;
  if (first === undefined) return [];
  const count = malformed.length === 1 ? '1 line is no judgement' : `${malformed.length} lines are no judgements`;
  return [
    `${count} (line ${first.line}: ${first.reason}). They are kept in the file, shown as rows of their own and exported nowhere.`,
  ];
}

function noticesOfLogs(problems: readonly LogProblem[]): string[] {
  return problems.map(
    (p) => `${basename(p.file)}, line ${p.line}: ${p.reason}. The line is kept in the log and counts for nothing.`,
  );
}

function indexRows(rows: readonly Row[]): RowIndex {
  const index: RowIndex = { byKey: new Map(), byAnswer: new Map(), pairOf: new Map(), answersOf: new Map() };
  rows.forEach((row, at) => {
    index.byKey.set(row.key, at);
    if (row.kind === 'malformed') return;
    addToIndex(index, row);
  });
  return index;
}

function addToIndex(index: RowIndex, row: JudgementRow): void {
  const pair = pairKey(row.judgement);
  index.byAnswer.set(row.answerId, row.key);
  index.pairOf.set(row.answerId, pair);
  index.answersOf.set(pair, (index.answersOf.get(pair) ?? new Set()).add(row.answerId));
}

function foldOf(
  content: FileContent,
  annotator: string,
): { readonly own: FoldedAnnotator; readonly others: readonly FoldedAnnotator[] } {
  const all = foldEvents(content.events);
  const others = [...all].filter(([name]) => name !== annotator).map(([, folded]) => folded);
  return { own: all.get(annotator) ?? new FoldedAnnotator(), others };
}

function bodyOf(statement: Statement, cell: Cell): EventBody {
  const { content } = statement;
  const answer = content.slot === 'decision' && cell.answer_id === null ? content.answerId : cell.answer_id;
  const about = answer === null ? {} : { answer_id: answer };
  if (content.slot === 'flag') return { action: 'flag', ...about };
  if (content.slot === 'comment') return { action: 'comment', ...about, note: content.text };
  const { kind, ...rest } = content.decision;
  const action = ({ accepted: 'accept', corrected: 'correct', skipped: 'skip', cannot_judge: 'cannot_judge' } as const)[
    kind
  ];
  return { action, ...about, ...rest };
}

/** A new id greater than `last`, also where `last` comes from a machine whose clock is ahead. */
function idAfter(last: string): string {
  const ms = /^[0-9a-f]{8}-[0-9a-f]{4}-7/.test(last) ? Number.parseInt(last.slice(0, 8) + last.slice(9, 13), 16) : 0;
  const latest = 2 ** 48 - 1;
  return uuidv7(Math.min(Math.max(Date.now(), ms + 1), latest));
}

/** The pair an edit is about: all its cells belong to one row. */
function pairOfEdit(edit: CellEdit): string {
  const [first] = edit.changes;
  return first === undefined ? '' : pairKey(first.cell);
}

function isCellEdit(edit: Edit): edit is CellEdit {
  return 'changes' in edit && 'seconds' in edit;
}
