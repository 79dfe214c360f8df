/**
 * The suite's entry inside VS Code (`--extensionTestsPath`). Writes mocha's counts to $RATIONALE_TEST_RESULTS, because
 * VS Code reports success when the extension host dies in the middle: the runner trusts only this file.
 *
 * A suite's title says in which of the runs (test/extension/run.mjs) it takes part: all run in `default`; those with
 * `[auto-save]` also with auto-save on; those with `[restricted]` only in the workspace nobody trusted; those with
 * `[no-folder]` only in a window without a folder.
 */
import { readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import Mocha from 'mocha';

export function run(): Promise<void> {
  const kind = process.env['RATIONALE_TEST_RUN'] ?? 'default';
  const mocha = new Mocha({ ui: 'bdd', color: false, timeout: 60_000, forbidOnly: true, forbidPending: true });
  if (kind === 'default') mocha.grep(/\[(restricted|no-folder)\]/).invert();
  else mocha.fgrep(`[${kind}]`);
  for (const name of readdirSync(__dirname).sort())
    if (name.endsWith('.test.js')) mocha.addFile(path.join(__dirname, name));
  return new Promise((resolve, reject) => {
    const runner = mocha.run((failures) => {
      const results = process.env['RATIONALE_TEST_RESULTS'];
      if (results !== undefined) writeFileSync(results, JSON.stringify(runner.stats));
      if (failures > 0) reject(new Error(`${failures} tests failed.`));
      else resolve();
    });
  });
}
