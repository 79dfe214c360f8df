/**
 * The first stage over the workspace: which files there are (as VS Code and git exclude them), and an index over their
 * passages that is cached in the extension's storage and follows changes. Built when the first question is asked.
 */
import { stat } from 'node:fs/promises';
import path from 'node:path';
import * as vscode from 'vscode';
import type { Candidate } from '../domain/candidate.js';
import { isAbort, messageOf } from '../domain/failure.js';
import { GitIgnore } from '../retrieval/git-ignore.js';
import { PassageIndex, type PassageSource } from '../retrieval/passage-index.js';
import { alwaysExcluded, readTextFile, type ListedFile } from '../retrieval/workspace.js';
import { ActionableError } from './errors.js';
import type { Log } from './log.js';
import { documentName } from './open-document.js';
import { readSetting } from './settings.js';

export interface IndexProgress {
  readonly signal: AbortSignal;
  readonly report: (message: string) => void;
}

/** Enough to keep the disk busy, few enough for any limit on open files. */
const statsAtOnce = 64;
const quickListingMs = 1_000;
/** The log names this many skipped files; the count is always there. */
const skippedNamed = 200;

export class WorkspaceIndex {
  private index: PassageIndex | undefined;
  private readonly known = new Set<string>();
  /** Files may have come or gone in a way that only a new listing tells. */
  private listingStale = true;
  private listingMs = 0;
  private readonly changed = new Set<string>();
  /** Work on the index goes one after the other. */
  private queue: Promise<unknown> = Promise.resolve();
  private readonly subscriptions: { dispose(): unknown }[] = [];

  constructor(
    private readonly storageUri: vscode.Uri | undefined,
    private readonly log: Log,
  ) {
    const watcher = vscode.workspace.createFileSystemWatcher('**/*');
    this.subscriptions.push(
      watcher,
      watcher.onDidChange((uri) => this.noteChange(uri)),
      watcher.onDidCreate((uri) => this.noteCreated(uri)),
      watcher.onDidDelete((uri) => this.noteChange(uri)),
      // A watcher may be late, or excluded by files.watcherExclude.
      vscode.workspace.onDidSaveTextDocument((document) => this.noteChange(document.uri)),
      vscode.workspace.onDidChangeWorkspaceFolders(() => void this.rebuild()),
      vscode.workspace.onDidChangeConfiguration((event) => {
        if (
          ['files.exclude', 'search.exclude', 'rationale.rerank.maxFileSize'].some((s) => event.affectsConfiguration(s))
        ) {
          this.listingStale = true;
        }
      }),
    );
  }

  dispose(): void {
    for (const subscription of this.subscriptions) subscription.dispose();
  }

  /** Folders that can be searched: those on a disk. Throws ActionableError where there are none. */
  static folders(): readonly vscode.WorkspaceFolder[] {
    const all = vscode.workspace.workspaceFolders ?? [];
    const folders = all.filter((folder) => folder.uri.scheme === 'file');
    if (folders.length > 0) return folders;
    if (all.length > 0) {
      throw new ActionableError(
        'The files of this workspace are not on a disk, and only files on a disk are searched.',
        [],
      );
    }
    throw new ActionableError('No folder is open: there are no documents to rerank.', [
      { title: 'Open Folder', run: () => vscode.commands.executeCommand('vscode.openFolder') },
    ]);
  }

  /** The best `depth` passages for a query. Throws the signal's AbortError, RationaleError when nothing can be listed. */
  candidates(query: string, depth: number, progress: IndexProgress): Promise<Candidate[]> {
    return this.enqueue(async () => {
      const index = await this.fresh(progress);
      progress.signal.throwIfAborted();
      return index.candidates(query, depth);
    });
  }

  /** Files and passages in the index; zero before the first question. */
  get size(): { readonly files: number; readonly passages: number } {
    return { files: this.index?.fileCount ?? 0, passages: this.index?.passageCount ?? 0 };
  }

