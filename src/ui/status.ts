/** The one status bar item: which model runs on which device, and whether it is busy. */
import * as vscode from 'vscode';
import { commandName } from '../contributions.js';
import type { ModelHost } from './model-host.js';
import type { RunRegistry } from './run-registry.js';
import { liveRunView } from './run-view.js';

export class StatusItem {
  private readonly item = vscode.window.createStatusBarItem('rationale.status', vscode.StatusBarAlignment.Left, 0);
  private readonly subscriptions: { dispose(): unknown }[];

  constructor(
    private readonly model: ModelHost,
    private readonly runs: RunRegistry,
  ) {
    this.item.name = 'Rationale';
    this.item.command = commandName('showLog');
    this.subscriptions = [this.item, model.onDidChange(() => this.update()), runs.onDidChange(() => this.update())];
    this.update();
  }

  dispose(): void {
    for (const subscription of this.subscriptions) subscription.dispose();
  }

  /** Shown only once there is something to say: a model in memory or a run. */
  private update(): void {
    const { model } = this.model;
    const [run] = this.runs.active;
    if (model === null && run === undefined) {
      this.item.hide();
      return;
    }
    const name = model === null ? 'Rationale' : `${model.id} · ${model.device}`;
    this.item.text = run === undefined ? `$(list-ordered) ${name}` : `$(loading~spin) ${name}`;
    const facts = model === null ? 'Loading the model' : `${model.engine} ${model.engine_version}, ${model.precision}`;
    this.item.tooltip = run === undefined ? facts : `${liveRunView(run.state).message}\n${facts}`;
    this.item.accessibilityInformation = {
      label: run === undefined ? `Rationale: model ${name}, idle` : `Rationale: model ${name}, busy`,
    };
    this.item.show();
  }
}
