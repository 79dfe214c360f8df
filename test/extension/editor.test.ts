import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { appendFileSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import * as vscode from 'vscode';
import { JudgementDocument } from '../../src/annotation/document.js';
import { codePointLength } from '../../src/domain/text.js';
import {
  activated,
  activeTab,
  closeAll,
  judgementFile,
  loggedEvents,
  messagesDuring,
  noticeTexts,
  openEditor,
  rowsOf,
  save,
  teacherRows,
  temporaryFolder,
  until,
} from './harness.js';

const label = (key: number, value: number) => ({
  type: 'decide',
  key,
  decision: { kind: 'label', label: value },
  advance: false,
});

describe('the Rationale editor', () => {
  afterEach(closeAll);

  it('opens a judgement file by default, with malformed lines in their places', async () => {
    const uri = judgementFile([...teacherRows(2), '{"query": 1}', ...teacherRows(3).slice(2)]);
    await vscode.commands.executeCommand('vscode.open', uri);
    const editor = await openEditor(uri);
    assert.ok(activeTab().input instanceof vscode.TabInputCustom);
    const rows = await rowsOf(editor);
    assert.deepEqual(
      rows.map((row) => row.kind),
      ['judgement', 'judgement', 'malformed', 'judgement'],
    );
    assert.equal(editor.view().total, 4);
    assert.equal(editor.view().reviewCounts.prefilled, 3);
  });

  it('opens another JSON Lines file only when asked to', async () => {
    const file = path.join(temporaryFolder(), 'teacher.jsonl');
    writeFileSync(
      file,
      teacherRows(2)
        .map((row) => `${JSON.stringify(row)}\n`)
        .join(''),
    );
    const uri = vscode.Uri.file(file);
    await vscode.commands.executeCommand('vscode.open', uri);
    assert.ok(activeTab().input instanceof vscode.TabInputText);
    await vscode.commands.executeCommand('rationale.openInEditor', uri);
    await until('the editor', () => activeTab().input instanceof vscode.TabInputCustom);
  });

  it('marks the tab as changed by a decision and writes it to the log on save, never to the file', async () => {
    const uri = judgementFile(teacherRows(3));
    const before = readFileSync(uri.fsPath, 'utf8');
    const editor = await openEditor(uri);
    await editor.dispatch(label(0, 2));
    await until('a dirty tab', () => activeTab().isDirty);
    assert.equal(editor.view().unsaved, 1);
    assert.deepEqual(loggedEvents(uri), []);
    await save();
    const events = loggedEvents(uri);
    assert.deepEqual(
      events.map(({ action, doc_id, label }) => ({ action, doc_id, label })),
      [{ action: 'correct', doc_id: 'doc-1', label: 2 }],
    );
    assert.equal(readFileSync(uri.fsPath, 'utf8'), before);
    assert.equal(editor.view().unsaved, 0);
  });

  it('undoes and redoes by VS Code’s own commands', async () => {
    const editor = await openEditor(judgementFile(teacherRows(3)));
    await editor.dispatch(label(0, 2));
    await editor.dispatch({ type: 'decide', key: 1, decision: { kind: 'accept' }, advance: false });
    await until('a dirty tab', () => activeTab().isDirty);
    await vscode.commands.executeCommand('undo');
    await until('the second decision undone', () => editor.view().reviewCounts.accepted === 0);
    assert.equal(editor.view().reviewCounts.corrected, 1);
    await vscode.commands.executeCommand('undo');
    await until('the first decision undone', () => editor.view().reviewCounts.corrected === 0);
    await until('a clean tab', () => !activeTab().isDirty);
    await vscode.commands.executeCommand('redo');
    await until('the first decision redone', () => editor.view().reviewCounts.corrected === 1);
    assert.ok(activeTab().isDirty);
  });

  it('takes a saved decision back with a retract when it is undone and saved again', async () => {
    const uri = judgementFile(teacherRows(2));
    const editor = await openEditor(uri);
    await editor.dispatch(label(0, 2));
    await until('a dirty tab', () => activeTab().isDirty);
    await save();
    await vscode.commands.executeCommand('undo');
    await until('a dirty tab again', () => activeTab().isDirty);
    await save();
    const [correct, retract, ...more] = loggedEvents(uri);
    assert.equal(correct?.action, 'correct');
    assert.equal(retract?.action, 'retract');
    assert.equal(retract['retracts'], correct.id);
    assert.deepEqual(more, []);
  });

  it('drops what is unsaved on revert', async () => {
    const uri = judgementFile(teacherRows(2));
    const editor = await openEditor(uri);
    await editor.dispatch(label(0, 2));
    await until('a dirty tab', () => activeTab().isDirty);
    await vscode.commands.executeCommand('workbench.action.files.revert');
    await until('a clean tab', () => !activeTab().isDirty);
    await until('no unsaved decision', () => editor.view().unsaved === 0);
    assert.equal(editor.view().reviewCounts.corrected, 0);
    assert.deepEqual(loggedEvents(uri), []);
  });

  it('keeps a draft over closing the editor and never saves it', async () => {
    const uri = judgementFile(teacherRows(2));
    const editor = await openEditor(uri);
    await editor.dispatch({ type: 'select', key: 1 });
    await editor.dispatch({ type: 'draft', key: 1, text: 'half a thou' });
    assert.equal(activeTab().isDirty, false);
    await vscode.commands.executeCommand('workbench.action.closeActiveEditor');
    await until('the editor is closed', () => vscode.window.tabGroups.activeTabGroup.activeTab === undefined);
    const again = await openEditor(uri);
    await again.dispatch({ type: 'select', key: 1 });
    assert.equal(again.detail()?.draft, 'half a thou');
    assert.deepEqual(loggedEvents(uri), []);
  });

  it('brings back decisions that a crash left in the journal, on the undo stack', async () => {
    const uri = judgementFile(teacherRows(2));
    const { journalFolder } = await activated();
    const annotator = (await openEditor(judgementFile(teacherRows(1)))).view().annotator;
    // What a window that died has left: the same document, never saved.
    const died = await JudgementDocument.open({
      path: uri.fsPath,
      annotator,
      installationId: '0123456789abcdef',
      journalDir: journalFolder,
    });
    died.decide(0, { kind: 'accept' });
    died.decide(1, { kind: 'label', label: 2 });
    died.dispose();
    const editor = await openEditor(uri);
    await until('a dirty tab', () => activeTab().isDirty);
    assert.equal(editor.view().unsaved, 2);
    await vscode.commands.executeCommand('undo');
    await until('one decision less', () => editor.view().reviewCounts.corrected === 0);
    assert.equal(editor.view().reviewCounts.accepted, 1);
    await save();
    assert.deepEqual(
      loggedEvents(uri).map(({ action, doc_id }) => [action, doc_id]),
      [['accept', 'doc-1']],
    );
  });

  it('shows what another window of this installation saves to the same log', async () => {
    const uri = judgementFile(teacherRows(3));
    const editor = await openEditor(uri);
    await editor.dispatch(label(0, 2));
    await until('a dirty tab', () => activeTab().isDirty);
    await save();
    const [saved] = loggedEvents(uri);
    const folder = uri.fsPath.replace(/\.jsonl$/, '.corrections');
    const [log = ''] = readdirSync(folder);
    const elsewhere = { ...saved, id: 'ffffffff-ffff-7fff-bfff-ffffffffff00', doc_id: 'doc-3', action: 'skip' };
    appendFileSync(
      path.join(folder, log),
      `${JSON.stringify({ ...elsewhere, label: undefined, answer_id: undefined })}\n`,
    );
    await until('the other window’s decision', () => editor.view().reviewCounts.skipped === 1);
    assert.equal(editor.view().reviewCounts.corrected, 1);
  });

  it('saves a copy with what is logged and what is unsaved, and leaves the original’s log alone', async () => {
    const uri = judgementFile(teacherRows(3));
    const editor = await openEditor(uri);
    await editor.dispatch(label(0, 2));
    await until('a dirty tab', () => activeTab().isDirty);
    await save();
    await editor.dispatch({ type: 'decide', key: 1, decision: { kind: 'skip' }, advance: false });
    await editor.dispatch({ type: 'decide', key: 2, decision: { kind: 'flag', flagged: true }, advance: false });
    const copy = vscode.Uri.file(path.join(temporaryFolder(), 'copy.judgements.jsonl'));
    await editor.saveAs(copy);
    assert.equal(readFileSync(copy.fsPath, 'utf8'), readFileSync(uri.fsPath, 'utf8'));
    const actions = (file: vscode.Uri): unknown[] => loggedEvents(file).map(({ action, doc_id }) => [action, doc_id]);
    assert.deepEqual(actions(copy), [
      ['correct', 'doc-1'],
      ['skip', 'doc-2'],
      ['flag', 'doc-3'],
    ]);
    assert.deepEqual(actions(uri), [['correct', 'doc-1']]);
    await assert.rejects(editor.saveAs(copy), /Choose another name/);
    const taken = vscode.Uri.file(path.join(temporaryFolder(), 'taken.judgements.jsonl'));
    writeFileSync(taken.fsPath.replace(/\.jsonl$/, '.run.json'), '{}');
    await assert.rejects(editor.saveAs(taken), /run\.json belongs to another file/);
  });

  it('shows a revision in git read-only, beside the file as it is', async () => {
    const uri = judgementFile(teacherRows(2));
    const folder = path.dirname(uri.fsPath);
    const git = (...args: string[]): void => {
      execFileSync('git', ['-c', 'user.name=T', '-c', 'user.email=t@example.invalid', ...args], { cwd: folder });
    };
    git('init', '--quiet');
    git('add', '.');
    git('commit', '--quiet', '-m', 'first');
    appendFileSync(uri.fsPath, `${JSON.stringify({ query: 'q', document: 'new', label: 1 })}\n`);
    await vscode.commands.executeCommand('git.openRepository', folder);
    const revision = uri.with({ scheme: 'git', query: JSON.stringify({ path: uri.fsPath, ref: 'HEAD' }) });
    const editor = await openEditor(revision);
    assert.equal(editor.view().total, 2);
    assert.match(editor.view().readonly ?? '', /revision in git/);
    const shown = await messagesDuring(() => editor.dispatch(label(0, 2)));
    assert.match(shown[0]?.text ?? '', /revision in git/);
    assert.equal((await openEditor(uri)).view().total, 3);
  });

  it('goes on to the next undecided row', async () => {
    const editor = await openEditor(judgementFile(teacherRows(4)));
    await editor.dispatch({ type: 'select', key: 1 });
    await editor.dispatch({ type: 'decide', key: 1, decision: { kind: 'accept' }, advance: true });
    assert.equal(editor.view().selected?.key, 2);
    await editor.dispatch({ type: 'select', key: 0 });
    await editor.dispatch({ type: 'decide', key: 0, decision: { kind: 'skip' }, advance: true });
    assert.equal(editor.view().selected?.key, 2);
    await until('a dirty tab', () => activeTab().isDirty);
  });

  it('shows two editors on one file the same decisions', async () => {
    const uri = judgementFile(teacherRows(2));
    const first = await openEditor(uri);
    await vscode.commands.executeCommand('workbench.action.splitEditorRight');
    const api = await activated();
    await until('two editors', () => api.openEditors().length === 2);
    await first.dispatch(label(0, 2));
    for (const editor of api.openEditors()) assert.equal(editor.view().reviewCounts.corrected, 1);
    await until('a dirty tab', () => activeTab().isDirty);
  });

  it('reads the file again when it changes on disk and nothing is unsaved', async () => {
    const uri = judgementFile(teacherRows(2));
    const editor = await openEditor(uri);
    appendFileSync(uri.fsPath, `${JSON.stringify({ query: 'q', document: 'new', label: 1 })}\n`);
    await until('the new row', () => editor.view().total === 3);
  });

  it('keeps unsaved decisions when the file changes on disk, says so, and reads it after saving', async () => {
    const uri = judgementFile(teacherRows(2));
    const editor = await openEditor(uri);
    await editor.dispatch(label(0, 2));
    const shown = await messagesDuring(async () => {
      appendFileSync(uri.fsPath, `${JSON.stringify({ query: 'q', document: 'new', label: 1 })}\n`);
      await until('the notice', () => noticeTexts(editor.view()).some((text) => text.includes('changed on disk')));
    });
    assert.deepEqual(
      shown.map(({ severity, actions }) => ({ severity, actions })),
      [{ severity: 'warning', actions: ['Read It Again', 'Save My Decisions'] }],
    );
    assert.equal(editor.view().unsaved, 1);
    assert.equal(editor.view().total, 2);
    await save();
    await until('the new row', () => editor.view().total === 3);
    assert.equal(loggedEvents(uri).length, 1);
    assert.equal(
      noticeTexts(editor.view()).some((text) => text.includes('changed on disk')),
      false,
    );
  });

  it('refuses a message that is none, and changes nothing', async () => {
    const editor = await openEditor(judgementFile(teacherRows(2)));
    const shown = await messagesDuring(() => editor.dispatch({ type: 'decide', key: 0, decision: { kind: 'erase' } }));
    assert.equal(shown.length, 1);
    assert.match(shown[0]?.text ?? '', /message that is none/);
    assert.equal(editor.view().unsaved, 0);
  });

  it('opens the document of a row at its passage, counted in code points', async () => {
    const folder = temporaryFolder();
    const text = '🐝🐝 First part.\n\nBees sleep at night.\n';
    writeFileSync(path.join(folder, 'bees.md'), text);
    const start = codePointLength(text.slice(0, text.indexOf('Bees')));
    const passage = 'Bees sleep at night.';
    const file = path.join(folder, 'r.judgements.jsonl');
    const row = { query: 'q', document: passage, label: 1, uri: 'bees.md', range: [start, start + passage.length] };
    writeFileSync(file, `${JSON.stringify(row)}\n`);
    const editor = await openEditor(vscode.Uri.file(file));
    await editor.dispatch({ type: 'run', action: 'openDocument', key: 0 });
    const opened = vscode.window.activeTextEditor;
    assert.equal(opened?.document.getText(opened.selection), passage);
  });

  it('says which file is missing, and opens nothing that is no file', async () => {
    const editor = await openEditor(
      judgementFile([
        { query: 'q', document: 'a', label: 1, uri: 'file:///nowhere/gone.md' },
        { query: 'q', document: 'b', label: 1, uri: 'command:workbench.action.quit' },
        { query: 'q', document: 'c', label: 1 },
      ]),
    );
    for (const [key, text] of [/gone\.md cannot be opened/, /does not open/, /came from no file/].entries()) {
      const shown = await messagesDuring(() => editor.dispatch({ type: 'run', action: 'openDocument', key }));
      assert.match(shown[0]?.text ?? '', text);
    }
  });

  it('copies the ranking as Markdown', async () => {
    const editor = await openEditor(judgementFile(teacherRows(2)));
    await editor.dispatch(label(0, 2));
    await vscode.commands.executeCommand('rationale.copyMarkdown');
    const text = await vscode.env.clipboard.readText();
    assert.match(text, /^## do bees sleep\?\n\n1\. \*\*doc-1\*\* \(relevant \(corrected\)\)\n {3}> Explanation 1\./);
  });

  it('is read-only on what is no file on a disk', async () => {
    const rows = teacherRows(2)
      .map((row) => `${JSON.stringify(row)}\n`)
      .join('');
    const provider = vscode.workspace.registerFileSystemProvider('frozen', frozen(rows), { isReadonly: true });
    try {
      const uri = vscode.Uri.from({ scheme: 'frozen', path: '/old.judgements.jsonl' });
      const editor = await openEditor(uri);
      assert.match(editor.view().readonly ?? '', /frozen/);
      assert.equal(editor.view().total, 2);
      const shown = await messagesDuring(() => editor.dispatch(label(0, 2)));
      assert.equal(shown.length, 1);
      assert.equal(activeTab().isDirty, false);
      assert.equal(editor.view().unsaved, 0);
    } finally {
      await closeAll();
      provider.dispose();
    }
  });

  it('asks the webview to do what a command of the editor means', async () => {
    const editor = await openEditor(judgementFile(teacherRows(2)));
    const asked: string[] = [];
    const listener = editor.onDidPost((message) => {
      if (message.type === 'perform') asked.push(message.action);
    });
    await vscode.commands.executeCommand('rationale.nextRow');
    await vscode.commands.executeCommand('rationale.label2');
    listener.dispose();
    assert.deepEqual(asked, ['nextRow', 'label2']);
  });
});

function frozen(text: string): vscode.FileSystemProvider {
  const events = new vscode.EventEmitter<vscode.FileChangeEvent[]>();
  const bytes = new TextEncoder().encode(text);
  const refuse = (): never => {
    throw vscode.FileSystemError.NoPermissions();
  };
  return {
    onDidChangeFile: events.event,
    watch: () => new vscode.Disposable(() => undefined),
    stat: () => ({ type: vscode.FileType.File, ctime: 0, mtime: 0, size: bytes.length }),
    readDirectory: () => [],
    readFile: () => bytes,
    createDirectory: refuse,
    writeFile: refuse,
    delete: refuse,
    rename: refuse,
  };
}
