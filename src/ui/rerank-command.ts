/** `Rerank Workspace Documents…` and `Rerank Open Editors…`: a question, its candidates, a run, and its editor at once. */
import { access } from 'node:fs/promises';
import path from 'node:path';
import * as vscode from 'vscode';
import { viewTypes } from '../contributions.js';
import type { Candidate } from '../domain/candidate.js';
import { idOfText } from '../domain/identity.js';
import type { JsonObject } from '../domain/json.js';
import type { Mode } from '../domain/judgement.js';
import { slug } from '../domain/text.js';
import type { RerankEngine } from '../inference/engine.js';
import { modesOf } from '../profiles/profile.js';
import type { Run } from '../runs/run.js';
import { judgementSuffix } from '../runs/run-file.js';
import { ActionableError, type Messages } from './errors.js';
import type { Log } from './log.js';
import type { ModelHost } from './model-host.js';
import { openEditorCandidates } from './open-editors.js';
import { askQuestion, checkedQuestion, rememberQuestion } from './question.js';
import type { RunRegistry } from './run-registry.js';
import { liveRunView } from './run-view.js';
import { readSetting } from './settings.js';
import { WorkspaceIndex, type IndexProgress } from './workspace-index.js';

/** Arguments for a keybinding or a test: the question, so that nothing is asked. */
export interface RerankArguments {
  readonly question?: string;
}

export interface RerankServices {
  readonly context: vscode.ExtensionContext;
  readonly log: Log;
  readonly messages: Messages;
  readonly model: ModelHost;
  readonly runs: RunRegistry;
  readonly index: WorkspaceIndex;
}

/** Reranks the workspace; resolves when the editor is open, with the run that goes on. Undefined when given up. */
export async function rerankWorkspace(services: RerankServices, given: RerankArguments): Promise<Run | undefined> {
  const engine = services.model.engine();
  WorkspaceIndex.folders();
  return rerank(services, engine, given, 'Rerank Workspace Documents', async (question, depth, progress) => ({
    candidates: await services.index.candidates(question, depth, progress),
    source: { over: 'workspace', ...services.index.size },
    none: 'No file of the workspace shares a word with the question. The log names the files that were not searched.',
  }));
}

/** The same for the text editors that are open, with what is typed in them and not saved. */
export async function rerankOpenEditors(services: RerankServices, given: RerankArguments): Promise<Run | undefined> {
  const engine = services.model.engine();
  return rerank(services, engine, given, 'Rerank Open Editors', async (question, depth) => {
    const candidates = await openEditorCandidates(question, depth);
    return {
      candidates,
      source: { over: 'open editors' },
      none: 'No open editor holds text that could be ranked.',
    };
  });
}

interface Found {
  readonly candidates: readonly Candidate[];
  readonly source: JsonObject;
  /** Said when there are no candidates. */
  readonly none: string;
}

async function rerank(
  services: RerankServices,
  engine: RerankEngine,
  given: RerankArguments,
  title: string,
  find: (question: string, depth: number, progress: IndexProgress) => Promise<Found>,
): Promise<Run | undefined> {
  const { context, runs, log } = services;
  const asked = given.question ?? (await askQuestion(context.workspaceState, title));
  if (asked === undefined) return undefined;
  const question = checkedQuestion(asked);
  await rememberQuestion(context.workspaceState, question);
  const depth = readSetting('rerank.depth');
  const { candidates, source, none } = await withSearchProgress((progress) => find(question, depth, progress));
  if (candidates.length === 0) throw new ActionableError(none, []);
  const explain = readSetting('rerank.explain');
  const mode: Mode = explain > 0 && modesOf(engine.profile).includes('label-first') ? 'label-first' : 'score';
  const run = await runs.start({
    path: await runPath(question, context),
    queries: [{ query: { query_id: idOfText('q', question), query: question }, candidates }],
    settings: { mode, explain, firstStage: { kind: 'bm25', depth, ...source } },
    engine,
    toolVersion: String((context.extension.packageJSON as { version?: unknown }).version),
  });
  log.main.info(`run ${run.record.run_id}: ${candidates.length} candidates, ${run.path}`);
  log.main.trace(`question: ${question}`);
  await vscode.commands.executeCommand('vscode.openWith', vscode.Uri.file(run.path), viewTypes.judgements);
  return run;
}

/** Shows every run that starts in the window's progress, and says how one ended that did not end well. */
export function reportRuns(
  runs: RunRegistry,
  messages: Messages,
  resume: (path: string) => Promise<unknown>,
): vscode.Disposable {
  return runs.onDidStart((run) => {
    void vscode.window.withProgress(
      { location: vscode.ProgressLocation.Window, title: 'Rationale' },
      async (progress) => {
        const stop = run.onDidChange((change) => {
          if (change.type === 'state') progress.report({ message: liveRunView(run.state).message });
        });
        const state = await run.finished;
        stop();
        if (state.phase !== 'failed') return;
        messages.show(
          'error',
          `The run stopped after ${state.done} of ${state.total} documents; what was judged is kept in ${path.basename(run.path)}. ${state.message}`,
          [{ title: 'Resume', run: () => resumeInEditor(run.path, resume) }],
        );
      },
    );
  });
}

/** With its editor open, which knows the rows that somebody has decided on. */
async function resumeInEditor(path: string, resume: (path: string) => Promise<unknown>): Promise<void> {
  await vscode.commands.executeCommand('vscode.openWith', vscode.Uri.file(path), viewTypes.judgements);
  await resume(path);
}

/** Listing and reading files is what the person waits for before anything can be shown, so it may be cancelled by button. */
function withSearchProgress<T>(work: (progress: IndexProgress) => Promise<T>): Thenable<T> {
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
async function runPath(question: string, context: vscode.ExtensionContext): Promise<string> {
  const [folder] = (vscode.workspace.workspaceFolders ?? []).filter((f) => f.uri.scheme === 'file');
  // Open editors can be reranked without a folder; then the file lies in the extension's storage, and Save As takes it out.
  const base =
    folder === undefined
      ? vscode.Uri.joinPath(context.globalStorageUri, 'runs').fsPath
      : path.resolve(folder.uri.fsPath, readSetting('runs.folder'));
  const now = new Date();
  const two = (n: number): string => String(n).padStart(2, '0');
  const stamp = `${now.getFullYear()}-${two(now.getMonth() + 1)}-${two(now.getDate())}T${two(now.getHours())}${two(now.getMinutes())}${two(now.getSeconds())}`;
  for (let n = 1; ; n++) {
    const file = path.join(base, `${stamp}-${slug(question)}${n === 1 ? '' : `-${n}`}${judgementSuffix}`);
    const taken = await access(file).then(
      () => true,
      () => false,
    );
    if (!taken) return file;
  }
}
