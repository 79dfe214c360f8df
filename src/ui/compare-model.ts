/** `Compare with Another Model…`: judges the pairs of a judgement file with another model, and shows both files side by side. */
import path from 'node:path';
import * as vscode from 'vscode';
import { readRunInfo } from '../annotation/record.js';
import { readJudgementFile } from '../annotation/rows.js';
import { viewTypes } from '../contributions.js';
import { RationaleError } from '../domain/failure.js';
import { modesOf, type Profile } from '../profiles/profile.js';
import { candidatesOf } from '../runs/rerun.js';
import { judgementSuffix } from '../runs/run-file.js';
import type { Run, RunSettings } from '../runs/run.js';
import type { JudgementEditors } from './judgement-editor.js';
import { runMode } from './run-mode.js';
import { readSetting } from './settings.js';
import { newRunFile, toolVersion, type RerankServices } from './start-run.js';

/** Arguments for a keybinding or a test; what is missing is the active file, and asked for. */
export interface CompareArguments {
  readonly file?: vscode.Uri;
  /** A model folder. */
  readonly model?: vscode.Uri;
}

/**
 * Resolves when both files are open, with the run that goes on in the second; undefined when given up. Throws
 * RationaleError when the file or the model cannot be read.
 */
export async function compareModel(
  services: RerankServices,
  editors: JudgementEditors,
  given: CompareArguments,
): Promise<Run | undefined> {
  const file = given.file ?? editors.activePanel?.file.uri;
  if (file?.scheme !== 'file') {
    throw new RationaleError('user', 'Open the judgement file whose pairs are to be judged by another model.');
  }
  const folder = given.model ?? (await pickModel());
  if (folder === undefined) return undefined;
  const judgements = file.fsPath;
  const engine = services.model.engineOn(folder.fsPath);
  try {
    const { rows } = await readJudgementFile(judgements);
    const queries = candidatesOf(rows.flatMap((row) => (row.kind === 'judgement' ? [row.judgement] : [])));
    if (queries.length === 0) throw new RationaleError('user', `${judgements} holds no pair to judge.`);
    const start = path.join(path.dirname(judgements), path.basename(judgements, judgementSuffix));
    const run = await services.runs.start({
      path: await newRunFile(start, 'new-model'),
      queries,
      settings: {
        ...(await settingsFor(judgements, engine.profile)),
        firstStage: { kind: 'rerun', of: path.basename(judgements) },
      },
      engine,
      toolVersion: toolVersion(services.context),
    });
    void run.finished.then(() => engine.dispose());
    const open = (path: string, column: vscode.ViewColumn): Thenable<unknown> =>
      vscode.commands.executeCommand('vscode.openWith', vscode.Uri.file(path), viewTypes.judgements, column);
    await open(judgements, vscode.ViewColumn.One);
    await open(run.path, vscode.ViewColumn.Two);
    return run;
  } catch (error) {
    await engine.dispose();
    throw error;
  }
}

/** The file's own mode, so that like is compared with like, where it is a run's and the model offers it; else the settings'. */
async function settingsFor(judgements: string, profile: Profile): Promise<Omit<RunSettings, 'firstStage'>> {
  const { run } = await readRunInfo(judgements);
  const own = run?.settings ?? null;
  if (own !== null && modesOf(profile).includes(own.mode)) return { mode: own.mode, explain: own.explain };
  const explain = readSetting('rerank.explain');
  return { mode: runMode(readSetting('rerank.mode'), explain, profile), explain };
}

async function pickModel(): Promise<vscode.Uri | undefined> {
  const picked = await vscode.window.showOpenDialog({
    title: 'The folder of the other model (profile.json, model.onnx, tokenizer.json, SHA256SUMS)',
    openLabel: 'Compare with This',
    canSelectFolders: true,
    canSelectFiles: false,
  });
  return picked?.[0];
}
