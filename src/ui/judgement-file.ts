/**
 * An open judgement file: the custom document that VS Code knows, over the undoable document, with the run that may be
 * filling it and the changes on disk that may come from elsewhere. All editors of one file share it.
 */
import { stat } from 'node:fs/promises';
import path from 'node:path';
import * as vscode from 'vscode';
import { JudgementDocument, type Edit, type OpenOptions } from '../annotation/document.js';
import { companionStem } from '../annotation/record.js';
import { RationaleError } from '../domain/failure.js';
import type { DecisionRequest, RowKey } from '../protocol/editor.js';
import type { Run, RunChange } from '../runs/run.js';
import type { ShownFile } from './editor-view.js';
import type { KnownProfile } from './row-profile.js';

/** What changed: `rows` everything that lists show, `detail` only the text of a rationale being written. */
export type FileChange = 'rows' | 'detail';

const watchStartMs = 2_000;
const burstMs = 200;

export class JudgementFile implements vscode.CustomDocument, ShownFile {
  readonly streaming = new Map<RowKey, string>();
  run: Run | null = null;
  changedOnDisk = false;
  private readonly changed = new vscode.EventEmitter<FileChange>();
  readonly onDidChange = this.changed.event;
  private readonly outside = new vscode.EventEmitter<void>();
  /** The file changed on disk while decisions are unsaved: someone must choose. */
  readonly onDidChangeOutside = this.outside.event;
  private readonly failed = new vscode.EventEmitter<unknown>();
  /** Reading the file again, which nobody asked for, failed. What is shown stays. */
  readonly onDidFail = this.failed.event;
  private readonly subscriptions: { dispose(): unknown }[] = [];
  private stopRun: (() => void) | null = null;
  private knownStamp = '';
  /** Of the log as it was read or written last. */
  private knownLogSize = 0;
  /** The run record, the sidecar or somebody else's log changed: the judgements' own stamp does not tell. */
  private companionsTouched = false;
  private checking: NodeJS.Timeout | undefined;

  private constructor(
    readonly uri: vscode.Uri,
    readonly document: JudgementDocument,
    readonly readonly: string | null,
    readonly profiles: readonly KnownProfile[],
  ) {
    this.subscriptions.push(this.changed, this.outside, this.failed);
    const stop = document.onDidChange(() => this.changed.fire('rows'));
    this.subscriptions.push({ dispose: stop });
  }

  /** Opens `uri`; one that is no file on a disk (a git revision) opens read-only. Throws RationaleError. */
  static async open(
    uri: vscode.Uri,
    options: Omit<OpenOptions, 'path' | 'text' | 'readonly'>,
    profiles: readonly KnownProfile[],
  ): Promise<JudgementFile> {
    if (uri.scheme !== 'file') {
      const text = new TextDecoder().decode(await vscode.workspace.fs.readFile(uri));
      const document = await JudgementDocument.open({ ...options, path: uri.fsPath, readonly: true, text });
      const what = uri.scheme === 'git' ? 'a revision in git' : `a “${uri.scheme}:” document, not a file on a disk`;
      const readonly = `This is ${what}: it can be read, not changed.`;
      return new JudgementFile(uri, document, readonly, profiles);
    }
    const document = await JudgementDocument.open({ ...options, path: uri.fsPath });
    const file = new JudgementFile(uri, document, null, profiles);
    await file.remember();
    file.watch();
    return file;
  }

  get fileName(): string {
    return path.posix.basename(this.uri.path);
  }

  get canOpen(): boolean {
    return true;
  }

  dispose(): void {
    clearTimeout(this.checking);
    this.stopRun?.();
    for (const subscription of this.subscriptions.reverse()) subscription.dispose();
    this.document.dispose();
  }

  /** Shows a run in this file as it goes on; when it has ended, the file on disk is what counts. */
  attach(run: Run): void {
    this.stopRun?.();
    this.run = run;
    this.streaming.clear();
    run.rows.forEach((row, index) => this.document.replaceRow(index, row));
    const stop = run.onDidChange((change) => this.follow(run, change));
    let attached = true;
    this.stopRun = () => {
      attached = false;
      stop();
    };
    void run.finished
      .then(async (state) => {
        if (!attached) return;
        stop();
        this.streaming.clear();
        await this.reload();
        // A failure's reason is only in the run; any other ending is in the record on disk.
        if (state.phase !== 'failed') this.run = null;
        this.changed.fire('rows');
      })
      .catch((error: unknown) => this.failed.fire(error));
    this.changed.fire('rows');
  }

  /** True while a run is writing the file. */
  get isRunning(): boolean {
    const phase = this.run?.state.phase;
    return phase === 'loading' || phase === 'scoring' || phase === 'explaining';
  }

