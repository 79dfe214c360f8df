/**
 * The private journal of unsaved work on one judgement file: every edit, undo, redo and draft is on disk before the
 * call that made it returns, because VS Code's own backup comes too late for a crash. Replayed when the file is opened,
 * emptied when it is saved.
 */
import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, unlinkSync, writeSync } from 'node:fs';
import { join, resolve } from 'node:path';
import * as v from 'valibot';
import { sha256 } from '../domain/identity.js';
import type { Cell, Statement } from './fold.js';

const decision = v.object({
  kind: v.picklist(['accepted', 'corrected', 'skipped', 'cannot_judge']),
  label: v.exactOptional(v.number()),
  explanation: v.exactOptional(v.string()),
  reasons: v.exactOptional(v.array(v.string())),
  note: v.exactOptional(v.string()),
});
const content = v.variant('slot', [
  v.object({ slot: v.literal('decision'), decision, answerId: v.nullable(v.string()) }),
  v.object({ slot: v.literal('flag') }),
  v.object({ slot: v.literal('comment'), text: v.string() }),
]);
const statement = v.nullable(v.object({ order: v.string(), content }));
const cell = v.object({
  slot: v.picklist(['decision', 'flag', 'comment']),
  query_id: v.string(),
  doc_id: v.string(),
  answer_id: v.nullable(v.string()),
});
const edit = v.object({
  id: v.string(),
  key: v.number(),
  answerId: v.string(),
  title: v.string(),
  seconds: v.number(),
  changes: v.array(v.object({ cell, before: statement, after: statement })),
});
const line = v.variant('type', [
  v.object({ type: v.picklist(['edit', 'undo', 'redo']), session: v.string(), annotator: v.string(), edit }),
  v.object({
    type: v.literal('draft'),
    session: v.string(),
    annotator: v.string(),
    answer_id: v.string(),
    query_id: v.string(),
    doc_id: v.string(),
    text: v.nullable(v.string()),
  }),
]);

/** An edit as it is kept: the change of each cell it touches, so that undoing one edit needs no other. */
export interface CellEdit {
  readonly id: string;
  readonly key: number;
  readonly answerId: string;
  readonly title: string;
  readonly seconds: number;
  readonly changes: readonly {
    readonly cell: Cell;
    readonly before: Statement | null;
    readonly after: Statement | null;
  }[];
}

/** A line of the journal without whose it is. */
export type JournalEntry =
  | { readonly type: 'edit' | 'undo' | 'redo'; readonly edit: CellEdit }
  | {
      readonly type: 'draft';
      readonly answer_id: string;
      readonly query_id: string;
      readonly doc_id: string;
      /** Null: the draft was committed or thrown away. */
      readonly text: string | null;
    };

/** One window's end of the journal file; several windows may share the file. */
export class Journal {
  private readonly file: string;
  private problem: string | null = null;

  constructor(
    private readonly directory: string,
    judgementFile: string,
    private readonly annotator: string,
    /** Unique for this opening of the document. */
    private readonly session: string,
  ) {
    this.file = join(directory, `${sha256(resolve(judgementFile))}.jsonl`);
  }

  /** Why the journal could not be written, or null: the editor goes on without and says so. */
  get failure(): string | null {
    return this.problem;
  }

  /** The annotator's entries, whichever window wrote them, oldest first. A torn line is passed over. */
  read(): JournalEntry[] {
    const entries: JournalEntry[] = [];
    this.guard(() => {
      for (const text of this.lines()) {
        const parsed = parseLine(text);
        if (parsed?.annotator === this.annotator) entries.push(parsed);
      }
    });
    return entries;
  }

  /** Puts an entry on disk before returning; decisions are synced, drafts (one per key press) only written. */
  append(entry: JournalEntry): void {
    this.guard(() => {
      mkdirSync(this.directory, { recursive: true });
      const fd = openSync(this.file, 'a', 0o600);
      try {
        // The leading line feed ends a line that a crash has torn.
        writeSync(fd, `\n${this.serialise(entry)}\n`);
        if (entry.type !== 'draft') fsyncSync(fd);
      } finally {
        closeSync(fd);
      }
    });
  }

  /**
   * Replaces this window's entries. With `adopt`, also the annotator's entries of earlier windows, which this one has
   * taken over. Other annotators' entries stay.
   */
  replace(entries: readonly JournalEntry[], options: { readonly adopt: boolean }): void {
    this.guard(() => {
      const kept = this.lines().filter((text) => {
        const parsed = parseLine(text);
        if (parsed === null) return false;
        return parsed.annotator !== this.annotator || !(options.adopt || parsed.session === this.session);
      });
      const lines = [...kept, ...entries.map((entry) => this.serialise(entry))];
      if (lines.length === 0) {
        unlinkIfThere(this.file);
        return;
      }
      mkdirSync(this.directory, { recursive: true });
      const temporary = `${this.file}.${this.session}.tmp`;
      const fd = openSync(temporary, 'w', 0o600);
      try {
        writeSync(fd, lines.map((text) => `${text}\n`).join(''));
        fsyncSync(fd);
      } finally {
        closeSync(fd);
      }
      renameSync(temporary, this.file);
    });
  }

  private serialise(entry: JournalEntry): string {
    return JSON.stringify({ ...entry, session: this.session, annotator: this.annotator });
  }

  private lines(): string[] {
    try {
      return readFileSync(this.file, 'utf8')
        .split('\n')
        .filter((text) => text !== '');
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
      throw error;
    }
  }

  private guard(work: () => void): void {
    try {
      work();
      this.problem = null;
    } catch (error) {
      this.problem = error instanceof Error ? error.message : String(error);
    }
  }
}

function parseLine(text: string): v.InferOutput<typeof line> | null {
  try {
    const parsed = v.safeParse(line, JSON.parse(text));
    return parsed.success ? parsed.output : null;
  } catch {
    return null;
  }
}

function unlinkIfThere(file: string): void {
  try {
    unlinkSync(file);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
  }
}
