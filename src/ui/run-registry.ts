/** Runs in progress in this window, by the path of their judgement file. */
import * as vscode from 'vscode';
import type { RerankEngine } from '../inference/engine.js';
import type { Run } from '../runs/run.js';
import { RunSession, type RunOptions } from '../runs/session.js';
import { RationaleError } from '../domain/failure.js';

export class RunRegistry {
  private readonly runs = new Map<string, Run>();
  private readonly started = new vscode.EventEmitter<Run>();
  readonly onDidStart = this.started.event;
  private readonly changed = new vscode.EventEmitter<void>();
  /** A run started, made progress or ended. */
  readonly onDidChange = this.changed.event;

  get(path: string): Run | undefined {
    return this.runs.get(path);
  }

  /** The runs going on, oldest first. */
  get active(): readonly Run[] {
    return [...this.runs.values()];
  }

  /** Starts a run; throws what RunSession.start throws. */
  async start(options: RunOptions): Promise<Run> {
    return this.add(await RunSession.start(options));
  }

  /** Goes on with an interrupted run; throws what RunSession.resume throws. */
  async resume(path: string, engine: RerankEngine): Promise<Run> {
    if (this.runs.has(path)) throw new RationaleError('user', `${path} is being written by a run already.`);
    return this.add(await RunSession.resume(path, engine));
  }

  /** Cancels every run and waits until their files are sealed. */
  async cancelAll(): Promise<void> {
    await Promise.allSettled(this.active.map((run) => run.cancel()));
  }

  dispose(): void {
    this.started.dispose();
    this.changed.dispose();
  }

  private add(run: Run): Run {
    this.runs.set(run.path, run);
    const stop = run.onDidChange((change) => {
      if (change.type === 'state') this.changed.fire();
    });
    void run.finished.then(() => {
      stop();
      this.runs.delete(run.path);
      this.changed.fire();
    });
    this.started.fire(run);
    this.changed.fire();
    return run;
  }
}
