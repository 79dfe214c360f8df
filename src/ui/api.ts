/**
 * What `activate` returns. For tests in a real VS Code, where the webview cannot be scripted: messages enter where the
 * webview's do and leave where they do. Stable; other extensions may use it to watch, not to change.
 */
import type * as vscode from 'vscode';
import type { ModelIdentity } from '../domain/judgement.js';
import type { EditorView, RowDetail, ToWebview } from '../protocol/editor.js';
import type { EvaluationView, ToEvaluation } from '../protocol/evaluation.js';
import type { RunState } from '../runs/run.js';
import type { ShownMessage } from './errors.js';
import type { EvaluationPanels } from './evaluation-panel.js';
import type { JudgementEditors } from './judgement-editor.js';
import type { ModelHost } from './model-host.js';
import type { RunRegistry } from './run-registry.js';

export interface OpenEditor {
  readonly uri: vscode.Uri;
  readonly active: boolean;
  /** The page as it was given to the webview. */
  readonly html: string;
  readonly view: () => EditorView;
  readonly detail: () => RowDetail | null;
  readonly onDidPost: vscode.Event<ToWebview>;
  /** As if the webview had sent it: checked, then handled. */
  readonly dispatch: (message: unknown) => Promise<void>;
  /** What Save As does once its dialog has given a name. */
  readonly saveAs: (destination: vscode.Uri) => Promise<void>;
}

export interface OpenEvaluation {
  readonly html: string;
  readonly view: () => EvaluationView;
  readonly onDidPost: vscode.Event<ToEvaluation>;
  /** As if the page had sent it: checked, then handled. */
  readonly dispatch: (message: unknown) => Promise<void>;
}

export interface RationaleApi {
  readonly openEditors: () => readonly OpenEditor[];
  readonly openEvaluations: () => readonly OpenEvaluation[];
  readonly runs: () => readonly {
    readonly path: string;
    readonly state: RunState;
    readonly finished: Promise<RunState>;
  }[];
  readonly inference: () => { readonly pid: number | undefined; readonly model: ModelIdentity | null };
  readonly onDidShowMessage: vscode.Event<ShownMessage>;
  /** Where the journals of unsaved decisions lie. */
  readonly journalFolder: string;
}

export function createApi(
  editors: JudgementEditors,
  evaluations: EvaluationPanels,
  runs: RunRegistry,
  model: ModelHost,
  onDidShowMessage: vscode.Event<ShownMessage>,
): RationaleApi {
  return {
    openEditors: () =>
      editors.panels.map((editor) => ({
        uri: editor.file.uri,
        active: editor.panel.active,
        html: editor.panel.webview.html,
        view: () => editor.view(),
        detail: () => editor.detail(),
        onDidPost: editor.onDidPost,
        dispatch: (message) => editors.receive(editor, message),
        saveAs: (destination) => editors.saveAs(editor.file, destination),
      })),
    openEvaluations: () =>
      evaluations.panels.map((panel) => ({
        html: panel.html,
        view: () => panel.view(),
        onDidPost: panel.onDidPost,
        dispatch: (message) => panel.receive(message),
      })),
    runs: () => runs.active,
    inference: () => ({ pid: model.pid, model: model.model }),
    onDidShowMessage,
    journalFolder: editors.journalFolder,
  };
}
