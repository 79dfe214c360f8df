/**
 * Waits for the models of training rounds: a round's folder is watched until a whole model folder lies in it. Rounds take
 * hours, so what is waited for outlives the window.
 */
import { readdir } from 'node:fs/promises';
import * as vscode from 'vscode';
import { messageOf } from '../domain/failure.js';
import { openModelFolder } from '../inference/model-folder.js';
import type { Log } from './log.js';

/** A round whose model is still to come. */
export interface AwaitedModel {
  /** The round's folder, in or below which the model folder arrives. */
  readonly folder: string;
  /** The judgement file whose corrections it learns from. */
  readonly judgements: string;
}

const key = 'awaitedModels';
/** Files are written one after the other, and large ones for a while: looked at when nothing has changed for so long. */
const settledMs = 1_000;
/** Network folders and containers may report no change: looked at now and then anyway. */
const lookAgainMs = 30_000;

export class ModelArrivals implements vscode.Disposable {
  private readonly watched = new Map<string, vscode.Disposable>();

  constructor(
    private readonly state: vscode.Memento,
    private readonly log: Log,
    private readonly arrived: (model: AwaitedModel & { readonly modelDir: string }) => void,
  ) {
    for (const awaited of this.awaited()) this.watch(awaited);
  }

  /** Waits for a model in `awaited.folder`, which must exist. */
  async add(awaited: AwaitedModel): Promise<void> {
    await this.state.update(key, [...this.awaited().filter(({ folder }) => folder !== awaited.folder), awaited]);
    this.watch(awaited);
  }

  dispose(): void {
    for (const watch of this.watched.values()) watch.dispose();
    this.watched.clear();
  }

  private awaited(): readonly AwaitedModel[] {
    return this.state.get<readonly AwaitedModel[]>(key, []);
  }

  private watch(awaited: AwaitedModel): void {
    this.watched.get(awaited.folder)?.dispose();
    let timer: NodeJS.Timeout | undefined;
    let looking = Promise.resolve();
    const soon = (): void => {
      clearTimeout(timer);
      timer = setTimeout(look, settledMs);
    };
    const look = (): void => {
      looking = looking.then(() => this.look(awaited)).catch((error: unknown) => this.log.main.warn(messageOf(error)));
    };
    const base = vscode.Uri.file(awaited.folder);
    const watcher = vscode.workspace.createFileSystemWatcher(new vscode.RelativePattern(base, '**/SHA256SUMS'));
    const files = vscode.workspace.createFileSystemWatcher(new vscode.RelativePattern(base, '**/*.{json,onnx}'));
    const again = setInterval(look, lookAgainMs);
    this.watched.set(
      awaited.folder,
      vscode.Disposable.from(
        watcher,
        watcher.onDidCreate(soon),
        watcher.onDidChange(soon),
        files,
        files.onDidCreate(soon),
        files.onDidChange(soon),
        {
          dispose: () => {
            clearTimeout(timer);
            clearInterval(again);
          },
        },
      ),
    );
    soon();
  }

  private async look(awaited: AwaitedModel): Promise<void> {
    if (!this.watched.has(awaited.folder)) return;
    const modelDir = await wholeModelIn(awaited.folder, (why) => this.log.main.debug(`not a whole model yet: ${why}`));
    if (modelDir === undefined || !this.watched.has(awaited.folder)) return;
    this.watched.get(awaited.folder)?.dispose();
    this.watched.delete(awaited.folder);
    await this.state.update(
      key,
      this.awaited().filter(({ folder }) => folder !== awaited.folder),
    );
    this.log.main.info(`a new model is in ${modelDir}`);
    this.arrived({ ...awaited, modelDir });
  }
}

/** The first folder in or below `folder` that is a whole model folder: every file that its SHA256SUMS lists, with that hash. */
async function wholeModelIn(folder: string, tell: (why: string) => void): Promise<string | undefined> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  for (const entry of entries.filter(({ name }) => name === 'SHA256SUMS')) {
    try {
      return (await openModelFolder(entry.parentPath)).dir;
    } catch (error) {
      // Half of a model, which is still being written.
      tell(messageOf(error));
    }
  }
  return undefined;
}
