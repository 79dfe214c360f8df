/** The evaluation panel's entry: connects the page to the host. Holds the only VS Code API handle. */
import type { FromEvaluation, ToEvaluation } from '../src/protocol/evaluation.js';
import { announce } from './announce.js';
import { registerControls } from './controls.js';
import './evaluation.js';
import { evaluation } from './evaluation-store.js';

declare function acquireVsCodeApi(): {
  postMessage(message: FromEvaluation): void;
  getState(): unknown;
  setState(state: unknown): void;
};

const vscode = acquireVsCodeApi();
evaluation.connect(
  (message) => vscode.postMessage(message),
  vscode.getState(),
  (state) => vscode.setState(state),
);
registerControls();
window.addEventListener('message', (event: MessageEvent<ToEvaluation>) => {
  if (event.data.type === 'announce') announce(event.data.text);
  else evaluation.receive(event.data);
});
window.addEventListener('error', (event) => vscode.postMessage({ type: 'problem', message: event.message }));
window.addEventListener('unhandledrejection', (event) =>
  vscode.postMessage({ type: 'problem', message: String(event.reason) }),
);
vscode.postMessage({ type: 'ready' });
