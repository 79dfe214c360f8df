import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import * as vscode from 'vscode';
import { parseJudgement, type Judgement } from '../../src/domain/judgement.js';
import type { RunRecord, RunState } from '../../src/runs/run.js';
import type { OpenEditor } from '../../src/ui/api.js';
import { activated, activeTab, closeAll, editorOf, messagesDuring, noticeTexts, rowsOf, until } from './harness.js';

const model = 120_000;

function folder(): string {
  const first = vscode.workspace.workspaceFolders?.[0];
  assert.ok(first, 'a folder is open');
  return first.uri.fsPath;
}

interface Started {
  readonly editor: OpenEditor;
  readonly path: string;
  readonly finished: Promise<RunState>;
}

async function rerank(question: string, command = 'rationale.rerankWorkspace'): Promise<Started> {
  const api = await activated();
  const shown = await messagesDuring(() => vscode.commands.executeCommand(command, { question }));
  const [run] = api.runs();
  assert.ok(run, `a run goes on, not: ${shown.map((message) => message.text).join(' ')}`);
  return { editor: await editorOf(api, vscode.Uri.file(run.path)), path: run.path, finished: run.finished };
}

function rowsOnDisk(file: string): Judgement[] {
  return readFileSync(file, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => {
      const parsed = parseJudgement(line);
      assert.ok(parsed.ok, line);
      return parsed.judgement;
    });
}

function record(file: string): RunRecord {
  return JSON.parse(readFileSync(file.replace(/\.jsonl$/, '.run.json'), 'utf8')) as RunRecord;
}

/** Enough documents that a run is still going on when the test acts. */
function manyDocuments(): void {
  mkdirSync(path.join(folder(), 'many'), { recursive: true });
  for (let i = 0; i < 12; i++) {
    const words = Array.from({ length: 40 }, (_, w) => `word${(w * 7 + i) % 90}`).join(' ');
    writeFileSync(
      path.join(folder(), 'many', `note-${i}.md`),
      `# Note ${i}\n\nThe quixotic plan, part ${i}. ${words}\n`,
    );
  }
}

