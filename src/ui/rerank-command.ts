/** `Rerank Workspace Documents…` and `Rerank Open Editors…`: a question, its candidates, a run, and its editor at once. */
import path from 'node:path';
import * as vscode from 'vscode';
import type { Candidate } from '../domain/candidate.js';
import { idOfText } from '../domain/identity.js';
import type { JsonObject } from '../domain/json.js';
import type { RerankEngine } from '../inference/engine.js';
import type { Run } from '../runs/run.js';
import { ActionableError, type Messages } from './errors.js';
import { openEditorCandidates } from './open-editors.js';
import { askQuestion, checkedQuestion, rememberQuestion } from './question.js';
import type { RunRegistry } from './run-registry.js';
import { liveRunView } from './run-view.js';
import { readSetting } from './settings.js';
import { viewTypes } from '../contributions.js';
import { startRun, withSearchProgress, type RerankServices } from './start-run.js';
import { WorkspaceIndex, type IndexProgress } from './workspace-index.js';

/** Arguments for a keybinding or a test: the question, so that nothing is asked. */
export interface RerankArguments {
  readonly question?: string;
}

/** Reranks the workspace; resolves when the editor is open, with the run that goes on. Undefined when given up. */
export async function rerankWorkspace(services: RerankServices, given: RerankArguments): Promise<Run | undefined> {
  const engine = services.model.engine();
  WorkspaceIndex.folders();
  return rerankQuestion(services, engine, given, 'Rerank Workspace Documents', async (question, depth, progress) => ({
    candidates: await services.index.candidates(question, depth, progress),
    source: { over: 'workspace', ...services.index.size },
    none: 'No file of the workspace shares a word with the question. The log names the files that were not searched.',
  }));
}

/** The same for the text editors that are open, with what is typed in them and not saved. */
export async function rerankOpenEditors(services: RerankServices, given: RerankArguments): Promise<Run | undefined> {
  const engine = services.model.engine();
  return rerankQuestion(services, engine, given, 'Rerank Open Editors', async (question, depth) => {
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

/**
 * Asks for the question, finds its candidates and starts the run; undefined when given up. Throws ActionableError where
 * there are none.
 */
export async function rerankQuestion(
  services: RerankServices,
  engine: RerankEngine,
  given: RerankArguments,
  title: string,
  find: (question: string, depth: number, progress: IndexProgress) => Promise<Found>,
): Promise<Run | undefined> {
  const { context } = services;
  const asked = given.question ?? (await askQuestion(context.workspaceState, title));
  if (asked === undefined) return undefined;
  const question = checkedQuestion(asked);
  await rememberQuestion(context.workspaceState, question);
  const depth = readSetting('rerank.depth');
  const { candidates, source, none } = await withSearchProgress((progress) => find(question, depth, progress));
  if (candidates.length === 0) throw new ActionableError(none, []);
  services.log.main.trace(`question: ${question}`);
  return startRun(services, engine, {
    name: question,
    queries: [{ query: { query_id: idOfText('q', question), query: question }, candidates }],
    firstStage: { kind: 'bm25', depth, ...source },
  });
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
