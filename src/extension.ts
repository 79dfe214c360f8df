/** Entry point of the extension: composes the parts of src/ui, and nothing else. */
import * as vscode from 'vscode';
import { messageOf } from './domain/failure.js';
import { createApi, type RationaleApi } from './ui/api.js';
import { registerCommands } from './ui/commands.js';
import { Messages } from './ui/errors.js';
import { EvaluationPanels } from './ui/evaluation-panel.js';
import { JudgementEditors } from './ui/judgement-editor.js';
import { createLog } from './ui/log.js';
import { ModelArrivals } from './ui/model-arrivals.js';
import { ModelHost } from './ui/model-host.js';
import { reportRuns } from './ui/rerank-command.js';
import { RunRegistry } from './ui/run-registry.js';
import { StatusItem } from './ui/status.js';
import { offerModel } from './ui/training-round.js';
import { WorkspaceIndex } from './ui/workspace-index.js';

/** Ends runs and the child process; they need time that disposing does not give. */
let shutDown: (() => Promise<void>) | undefined;

export function activate(context: vscode.ExtensionContext): RationaleApi {
  try {
    return compose(context);
  } catch (error) {
    // VS Code itself shows nothing when an activation fails.
    void vscode.window.showErrorMessage(`Rationale could not start: ${messageOf(error)}`);
    throw error;
  }
}

export async function deactivate(): Promise<void> {
  await shutDown?.();
}

function compose(context: vscode.ExtensionContext): RationaleApi {
  const log = createLog();
  const messages = new Messages(log);
  const model = new ModelHost(context.extensionUri, log);
  const runs = new RunRegistry();
  const index = new WorkspaceIndex(context.storageUri, log);
  const editors = new JudgementEditors({ context, log, messages, model, runs });
  const evaluations = new EvaluationPanels({ context, log, messages, editors });
  const services = { context, log, messages, model, runs, index };
  const arrivals = new ModelArrivals(context.workspaceState, log, (arrived) => offerModel(messages, arrived));
  shutDown = async () => {
    await runs.cancelAll();
    await model.dispose();
  };
  context.subscriptions.push(
    log,
    messages,
    runs,
    index,
    evaluations,
    new StatusItem(model, runs),
    editors.register(),
    arrivals,
    registerCommands(services, editors, evaluations, messages, arrivals),
    reportRuns(runs, messages, (path) => runs.resume(path, model.engine())),
  );
  return createApi(editors, evaluations, runs, model, messages.onDidShow);
}
