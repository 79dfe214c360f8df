/**
 * The private journal of unsaved work on one judgement file: every edit, undo, redo and draft is on disk before the
 * call that made it returns, because VS Code's own backup comes too late for a crash. Emptied when the file is saved.
 * Every opening of a file writes a journal of its own, so that windows never write over each other's; what is left by a
 * window that is gone, or that has closed the file, is replayed when the file is opened.
 */
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import * as v from 'valibot';
import { sha256 } from '../domain/identity.js';
import type { Cell, Statement } from './fold.js';
import { isAtWorkElsewhere, ownerSchema, thisProcess, type Owner } from './owner.js';
import { hasCode } from '../domain/failure.js';

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
/** Null: its window has closed the document. */
const owner = v.nullable(ownerSchema);
const line = v.variant('type', [
  v.object({ type: v.picklist(['edit', 'undo', 'redo']), owner, annotator: v.string(), edit }),
  v.object({
    type: v.literal('draft'),
    owner,
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

/** The journal of one opening of a judgement file. */
export class Journal {
  private readonly file: string;
  /** What the names of all journals of the judgement file begin with. */
  private readonly stem: string;
  private owner: Owner | null = thisProcess();
  private problem: string | null = null;

  constructor(
    private readonly directory: string,
    judgementFile: string,
    private readonly annotator: string,
    /** Unique for this opening of the document. */
    private readonly session: string,
  ) {
    this.stem = `${sha256(resolve(judgementFile))}.`;
    this.file = join(directory, `${this.stem}${session}.jsonl`);
  }

  /** Why the journal could not be written, or null: the editor goes on without and says so. */
  get failure(): string | null {
    return this.problem;
  }

  /**
   * Takes over what the annotator's earlier windows have left, oldest first; what another window is working on is not
   * touched. `keep` gets the entries and returns what this journal holds from then on. A torn line is passed over.
   */
  adopt(keep: (entries: readonly JournalEntry[]) => readonly JournalEntry[]): void {
    this.guard(() => {
      const taken = this.abandoned().flatMap((file) => {
        // Whoever renames it has it: two windows may look for the same journal at the same time.
        const claimed = `${file.replace(/\.jsonl$/, '')}~${this.session.slice(0, 8)}.jsonl`;
        return renamed(file, claimed) ? [claimed] : [];
      });
      const entries = taken.flatMap((file) => linesOf(file).flatMap((text) => parseLine(text) ?? []));
      if (entries.length > 0) this.write(keep(entries));
      for (const file of taken) unlinkIfThere(file);
    });
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

  /** Replaces what this journal holds. */
  replace(entries: readonly JournalEntry[]): void {
    this.guard(() => this.write(entries));
  }

  /** The document is closed: what is unsaved is whoever's opens it next. */
  release(entries: readonly JournalEntry[]): void {
    this.owner = null;
    this.replace(entries);
  }

  private write(entries: readonly JournalEntry[]): void {
    if (entries.length === 0) {
      unlinkIfThere(this.file);
      return;
    }
    mkdirSync(this.directory, { recursive: true });
    const temporary = `${this.file}.tmp`;
    const fd = openSync(temporary, 'w', 0o600);
    try {
      writeSync(fd, entries.map((entry) => `${this.serialise(entry)}\n`).join(''));
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(temporary, this.file);
  }

  /** Journals of the annotator on the file that no window is working on, oldest first. */
  private abandoned(): string[] {
    const found: { readonly file: string; readonly mtimeMs: number }[] = [];
    for (const name of namesIn(this.directory)) {
      const file = join(this.directory, name);
      if (!name.startsWith(this.stem) || !name.endsWith('.jsonl') || file === this.file) continue;
      const lines = linesOf(file).flatMap((text) => parseLine(text) ?? []);
      const last = lines.at(-1);
      if (last === undefined || last.annotator !== this.annotator) continue;
      if (last.owner !== null && isAtWorkElsewhere(last.owner)) continue;
      found.push({ file, mtimeMs: statSync(file).mtimeMs });
    }
    return found.sort((a, b) => a.mtimeMs - b.mtimeMs || (a.file < b.file ? -1 : 1)).map(({ file }) => file);
  }

  private serialise(entry: JournalEntry): string {
    return JSON.stringify({ ...entry, owner: this.owner, annotator: this.annotator });
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

function linesOf(file: string): string[] {
  return orIfAbsent([], () =>
    readFileSync(file, 'utf8')
      .split('\n')
      .filter((text) => text !== ''),
  );
}

function namesIn(directory: string): string[] {
  return orIfAbsent([], () => readdirSync(directory));
}

function renamed(from: string, to: string): boolean {
  return orIfAbsent(false, () => {
    renameSync(from, to);
    return true;
  });
}

function unlinkIfThere(file: string): void {
  orIfAbsent(undefined, () => unlinkSync(file));
}

/** What `work` gives, or `otherwise` where the file or folder is not there. */
function orIfAbsent<T>(otherwise: T, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return otherwise;
    throw error;
  }
}
