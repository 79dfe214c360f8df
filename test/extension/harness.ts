/** What every suite in a real VS Code needs: the activated extension, judgement files to open, and waiting. */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import * as vscode from 'vscode';
import type { EditorView, RowSummary } from '../../src/protocol/editor.js';
import type { OpenEditor, RationaleApi } from '../../src/ui/api.js';
import type { ShownMessage } from '../../src/ui/errors.js';

export async function activated(): Promise<RationaleApi> {
  const extension = vscode.extensions.getExtension<RationaleApi>('rationale.rationale');
  assert.ok(extension, 'the extension is installed');
  return extension.activate();
}

/** Waits until `probe` gives something; fails with `what` after `ms`. */
export async function until<T>(what: string, probe: () => T | undefined | false | null, ms = 20_000): Promise<T> {
  const end = Date.now() + ms;
  for (;;) {
    const value = probe();
    if (value !== undefined && value !== false && value !== null) return value;
    if (Date.now() > end) assert.fail(`not within ${ms / 1000} s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

export function temporaryFolder(): string {
  return realpathSync(mkdtempSync(path.join(tmpdir(), 'rationale-test-')));
}

/** Writes rows as NAME.judgements.jsonl into a fresh folder; a string is written as it is. */
export function judgementFile(rows: readonly (object | string)[], name = 'audit'): vscode.Uri {
  const file = path.join(temporaryFolder(), `${name}.judgements.jsonl`);
  writeFileSync(file, rows.map((row) => `${typeof row === 'string' ? row : JSON.stringify(row)}\n`).join(''));
  return vscode.Uri.file(file);
}

/** A teacher's rows on one query. */
export function teacherRows(count: number): object[] {
  return Array.from({ length: count }, (_, i) => ({
    query: 'do bees sleep?',
    doc_id: `doc-${i + 1}`,
    document: `Document ${i + 1}: bees sleep at night.`,
    label: i % 3,
    explanation: `Explanation ${i + 1}.`,
  }));
}

/** Opens a file in the Rationale editor and waits until its webview has asked for what it shows. */
export async function openEditor(uri: vscode.Uri, viewType = 'rationale.judgements'): Promise<OpenEditor> {
  const api = await activated();
  await vscode.commands.executeCommand('vscode.openWith', uri, viewType);
  return editorOf(api, uri);
}

export function editorOf(api: RationaleApi, uri: vscode.Uri): Promise<OpenEditor> {
  return until(`an active editor on ${uri.path}`, () =>
    api.openEditors().find((editor) => editor.uri.toString() === uri.toString() && editor.active),
  );
}

export async function rowsOf(editor: OpenEditor, count = 1_000): Promise<readonly RowSummary[]> {
  let rows: readonly RowSummary[] | undefined;
  const listener = editor.onDidPost((message) => {
    if (message.type === 'rows') rows = message.rows;
  });
  await editor.dispatch({ type: 'getRows', revision: editor.view().revision, start: 0, count });
  listener.dispose();
  assert.ok(rows, 'getRows is answered');
  return rows;
}

export function activeTab(): vscode.Tab {
  const tab = vscode.window.tabGroups.activeTabGroup.activeTab;
  assert.ok(tab, 'a tab is active');
  return tab;
}

/** The events in all logs beside a judgement file, in the order of their ids. */
export function loggedEvents(uri: vscode.Uri): { id: string; action: string; [key: string]: unknown }[] {
  const folder = uri.fsPath.replace(/\.jsonl$/, '.corrections');
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch {
    return [];
  }
  return names
    .filter((name) => name.endsWith('.jsonl'))
    .flatMap((name) => readFileSync(path.join(folder, name), 'utf8').split('\n'))
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as { id: string; action: string })
    .sort((a, b) => (a.id < b.id ? -1 : 1));
}

export async function save(): Promise<void> {
  await vscode.commands.executeCommand('workbench.action.files.save');
  await until('the tab is clean', () => !activeTab().isDirty);
}

/** Collects what the extension says while `body` runs. */
export async function messagesDuring(body: () => PromiseLike<unknown>): Promise<ShownMessage[]> {
  const api = await activated();
  const shown: ShownMessage[] = [];
  const listener = api.onDidShowMessage((message) => shown.push(message));
  try {
    await body();
  } finally {
    listener.dispose();
  }
  return shown;
}

/** Closes every editor, throwing unsaved decisions away. */
export async function closeAll(): Promise<void> {
  for (let n = 0; n < 20 && vscode.window.tabGroups.all.some((group) => group.tabs.length > 0); n++) {
    await vscode.commands.executeCommand('workbench.action.revertAndCloseActiveEditor');
  }
}

export function noticeTexts(view: EditorView): string[] {
  return view.notices.map((notice) => notice.text);
}
