/**
 * The Rationale editor in VS Code: opens judgement files, connects the undoable document to VS Code's undo stack, save
 * and hot exit, and answers the webview. What is shown is made in editor-view.ts, what is decided in annotation/.
 */
import { randomBytes } from 'node:crypto';
import { access, cp, mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import * as vscode from 'vscode';
import type { JudgementDocument } from '../annotation/document.js';
import { type Edit } from '../annotation/document.js';
import { companionStem } from '../annotation/record.js';
import { commandName, viewTypes } from '../contributions.js';
import { RationaleError } from '../domain/failure.js';
import type { Judgement } from '../domain/judgement.js';
import { actionOf, type ActionId } from '../protocol/actions.js';
import {
  noFilter,
  type EditorView,
  type FromWebview,
  type RowDetail,
  type RowKey,
  type ToWebview,
} from '../protocol/editor.js';
import { CounterfactualCache } from '../evaluation/counterfactual.js';
import { ActivityClock } from './activity.js';
import { Carries } from './carries.js';
import { setContextKey } from './context-keys.js';
import { rankingMarkdown } from './copy-markdown.js';
import { EditorNavigation, type Subset } from './editor-navigation.js';
import { editorView, rowSummaries, selectedDetail } from './editor-view.js';
import type { Messages } from './errors.js';
import { JudgementFile, type FileChange } from './judgement-file.js';
import type { Log } from './log.js';
import { parseFromWebview } from './message-guard.js';
import type { ModelHost } from './model-host.js';
import { documentName, openDocument, resolveDocument } from './open-document.js';
import type { RunRegistry } from './run-registry.js';
import { annotatorName } from './settings.js';
import { webviewHtml } from './webview-html.js';

/** Changes that come by themselves (a run, another editor) reach the webview at most this often. */
const updateEveryMs = 80;

export interface EditorServices {
  readonly context: vscode.ExtensionContext;
  readonly log: Log;
  readonly messages: Messages;
  readonly model: ModelHost;
  readonly runs: RunRegistry;
}

/** One visible (or hidden) editor on a file. */
export class EditorPanel {
  readonly navigation: EditorNavigation;
  readonly carries: Carries;
  private timer: NodeJS.Timeout | undefined;
  private dirty: FileChange | null = null;
  private disposed = false;
  private readonly posted = new vscode.EventEmitter<ToWebview>();
  /** What the webview is told; for tests. */
  readonly onDidPost = this.posted.event;
  private readonly subscriptions: { dispose(): unknown }[] = [this.posted];

  constructor(
    readonly file: JudgementFile,
    readonly panel: vscode.WebviewPanel,
    counterfactuals: CounterfactualCache,
  ) {
    this.navigation = new EditorNavigation(file.document);
    this.carries = new Carries(counterfactuals, (carries) => this.post({ type: 'carries', carries }));
    this.subscriptions.push(file.onDidChange((change) => this.schedule(change)));
  }

  dispose(): void {
    clearTimeout(this.timer);
    this.disposed = true;
    this.carries.cancel();
    for (const subscription of this.subscriptions) subscription.dispose();
  }

  view(): EditorView {
    return editorView(this.file, this.navigation);
  }

  detail(): RowDetail | null {
    return selectedDetail(this.file, this.navigation);
  }

  post(message: ToWebview): void {
    if (this.disposed) return;
    this.posted.fire(message);
    // Lost while the webview is hidden, on purpose: it asks with `ready` when it comes back.
    if (this.panel.visible) void this.panel.webview.postMessage(message);
  }

  /** Sends the header and the selected row as they are now. */
  sendAll(): void {
    this.dirty = null;
    clearTimeout(this.timer);
    this.timer = undefined;
    this.post({ type: 'view', view: this.view() });
    this.post({ type: 'detail', detail: this.detail() });
    this.post({ type: 'carries', carries: this.carries.view });
  }

  /** Reads the document again and sends it, at once. */
  refresh(): void {
    this.navigation.refresh();
    this.sendAll();
  }

  private schedule(change: FileChange): void {
    this.dirty = change === 'rows' ? 'rows' : (this.dirty ?? 'detail');
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      if (this.dirty === 'rows') this.refresh();
      else if (this.dirty === 'detail') this.post({ type: 'detail', detail: this.detail() });
      this.dirty = null;
    }, updateEveryMs);
  }
}

