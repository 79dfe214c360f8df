/** Registers every command of src/contributions.ts, each through the one error path. */
import * as vscode from 'vscode';
import { commandName, hostCommandIds, viewTypes, type CommandId } from '../contributions.js';
import { RationaleError } from '../domain/failure.js';
import { actionIds, actionOf, type ActionId } from '../protocol/actions.js';
import type { Messages } from './errors.js';
import { exportFormats } from '../interchange/export.js';
import { exportRefinementData, registerExportPreview, type ExportArguments } from './export-command.js';
import type { JudgementEditors } from './judgement-editor.js';
import { rerankOpenEditors, rerankWorkspace, type RerankArguments, type RerankServices } from './rerank-command.js';

type Handler = (argument: unknown) => Promise<unknown>;

/** Registers the commands; disposing takes them back. */
export function registerCommands(
  services: RerankServices,
  editors: JudgementEditors,
  messages: Messages,
): vscode.Disposable {
  const own: Record<Exclude<CommandId, ActionId> | 'exportRefinementData', Handler> = {
    rerankWorkspace: (argument) => rerankWorkspace(services, rerankArguments(argument)),
    rerankOpenEditors: (argument) => rerankOpenEditors(services, rerankArguments(argument)),
    openInEditor: (argument) => openInEditor(argument),
    rebuildIndex: () => services.index.rebuild(),
    showLog: () => {
      services.log.main.show();
      return Promise.resolve();
    },
    exportRefinementData: (argument) =>
      exportRefinementData(
        { context: services.context, messages, editors, model: services.model },
        exportArguments(argument),
      ),
  };
  const register = (id: CommandId, handler: Handler): vscode.Disposable =>
    vscode.commands.registerCommand(commandName(id), (argument: unknown) =>
      messages.runWithErrorHandling(commandName(id), () => handler(argument)),
    );
  return vscode.Disposable.from(
    registerExportPreview(),
    ...hostCommandIds.map((id) => register(id, own[id])),
    ...actionIds.map((id) =>
      register(id, id === 'exportRefinementData' ? own.exportRefinementData : () => performActive(editors, id)),
    ),
  );
}

async function performActive(editors: JudgementEditors, id: ActionId): Promise<void> {
  const editor = editors.activePanel;
  if (editor === undefined) {
    throw new RationaleError('user', `“${actionOf(id).title}” works in a Rationale editor, and none is active.`);
  }
  await editors.perform(editor, id);
}

async function openInEditor(argument: unknown): Promise<void> {
  const uri = uriOf(argument) ?? vscode.window.activeTextEditor?.document.uri;
  if (uri === undefined) throw new RationaleError('user', 'Open a .jsonl file first, or choose one in the explorer.');
  const type = uri.path.endsWith('.judgements.jsonl') ? viewTypes.judgements : viewTypes.option;
  await vscode.commands.executeCommand('vscode.openWith', uri, type);
}

function uriOf(argument: unknown): vscode.Uri | undefined {
  return argument instanceof vscode.Uri ? argument : undefined;
}

/** Arguments come from keybindings.json too, so they may be anything. */
function rerankArguments(argument: unknown): RerankArguments {
  if (typeof argument !== 'object' || argument === null || !('question' in argument)) return {};
  return typeof argument.question === 'string' ? { question: argument.question } : {};
}

/** A file (explorer, editor title), or what a keybinding names. */
function exportArguments(argument: unknown): ExportArguments {
  if (argument instanceof vscode.Uri) return { files: [argument] };
  if (typeof argument !== 'object' || argument === null) return {};
  const { files, format, folder } = argument as Readonly<Record<string, unknown>>;
  const known = exportFormats.find((name) => name === format);
  return {
    ...(Array.isArray(files) && files.every((file) => file instanceof vscode.Uri) ? { files } : {}),
    ...(known === undefined ? {} : { format: known }),
    ...(folder instanceof vscode.Uri ? { folder } : {}),
  };
}
