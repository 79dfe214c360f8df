/**
 * The evaluation panel in VS Code: which rankings under which judgements, the evaluation in the background, and what the
 * page asks for. What is computed is evaluation-job.ts's; what the page shows is webview/evaluation*.ts.
 */
import { writeFile } from 'node:fs/promises';
import * as vscode from 'vscode';
import { isAbort, messageOf, RationaleError } from '../domain/failure.js';
import type { RowKey } from '../domain/row-key.js';
import { slug } from '../domain/text.js';
import { systemNames } from '../evaluation/rankings.js';
import {
  comparisonReport,
  defaultMetric,
  runEvaluation,
  type Evaluated,
  type EvaluationInput,
  type Reference,
} from './evaluation-job.js';
import type { EvaluationSource, EvaluationView, FromEvaluation, ToEvaluation } from '../protocol/evaluation.js';
import { evaluationViewType } from '../contributions.js';
import type { Messages } from './errors.js';
import { pickReference, pickSources } from './evaluation-choices.js';
import type { JudgementEditors } from './judgement-editor.js';
import type { Log } from './log.js';
import { parseFromEvaluation } from './message-guard.js';
import { webviewHtml } from './webview-html.js';

export interface EvaluationServices {
  readonly context: vscode.ExtensionContext;
  readonly log: Log;
  readonly messages: Messages;
  readonly editors: JudgementEditors;
}

/** Every open panel. */
export class EvaluationPanels implements vscode.Disposable {
  private readonly open = new Set<EvaluationPanel>();

  constructor(private readonly services: EvaluationServices) {}

  get panels(): readonly EvaluationPanel[] {
    return [...this.open];
  }

  /** Opens a panel on `sources` and evaluates them. */
  show(sources: readonly vscode.Uri[], reference: Reference | null): EvaluationPanel {
    const panel = new EvaluationPanel(this.services, sources, reference);
    this.open.add(panel);
    panel.onDidDispose(() => this.open.delete(panel));
    panel.evaluate();
    return panel;
  }

  dispose(): void {
    for (const panel of this.open) panel.dispose();
  }
}

export class EvaluationPanel {
  private readonly webview: vscode.WebviewPanel;
  private sources: readonly vscode.Uri[];
  private metric = defaultMetric;
  private state: EvaluationView['state'] = { kind: 'ready' };
  private evaluated: Evaluated | null = null;
  private abort = new AbortController();
  private readonly posted = new vscode.EventEmitter<ToEvaluation>();
  /** What the page is told; for tests. */
  readonly onDidPost = this.posted.event;
  readonly onDidDispose: vscode.Event<void>;

  constructor(
    private readonly services: EvaluationServices,
    sources: readonly vscode.Uri[],
    private reference: Reference | null,
  ) {
    this.sources = sources;
    const root = vscode.Uri.joinPath(services.context.extensionUri, 'dist/webview');
    this.webview = vscode.window.createWebviewPanel(evaluationViewType, 'Evaluation', vscode.ViewColumn.Active, {
      enableScripts: true,
      localResourceRoots: [root],
    });
    const { webview } = this.webview;
    const address = (name: string): string => webview.asWebviewUri(vscode.Uri.joinPath(root, name)).toString();
    webview.onDidReceiveMessage((message) => void this.receive(message));
    this.onDidDispose = this.webview.onDidDispose;
    this.webview.onDidDispose(() => {
      this.abort.abort();
      this.posted.dispose();
    });
    webview.html = webviewHtml({
      element: 'rationale-evaluation',
      cspSource: webview.cspSource,
      script: address('evaluation.js'),
      styles: [address('editor.css'), address('codicon.css')],
      ownPictures: true,
    });
  }

  /** The page as it was given to the webview. */
  get html(): string {
    return this.webview.webview.html;
  }

  dispose(): void {
    this.webview.dispose();
  }