/** How long an editor that was asked for may take to appear: a file of a million rows opens in seconds. */
const patienceMs = 60_000;

/** What lies beside a judgement file and goes with it, by the end of its name. */
const companions = ['.run.json', '.rationale.json', '.corrections'] as const;

/** Messages that show somebody at work on the selected row. */
const worksOnRow: ReadonlySet<FromWebview['type']> = new Set(['select', 'move', 'decide', 'draft', 'run']);

type EditEvents = vscode.EventEmitter<vscode.CustomDocumentEditEvent<JudgementFile>>;

export class JudgementEditors {
  /** VS Code looks an edited document up by view type, so an edit is told to the provider that opened the file only. */
  private readonly editsOf = new WeakMap<JudgementFile, EditEvents>();
  private readonly files = new Map<string, JudgementFile>();
  /** What was decided on a file that its run goes on to write after its last editor was closed. */
  private readonly closedWhileRunning = new Map<string, JudgementDocument>();
  private readonly editors = new Set<EditorPanel>();
  private readonly counterfactuals = new CounterfactualCache();
  private readonly opened = new vscode.EventEmitter<EditorPanel>();
  /** Files whose edits from the journal are not on VS Code's undo stack yet. */
  private readonly restoring = new WeakSet<JudgementFile>();
  private readonly clock = new ActivityClock(() => performance.now(), vscode.window.state.focused);
  private readonly subscriptions: { dispose(): unknown }[] = [this.opened];

  constructor(private readonly services: EditorServices) {
    this.subscriptions.push(
      vscode.window.onDidChangeWindowState((state) => this.clock.setFocused(state.focused)),
      services.runs.onDidStart((run) => this.files.get(run.path)?.attach(run)),
    );
    this.subscriptions.push(
      services.runs.onDidChange(() => {
        for (const path of this.closedWhileRunning.keys()) {
          if (services.runs.get(path) === undefined) this.closedWhileRunning.delete(path);
        }
      }),
    );
    services.runs.mayChange = (path, index) => {
      const file = this.files.get(path)?.document ?? this.closedWhileRunning.get(path);
      return file?.isDecided(index) !== true;
    };
  }

  /** Registers a provider for each of the view types. */
  register(): vscode.Disposable {
    const options = { supportsMultipleEditorsPerDocument: true, webviewOptions: { retainContextWhenHidden: false } };
    return vscode.Disposable.from(
      ...Object.values(viewTypes).map((type) =>
        vscode.window.registerCustomEditorProvider(type, this.provider(), options),
      ),
      new vscode.Disposable(() => {
        for (const subscription of this.subscriptions) subscription.dispose();
      }),
    );
  }

  private provider(): vscode.CustomEditorProvider<JudgementFile> {
    const edits: EditEvents = new vscode.EventEmitter();
    this.subscriptions.push(edits);
    return {
      onDidChangeCustomDocument: edits.event,
      openCustomDocument: async (uri) => {
        const file = await this.open(uri);
        this.editsOf.set(file, edits);
        return file;
      },
      resolveCustomEditor: (file, panel) => this.show(file, panel),
      saveCustomDocument: (file) => file.save(),
      saveCustomDocumentAs: (file, destination) => this.saveAs(file, destination),
      revertCustomDocument: (file) => file.revert(),
      backupCustomDocument: backUp,
    };
  }

  /** The editors that are open. */
  get panels(): readonly EditorPanel[] {
    return [...this.editors];
  }

