/** The webview's entry: connects the components to the host and to the saved UI state. Holds the only VS Code API handle. */
import type { FromWebview, ToWebview } from '../src/protocol/editor.js';
import { announce } from './announce.js';
import { checkpoint } from './checkpoint.js';
import { registerControls } from './controls.js';
import { RationaleEditor } from './editor.js';
import { dispatchKeys } from './keys.js';
import { store } from './store.js';

declare function acquireVsCodeApi(): {
  postMessage(message: FromWebview): void;
  getState(): unknown;
  setState(state: unknown): void;
};

function start(): void {
  const vscode = acquireVsCodeApi();
  checkpoint.connect(vscode.getState(), (state) => vscode.setState(state));
  store.connect((message) => vscode.postMessage(message));
  registerControls();

  const editor = document.querySelector('rationale-editor');
  if (!(editor instanceof RationaleEditor)) {
    vscode.postMessage({ type: 'problem', message: 'The page holds no <rationale-editor>.' });
    return;
  }
  window.addEventListener('message', (event: MessageEvent<ToWebview>) => {
    const message = event.data;
    switch (message.type) {
      case 'perform':
        editor.perform(message.action);
        break;
      case 'announce':
        announce(message.text);
        break;
      default:
        store.receive(message);
    }
  });
  dispatchKeys(document, editor);
  window.addEventListener('error', (event) => vscode.postMessage({ type: 'problem', message: event.message }));
  window.addEventListener('unhandledrejection', (event) =>
    vscode.postMessage({ type: 'problem', message: String(event.reason) }),
  );
  vscode.postMessage({ type: 'ready' });
}

start();
