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
  /** False for a row whose answer must stay as it is, because somebody has decided on it. Set by who knows decisions. */
  mayChange: (path: string, index: number) => boolean = () => true;

  get(path: string): Run | undefined {
    return this.runs.get(path);
  }

  /** The runs going on, oldest first. */
  get active(): readonly Run[] {
    return [...this.runs.values()];
  }

  /** Starts a run; throws what RunSession.start throws. */
  async start(options: RunOptions): Promise<Run> {
    return this.add(await RunSession.start({ ...options, ...this.limits(options.path) }));
  }

  /**
   * Goes on with a run that has ended, to write the rationale of row `explain` first where one is given. Throws what
   * RunSession.resume throws, and RationaleError (user) while a run writes the file.
   */
  async resume(path: string, engine: RerankEngine, explain: number | null = null): Promise<Run> {
    if (this.runs.has(path)) throw new RationaleError('user', `${path} is being written by a run already.`);
    const run = await RunSession.resume(path, engine, this.limits(path));
    // At once: a run with nothing left to do ends as soon as its model is loaded.
    if (explain !== null) run.explain(explain);
    return this.add(run);
  }

  /** Cancels every run and waits until their files are sealed. */
  async cancelAll(): Promise<void> {
    await Promise.allSettled(this.active.map((run) => run.cancel()));
  }

  dispose(): void {
    this.started.dispose();
    this.changed.dispose();
  }

  private limits(path: string): { readonly mayChange: (index: number) => boolean } {
    return { mayChange: (index) => this.mayChange(path, index) };
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
