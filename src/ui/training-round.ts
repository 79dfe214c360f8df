/**
 * `Start Training Round…`: exports the corrections of a judgement file, puts the training command into a terminal, waits
 * for the new model, and offers to compare it with the old one.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import * as vscode from 'vscode';
import { commandName } from '../contributions.js';
import { hasCode, RationaleError } from '../domain/failure.js';
import { trustNeeded, type Messages } from './errors.js';
import { exportRefinementData, type ExportServices } from './export-command.js';
import type { AwaitedModel, ModelArrivals } from './model-arrivals.js';
import { readSetting } from './settings.js';
import { runFolder } from './start-run.js';
import { refinedModel, shellKind, trainingCommandLine } from './training-command.js';

/** Arguments for a keybinding or a test; what is missing is asked for. */
export interface TrainingArguments {
  readonly file?: vscode.Uri;
  readonly config?: vscode.Uri;
}

/** What stands in the terminal, and where its model is waited for. */
export interface StartedRound {
  readonly commandLine: string;
  readonly folder: string;
  readonly modelDir: string;
}

/** Starts a round on the file given, else on the active one; undefined when given up. Throws RationaleError where there is nothing to learn from. */
export async function startTrainingRound(
  services: ExportServices,
  arrivals: ModelArrivals,
  given: TrainingArguments,
): Promise<StartedRound | undefined> {
  if (!vscode.workspace.isTrusted) {
    throw trustNeeded('A training round runs a program on this machine, so it waits until you trust the workspace.');
  }
  const file = given.file ?? services.editors.activePanel?.file.uri;
  if (file?.scheme !== 'file') {
    throw new RationaleError('user', 'Open the judgement file whose corrections the round is to learn from.');
  }
  const config = given.config ?? (await trainingConfig());
  if (config === undefined) return undefined;
  const round = await newFolder(path.join(runFolder(services.context), '..', 'rounds'));
  const corrections = path.join(round, 'corrections');
  const exported = await exportRefinementData(services, {
    files: [file],
    format: 'interank',
    folder: vscode.Uri.file(corrections),
  });
  if (exported === undefined) return undefined;
  const refined = path.join(round, 'refined');
  const modelDir = path.join(round, 'model');
  const exportConfig = path.join(round, 'export.yaml');
  await writeFile(
    exportConfig,
    `# The model of this training round as the folder that Rationale loads.\nmodel: refined/${refinedModel}\n`,
  );
  const commandLine = trainingCommandLine(shellKind(vscode.env.shell), {
    command: readSetting('training.command').trim(),
    config: config.fsPath,
    corrections,
    refined,
    exportConfig,
    model: modelDir,
  });
  await arrivals.add({ folder: round, judgements: file.fsPath });
  const terminal = vscode.window.createTerminal({ name: 'Rationale Training', cwd: round });
  terminal.show();
  // Typed, not run: a round takes hours and the machine, so a person begins it.
  terminal.sendText(commandLine, false);
  services.messages.show(
    'info',
    `The training command stands in the terminal: look at it, then press Enter. When its model has arrived in ${round}, Rationale offers to compare it.`,
    [{ title: 'Run It', run: () => terminal.sendText('', true) }],
  );
  return { commandLine, folder: round, modelDir };
}

/** Says that a round's model is there, and what can be done with it. */
export function offerModel(messages: Messages, arrived: AwaitedModel & { readonly modelDir: string }): void {
  const { modelDir, judgements } = arrived;
  messages.show(
    'info',
    `A training round has written a new model: ${modelDir}. Judge the pairs of ${path.basename(judgements)} with it, and see both?`,
    [
      {
        title: 'Compare',
        run: () =>
          vscode.commands.executeCommand(commandName('compareModel'), {
            file: vscode.Uri.file(judgements),
            model: vscode.Uri.file(modelDir),
          }),
      },
      {
        title: 'Use It',
        run: () =>
          vscode.workspace
            .getConfiguration('rationale')
            .update('model.folder', modelDir, vscode.ConfigurationTarget.Global),
      },
    ],
  );
}

/** The setting's file, else one picked; undefined when given up. Throws RationaleError naming the setting when it is no absolute path. */
async function trainingConfig(): Promise<vscode.Uri | undefined> {
  const set = readSetting('training.config').trim();
  if (set !== '') {
    if (!path.isAbsolute(set)) {
      throw new RationaleError('user', `Setting rationale.training.config must be an absolute path, but is “${set}”.`);
    }
    return vscode.Uri.file(set);
  }
  const picked = await vscode.window.showOpenDialog({
    title: 'The config of the refine stage',
    openLabel: 'Train with This',
    filters: { YAML: ['yaml', 'yml'] },
  });
  return picked?.[0];
}

/** `base/round-1`, `round-2`, …: the first that is not there yet. */
async function newFolder(base: string): Promise<string> {
  await mkdir(base, { recursive: true });
  for (let n = 1; ; n++) {
    const folder = path.join(base, `round-${n}`);
    const made = await mkdir(folder).then(
      () => true,
      (error: unknown) => {
        if (hasCode(error, 'EEXIST')) return false;
        throw new RationaleError('environment', `${folder} could not be made.`, { cause: error });
      },
    );
    if (made) return folder;
  }
}