  /** Forgets the index; the next question builds it anew. */
  rebuild(): Promise<void> {
    return this.enqueue(() => {
      this.index = new PassageIndex(this.source());
      this.known.clear();
      this.changed.clear();
      this.listingStale = true;
      return Promise.resolve();
    });
  }

  private enqueue<T>(work: () => Promise<T>): Promise<T> {
    const result = this.queue.then(work, work);
    this.queue = result.catch(() => undefined);
    return result;
  }

  private async fresh(progress: IndexProgress): Promise<PassageIndex> {
    const index = (this.index ??= await this.restore());
    // A watcher tells of a new file only after a moment, so files are listed for every question where that is quick.
    if (this.listingStale || this.listingMs < quickListingMs) {
      progress.report('listing files');
      this.listingStale = false;
      this.changed.clear();
      try {
        const began = performance.now();
        const files = await this.list(progress.signal);
        this.listingMs = performance.now() - began;
        const summary = await index.refresh(files, {
          signal: progress.signal,
          progress: (done, total) => progress.report(`reading files, ${done} of ${total}`),
        });
        this.known.clear();
        for (const file of files) this.known.add(file.path);
        this.log.main.info(
          `index: ${index.fileCount} files, ${index.passageCount} passages (${summary.read} read, ${summary.unchanged} unchanged, ${summary.removed} removed, ${summary.skipped.length} without text)`,
        );
        this.logSkipped(summary.skipped);
        if (summary.read > 0 || summary.removed > 0) await this.store(index);
      } catch (error) {
        this.listingStale = true;
        throw error;
      }
    }
    for (const name of [...this.changed]) {
      this.changed.delete(name);
      await this.refreshOne(index, name);
    }
    return index;
  }

  private async refreshOne(index: PassageIndex, name: string): Promise<void> {
    try {
      const { size, mtimeMs } = await stat(this.absolute(name));
      const file = { path: name, size, mtime: mtimeMs };
      if (index.isCurrent(file)) return;
      const skipped = await index.refreshFile(file);
      if (skipped !== undefined) this.logSkipped([skipped]);
    } catch {
      // Gone since.
      index.remove(name);
      this.known.delete(name);
    }
  }

