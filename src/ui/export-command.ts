/** `Export Refinement Data…`: which files, which format, a preview of what goes in and why the rest does not, a folder. */
import path from 'node:path';
import * as vscode from 'vscode';
import { RationaleError } from '../domain/failure.js';
import { readLogs } from '../annotation/log.js';
import { planExport, type ExportPlan } from '../interchange/export.js';
import { writeExport, type WrittenExport } from '../interchange/export-folder.js';
import type { ExportFormat } from '../interchange/exporters.js';
import { exportPolicy, type ExportPolicy } from '../interchange/policy.js';
import type { Messages } from './errors.js';
import { evaluationSetsOfWorkspace, pickFormat, pickPolicy } from './export-choices.js';
import { exportPreview } from './export-preview.js';
import type { JudgementEditors } from './judgement-editor.js';
import type { ModelHost } from './model-host.js';
import { showReport } from './report-documents.js';

export interface ExportServices {
  readonly context: vscode.ExtensionContext;
  readonly messages: Messages;
  readonly editors: JudgementEditors;
  readonly model: ModelHost;
}

/** Arguments for a keybinding or a test; what is missing is asked for. With a folder nothing needs to be confirmed. */
export interface ExportArguments {
  readonly files?: readonly vscode.Uri[];
  readonly format?: ExportFormat;
  readonly folder?: vscode.Uri;
  /** What differs from the defaults; with it, or with a folder, it is not asked for. */
  readonly policy?: Partial<ExportPolicy>;
}

/** Runs the export; undefined when given up on the way. Throws RationaleError when nothing can be exported or written. */
export async function exportRefinementData(
  services: ExportServices,
  given: ExportArguments,
): Promise<WrittenExport | undefined> {
  const files = given.files ?? (await pickFiles(services.editors));
  if (files === undefined) return undefined;
  const format = given.format ?? (await pickFormat());
  if (format === undefined) return undefined;
  const unsaved = await saveOrCount(services, files);
  if (unsaved === undefined) return undefined;
  const evaluationSets = given.policy?.evaluationSets ?? (await evaluationSetsOfWorkspace());
  const defaults = exportPolicy({ ...given.policy, evaluationSets });
  const asked = given.folder === undefined && given.policy === undefined;
  const policy = asked ? await pickPolicy(defaults, await annotatorsOf(files)) : defaults;
  if (policy === undefined) return undefined;
  // Teacher files may hold answers of the embedded model, whose prompt its own profile renders.
  const profiles = (await services.model.profiles()).map((known) => known.profile);
  const plan = await withProgress('Reading judgements', (signal, report) =>
    planExport({
      files: files.map((uri) => uri.fsPath),
      format,
      profiles,
      policy,
      signal,
      progress: (rows) => report(`${rows} rows`),
    }),
  );
  let folder = given.folder;
  if (folder === undefined) {
    await showReport('Export Preview', exportPreview(plan, unsaved));
    if (plan.included > 0 && !(await confirmed(plan))) return undefined;
    folder = plan.included === 0 ? undefined : await pickFolder();
    if (folder === undefined) {
      if (plan.included > 0) return undefined;
      throw new RationaleError('user', 'No row can be exported; the preview says why. Accept or correct rows first.');
    }
  }
  const version = String((services.context.extension.packageJSON as { version?: unknown }).version);
  const target = folder.fsPath;
  const written = await withProgress('Writing the export', () => writeExport(plan, target, version));
  reportWritten(services.messages, written);
  return written;
}

/** Large files take a while; what is slow can be cancelled. */
function withProgress<T>(
  title: string,
  work: (signal: AbortSignal, report: (message: string) => void) => Promise<T>,
): Thenable<T> {
  return vscode.window.withProgress(
    { location: vscode.ProgressLocation.Notification, title, cancellable: true },
    (progress, token) => {
      const abort = new AbortController();
      token.onCancellationRequested(() => abort.abort());
      return work(abort.signal, (message) => progress.report({ message }));
    },
  );
}

