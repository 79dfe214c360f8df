import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import path from 'node:path';
import * as vscode from 'vscode';
import {
  activated,
  activeTab,
  closeAll,
  judgementFile,
  loggedEvents,
  messagesDuring,
  openEditor,
  save,
  teacherRows,
  temporaryFolder,
  until,
} from './harness.js';

describe('the webview’s policy', () => {
  afterEach(closeAll);

  it('runs no injected script, handler or evaluated code in a real webview', async () => {
    const { html } = await openEditor(judgementFile(teacherRows(1)));
    const nonce = /script-src 'nonce-([^']+)'/.exec(html)?.[1] ?? '';
    const panel = vscode.window.createWebviewPanel('rationale.policyTest', 'Policy', vscode.ViewColumn.One, {
      enableScripts: true,
    });
    const heard: string[] = [];
    const done = new Promise<void>((resolve) => {
      panel.webview.onDidReceiveMessage((message: string) => {
        heard.push(message);
        if (message === 'end') resolve();
      });
    });
    // The page's own policy, with a script that has the nonce (the control: it must run) and others that try without.
    const control = `<script nonce="${nonce}">
      const { postMessage } = acquireVsCodeApi();
      window.ran = (what) => postMessage('injected: ' + what);
      postMessage('control');
      const blocked = [];
      document.addEventListener('securitypolicyviolation', (event) => blocked.push(event.effectiveDirective));
      addEventListener('load', () => {
        try { (0, eval)("window.ran('eval')"); } catch { blocked.push('eval'); }
        const box = document.createElement('div');
        box.innerHTML = '<img src="x:" onerror="window.ran(\\'onerror\\')"><p style="color: red">x</p>';
        document.body.append(box);
        const late = document.createElement('script');
        late.textContent = "window.ran('appended script')";
        document.body.append(late);
        fetch('https://example.invalid/').catch(() => blocked.push('fetch'));
        setTimeout(() => { postMessage('blocked: ' + [...new Set(blocked)].sort().join(' ')); postMessage('end'); }, 300);
      });
    </script>`;
    panel.webview.html = html
      .replace(/<script type="module"[^>]*><\/script>/, '')
      .replace(
        '<body>',
        `<body>${control}<script>window.ran('inline script')</script><a href="javascript:window.ran('href')">x</a>`,
      );
    await done;
    panel.dispose();
    assert.equal(heard[0], 'control');
    assert.deepEqual(
      heard.filter((message) => message.startsWith('injected')),
      [],
    );
    const blocked = heard.find((message) => message.startsWith('blocked')) ?? '';
    for (const what of ['connect-src', 'eval', 'script-src-attr', 'script-src-elem', 'style-src-attr']) {
      assert.ok(blocked.includes(what), `${what} in "${blocked}"`);
    }
  });
});

describe('a workspace that nobody trusted [restricted]', () => {
  afterEach(closeAll);

  it('refuses to rerank, says why and offers to manage trust', async () => {
    for (const command of [
      'rationale.rerankWorkspace',
      'rationale.rerankOpenEditors',
      'rationale.startTrainingRound',
    ]) {
      const shown = await messagesDuring(() => vscode.commands.executeCommand(command, { question: 'boiler' }));
      assert.match(shown[0]?.text ?? '', /until you trust the workspace/);
      assert.deepEqual(shown[0]?.actions, ['Manage Trust']);
    }
    assert.equal((await activated()).inference().pid, undefined);
  });

  it('asks git for no name, and lets no workspace give one', async () => {
    const config = path.join(temporaryFolder(), 'gitconfig');
    writeFileSync(config, '[user]\n\tname = From Git\n');
    process.env['GIT_CONFIG_GLOBAL'] = config;
    try {
      const editor = await openEditor(judgementFile(teacherRows(1)));
      assert.equal(editor.view().annotator, vscode.workspace.isTrusted ? 'From Git' : userInfo().username);
    } finally {
      delete process.env['GIT_CONFIG_GLOBAL'];
    }
    const settings = vscode.workspace.getConfiguration('rationale');
    await assert.rejects(async () => settings.update('annotator', 'Mallory', vscode.ConfigurationTarget.Workspace));
  });

  it('opens, decides and saves', async () => {
    const uri = judgementFile(teacherRows(2));
    const editor = await openEditor(uri);
    await editor.dispatch({ type: 'decide', key: 0, decision: { kind: 'accept' }, advance: false });
    await until('a dirty tab', () => activeTab().isDirty);
    await save();
    assert.deepEqual(
      loggedEvents(uri).map((event) => event.action),
      ['accept'],
    );
  });
});

describe('auto-save [auto-save]', () => {
  afterEach(closeAll);

  it('writes decisions by itself, and never a draft', async () => {
    const autoSave = vscode.workspace.getConfiguration('files').get('autoSave') !== 'off';
    const uri = judgementFile(teacherRows(2));
    const editor = await openEditor(uri);
    await editor.dispatch({ type: 'select', key: 1 });
    await editor.dispatch({ type: 'draft', key: 1, text: 'half a thou' });
    await editor.dispatch({ type: 'decide', key: 0, decision: { kind: 'accept' }, advance: false });
    if (!autoSave) await save();
    await until('the log', () => loggedEvents(uri).length > 0);
    assert.deepEqual(
      loggedEvents(uri).map(({ action, doc_id }) => [action, doc_id]),
      [['accept', 'doc-1']],
    );
    await editor.dispatch({ type: 'select', key: 1 });
    assert.equal(editor.detail()?.draft, 'half a thou');
    await editor.dispatch({ type: 'draft', key: 1, text: null });
  });

  it('takes back by a later save what auto-save has written', async () => {
    const autoSave = vscode.workspace.getConfiguration('files').get('autoSave') !== 'off';
    const uri = judgementFile(teacherRows(2));
    const editor = await openEditor(uri);
    await editor.dispatch({ type: 'decide', key: 0, decision: { kind: 'accept' }, advance: false });
    if (!autoSave) await save();
    await until('the decision in the log', () => loggedEvents(uri).length === 1 && !activeTab().isDirty);
    await vscode.commands.executeCommand('undo');
    await until('a decision less', () => editor.view().reviewCounts.accepted === 0);
    if (!autoSave) await save();
    await until('the retract in the log', () => loggedEvents(uri).length === 2);
    assert.equal(loggedEvents(uri)[1]?.action, 'retract');
  });
});

describe('a window without a folder [no-folder]', () => {
  afterEach(closeAll);

  it('says that no folder is open and offers to open one', async () => {
    const shown = await messagesDuring(() =>
      vscode.commands.executeCommand('rationale.rerankWorkspace', { question: 'boiler' }),
    );
    assert.match(shown[0]?.text ?? '', /No folder is open/);
    assert.deepEqual(shown[0]?.actions, ['Open Folder']);
  });

  it('reranks open editors all the same', async () => {
    const typed = await vscode.workspace.openTextDocument({ content: 'Penguins huddle to keep warm.' });
    await vscode.window.showTextDocument(typed, { preview: false });
    await vscode.commands.executeCommand('rationale.rerankOpenEditors', { question: 'why do penguins huddle?' });
    const [run] = (await activated()).runs();
    assert.equal((await run?.finished)?.phase, 'complete');
  });
});