  /** Private to this installation: unsaved decisions and drafts, by judgement file. */
  get journalFolder(): string {
    return vscode.Uri.joinPath(this.services.context.globalStorageUri, 'journal').fsPath;
  }

  get activePanel(): EditorPanel | undefined {
    return this.panels.find((editor) => editor.panel.active);
  }

  // Open and save as

  private async open(uri: vscode.Uri): Promise<JudgementFile> {
    if (uri.scheme === 'file' && this.files.has(uri.fsPath)) {
      throw new RationaleError(
        'user',
        `${uri.fsPath} is open in a Rationale editor of the other kind: close that first.`,
      );
    }
    const { log } = this.services;
    const options = {
      annotator: await annotatorName(),
      installationId: await this.installationId(),
      journalDir: this.journalFolder,
    };
    const file = await JudgementFile.open(uri, options, await this.services.model.profiles());
    log.main.info(`opened ${uri.toString(true)}: ${file.document.rows.length} rows`);
    for (const notice of file.document.notices) log.main.warn(notice);
    if (file.document.restoredEdits.length > 0) this.restoring.add(file);
    if (uri.scheme === 'file') {
      const key = uri.fsPath;
      this.files.set(key, file);
      this.closedWhileRunning.delete(key);
      const dispose = file.dispose.bind(file);
      file.dispose = () => {
        this.files.delete(key);
        if (file.isRunning) this.closedWhileRunning.set(key, file.document);
        dispose();
      };
      const run = this.services.runs.get(key);
      if (run !== undefined) file.attach(run);
      file.onDidChangeOutside(() => this.reportOutsideChange(file));
      file.onDidFail((error) => this.services.messages.showError(`reading ${file.fileName} again`, error));
    }
    return file;
  }

  /**
   * Copies judgements, run record, sidecar and logs to `destination`, and writes the decisions that are not saved yet
   * into the copy only. Throws RationaleError where a companion of another file already lies beside `destination`.
   */
  async saveAs(file: JudgementFile, destination: vscode.Uri): Promise<void> {
    if (destination.scheme !== 'file') {
      throw new RationaleError('user', `A judgement file is saved to a disk, not to ${destination.scheme}:.`);
    }
    if (file.isRunning) {
      throw new RationaleError(
        'user',
        `${file.fileName} is still being written by its run. Cancel it or wait, then save a copy.`,
      );
    }
    const from = companionStem(file.document.path);
    const to = companionStem(destination.fsPath);
    if (from === to) {
      await file.save();
      return;
    }
    for (const suffix of companions) {
      if (!(await exists(`${to}${suffix}`))) continue;
      throw new RationaleError(
        'user',
        `${to}${suffix} belongs to another file of that name, with which a copy must not be mixed. Choose another name.`,
      );
    }
    await mkdir(path.dirname(to), { recursive: true });
    if (file.uri.scheme === 'file') {
      await cp(file.document.path, destination.fsPath);
      for (const suffix of companions) {
        if (await exists(`${from}${suffix}`)) await cp(`${from}${suffix}`, `${to}${suffix}`, { recursive: true });
      }
    } else {
      await writeFile(destination.fsPath, await vscode.workspace.fs.readFile(file.uri));
    }
    if (file.document.unsavedCount === 0) return;
    await file.document.saveCopy(destination.fsPath);
    await file.document.revert();
  }