describe('Rerank Workspace Documents', function () {
  this.timeout(model + 30_000);

  before(async () => {
    const settings = vscode.workspace.getConfiguration('rationale');
    await settings.update('rerank.explain', 1, vscode.ConfigurationTarget.Workspace);
    await settings.update('rerank.depth', 12, vscode.ConfigurationTarget.Workspace);
  });
  afterEach(closeAll);
  after(() => rmSync(path.join(folder(), 'many'), { recursive: true, force: true }));

  it('shows the first-stage order at once, then scores, the new order and a rationale, and seals the file', async () => {
    const { editor, path: file, finished } = await rerank('how do I descale a boiler?');
    const first = await rowsOf(editor);
    assert.ok(first.length > 0);
    assert.equal((await finished).phase, 'complete');
    await until('the sealed file in the editor', () => editor.view().run?.state === 'complete' && activeTab().label);
    const rows = rowsOnDisk(file);
    assert.deepEqual(
      rows.map((row) => row.first_stage_rank),
      rows.map((_, i) => i + 1),
    );
    assert.deepEqual(
      rows.map((row) => row.rank).sort(),
      rows.map((_, i) => i + 1),
    );
    for (const row of rows) assert.ok(row.label !== null && row.score !== null && row.label_probabilities !== null);
    assert.deepEqual(
      rows.filter((row) => row.explanation !== null).map((row) => row.rank),
      [1],
    );
    assert.equal(record(file).seal?.rows, rows.length);
    assert.match(
      path.relative(folder(), file),
      /^\.rationale\/runs\/\d{4}-\d\d-\d\dT\d{6}-how-do-i-descale-a-boiler\./,
    );
    const detail = editor.detail();
    assert.equal(detail?.prompt?.exact, true, detail?.prompt?.why ?? 'no prompt');
    assert.equal((await activated()).inference().model?.id, rows[0]?.model?.['id' as keyof Judgement['model']]);
  });

  it('takes a decision on a row of a run, and opens its document at the passage', async () => {
    const { editor, path: file, finished } = await rerank('boiler');
    await finished;
    await until('the end in the editor', () => editor.view().run?.state === 'complete');
    await editor.dispatch({ type: 'decide', key: 0, decision: { kind: 'label', label: 3 }, advance: false });
    assert.equal(editor.view().unsaved, 1);
    const passage = rowsOnDisk(file)[0]?.document;
    // As another checkout of the workspace would find it, too.
    assert.equal(rowsOnDisk(file)[0]?.uri, 'boiler.md');
    await editor.dispatch({ type: 'run', action: 'openDocument', key: 0 });
    const opened = vscode.window.activeTextEditor;
    assert.equal(opened?.document.getText(opened.selection), passage);
  });

  it('finds the document of a judgement file further down, and links it from the workspace folder', async () => {
    const deep = path.join(folder(), 'audits', 'may');
    mkdirSync(deep, { recursive: true });
    writeFileSync(path.join(folder(), 'audits', '50% #1.md'), 'Bees sleep at night.\n');
    const file = vscode.Uri.file(path.join(deep, 'r.judgements.jsonl'));
    writeFileSync(file.fsPath, `${JSON.stringify({ query: 'q', document: 'Bees', label: 1, uri: '50% #1.md' })}\n`);
    try {
      await vscode.commands.executeCommand('vscode.openWith', file, 'rationale.judgements');
      const editor = await editorOf(await activated(), file);
      await vscode.commands.executeCommand('rationale.copyMarkdown');
      assert.match(await vscode.env.clipboard.readText(), /\(<audits\/50%25%20%231\.md>\)/);
      await editor.dispatch({ type: 'run', action: 'openDocument', key: 0 });
      assert.equal(vscode.window.activeTextEditor?.document.getText(), 'Bees sleep at night.\n');
    } finally {
      await closeAll();
      rmSync(path.join(folder(), 'audits'), { recursive: true, force: true });
    }
  });

  it('writes one more rationale when the run has ended, but none for a row that somebody has decided on', async () => {
    const { editor, path: file, finished } = await rerank('boiler glaze ice');
    await finished;
    await until('the end in the editor', () => editor.view().run?.state === 'complete');
    const open = rowsOnDisk(file).flatMap((row, key) => (row.explanation === null ? [key] : []));
    const [decided, other] = open;
    assert.ok(decided !== undefined && other !== undefined, `${open.length} rows without a rationale`);
    await editor.dispatch({ type: 'decide', key: decided, decision: { kind: 'label', label: 3 }, advance: false });
    const before = rowsOnDisk(file)[decided];
    const refused = await messagesDuring(() => editor.dispatch({ type: 'run', action: 'explainRow', key: decided }));
    assert.match(refused[0]?.text ?? '', /Somebody has decided/);
    const said = await messagesDuring(() => editor.dispatch({ type: 'run', action: 'explainRow', key: other }));
    assert.deepEqual(said, []);
    const [again] = (await activated()).runs();
    assert.equal((await again?.finished)?.phase, 'complete');
    assert.notEqual(rowsOnDisk(file)[other]?.explanation, null);
    assert.deepEqual(rowsOnDisk(file)[decided], before);
    assert.equal(record(file).seal?.state, 'complete');
    await until('the sealed run in the editor', () => editor.view().run?.state === 'complete');
    assert.equal(editor.view().unsaved, 1);
  });

  it('finds a file that was just written, and none that git ignores or that the user excludes', async () => {
    const write = (name: string): void => {
      mkdirSync(path.dirname(path.join(folder(), name)), { recursive: true });
      writeFileSync(path.join(folder(), name), 'The zebrafish sleeps.\n');
    };
    const found = async (): Promise<string[]> => {
      const { path: file, finished } = await rerank('zebrafish');
      await finished;
      return rowsOnDisk(file).flatMap((row) =>
        [row.doc_id, ...JSON.stringify(row.extra).matchAll(/[a-z]+\.md/g)].map(String),
      );
    };
    write('zebra.md');
    assert.match((await found()).join(' '), /zebra\.md/);
    writeFileSync(path.join(folder(), '.gitignore'), 'ignored/\n');
    write('ignored/secret.md');
    write('excluded/hidden.md');
    write('later.md');
    await vscode.workspace
      .getConfiguration('search')
      .update('exclude', { '**/excluded': true }, vscode.ConfigurationTarget.Workspace);
    const names = (await found()).join(' ');
    assert.match(names, /later\.md/);
    assert.doesNotMatch(names, /secret|hidden/);
    for (const name of ['zebra.md', 'later.md', 'ignored', 'excluded', '.gitignore']) {
      rmSync(path.join(folder(), name), { recursive: true, force: true });
    }
  });

  it('refuses an empty question, and says plainly when no file shares a word with the question', async () => {
    const empty = await messagesDuring(() =>
      vscode.commands.executeCommand('rationale.rerankWorkspace', { question: '  ' }),
    );
    assert.match(empty[0]?.text ?? '', /question is empty/);
    const none = await messagesDuring(() =>
      vscode.commands.executeCommand('rationale.rerankWorkspace', { question: 'xylophonist qwertyuiop' }),
    );
    assert.match(none[0]?.text ?? '', /No file of the workspace shares a word/);
    assert.equal((await activated()).runs().length, 0);
  });

  it('names the setting when the model folder is no model folder', async () => {
    const settings = vscode.workspace.getConfiguration('rationale');
    await settings.update('model.folder', path.join(folder(), 'nowhere'), vscode.ConfigurationTarget.Global);
    try {
      const shown = await messagesDuring(() =>
        vscode.commands.executeCommand('rationale.rerankWorkspace', { question: 'boiler' }),
      );
      assert.match(shown[0]?.text ?? '', /rationale\.model\.folder/);
    } finally {
      await settings.update('model.folder', undefined, vscode.ConfigurationTarget.Global);
    }
  });

  it('keeps what was judged when it is cancelled, and goes on from there', async () => {
    manyDocuments();
    const { editor, path: file, finished } = await rerank('the quixotic plan');
    await until(
      'a first score',
      () => (editor.view().run?.done ?? 0) > 0 && editor.view().run?.state === 'scoring',
      model,
    );
    await vscode.commands.executeCommand('rationale.cancelRun');
    assert.equal((await finished).phase, 'cancelled');
    const judged = rowsOnDisk(file).filter((row) => row.score_parts !== null).length;
    assert.ok(judged > 0 && judged < rowsOnDisk(file).length, `${judged} rows`);
    assert.equal(record(file).seal?.state, 'cancelled');
    await until('the cancelled run in the editor', () => editor.view().run?.state === 'cancelled');
    await editor.dispatch({ type: 'run', action: 'resumeRun', key: null });
    const [again] = (await activated()).runs();
    assert.equal((await again?.finished)?.phase, 'complete');
    assert.equal(rowsOnDisk(file).filter((row) => row.label !== null).length, rowsOnDisk(file).length);
  });

  it('survives the death of the child: says so, keeps what was judged, and resumes', async () => {
    manyDocuments();
    const api = await activated();
    const { editor, path: file, finished } = await rerank('the quixotic plan');
    await until(
      'a first score',
      () => (editor.view().run?.done ?? 0) > 0 && editor.view().run?.state === 'scoring',
      model,
    );
    const { pid } = api.inference();
    assert.ok(pid, 'the child runs');
    const shown = await messagesDuring(async () => {
      process.kill(pid, 'SIGKILL');
      assert.equal((await finished).phase, 'failed');
      await until('the failure in the editor', () => editor.view().run?.state === 'failed');
    });
    assert.match(shown[0]?.text ?? '', /SIGKILL/);
    assert.deepEqual(shown[0]?.actions, ['Resume']);
    assert.ok(noticeTexts(editor.view()).some((text) => text.includes('The run failed')));
    assert.equal(record(file).seal, undefined);
    await editor.dispatch({ type: 'run', action: 'resumeRun', key: null });
    const [again] = api.runs();
    assert.equal((await again?.finished)?.phase, 'complete');
    await until('the end in the editor', () => editor.view().run?.state === 'complete');
    assert.notEqual(api.inference().pid, pid);
  });

  it('opens a run that nobody sealed as interrupted', async () => {
    const { path: file, finished } = await rerank('boiler');
    await finished;
    await closeAll();
    const sealed = record(file);
    delete (sealed as { seal?: unknown }).seal;
    writeFileSync(file.replace(/\.jsonl$/, '.run.json'), JSON.stringify(sealed));
    await vscode.commands.executeCommand('vscode.open', vscode.Uri.file(file));
    const editor = await editorOf(await activated(), vscode.Uri.file(file));
    assert.equal(editor.view().run?.state, 'interrupted');
    assert.deepEqual(
      editor.view().notices.flatMap((notice) => notice.action?.id ?? []),
      ['resumeRun'],
    );
  });
});

describe('Rerank Open Editors', function () {
  this.timeout(model);
  afterEach(closeAll);

  it('ranks what is typed and not saved, and an editor that shares no word with the question', async () => {
    const typed = await vscode.workspace.openTextDocument({ content: 'Penguins huddle to keep warm.' });
    await vscode.window.showTextDocument(typed, { preview: false });
    const other = await vscode.workspace.openTextDocument({ content: 'Quarterly figures.' });
    await vscode.window.showTextDocument(other, { preview: false });
    const { path: file, finished } = await rerank('why do penguins huddle?', 'rationale.rerankOpenEditors');
    await finished;
    assert.deepEqual(
      rowsOnDisk(file).map((row) => row.document),
      ['Penguins huddle to keep warm.', 'Quarterly figures.'],
    );
  });
});