/** Who decided on rows of the files, to choose the adjudicator from. */
async function annotatorsOf(files: readonly vscode.Uri[]): Promise<string[]> {
  const logs = await Promise.all(files.map((uri) => readLogs(uri.fsPath)));
  return [...new Set(logs.flatMap(({ events }) => events.map((event) => event.annotator)))].sort();
}

async function pickFiles(editors: JudgementEditors): Promise<readonly vscode.Uri[] | undefined> {
  const active = editors.activePanel?.file.uri;
  const open = editors.panels.map((editor) => editor.file.uri);
  const found = await vscode.workspace.findFiles('**/*.judgements.jsonl', '**/node_modules/**', 500);
  const files = new Map<string, vscode.Uri>();
  for (const uri of [...(active === undefined ? [] : [active]), ...open, ...found]) {
    if (uri.scheme === 'file') files.set(uri.toString(), uri);
  }
  if (files.size === 0) {
    throw new RationaleError('user', 'There is no judgement file: rerank something first, or open a teacher’s file.');
  }
  if (files.size === 1) return [...files.values()];
  const items = [...files.values()].map((uri) => ({
    label: path.posix.basename(uri.path),
    description: vscode.workspace.asRelativePath(vscode.Uri.joinPath(uri, '..')),
    picked: uri.toString() === active?.toString(),
    uri,
  }));
  const picked = await vscode.window.showQuickPick(items, {
    canPickMany: true,
    title: 'Export Refinement Data: from which judgement files?',
  });
  return picked === undefined || picked.length === 0 ? undefined : picked.map((item) => item.uri);
}

/** An export reads what is saved. Offers to save first; gives how many decisions stay unsaved, undefined when given up. */
async function saveOrCount({ editors }: ExportServices, files: readonly vscode.Uri[]): Promise<number | undefined> {
  const wanted = new Set(files.map((uri) => uri.toString()));
  const unsaved = new Set(
    editors.panels
      .map((editor) => editor.file)
      .filter((file) => wanted.has(file.uri.toString()) && file.document.unsavedCount > 0),
  );
  if (unsaved.size === 0) return 0;
  const save = 'Save and Export';
  const leave = 'Export What Is Saved';
  const answer = await vscode.window.showWarningMessage(
    'Some decisions are not saved. An export holds saved decisions only.',
    { modal: true },
    save,
    leave,
  );
  if (answer === undefined) return undefined;
  if (answer === save) for (const file of unsaved) await vscode.workspace.save(file.uri);
  return [...unsaved].reduce((sum, file) => sum + file.document.unsavedCount, 0);
}

async function confirmed(plan: ExportPlan): Promise<boolean> {
  const go = `Export ${plan.included} of ${plan.total} rows…`;
  // Stays open while the preview is read and scrolled.
  const answer = await vscode.window.showQuickPick([go, 'Cancel'], {
    title: 'Export Refinement Data',
    ignoreFocusOut: true,
  });
  return answer === go;
}

async function pickFolder(): Promise<vscode.Uri | undefined> {
  const [first] = vscode.workspace.workspaceFolders ?? [];
  const picked = await vscode.window.showOpenDialog({
    canSelectFolders: true,
    canSelectFiles: false,
    openLabel: 'Export Here',
    title: 'An empty folder for the data, its card and its manifest',
    ...(first === undefined ? {} : { defaultUri: first.uri }),
  });
  return picked?.[0];
}

function reportWritten(messages: Messages, written: WrittenExport): void {
  const open = (name: string) => ({
    title: `Open ${name}`,
    run: () => vscode.commands.executeCommand('vscode.open', vscode.Uri.file(path.join(written.folder, name))),
  });
  const data = written.files.find((name) => !/\.(md|parquet)$|^manifest\.json$/.test(name));
  messages.show('info', `${written.rows} rows exported to ${written.folder}.`, [
    open('README.md'),
    ...(data === undefined ? [] : [open(data)]),
  ]);
}
