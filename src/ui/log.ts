/**
 * Output channels. Levels obey "Developer: Set Log Level…"; text of documents, queries and rationales is logged at
 * `trace` only, because people attach logs to bug reports.
 */
import * as vscode from 'vscode';

export interface Log {
  /** What the extension does. */
  readonly main: vscode.LogOutputChannel;
  /** What the inference child process writes. */
  readonly inference: vscode.LogOutputChannel;
  dispose(): void;
}

export function createLog(): Log {
  const main = vscode.window.createOutputChannel('Rationale', { log: true });
  const inference = vscode.window.createOutputChannel('Rationale Inference', { log: true });
  return {
    main,
    inference,
    dispose() {
      main.dispose();
      inference.dispose();
    },
  };
}