  /**
   * Opens a file in an editor beside the active one, or goes to the one it is open in, and shows a place in it: a row,
   * the rows of a query, or a set of rows. Throws RationaleError where no editor came of it.
   */
  async reveal(
    uri: vscode.Uri,
    place: { readonly key: RowKey } | { readonly queryId: string } | { readonly subset: Subset },
  ): Promise<void> {
    const open = (): EditorPanel | undefined =>
      this.panels.find((editor) => editor.file.uri.toString() === uri.toString());
    let editor = open();
    if (editor === undefined) {
      const type = uri.path.endsWith('.judgements.jsonl') ? viewTypes.judgements : viewTypes.option;
      const appeared = new Promise<EditorPanel>((resolve) => {
        const listener = this.opened.event((panel) => {
          if (panel.file.uri.toString() !== uri.toString()) return;
          listener.dispose();
          resolve(panel);
        });
        setTimeout(() => {
          listener.dispose();
        }, patienceMs);
      });
      await vscode.commands.executeCommand('vscode.openWith', uri, type, vscode.ViewColumn.Beside);
      const late = new Promise<undefined>((resolve) => setTimeout(() => resolve(undefined), patienceMs));
      editor = open() ?? (await Promise.race([appeared, late]));
    } else editor.panel.reveal();
    if (editor === undefined) {
      throw new RationaleError('user', `${uri.fsPath} did not open in the Rationale editor. Open it, then try again.`);
    }
    const { navigation } = editor;
    if ('subset' in place) navigation.setSubset(place.subset);
    else {
      // Whatever hides the place goes; other filters are the person's own.
      if (navigation.subset !== null) navigation.setSubset(null);
      if ('queryId' in place) navigation.setFilter({ ...noFilter, queryId: place.queryId });
      else {
        if (!navigation.keys.includes(place.key)) navigation.setFilter(noFilter);
        navigation.select(place.key);
      }
    }
    editor.sendAll();
  }

  // Webview

  private show(file: JudgementFile, panel: vscode.WebviewPanel): void {
    const root = vscode.Uri.joinPath(this.services.context.extensionUri, 'dist/webview');
    const address = (name: string): string => panel.webview.asWebviewUri(vscode.Uri.joinPath(root, name)).toString();
    panel.webview.options = { enableScripts: true, localResourceRoots: [root] };
    const editor = new EditorPanel(file, panel, this.counterfactuals);
    this.editors.add(editor);
    this.opened.fire(editor);
    const listeners = vscode.Disposable.from(
      panel.webview.onDidReceiveMessage((message) => void this.receive(editor, message)),
      panel.onDidChangeViewState(() => this.updateContext()),
      file.onDidChange(() => this.updateContext()),
    );
    panel.onDidDispose(() => {
      this.editors.delete(editor);
      listeners.dispose();
      editor.dispose();
      this.updateContext();
    });
    panel.webview.html = webviewHtml({
      element: 'rationale-editor',
      cspSource: panel.webview.cspSource,
      script: address('editor.js'),
      styles: [address('editor.css'), address('codicon.css')],
    });
    if (this.restoring.delete(file)) {
      for (const edit of file.document.restoredEdits) this.pushEdit(file, edit);
    }
    this.updateContext();
  }

  /** One message of a webview, as it came. The tests' entry too: they go the way a real message goes. */
  async receive(editor: EditorPanel, raw: unknown): Promise<void> {
    await this.services.messages.runWithErrorHandling('message from the editor', async () => {
      const message = parseFromWebview(raw);
      // Scrolling, filters and pages asked for by themselves are no work on a row.
      if (worksOnRow.has(message.type)) this.clock.touch(rowOf(editor));
      await this.handle(editor, message);
      this.clock.show(rowOf(editor));
    });
  }

  /** Runs an action on an editor: the host's own at once, the webview's by asking it. */
  async perform(editor: EditorPanel, action: ActionId, key: RowKey | null = null): Promise<void> {
    if (actionOf(action).where === 'webview') editor.post({ type: 'perform', action });
    else await this.runAction(editor, action, key ?? editor.navigation.selected?.key ?? null);
  }

