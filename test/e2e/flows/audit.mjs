// An annotator audits a teacher's file by keyboard; then the same window in every theme and at 200 % zoom. The file
// also holds what a file may hold: a line that is no judgement, and a document that would like to be a program.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { rationaleEditor } from '../rationale-editor.mjs';
import { until } from '../steps.mjs';

export const title = "Audit a teacher's file by keyboard, in every theme";

const hostile = '<script>window.injected = 1</script><img src="x" onerror="window.injected = 2">';
const row = (id, document, label, explanation) =>
  JSON.stringify({
    query_id: 'q1',
    query: 'Does ice on the wing reduce lift?',
    doc_id: id,
    document,
    label,
    explanation,
  });

/** A folder with one judgement file of four answers and one malformed line. */
function auditFolder() {
  const folder = path.join(mkdtempSync(path.join(tmpdir(), 'rationale-audit-')), 'audit');
  mkdirSync(folder);
  const lines = [
    row(
      'ice',
      'Ice changes the shape of a wing; the lift falls and the drag grows.',
      2,
      'It says that ice lowers the lift.',
    ),
    row('boiler', 'Feed water is freed of oxygen before it enters the boiler.', 2, 'It is about ice on wings.'),
    '{"query": "half a li',
    row('glaze', 'Glaze ice spoils the lift most of all.', 1, 'It names the effect on lift.'),
    row('hostile', `Anti-icing fluid. ${hostile}`, 0, `Nothing about lift. ${hostile}`),
  ];
  writeFileSync(path.join(folder, 'teacher.judgements.jsonl'), `${lines.join('\n')}\n`);
  return folder;
}

const themes = {
  light: ['Light Modern', 'vscode-light'],
  dark: ['Dark Modern', 'vscode-dark'],
  'hc-dark': ['Dark High Contrast', 'vscode-high-contrast'],
  'hc-light': ['Light High Contrast', 'vscode-high-contrast-light'],
};

export async function run({ step, window }) {
  const folder = auditFolder();
  const workbench = await window({ folder, view: { width: 1440, height: 900 } });
  rmSync(path.dirname(folder), { recursive: true });
  const { page } = workbench;
  const file = path.join(workbench.folder, 'teacher.judgements.jsonl');
  const original = readFileSync(file, 'utf8');
  const editor = rationaleEditor(workbench);

  await step('a judgement file opens in the editor, its malformed line in place and named', async () => {
    await workbench.openFile('teacher.judgements.jsonl');
    await until('5 rows', async () => (await editor.rows.count()) === 5);
    await editor.rows.filter({ hasText: 'Line 3' }).first().waitFor();
  });

  await step('keys alone accept, correct, edit, skip and flag, and go on', async () => {
    await editor.rows.first().click();
    await editor.press('a');
    await until('the first row accepted', async () => /Accepted/.test(await editor.words(editor.rows.nth(0))));
    await until('the second selected', async () => /boiler/.test(await editor.words(editor.selected)));
    await editor.press('0');
    await editor.press('e');
    // A pause in the middle: what was typed until then reaches the host as a draft.
    await page.keyboard.type(' No: boilers, and s and a');
    await page.waitForTimeout(400);
    await page.keyboard.type(' and 0 are no keys here.');
    await page.keyboard.press('Control+Enter');
    await until('the second row corrected', async () => /corrected/i.test(await editor.words(editor.rows.nth(1))));
    await editor.rows.filter({ hasText: 'glaze' }).click();
    await editor.press('f');
    await editor.press('s');
    await until('the glaze row skipped', async () => /Skipped.*Flagged/.test(await editor.words(editor.rows.nth(3))));
  });

  await step('save writes exactly these decisions, and the file stays as it was', async () => {
    await page.keyboard.press('Control+S');
    await until('the saved state', async () => !/Not saved/.test(await editor.words(editor.rows.nth(3))));
    const logs = path.join(workbench.folder, 'teacher.judgements.corrections');
    const [name] = readdirSync(logs).filter((entry) => entry.endsWith('.jsonl'));
    const events = readFileSync(path.join(logs, name), 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    // The latest of a slot counts; a label alone and a text are said in two events (docs/formats/corrections.md).
    const latest = new Map(events.map((event) => [`${event.doc_id} ${event.action}`, event]));
    assert.deepEqual([...latest.keys()].sort(), ['boiler correct', 'glaze flag', 'glaze skip', 'ice accept']);
    const corrected = latest.get('boiler correct');
    assert.equal(corrected.label, 0);
    assert.equal(corrected.explanation, 'It is about ice on wings. No: boilers, and s and a and 0 are no keys here.');
    assert.equal(readFileSync(file, 'utf8'), original);
  });

  await step('a script in a document or put into the page does not run', async () => {
    await editor.rows.filter({ hasText: 'hostile' }).click();
    await editor.frame.getByText('Anti-icing fluid. <script>').first().waitFor();
    const injected = await editor.frame.locator('body').evaluate(inject);
    assert.deepEqual(injected, { markup: undefined, element: undefined, attribute: undefined, evaluated: 'refused' });
    // The control: in a page without our policy the same attempts all succeed.
    const open = await page.context().newPage();
    await open.setContent('<body></body>');
    const control = await open.locator('body').evaluate(inject);
    await open.close();
    assert.deepEqual(control, { markup: undefined, element: 1, attribute: 1, evaluated: 2 });
  });

  for (const [name, [theme, bodyClass]] of Object.entries(themes)) {
    await step(`looks itself in ${theme}`, async () => {
      await workbench.theme(theme);
      await editor.frame.locator(`body.${bodyClass}`).waitFor();
      await editor.rows.nth(1).click();
      await workbench.screenshot(`theme-${name}`);
    });
  }

  await step('at 200 % zoom everything is still reachable', async () => {
    await workbench.theme(themes.light[0]);
    await workbench.run('View: Toggle Primary Side Bar Visibility');
    await page.setViewportSize({ width: 720, height: 450 });
    await editor.rows.nth(1).click();
    await workbench.screenshot('zoom-200');
    await editor.labels.first().scrollIntoViewIfNeeded();
    await editor.rationale.scrollIntoViewIfNeeded();
    const [field, body] = await Promise.all([
      editor.rationale.boundingBox(),
      editor.frame.locator('body').boundingBox(),
    ]);
    assert.ok(field.x >= body.x && field.x + field.width <= body.x + body.width + 1, 'the field is not cut off');
    await workbench.screenshot('zoom-200-rationale');
  });

  await step('the page had no error and asked for nothing outside', () => {
    assert.deepEqual(workbench.errors, []);
    assert.deepEqual([...workbench.outside], []);
  });
}

/** Runs in the page: three ways to smuggle a script in, and eval. */
async function inject(body) {
  const scope = globalThis;
  const element = document.createElement('script');
  element.textContent = 'window.byElement = 1';
  body.append(element);
  const image = document.createElement('div');
  image.innerHTML = '<img src="data:," onerror="window.byAttribute = 1">';
  body.append(image);
  await new Promise((resolve) => setTimeout(resolve, 300));
  let evaluated;
  try {
    evaluated = scope.eval('1 + 1');
  } catch {
    evaluated = 'refused';
  }
  const found = { markup: scope.injected, element: scope.byElement, attribute: scope.byAttribute, evaluated };
  element.remove();
  image.remove();
  return found;
}
