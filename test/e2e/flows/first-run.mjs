// The first minutes of a developer: ask the workspace, watch the order come, read why, correct, undo, save, export.
import assert from 'node:assert/strict';
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { root } from '../../../scripts/process.mjs';
import { rationaleEditor } from '../rationale-editor.mjs';
import { until } from '../steps.mjs';

export const title = 'Rerank the workspace, read, correct, save, export';

const question = 'Does breastfeeding protect children from obesity?';

export async function run({ step, window, updateReadme }) {
  const workbench = await window({
    settings: { 'rationale.rerank.depth': 8, 'rationale.rerank.explain': 2 },
    view: { width: 1440, height: 900 },
  });
  const { page } = workbench;

  await step('the palette offers the commands', async () => {
    const titles = await workbench.offered('Rationale: ');
    for (const wanted of ['Rationale: Rerank Workspace Documents…', 'Rationale: Show Log']) {
      assert.ok(titles.includes(wanted), `${wanted} is not among: ${titles.join(', ')}`);
    }
  });

  await step('a question opens the editor at once, in first-stage order', async () => {
    await workbench.run('Rationale: Rerank Workspace Documents…');
    await workbench.answer(question);
    await workbench.tab(/\.judgements\.jsonl/).waitFor();
  });

  const editor = rationaleEditor(workbench);
  await step('every candidate is listed', async () => {
    await editor.rows.first().waitFor();
    await until('8 rows', async () => (await editor.rows.count()) === 8);
  });

  await step('scores come, then the order of the model', async () => {
    const waiting = editor.rows.filter({ hasText: 'Waiting for its score' });
    await until('a score in every row', async () => (await waiting.count()) === 0, 120_000);
    const words = await editor.words(editor.rows.first());
    assert.match(words, /Rank 1\b.*Label \w+.*Score/);
  });

  await step('the rationales of the first two documents are written', async () => {
    await editor.rows.first().click();
    await editor.rationale.waitFor({ timeout: 180_000 });
    assert.ok((await editor.rationale.inputValue()).length > 20);
    await until(
      'the second rationale',
      async () => {
        await editor.rows.nth(1).click();
        return (await editor.rationale.count()) > 0 && (await editor.rationale.inputValue()).length > 0;
      },
      180_000,
    );
    await editor.frame.getByText('Complete', { exact: true }).waitFor({ timeout: 60_000 });
    await editor.rows.first().click();
    await workbench.screenshot('1-ranking');
    if (updateReadme) copyFileSync(await workbench.screenshot('readme'), path.join(root, 'media/screenshot.png'));
  });

  const file = runFile(workbench.folder);
  const answer = readFileSync(file, 'utf8');

  await step('a digit corrects the label, and the row says that it is not saved', async () => {
    const before = await editor.words(editor.selected);
    const digit = /Label relevant\b/.test(before) ? '0' : '2';
    await editor.press(digit);
    await until('the correction in the row', async () => /corrected/i.test(await editor.words(editor.selected)));
    assert.match(await editor.words(editor.selected), /Not saved/);
  });

  await step('the rationale is edited in place', async () => {
    await editor.press('e');
    await page.keyboard.type(' The abstract says nothing about children.');
    await page.keyboard.press('Escape');
    await editor.frame.getByText('Changes to the original').waitFor();
    await workbench.screenshot('2-corrected');
  });

  await step('undo takes the edit back, redo makes it again', async () => {
    await editor.list.focus();
    await page.keyboard.press('Control+Z');
    await until(
      'the rationale without the edit',
      async () => !(await editor.rationale.inputValue()).includes('says nothing about'),
    );
    await page.keyboard.press('Control+Shift+Z');
    await until('the rationale with the edit', async () =>
      (await editor.rationale.inputValue()).includes('says nothing about'),
    );
  });

  await step('save writes the decision to a log of its own and leaves the answers alone', async () => {
    await page.keyboard.press('Control+S');
    await until('the saved row', async () => !/Not saved/.test(await editor.words(editor.selected)));
    const logs = corrections(file);
    assert.equal(logs.length, 1);
    const events = logs[0]
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    assert.ok(
      events.some((event) => event.action === 'correct' && event.explanation?.includes('says nothing about children')),
    );
    assert.equal(readFileSync(file, 'utf8'), answer);
  });

  await step('the export shows first what goes in and why the rest does not, and then writes it', async () => {
    const target = path.join(workbench.folder, 'refinement');
    mkdirSync(target);
    await workbench.run('Rationale: Export Refinement Data…');
    const [which, format] = ['from which judgement files?', 'in which format?'].map((text) =>
      workbench.quickInput.getByText(text),
    );
    await which.or(format).waitFor();
    // Asked when the folder holds another judgement file; the one in the active editor is ticked.
    if (await which.isVisible()) await page.keyboard.press('Enter');
    await format.waitFor();
    await workbench.answer('trl-sft');
    await workbench.pick('with these choices');
    await workbench.quickInput.getByText('Export 1 of 8 rows…').waitFor();
    const preview = page.frameLocator('iframe.webview.ready:visible >> nth=-1').frameLocator('#active-frame');
    await preview.getByText('prefilled').or(preview.getByText('decided')).first().waitFor();
    await workbench.screenshot('3-export');
    await workbench.pick('Export 1 of 8 rows…');
    const box = workbench.quickInput.locator('input.input');
    // VS Code writes the folder it starts from into the box, a moment after showing it.
    await until('the folder dialog', async () => (await box.inputValue()).startsWith(workbench.folder));
    await box.fill(`${target}/`);
    await workbench.quickInput.getByRole('button', { name: 'Export Here' }).click();
    const written = await until('the exported file', () => readdirSync(target).find((name) => name.endsWith('.jsonl')));
    const rows = readFileSync(path.join(target, written), 'utf8').trim().split('\n');
    assert.equal(rows.length, 1);
    assert.ok(rows[0].includes('says nothing about children'));
  });

  await step("the teacher's file of the examples opens in the same editor, ready to be audited", async () => {
    await workbench.run('View: Close All Editors');
    await workbench.openFile('teacher.judgements.jsonl');
    const teacher = rationaleEditor(workbench);
    await teacher.frame.getByText('300 rows').waitFor();
    await teacher.rows.first().click();
    await teacher.press('n');
    await until('an undecided row', async () => /To review/.test(await teacher.words(teacher.selected)));
    assert.ok((await teacher.rationale.inputValue()).length > 20);
    await workbench.screenshot('4-teacher');
  });

  await step('nothing was asked of a host outside, and the page had no error', () => {
    assert.deepEqual([...workbench.outside], []);
    assert.deepEqual(workbench.errors, []);
  });
}

/** The one judgement file that the run wrote. */
function runFile(folder) {
  const runs = path.join(folder, '.rationale/runs');
  const files = readdirSync(runs).filter((name) => name.endsWith('.judgements.jsonl'));
  assert.equal(files.length, 1, files.join(', '));
  return path.join(runs, files[0]);
}

/** Texts of the decision logs beside a judgement file. */
function corrections(file) {
  const folder = file.replace(/\.jsonl$/, '.corrections');
  if (!existsSync(folder)) return [];
  return readdirSync(folder).map((name) => readFileSync(path.join(folder, name), 'utf8'));
}