  view(): EvaluationView {
    const names = systemNames(this.sources.map((uri) => uri.fsPath));
    return {
      sources: this.sources.map((uri, i) => ({
        name: names[i] ?? uri.path,
        kind: kindOf(uri),
        place: vscode.workspace.asRelativePath(uri),
      })),
      reference: this.reference === null ? null : { kind: this.reference.kind, name: referenceName(this.reference) },
      state: this.state,
      notices: this.evaluated?.notices ?? [],
      results: this.evaluated?.results ?? null,
    };
  }

  /** Evaluates from the files as they are now; what went on before is given up. */
  evaluate(): void {
    this.abort.abort();
    const abort = new AbortController();
    this.abort = abort;
    const input: EvaluationInput = {
      paths: this.sources.map((uri) => uri.fsPath),
      reference: this.reference,
      metric: this.metric,
    };
    if (input.paths.length === 0) {
      this.evaluated = null;
      this.setState({ kind: 'ready' });
      return;
    }
    const report = (message: string): void => {
      if (!abort.signal.aborted) this.setState({ kind: 'loading', message });
    };
    report('Reading the rankings…');
    runEvaluation(input, { signal: abort.signal, report }).then(
      (evaluated) => {
        if (abort.signal.aborted) return;
        this.evaluated = evaluated;
        this.setState({ kind: 'ready' });
      },
      (error: unknown) => {
        if (abort.signal.aborted || isAbort(error)) return;
        this.services.log.main.error(`evaluation: ${messageOf(error)}`);
        this.setState({ kind: 'failed', message: messageOf(error) });
      },
    );
  }

  /** One message of the page, as it came. */
  async receive(raw: unknown): Promise<void> {
    await this.services.messages.runWithErrorHandling('message from the evaluation panel', () =>
      this.handle(parseFromEvaluation(raw)),
    );
  }

  private async handle(message: FromEvaluation): Promise<void> {
    switch (message.type) {
      case 'ready':
        this.post({ type: 'view', view: this.view() });
        return;
      case 'addSources': {
        const added = await pickSources('Add Rankings');
        const known = new Set(this.sources.map(String));
        const fresh = (added ?? []).filter((uri) => !known.has(uri.toString()));
        if (fresh.length === 0) return;
        this.sources = [...this.sources, ...fresh];
        this.evaluate();
        return;
      }
      case 'removeSource':
        this.sources = this.sources.filter((_, i) => i !== message.source);
        this.evaluate();
        return;
      case 'chooseReference': {
        const reference = await pickReference();
        if (reference === undefined) return;
        this.reference = reference;
        this.evaluate();
        return;
      }
      case 'setMetric':
        if (this.evaluated === null || this.state.kind === 'loading') return;
        this.evaluated = this.evaluated.withMetric(message.metric);
        this.metric = message.metric;
        this.setState({ kind: 'ready' });
        return;
      case 'refresh':
        this.evaluate();
        return;
      case 'cancel':
        this.abort.abort();
        this.setState({ kind: 'ready' });
        return;
      case 'selectQuery':
        this.post({ type: 'movement', movement: this.evaluated?.movement(message.queryId) ?? null });
        return;
      case 'openAnswer':
        await this.services.editors.reveal(this.judgementFile(message.source), { key: message.key });
        return;
      case 'openQuery':
        await this.services.editors.reveal(this.judgementFile(message.source), { queryId: message.queryId });
        return;
      case 'openCell':
        await this.openCell(message);
        return;
      case 'savePicture':
        await savePicture(message);
        return;
      case 'writeReport':
        await this.writeReport();
        return;
      case 'problem':
        this.services.log.main.error(`evaluation panel: ${message.message}`);
        return;
    }
  }

  private async openCell({
    matrix,
    reference,
    prediction,
  }: Extract<FromEvaluation, { type: 'openCell' }>): Promise<void> {
    const cells = this.evaluated?.cells[matrix];
    const keys: readonly RowKey[] = cells?.matrix.keys[reference]?.[prediction] ?? [];
    if (cells === undefined || keys.length === 0) {
      throw new RationaleError('user', 'No row stands behind this cell now. Refresh the evaluation.');
    }
    const { label_names: names } = cells.matrix;
    const title = `${cells.matrix.reference} ${names[reference] ?? ''}, ${cells.matrix.prediction} ${names[prediction] ?? ''}`;
    await this.services.editors.reveal(vscode.Uri.file(cells.file), { subset: { title, keys: new Set(keys) } });
  }