  private async handle(editor: EditorPanel, message: FromWebview): Promise<void> {
    const { navigation, file } = editor;
    switch (message.type) {
      case 'ready':
        editor.sendAll();
        return;
      case 'getRows':
        editor.post({
          type: 'rows',
          revision: navigation.revision,
          start: message.start,
          rows: rowSummaries(file, navigation, message.start, message.count),
        });
        return;
      case 'select':
        navigation.select(message.key);
        editor.sendAll();
        return;
      case 'move':
        if (!navigation.move(message.to) && message.to === 'next-undecided') {
          editor.post({ type: 'announce', text: 'No undecided row is left in this list.' });
        }
        editor.sendAll();
        return;
      case 'setFilter':
        navigation.setFilter(message.filter);
        editor.sendAll();
        return;
      case 'setOrder':
        navigation.setOrder(message.order);
        editor.sendAll();
        return;
      case 'cancelCarries':
        editor.carries.cancel();
        return;
      case 'closeCarries':
        editor.carries.close();
        return;
      case 'clearSubset':
        navigation.setSubset(null);
        editor.sendAll();
        return;
      case 'decide':
        this.decide(editor, message);
        return;
      case 'draft':
        if (file.readonly === null) file.document.setDraft(message.key, message.text);
        return;
      case 'run':
        await this.perform(editor, message.action, message.key);
        return;
      case 'problem':
        this.services.log.main.error(`editor: ${message.message}`);
        return;
    }
  }

  private decide(editor: EditorPanel, message: Extract<FromWebview, { type: 'decide' }>): void {
    const { file, navigation } = editor;
    const edit = file.decide(message.key, message.decision, this.clock.take(rowOf(editor, message.key)));
    if (edit !== undefined) this.pushEdit(file, edit);
    if (message.advance) {
      navigation.select(message.key);
      if (!navigation.move('next-undecided')) {
        editor.post({ type: 'announce', text: 'That was the last undecided row of this list.' });
      }
    }
    editor.refresh();
  }

  private pushEdit(file: JudgementFile, edit: Edit): void {
    this.editsOf.get(file)?.fire({
      document: file,
      label: edit.title,
      undo: () => file.document.undo(edit),
      redo: () => file.document.redo(edit),
    });
  }

  private async runAction(editor: EditorPanel, action: ActionId, key: RowKey | null): Promise<void> {
    const { file } = editor;
    switch (action) {
      case 'openDocument':
        await openDocument(this.judgementAt(editor, key), file.uri);
        return;
      case 'explainRow':
        await this.explain(editor, key);
        return;
      case 'whatCarries': {
        const judgement = this.judgementAt(editor, key);
        if (key !== null) await editor.carries.start(key, judgement, this.services.model.engine());
        return;
      }
      case 'cancelRun':
        await file.run?.cancel();
        return;
      case 'resumeRun':
        await this.resume(file);
        return;
      case 'copyMarkdown': {
        const places = await this.placesOf(editor);
        const text = rankingMarkdown(file.document, editor.navigation.keys, (uri) => places.get(uri) ?? uri);
        await vscode.env.clipboard.writeText(text);
        editor.post({ type: 'announce', text: `Copied ${editor.navigation.keys.length} rows as Markdown.` });
        return;
      }
      case 'exportRefinementData':
        await vscode.commands.executeCommand(commandName('exportRefinementData'), file.uri);
        return;
      default:
        throw new RationaleError('bug', `the action ${action} is not one of the host`);
    }
  }

  /** The documents of the rows shown, as seen from the workspace folder; what cannot be found stays as it is written. */
  private async placesOf(editor: EditorPanel): Promise<ReadonlyMap<string, string>> {
    const { file, navigation } = editor;
    const places = new Map<string, string>();
    for (const key of navigation.keys) {
      const uri = file.document.judgementRow(key)?.judgement.uri ?? null;
      if (uri === null || places.has(uri)) continue;
      const found = await resolveDocument(uri, file.uri).catch(() => undefined);
      places.set(uri, found === undefined ? uri : documentName(found));
    }
    return places;
  }

