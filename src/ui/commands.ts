/** Registers every command of src/contributions.ts, each through the one error path. */
import * as vscode from 'vscode';
import { commandName, hostCommandIds, viewTypes, type CommandId } from '../contributions.js';
import { RationaleError } from '../domain/failure.js';
import { actionIds, actionOf, type ActionId } from '../protocol/actions.js';
import type { Messages } from './errors.js';
import { decisionKinds } from '../evaluation/labelled-file.js';
import { exportFormats } from '../interchange/exporters.js';
import { exportRefinementData, type ExportArguments } from './export-command.js';
import { importJudgements, type ImportArguments } from './import-command.js';
import { compareRankings, evaluate, type EvaluateArguments } from './evaluate-command.js';
import type { EvaluationPanels } from './evaluation-panel.js';
import type { JudgementEditors } from './judgement-editor.js';
import { rerankOpenEditors, rerankWorkspace, type RerankArguments } from './rerank-command.js';
import {
  rerankDocumentsInFile,
  rerankSelectedFiles,
  type FileArguments,
  type SelectedArguments,
} from './rerank-files-command.js';
import { registerReports } from './report-documents.js';
import type { ModelArrivals } from './model-arrivals.js';
import type { RerankServices } from './start-run.js';
import { compareModel, type CompareArguments } from './compare-model.js';
import { startTrainingRound, type TrainingArguments } from './training-round.js';

/** From the explorer's menu: the resource clicked, then everything selected. Otherwise one argument, or none. */
type Handler = (argument: unknown, selection: unknown) => Promise<unknown>;

/** Registers the commands; disposing takes them back. */
export function registerCommands(
  services: RerankServices,
  editors: JudgementEditors,
  evaluations: EvaluationPanels,
  messages: Messages,
  arrivals: ModelArrivals,
): vscode.Disposable {
  const own: Record<Exclude<CommandId, ActionId> | 'exportRefinementData', Handler> = {
    rerankWorkspace: (argument) => rerankWorkspace(services, rerankArguments(argument)),
    rerankOpenEditors: (argument) => rerankOpenEditors(services, rerankArguments(argument)),
    rerankSelectedFiles: (argument, selection) =>
      rerankSelectedFiles(services, { ...rerankArguments(argument), ...selected(argument, selection) }),
    rerankDocumentsInFile: (argument) => rerankDocumentsInFile(services, fileArguments(argument)),
    importJudgements: (argument) =>
      importJudgements({ context: services.context, messages }, importArguments(argument)),
    evaluate: (argument, selection) => evaluate({ editors, evaluations }, evaluateArguments(argument, selection)),
    compareRankings: (argument, selection) =>
      compareRankings({ editors, evaluations }, evaluateArguments(argument, selection)),
    compareModel: (argument) => compareModel(services, editors, compareArguments(argument)),
    startTrainingRound: (argument) =>
      startTrainingRound(
        { context: services.context, messages, editors, model: services.model },
        arrivals,
        trainingArguments(argument),
      ),
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
    vscode.commands.registerCommand(commandName(id), (argument: unknown, selection: unknown) =>
      messages.runWithErrorHandling(commandName(id), () => handler(argument, selection)),
    );
  return vscode.Disposable.from(
    registerReports(),
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
  const { files, format, folder, policy } = fieldsOf(argument);
  const known = exportFormats.find((name) => name === format);
  return {
    ...(Array.isArray(files) && files.every((file) => file instanceof vscode.Uri) ? { files } : {}),
    ...(known === undefined ? {} : { format: known }),
    ...(folder instanceof vscode.Uri ? { folder } : {}),
    // Checked when the export is planned.
    ...(typeof policy === 'object' && policy !== null ? { policy } : {}),
  };
}

/** What is chosen in the explorer, or what a keybinding names. */
function selected(argument: unknown, selection: unknown): SelectedArguments {
  if (isUris(selection) && selection.length > 0) return { uris: selection };
  if (argument instanceof vscode.Uri) return { uris: [argument] };
  const { uris } = fieldsOf(argument);
  return isUris(uris) ? { uris } : {};
}

/** What is chosen in the explorer, or `{ uris, qrels }` of a keybinding. */
function evaluateArguments(argument: unknown, selection: unknown): EvaluateArguments {
  const { uris } = selected(argument, selection);
  const { qrels, decisions } = fieldsOf(argument);
  const kind = decisionKinds.find((known) => known === decisions);
  return {
    ...(uris === undefined ? {} : { sources: uris }),
    ...(qrels instanceof vscode.Uri
      ? { reference: { kind: 'file', path: qrels.fsPath } }
      : kind === undefined
        ? {}
        : { reference: { kind } }),
  };
}

function fileArguments(argument: unknown): FileArguments {
  if (argument instanceof vscode.Uri) return { source: argument };
  const { source, corpus, queries } = fieldsOf(argument);
  return {
    ...(source instanceof vscode.Uri ? { source } : {}),
    ...(corpus instanceof vscode.Uri ? { corpus } : {}),
    ...(typeof queries === 'number' && queries >= 1 ? { queries: Math.floor(queries) } : {}),
  };
}

function trainingArguments(argument: unknown): TrainingArguments {
  if (argument instanceof vscode.Uri) return { file: argument };
  const { file, config } = fieldsOf(argument);
  return {
    ...(file instanceof vscode.Uri ? { file } : {}),
    ...(config instanceof vscode.Uri ? { config } : {}),
  };
}

function compareArguments(argument: unknown): CompareArguments {
  if (argument instanceof vscode.Uri) return { file: argument };
  const { file, model } = fieldsOf(argument);
  return {
    ...(file instanceof vscode.Uri ? { file } : {}),
    ...(model instanceof vscode.Uri ? { model } : {}),
  };
}

function importArguments(argument: unknown): ImportArguments {
  if (argument instanceof vscode.Uri) return { source: argument };
  const { source, importer, out, mapping, corpus } = fieldsOf(argument);
  const columns = Object.entries(fieldsOf(mapping)).filter(([, column]) => typeof column === 'string');
  return {
    ...(source instanceof vscode.Uri ? { source } : {}),
    ...(typeof importer === 'string' ? { importer } : {}),
    ...(out instanceof vscode.Uri ? { out } : {}),
    ...(corpus instanceof vscode.Uri ? { corpus } : {}),
    ...(columns.length === 0 ? {} : { mapping: Object.fromEntries(columns) }),
  };
}

function fieldsOf(argument: unknown): Readonly<Record<string, unknown>> {
  return typeof argument === 'object' && argument !== null ? (argument as Readonly<Record<string, unknown>>) : {};
}

function isUris(value: unknown): value is vscode.Uri[] {
  return Array.isArray(value) && value.every((item) => item instanceof vscode.Uri);
}