  private async list(signal: AbortSignal): Promise<ListedFile[]> {
    const maxBytes = readSetting('rerank.maxFileSize');
    const listed: ListedFile[] = [];
    const skipped: { path: string; reason: string; detail: string }[] = [];
    for (const folder of WorkspaceIndex.folders()) {
      const found = await vscode.workspace.findFiles(
        new vscode.RelativePattern(folder, '**/*'),
        `{${excludedGlobs(folder).join(',')}}`,
        undefined,
        cancellationOf(signal),
      );
      const git = new GitIgnore(folder.uri.fsPath);
      for (let i = 0; i < found.length; i += statsAtOnce) {
        signal.throwIfAborted();
        await Promise.all(
          found.slice(i, i + statsAtOnce).map(async (uri) => {
            const relative = path.relative(folder.uri.fsPath, uri.fsPath).split(path.sep).join('/');
            if (await git.ignores(relative)) return;
            const name = nameIn(folder, relative);
            try {
              const { size, mtimeMs } = await stat(uri.fsPath);
              if (size <= maxBytes) listed.push({ path: name, size, mtime: mtimeMs });
              else skipped.push({ path: name, reason: 'too large', detail: `${size} bytes, the limit is ${maxBytes}` });
            } catch (error) {
              skipped.push({ path: name, reason: 'unreadable', detail: messageOf(error) });
            }
          }),
        );
      }
    }
    this.logSkipped(skipped);
    return listed.sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0));
  }

  private noteChange(uri: vscode.Uri): void {
    const name = this.nameOf(uri);
    if (name === undefined) return;
    if (name.endsWith('.gitignore')) this.listingStale = true;
    if (this.known.has(name)) this.changed.add(name);
    // A folder was deleted or renamed.
    else if (!this.listingStale && [...this.known].some((k) => k.startsWith(`${name}/`))) this.listingStale = true;
  }

  private noteCreated(uri: vscode.Uri): void {
    const name = this.nameOf(uri);
    if (name === undefined || /(^|\/)(\.git|node_modules|\.rationale)\//.test(name)) return;
    if (this.known.has(name)) this.changed.add(name);
    else this.listingStale = true;
  }

  private async restore(): Promise<PassageIndex> {
    const file = this.cacheFile();
    if (file === undefined) return new PassageIndex(this.source());
    const { index, rebuilt } = await PassageIndex.load(file, this.source());
    if (rebuilt !== undefined) this.log.main.info(`index is built anew: ${rebuilt}`);
    return index;
  }

  private async store(index: PassageIndex): Promise<void> {
    const file = this.cacheFile();
    if (file === undefined) return;
    try {
      await index.save(file);
    } catch (error) {
      if (isAbort(error)) throw error;
      this.log.main.warn(messageOf(error));
    }
  }

  private cacheFile(): string | undefined {
    return this.storageUri === undefined ? undefined : vscode.Uri.joinPath(this.storageUri, 'passages.index').fsPath;
  }

  private source(): PassageSource {
    return {
      read: (name) => readTextFile(this.absolute(name), { maxBytes: readSetting('rerank.maxFileSize') }),
      uri: (name) => documentName(vscode.Uri.file(this.absolute(name))),
    };
  }

  /** A name in the index, as a path on the disk: the reverse of nameIn. */
  private absolute(name: string): string {
    const folders = vscode.workspace.workspaceFolders ?? [];
    const [only] = folders;
    if (folders.length === 1 && only !== undefined) return path.join(only.uri.fsPath, name);
    const folder = folders.find((f) => name.startsWith(`${folderName(f)}/`));
    if (folder === undefined) return name;
    return path.join(folder.uri.fsPath, name.slice(folderName(folder).length + 1));
  }

  private nameOf(uri: vscode.Uri): string | undefined {
    const folder = uri.scheme === 'file' ? vscode.workspace.getWorkspaceFolder(uri) : undefined;
    if (folder === undefined) return undefined;
    return nameIn(folder, path.relative(folder.uri.fsPath, uri.fsPath).split(path.sep).join('/'));
  }

  private logSkipped(skipped: readonly { path: string; reason: string; detail: string }[]): void {
    for (const file of skipped.slice(0, skippedNamed)) {
      this.log.main.info(`not searched: ${file.path} (${file.reason}: ${file.detail})`);
    }
    if (skipped.length > skippedNamed) {
      this.log.main.info(`not searched: ${skipped.length - skippedNamed} more files`);
    }
  }
}

/** Relative to its folder, and below the folder's name where a workspace has several. */
function nameIn(folder: vscode.WorkspaceFolder, relative: string): string {
  return (vscode.workspace.workspaceFolders?.length ?? 0) > 1 ? `${folderName(folder)}/${relative}` : relative;
}

/** The folder's name, with its place where an earlier folder of the workspace has the same. */
function folderName(folder: vscode.WorkspaceFolder): string {
  const folders = vscode.workspace.workspaceFolders ?? [];
  const taken = folders.some((other) => other.index < folder.index && other.name === folder.name);
  return taken ? `${folder.name} (${folder.index + 1})` : folder.name;
}

/** What the user keeps out of explorer and search; findFiles alone applies only the first. */
export function excludedGlobs(folder: vscode.WorkspaceFolder | undefined): string[] {
  const globs = new Set<string>(alwaysExcluded);
  for (const section of ['files', 'search']) {
    const excluded = vscode.workspace.getConfiguration(section, folder).get<Record<string, unknown>>('exclude', {});
    for (const [glob, on] of Object.entries(excluded)) if (on === true) globs.add(glob);
  }
  return [...globs];
}

function cancellationOf(signal: AbortSignal): vscode.CancellationToken {
  const source = new vscode.CancellationTokenSource();
  signal.addEventListener('abort', () => source.cancel(), { once: true });
  return source.token;
}