  /** Has the row's rationale written: by the run that goes on, else by taking up again the one that has ended. */
  private async explain(editor: EditorPanel, key: RowKey | null): Promise<void> {
    const { file } = editor;
    const judgement = this.judgementAt(editor, key);
    const refusal = file.readonly ?? refusalToExplain(judgement, key !== null && file.document.isDecided(key), file);
    if (refusal !== null || key === null) throw new RationaleError('user', refusal ?? 'No row is selected.');
    if (file.run?.explain(key) !== true) {
      if (file.isRunning) throw new RationaleError('user', 'The run ends just now: ask again in a moment.');
      await this.services.runs.resume(file.document.path, this.services.model.engine(), key);
    }
    editor.post({ type: 'announce', text: 'A rationale for this document is written next.' });
  }

  private async resume(file: JudgementFile): Promise<void> {
    if (!file.isResumable) throw new RationaleError('user', `${file.fileName} holds no run that could be resumed.`);
    await this.services.runs.resume(file.document.path, this.services.model.engine());
  }

  private judgementAt(editor: EditorPanel, key: RowKey | null): Judgement {
    const row = key === null ? undefined : editor.file.document.judgementRow(key);
    if (row === undefined) throw new RationaleError('user', 'No row is selected, or its line is malformed.');
    return row.judgement;
  }

  // What surrounds it

  private reportOutsideChange(file: JudgementFile): void {
    this.services.messages.show(
      'warning',
      `${file.fileName} changed on disk while ${file.document.unsavedCount} decisions are unsaved. They are kept. Reading the file again keeps those whose answer is still in it, and sets the others aside.`,
      [
        { title: 'Read It Again', run: () => file.reload() },
        { title: 'Save My Decisions', run: () => vscode.workspace.save(file.uri) },
      ],
    );
  }

  /** Random and lasting: names this installation's logs, so that git merges never conflict. */
  private async installationId(): Promise<string> {
    const { globalState } = this.services.context;
    const known = globalState.get<string>('installationId');
    if (known !== undefined) return known;
    const made = randomBytes(16).toString('hex');
    await globalState.update('installationId', made);
    return made;
  }

  private updateContext(): void {
    const file = this.activePanel?.file;
    setContextKey('runActive', file?.isRunning ?? false);
    setContextKey('runResumable', file?.isResumable ?? false);
  }
}

/** Names a row over all files: the one given, else the selected one. */
function rowOf(editor: EditorPanel, key = editor.navigation.selected?.key): string {
  return `${editor.file.uri.toString()} ${key ?? ''}`;
}

/** Why the row can have no (other) rationale, as a sentence; null where it can. */
function refusalToExplain(judgement: Judgement, decided: boolean, file: JudgementFile): string | null {
  if (judgement.explanation !== null) return 'This document has a rationale already.';
  if (decided) {
    return 'Somebody has decided on this document already. A rationale would make it another answer than the one that was judged: clear the decision first.';
  }
  const record = file.run?.record ?? file.document.run;
  if (record === null)
    return 'This file was written by no run of Rationale, so there is no model to ask for a rationale.';
  if (record.settings?.mode !== 'score') return null;
  return 'This run only scores. To have rationales, set rationale.rerank.explain above 0 and rerank with a model that writes them.';
}

async function exists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  );
}

/** Every edit is in the journal already; the backup only makes VS Code reopen the file as changed. */
async function backUp(
  file: JudgementFile,
  { destination }: vscode.CustomDocumentBackupContext,
): Promise<vscode.CustomDocumentBackup> {
  await vscode.workspace.fs.createDirectory(vscode.Uri.joinPath(destination, '..'));
  await vscode.workspace.fs.writeFile(destination, new TextEncoder().encode(file.uri.toString()));
  return {
    id: destination.toString(),
    delete: () => void vscode.workspace.fs.delete(destination).then(undefined, () => undefined),
  };
}