  /** A run that failed, was interrupted or was cancelled, and can go on. */
  get isResumable(): boolean {
    if (this.readonly !== null || this.isRunning) return false;
    if (this.run?.state.phase === 'failed') return true;
    const record = this.document.run;
    return record !== null && record.seal?.state !== 'complete';
  }

  /** Makes an edit; undefined when nothing changes. Throws RationaleError (user) where nothing may be changed. */
  decide(key: RowKey, request: DecisionRequest, seconds: number): Edit | undefined {
    if (this.readonly !== null) throw new RationaleError('user', this.readonly);
    return this.document.decide(key, request, seconds);
  }

  async save(): Promise<void> {
    if ((await sizeOf(this.document.log)) !== this.knownLogSize) this.companionsTouched = true;
    await this.document.save();
    this.knownLogSize = await sizeOf(this.document.log);
    if (this.changedOnDisk || this.companionsTouched) await this.reload();
    this.changed.fire('rows');
  }

  async revert(): Promise<void> {
    await this.document.revert();
    await this.remember();
    this.changedOnDisk = false;
    this.changed.fire('rows');
  }

  /** Reads the file on disk again; unsaved decisions are kept. */
  async reload(): Promise<void> {
    await this.document.reload();
    await this.remember();
    this.changedOnDisk = false;
    this.changed.fire('rows');
  }

  private follow(run: Run, change: RunChange): void {
    switch (change.type) {
      case 'rows':
        for (const index of change.indexes) {
          const row = run.rows[index];
          if (row === undefined) continue;
          this.streaming.delete(index);
          this.document.replaceRow(index, row);
        }
        return;
      case 'token':
        this.streaming.set(change.index, change.explanation);
        this.changed.fire('detail');
        return;
      case 'state':
        this.changed.fire('rows');
    }
  }

  private watch(): void {
    const stem = companionStem(this.document.path);
    const patterns = [
      new vscode.RelativePattern(vscode.Uri.file(path.dirname(stem)), `${globEscaped(path.basename(stem))}*`),
      new vscode.RelativePattern(vscode.Uri.file(`${stem}.corrections`), '*.jsonl'),
    ];
    // A watcher starts a moment later: what changed in between is looked for once.
    this.lookAgain(watchStartMs);
    for (const pattern of patterns) {
      const watcher = vscode.workspace.createFileSystemWatcher(pattern);
      const check = (uri: vscode.Uri): void => {
        // The log we append to is another window's, too: checkDisk tells by its size whose lines are new.
        if (uri.path !== this.uri.path && uri.fsPath !== this.document.log) this.companionsTouched = true;
        // Events of one change come in bursts, and a file may be half-written at the first.
        this.lookAgain(burstMs);
      };
      this.subscriptions.push(
        watcher,
        watcher.onDidChange(check),
        watcher.onDidCreate(check),
        watcher.onDidDelete(check),
      );
    }
  }

  private lookAgain(inMs: number): void {
    clearTimeout(this.checking);
    this.checking = setTimeout(() => void this.checkDisk().catch((error: unknown) => this.failed.fire(error)), inMs);
  }

  /** After a change on disk: our own replacements are known by their stamp and by the run; others are read, or reported. */
  private async checkDisk(): Promise<void> {
    if (this.isRunning) return;
    const judgements = await stampOf(this.document.path);
    if (judgements === 'absent') {
      // Deleted or being replaced: what is shown stays.
      return;
    }
    if ((await sizeOf(this.document.log)) !== this.knownLogSize) this.companionsTouched = true;
    if (judgements === this.knownStamp) {
      // With unsaved decisions it waits for the save, which reads everything again.
      if (this.companionsTouched && this.document.unsavedCount === 0) await this.reload();
      return;
    }
    if (this.document.unsavedCount === 0) {
      await this.reload();
      return;
    }
    this.changedOnDisk = true;
    this.changed.fire('rows');
    this.outside.fire();
  }

  private async remember(): Promise<void> {
    this.companionsTouched = false;
    this.knownStamp = await stampOf(this.document.path);
    this.knownLogSize = await sizeOf(this.document.log);
  }
}

/** In bytes; 0 where there is no such file. */
async function sizeOf(file: string): Promise<number> {
  return stat(file).then(
    ({ size }) => size,
    () => 0,
  );
}

async function stampOf(file: string): Promise<string> {
  try {
    const { mtimeMs, size, ino } = await stat(file);
    return `${mtimeMs} ${size} ${ino}`;
  } catch {
    return 'absent';
  }
}

function globEscaped(name: string): string {
  return name.replace(/[[\]{}*?]/g, (c) => `[${c}]`);
}
