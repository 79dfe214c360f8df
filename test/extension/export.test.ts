import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import * as vscode from 'vscode';
import {
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

describe('Export Refinement Data', () => {
  afterEach(closeAll);

  it('writes what was accepted and corrected, and nothing that nobody decided on', async () => {
    const uri = judgementFile(teacherRows(3));
    const editor = await openEditor(uri);
    await editor.dispatch({ type: 'decide', key: 0, decision: { kind: 'accept' }, advance: false });
    await editor.dispatch({ type: 'decide', key: 1, decision: { kind: 'label', label: 0 }, advance: false });
    await until('a dirty tab', () => activeTab().isDirty);
    await save();
    const folder = path.join(temporaryFolder(), 'data');
    const shown = await messagesDuring(() =>
      vscode.commands.executeCommand('rationale.exportRefinementData', {
        files: [uri],
        format: 'trl-sft',
        folder: vscode.Uri.file(folder),
      }),
    );
    assert.match(shown[0]?.text ?? '', /^2 rows exported/);
    const rows = readFileSync(path.join(folder, 'train.jsonl'), 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { doc_id: string; relevance: number });
    assert.deepEqual(
      rows.map(({ doc_id, relevance }) => [doc_id, relevance]),
      [
        ['doc-1', 0],
        ['doc-2', 0],
      ],
    );
  });

  it('knows the embedded model’s prompt, so that its rows in a teacher’s file can go in', async () => {
    const root = vscode.extensions.getExtension('rationale.rationale')?.extensionPath ?? '';
    const examples = path.join(root, 'examples/teacher.judgements.jsonl');
    const row = readFileSync(examples, 'utf8')
      .split('\n')
      .find((line) => line.includes('"model":{"id":"rationale-135m"') && line.includes('"explanation":"'));
    const uri = judgementFile([row ?? 'no row']);
    const editor = await openEditor(uri);
    assert.equal(editor.detail()?.prompt?.exact, true);
    await editor.dispatch({ type: 'decide', key: 0, decision: { kind: 'accept' }, advance: false });
    await until('a dirty tab', () => activeTab().isDirty);
    await save();
    const folder = vscode.Uri.file(path.join(temporaryFolder(), 'data'));
    const shown = await messagesDuring(() =>
      vscode.commands.executeCommand('rationale.exportRefinementData', { files: [uri], format: 'trl-sft', folder }),
    );
    assert.match(shown[0]?.text ?? '', /^1 rows exported/);
  });

  it('says why when no row can go in', async () => {
    const shown = await messagesDuring(async () =>
      vscode.commands.executeCommand('rationale.exportRefinementData', {
        files: [judgementFile(teacherRows(1))],
        format: 'trl-dpo',
        folder: vscode.Uri.file(path.join(temporaryFolder(), 'data')),
      }),
    );
    assert.match(shown[0]?.text ?? '', /No row can be exported/);
  });
});