  /** Asks where, and writes HTML with pictures or Markdown by the name's ending. `destination` is a test's answer. */
  async writeReport(destination?: vscode.Uri): Promise<void> {
    const { evaluated, reference } = this;
    const comparison = evaluated?.results.comparison;
    if (evaluated === null || comparison == null || comparison.pairs.length === 0 || reference === null) {
      throw new RationaleError('user', 'A report is of a comparison: it needs two or more rankings and judgements.');
    }
    const [folder] = vscode.workspace.workspaceFolders ?? [];
    const chosen =
      destination ??
      (await vscode.window.showSaveDialog({
        title: 'Write Report',
        filters: { 'HTML with pictures': ['html'], Markdown: ['md'] },
        ...(folder === undefined ? {} : { defaultUri: vscode.Uri.joinPath(folder.uri, 'comparison.html') }),
      }));
    if (chosen === undefined) return;
    const version = (this.services.context.extension.packageJSON as { version?: unknown }).version;
    const report = await comparisonReport(evaluated, comparison, {
      paths: this.sources.map((uri) => uri.fsPath),
      reference,
      markdown: /\.md$/i.test(chosen.path),
      version: String(version),
    });
    await writeFile(chosen.fsPath, report);
    this.services.messages.show('info', `${vscode.workspace.asRelativePath(chosen)} written.`, [
      { title: 'Open It', run: () => vscode.env.openExternal(chosen) },
    ]);
  }

  private judgementFile(source: number): vscode.Uri {
    const uri = this.sources[source];
    if (uri === undefined || kindOf(uri) !== 'judgements') {
      throw new RationaleError(
        'user',
        'A TREC run holds only ranks and scores, no rows to open. Rerank or import it to have a judgement file.',
      );
    }
    return uri;
  }

  private setState(state: EvaluationView['state']): void {
    this.state = state;
    this.post({ type: 'view', view: this.view() });
  }

  private post(message: ToEvaluation): void {
    this.posted.fire(message);
    // Lost while the page is hidden, on purpose: it asks with `ready` when it comes back.
    if (this.webview.visible) void this.webview.webview.postMessage(message);
  }
}

function kindOf(uri: vscode.Uri): EvaluationSource['kind'] {
  return /\.jsonl$/i.test(uri.path) ? 'judgements' : 'run';
}

function referenceName(reference: Reference): string {
  switch (reference.kind) {
    case 'file':
      return vscode.workspace.asRelativePath(reference.path);
    case 'decided':
      return 'accepted and corrected labels';
    case 'accepted':
      return 'accepted labels';
    case 'corrected':
      return 'corrected labels';
  }
}

async function savePicture({ name, format, content }: Extract<FromEvaluation, { type: 'savePicture' }>): Promise<void> {
  const [folder] = vscode.workspace.workspaceFolders ?? [];
  const file = `${slug(name)}.${format}`;
  const chosen = await vscode.window.showSaveDialog({
    title: 'Save Picture',
    filters: format === 'svg' ? { SVG: ['svg'] } : { PNG: ['png'] },
    ...(folder === undefined ? {} : { defaultUri: vscode.Uri.joinPath(folder.uri, file) }),
  });
  if (chosen !== undefined) await writeFile(chosen.fsPath, pictureBytes(format, content));
}

const pngSignature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);

/** The file's bytes. Throws RationaleError (bug) for what is no such picture: the page must not write files of another kind. */
function pictureBytes(format: 'svg' | 'png', content: string): Buffer {
  const bytes = Buffer.from(content, format === 'svg' ? 'utf8' : 'base64');
  const right =
    format === 'svg'
      ? content.startsWith('<svg xmlns="http://www.w3.org/2000/svg"')
      : bytes.subarray(0, 8).equals(pngSignature);
  if (!right) throw new RationaleError('bug', `the evaluation panel sent a picture that is no ${format.toUpperCase()}`);
  return bytes;
}
