// Drives the real workbench as a person would, on a copy of the examples, with the extension linked into an empty
// profile. Screenshots go to test-results/e2e; with --update-readme the one of the README too.
//   node test/e2e/run.mjs [--only first-run,…] [--update-readme]
import { readdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { build } from '../../scripts/build.mjs';
import { root } from '../../scripts/process.mjs';
import { startBrowser } from '../host/browser.mjs';
import { installHost } from '../host/install.mjs';
import { linkExtension } from '../host/server.mjs';
import { counter } from './steps.mjs';
import { openWorkbench } from './workbench.mjs';

const { values } = parseArgs({ options: { only: { type: 'string' }, 'update-readme': { type: 'boolean' } } });
const flows = path.join(import.meta.dirname, 'flows');
const all = readdirSync(flows)
  .map((file) => file.replace(/\.mjs$/, ''))
  .sort();
const names = values.only?.split(',') ?? all;
const unknown = names.filter((name) => !all.includes(name));
if (unknown.length > 0) {
  console.error(`No flow "${unknown.join('", "')}". There are: ${all.join(', ')}.`);
  process.exit(2);
}

const screenshots = path.join(root, 'test-results/e2e');
if (values.only === undefined) rmSync(screenshots, { recursive: true, force: true });
await installHost();
await build();
const browser = await startBrowser();
const extensions = linkExtension(root);
const { total, flow } = counter();
for (const name of names) {
  const { title, run } = await import(path.join(flows, `${name}.mjs`));
  const open = [];
  /** Opens a window that is closed after the flow, and looked at when the flow fails. */
  const window = async (options = {}) => {
    const folder = path.join(root, 'examples');
    const workbench = await openWorkbench({ browser, folder, extensions, screenshots, ...options });
    open.push(workbench);
    return workbench;
  };
  await flow(
    title,
    (step) => run({ step, window, screenshots, updateReadme: values['update-readme'] === true }),
    async () => {
      for (const [i, workbench] of open.entries()) {
        console.error(`  window: ${await workbench.screenshot(`FAILED-${name}-${i + 1}`)}`);
        const logs = Object.entries(workbench.server.logs()).filter(([file]) => /rationale/i.test(file));
        for (const [file, text] of logs) console.error(`  ${file}:\n${text.slice(-3000)}`);
        if (workbench.errors.length > 0) console.error(`  page errors: ${workbench.errors.join('\n')}`);
      }
    },
  );
  for (const workbench of open) await workbench.close();
}
await browser.close();
rmSync(extensions, { recursive: true, force: true });
console.log(`\n${total.passed} passed, ${total.failed} failed, 0 skipped`);
process.exit(total.failed > 0 ? 1 : 0);
