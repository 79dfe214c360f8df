import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import * as vscode from 'vscode';
import { changedModel } from '../unit/changed-model.js';
import type { StartedRound } from '../../src/ui/training-round.js';
import type { ShownMessage } from '../../src/ui/errors.js';
import {
  activated,
  activeTab,
  closeAll,
  judgementFile,
  messagesDuring,
  openEditor,
  save,
  teacherRows,
  temporaryFolder,
  until,
} from './harness.js';

const embedded = path.join(
  vscode.extensions.getExtension('rationale.rationale')?.extensionPath ?? '',
  'models/rationale-135m',
);

describe('Start Training Round', function () {
  this.timeout(240_000);
  afterEach(async () => {
    await closeAll();
    await vscode.workspace
      .getConfiguration('rationale')
      .update('training.command', undefined, vscode.ConfigurationTarget.Global);
    for (const terminal of vscode.window.terminals) terminal.dispose();
  });

  it('exports the corrections, types the command without running it, and compares the model that arrives', async () => {
    const api = await activated();
    const uri = judgementFile(teacherRows(3));
    const editor = await openEditor(uri);
    await editor.dispatch({ type: 'decide', key: 0, decision: { kind: 'accept' }, advance: false });
    await editor.dispatch({ type: 'decide', key: 1, decision: { kind: 'label', label: 0 }, advance: false });
    await until('a dirty tab', () => activeTab().isDirty);
    await save();
    const config = vscode.Uri.file(path.join(temporaryFolder(), 'refine.yaml'));
    writeFileSync(config.fsPath, 'model: base\n');
    // What would leave files behind if it ran.
    await vscode.workspace
      .getConfiguration('rationale')
      .update('training.command', '/usr/bin/touch', vscode.ConfigurationTarget.Global);

    const shown: ShownMessage[] = [];
    const listener = api.onDidShowMessage((message) => shown.push(message));
    const round = await vscode.commands.executeCommand<StartedRound | undefined>('rationale.startTrainingRound', {
      file: uri,
      config,
    });
    assert.ok(round, shown.map((message) => message.text).join(' '));
    const corrections = path.join(round.folder, 'corrections');
    const rows = readFileSync(path.join(corrections, 'train.jsonl'), 'utf8').trimEnd().split('\n');
    const groundtruth = rows.map((line) => JSON.parse(line) as { groundtruth: unknown; predictions: unknown[] });
    assert.equal(groundtruth.length, 2);
    assert.ok(groundtruth.every((row) => row.groundtruth !== undefined && Array.isArray(row.predictions)));
    assert.ok(round.commandLine.startsWith(`/usr/bin/touch refine --config ${config.fsPath} --set 'rounds=`));
    assert.ok(round.commandLine.includes(corrections));
    assert.ok(round.commandLine.endsWith(`--out ${round.modelDir}`), round.commandLine);
    assert.match(readFileSync(path.join(round.folder, 'export.yaml'), 'utf8'), /^model: refined\/round-1\/model$/m);
    assert.ok(vscode.window.terminals.some((terminal) => terminal.name === 'Rationale Training'));
    const typed = shown.find((message) => message.text.startsWith('The training command'));
    assert.deepEqual(typed?.actions, ['Run It']);

    // Half of a model is none: the files come one after the other, the large ones slowly.
    const arrived = (): ShownMessage | undefined =>
      shown.find((message) => message.text.startsWith('A training round has written a new model'));
    mkdirSync(round.modelDir);
    writeFileSync(path.join(round.modelDir, 'SHA256SUMS'), readFileSync(path.join(embedded, 'SHA256SUMS')));
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    assert.equal(arrived(), undefined);
    const newModel = path.join(round.folder, 'model-2');
    changedModel(embedded, newModel, (profile) => ({ ...profile, id: 'the-new-one' }));
    const offer = await until('the offer', arrived, 60_000);
    assert.deepEqual(offer.actions, ['Compare', 'Use It']);
    assert.ok(offer.text.includes(newModel), offer.text);
    listener.dispose();
    assert.throws(() => readFileSync(path.join(round.folder, 'refine')), /ENOENT/);

    const said = await messagesDuring(() =>
      vscode.commands.executeCommand('rationale.compareModel', { file: uri, model: vscode.Uri.file(newModel) }),
    );
    const [run] = api.runs();
    assert.ok(run, said.map((message) => message.text).join(' '));
    assert.equal((await run.finished).phase, 'complete');
    const judged = readFileSync(run.path, 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { doc_id: string; label: number | null; model: { id: string } });
    assert.deepEqual(
      judged.map((row) => [row.doc_id, row.model.id, row.label !== null]),
      ['doc-1', 'doc-2', 'doc-3'].map((id) => [id, 'the-new-one', true]),
    );
    assert.deepEqual(
      api.openEditors().map((one) => one.uri.fsPath),
      [uri.fsPath, run.path],
    );
  });
});
