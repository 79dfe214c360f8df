/**
 * The undoable document behind a Rationale editor: rows that people never change, and a list of edits over them.
 * Free of `vscode`, so that it can be tested whole; src/ui connects it to VS Code's undo stack.
 */
import type { Judgement } from '../domain/judgement.js';
import type { Annotation, ReviewState } from '../domain/review.js';
import type { LabelScale } from '../domain/scale.js';
import type { DecisionRequest, RowKey } from '../protocol/editor.js';
import type { JudgementRow, Row } from './rows.js';
import type { RunInfo } from './record.js';

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

export declare class JudgementDocument {
  /** Throws RationaleError when the file or the logs cannot be read. */
  static open(options: OpenOptions): Promise<JudgementDocument>;
  readonly path: string;
  readonly annotator: string;
  readonly readonly: boolean;
  /** In file order; `key` is the index of the line, which is not the index in this array where the file has blank lines. */
  get rows(): readonly Row[];
  row(key: RowKey): Row | undefined;
  /** The row as a judgement, or undefined where it is malformed or gone. */
  judgementRow(key: RowKey): JudgementRow | undefined;
  keyOfAnswer(answerId: string): RowKey | undefined;
  /** `NAME.judgements.run.json`, or null. */
  get run(): RunInfo | null;
  /** Declared by the run record and the sidecar. */
  get scales(): readonly LabelScale[];
  get guidelines(): string | null;
  /** Plain sentences about what was found when reading: malformed lines, torn logs, an altered sealed file … */
  get notices(): readonly string[];
  get conflicts(): readonly Conflict[];
  /** Edits that the journal brought back at open, oldest first: to be put on the undo stack. */
  readonly restoredEdits: readonly Edit[];
  /** For a live run: the row's new content. Its decisions follow as the answer or the pair allows. */
  replaceRow(key: RowKey, judgement: Judgement): void;
  annotation(key: RowKey): Annotation;
  review(key: RowKey): ReviewState;
  /** True when every decision on the row is in the log on disk. */
  saved(key: RowKey): boolean;
  get unsavedCount(): number;
  draft(key: RowKey): string | null;
  /** Makes an edit, or returns undefined when nothing changes (or the row takes no decision). */
  decide(key: RowKey, request: DecisionRequest, seconds?: number): Edit | undefined;
  undo(edit: Edit): void;
  redo(edit: Edit): void;
  setDraft(key: RowKey, text: string | null): void;
  /** Appends the net change since the last save to the log. On failure nothing is lost: edits and journal stay. */
  save(): Promise<{ readonly events: number }>;
  /** Drops what is unsaved, drafts included, and reads the disk again. */
  revert(): Promise<void>;
  /** After a change of the file or the logs on disk: rows anew, edits kept. */
  reload(): Promise<void>;
  onDidChange(listener: (change: DocumentChange) => void): () => void;
  dispose(): void;
}
