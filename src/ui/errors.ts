/**
 * The one path for errors of commands and of webview messages: cancellation is silent, a user's error offers what to
 * do, an environment error offers the log, anything else is a bug of ours and says so.
 */
import * as vscode from 'vscode';
import { commandName } from '../contributions.js';
import { isAbort, messageOf, RationaleError } from '../domain/failure.js';
import type { Log } from './log.js';

/** A button of a message: its title and what it runs. */
export interface MessageAction {
  readonly title: string;
  readonly run: () => unknown;
}

export interface ShownMessage {
  readonly severity: 'info' | 'warning' | 'error';
  readonly text: string;
  readonly actions: readonly string[];
}

/** An error that the user can put right, with the buttons that help. */
export class ActionableError extends RationaleError {
  constructor(
    message: string,
    readonly actions: readonly MessageAction[],
  ) {
    super('user', message);
  }
}

/** `message`, with the way to trust the workspace. */
export function trustNeeded(message: string): ActionableError {
  return new ActionableError(message, [
    { title: 'Manage Trust', run: () => vscode.commands.executeCommand('workbench.trust.manage') },
  ]);
}

/** Shows messages and runs the button chosen. The one place that does, so that tests can see what was said. */
export class Messages implements vscode.Disposable {
  private readonly shown = new vscode.EventEmitter<ShownMessage>();
  readonly onDidShow = this.shown.event;

  constructor(private readonly log: Log) {}

  dispose(): void {
    this.shown.dispose();
  }

  /** Returns at once: a message that nobody answers must not hold up a command. */
  show(severity: ShownMessage['severity'], text: string, actions: readonly MessageAction[] = []): void {
    const titles = actions.map((a) => a.title);
    const show =
      severity === 'error'
        ? vscode.window.showErrorMessage
        : severity === 'warning'
          ? vscode.window.showWarningMessage
          : vscode.window.showInformationMessage;
    void show(text, ...titles).then((title) => {
      const chosen = actions.find((a) => a.title === title);
      if (chosen !== undefined) void this.runWithErrorHandling(chosen.title, () => Promise.resolve(chosen.run()));
    });
    this.shown.fire({ severity, text, actions: titles });
  }

  /** Shows a failure by its category. `what` names the command or message that failed, for the log. */
  showError(what: string, error: unknown): void {
    if (isAbort(error) || error instanceof vscode.CancellationError) {
      this.log.main.debug(`${what}: cancelled`);
      return;
    }
    const showLog: MessageAction = {
      title: 'Show Log',
      run: () => vscode.commands.executeCommand(commandName('showLog')),
    };
    const cause = error instanceof Error && error.cause !== undefined ? ` (${messageOf(error.cause)})` : '';
    if (error instanceof ActionableError) {
      this.log.main.warn(`${what}: ${error.message}${cause}`);
      this.show('warning', error.message, error.actions);
    } else if (error instanceof RationaleError && error.category !== 'bug') {
      this.log.main.error(`${what}: ${error.message}${cause}`);
      this.show('error', error.message, error.category === 'environment' ? [showLog] : []);
    } else {
      this.log.main.error(
        `${what}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}${cause}`,
      );
      this.show('error', `Rationale failed in "${what}", which is a bug: ${messageOf(error)}`, [showLog]);
    }
  }

  /** Runs `body`; a failure is shown and gives undefined. */
  async runWithErrorHandling<T>(what: string, body: () => Promise<T>): Promise<T | undefined> {
    try {
      return await body();
    } catch (error) {
      this.showError(what, error);
      return undefined;
    }
  }
}
