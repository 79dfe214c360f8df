/** What starting a run takes in VS Code: the services, a file of its own, the mode as the settings say, and the editor at once. */
import { access } from 'node:fs/promises';
import path from 'node:path';
import * as vscode from 'vscode';
import { viewTypes } from '../contributions.js';
import type { JsonObject } from '../domain/json.js';
import { slug } from '../domain/text.js';
import type { RerankEngine } from '../inference/engine.js';
import type { QueryCandidates, Run } from '../runs/run.js';
import { judgementSuffix } from '../runs/run-file.js';
import type { Messages } from './errors.js';
import type { Log } from './log.js';
import type { ModelHost } from './model-host.js';
import { runMode } from './run-mode.js';
import type { RunRegistry } from './run-registry.js';
import { readSetting } from './settings.js';
import type { IndexProgress, WorkspaceIndex } from './workspace-index.js';

export interface RerankServices {
  readonly context: vscode.ExtensionContext;
  readonly log: Log;
  readonly messages: Messages;
  readonly model: ModelHost;
  readonly runs: RunRegistry;
  readonly index: WorkspaceIndex;
}

/** Starts a run over `queries` in a file named after `name`, and opens its editor; resolves when that is open. */
export async function startRun(
  { context, runs, log }: RerankServices,
  engine: RerankEngine,
  what: { readonly name: string; readonly queries: readonly QueryCandidates[]; readonly firstStage: JsonObject },
): Promise<Run> {
  const explain = readSetting('rerank.explain');
  const mode = runMode(readSetting('rerank.mode'), explain, engine.profile);
  const run = await runs.start({
    path: await runPath(what.name, context),
    queries: what.queries,
    settings: { mode, explain, firstStage: what.firstStage },
    engine,
    toolVersion: toolVersion(context),
  });
  log.main.info(`run ${run.record.run_id}: ${run.rows.length} candidates, ${run.path}`);
  await vscode.commands.executeCommand('vscode.openWith', vscode.Uri.file(run.path), viewTypes.judgements);
  return run;
}

/** Listing and reading files is what the person waits for before anything can be shown, so it may be cancelled by button. */
export function withSearchProgress<T>(work: (progress: IndexProgress) => Promise<T>): Thenable<T> {
  return vscode.window.withProgress(
    { location: vscode.ProgressLocation.Notification, title: 'Finding candidates', cancellable: true },
    (progress, token) => {
      const abort = new AbortController();
      token.onCancellationRequested(() => abort.abort());
      return work({ signal: abort.signal, report: (message) => progress.report({ message }) });
    },
  );
}

/** `FOLDER/YYYY-MM-DDTHHMMSS-slug.judgements.jsonl`, in local time, a name that does not exist yet. */
async function runPath(name: string, context: vscode.ExtensionContext): Promise<string> {
  const now = new Date();
  const two = (n: number): string => String(n).padStart(2, '0');
  const stamp = `${now.getFullYear()}-${two(now.getMonth() + 1)}-${two(now.getDate())}T${two(now.getHours())}${two(now.getMinutes())}${two(now.getSeconds())}`;
  return newRunFile(path.join(runFolder(context), stamp), slug(name));
}

/** Where runs are written. */
export function runFolder(context: vscode.ExtensionContext): string {
  const [folder] = (vscode.workspace.workspaceFolders ?? []).filter((f) => f.uri.scheme === 'file');
  // Open editors can be reranked without a folder; then the file lies in the extension's storage, and Save As takes it out.
  return folder === undefined
    ? vscode.Uri.joinPath(context.globalStorageUri, 'runs').fsPath
    : path.resolve(folder.uri.fsPath, readSetting('runs.folder'));
}

export function toolVersion(context: vscode.ExtensionContext): string {
  return String((context.extension.packageJSON as { version?: unknown }).version);
}

/** `start-name.judgements.jsonl`, numbered where that exists already. */
export async function newRunFile(start: string, name: string): Promise<string> {
  for (let n = 1; ; n++) {
    const file = `${start}-${name}${n === 1 ? '' : `-${n}`}${judgementSuffix}`;
    const taken = await access(file).then(
      () => true,
      () => false,
    );
    if (!taken) return file;
  }
}
