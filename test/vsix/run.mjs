// What users install: the VSIX is packed, holds what it should and nothing else, installs into an empty profile, and
// reranks there, so that its own copy of the child, the model and onnxruntime is what runs.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { packageExtension } from '../../scripts/package.mjs';
import { root } from '../../scripts/process.mjs';
import { rationaleEditor } from '../e2e/rationale-editor.mjs';
import { counter, until } from '../e2e/steps.mjs';
import { openWorkbench } from '../e2e/workbench.mjs';
import { startBrowser } from '../host/browser.mjs';
import { installHost } from '../host/install.mjs';
import { installExtension } from '../host/server.mjs';

/** Everything that may be in it. */
const allowed = [
  /^(package\.json|readme\.md|changelog\.md|LICENSE\.txt)$/,
  /^dist\/(extension|worker|rationale)\.js$/,
  /^dist\/THIRD-PARTY\.txt$/,
  /^dist\/webview\/[\w-]+\.(js|css|ttf)$/,
  /^media\/(icon\.png|walkthrough\/[\w-]+\.md)$/,
  /^models\/rationale-135m\/[\w.-]+$/,
  /^node_modules\/onnxruntime-(node|common)\/(package\.json|dist\/[\w/.-]+\.js|dist\/cjs\/package\.json)$/,
  /^node_modules\/onnxruntime-node\/bin\/napi-v6\/linux\/x64\/[\w.]+$/,
];

await installHost();
const { total, flow } = counter();
const temporary = mkdtempSync(path.join(tmpdir(), 'rationale-vsix-'));
const extensions = path.join(temporary, 'extensions');
let workbench;
let browser;
await flow(
  'The packaged extension',
  async (step) => {
    const file = path.join(temporary, 'rationale.vsix');
    let packed;
    await step('packs for linux-x64', async () => {
      packed = await packageExtension({ target: 'linux-x64', out: file });
    });
    await step('holds nothing that is not meant to be in it', () => {
      const strangers = packed.files.filter((name) => !allowed.some((pattern) => pattern.test(name)));
      assert.deepEqual(strangers, []);
    });
    await step('installs into an empty profile', async () => {
      await installExtension(file, extensions);
      const [name] = readdirSync(extensions).filter((entry) => entry.startsWith('rationale.rationale-'));
      assert.ok(name !== undefined && existsSync(path.join(extensions, name, 'dist/extension.js')));
    });
    await step('reranks there', async () => {
      browser = await startBrowser();
      const folder = path.join(root, 'test/extension/workspace');
      const screenshots = path.join(root, 'test-results/vsix');
      const settings = { 'rationale.rerank.explain': 0 };
      workbench = await openWorkbench({ browser, folder, extensions, screenshots, settings });
      await workbench.run('Rationale: Rerank Workspace Documents…');
      await workbench.answer('Does ice on the wing reduce lift?');
      const editor = rationaleEditor(workbench);
      await until('the scores', async () => /Rank 1\b.*Score/.test(await editor.words(editor.rows.first())), 120_000);
      await workbench.screenshot('installed');
    });
  },
  async () => {
    if (workbench === undefined) return;
    console.error(`  window: ${await workbench.screenshot('FAILED')}`);
    const logs = Object.entries(workbench.server.logs()).filter(([name]) => /rationale|exthost/i.test(name));
    for (const [name, text] of logs) console.error(`  ${name}:\n${text.slice(-3000)}`);
  },
);
await workbench?.close();
await browser?.close();
rmSync(temporary, { recursive: true, force: true });
console.log(`\n${total.passed} passed, ${total.failed} failed, 0 skipped`);
process.exit(total.failed > 0 ? 1 : 0);
