// One run of a suite through @vscode/test-electron, judged by the result file that the suite writes at its end and by
// nothing else: VS Code itself reports success when the extension host dies.
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { runTests } from '@vscode/test-electron';
import { root } from '../../scripts/process.mjs';

/** Path of the stand-in for VS Code's executable. */
export const shim = path.join(import.meta.dirname, 'code-shim.mjs');

/**
 * @param {object} options
 * @param {string} options.name of the run: the suite reads it as RATIONALE_TEST_RUN, and artifacts are named by it
 * @param {string} options.executable a VS Code, or `shim`
 * @param {string} options.suite path of the suite's module
 * @param {string} options.workspace folder that is copied and opened
 * @param {Record<string, unknown>} options.settings user settings
 * @param {boolean} [options.restricted] with workspace trust on; only the served VS Code can, runTests turns it off
 * @returns {Promise<{ passed: number, failed: number }>}
 */
export async function runSuite({ name, executable, suite, workspace, settings, restricted = false }) {
  const temporary = mkdtempSync(path.join(tmpdir(), 'rationale-suite-'));
  const results = path.join(temporary, 'results.json');
  const folder = path.join(temporary, path.basename(workspace));
  cpSync(workspace, folder, { recursive: true });
  const userData = path.join(temporary, 'user');
  mkdirSync(path.join(userData, 'User'), { recursive: true });
  writeFileSync(path.join(userData, 'User', 'settings.json'), JSON.stringify(settings));
  const artifacts = path.join(root, 'test-results', `extension-${name}`);
  rmSync(artifacts, { recursive: true, force: true });
  let problem;
  try {
    await runTests({
      vscodeExecutablePath: restricted ? shim : executable,
      extensionDevelopmentPath: root,
      extensionTestsPath: suite,
      launchArgs: [folder, '--disable-extensions', `--user-data-dir=${userData}`],
      extensionTestsEnv: {
        RATIONALE_TEST_RESULTS: results,
        RATIONALE_TEST_RUN: name,
        RATIONALE_RESTRICTED: restricted ? '1' : undefined,
        RATIONALE_ARTIFACTS: artifacts,
      },
    });
  } catch (error) {
    problem = error.message;
  }
  const stats = existsSync(results) ? JSON.parse(readFileSync(results, 'utf8')) : undefined;
  rmSync(temporary, { recursive: true, force: true });
  if (stats === undefined) {
    console.error(
      `The ${name} run left no result${problem === undefined ? ': the extension host died' : ` (${problem})`}.`,
    );
    return { passed: 0, failed: 1 };
  }
  const failed = stats.failures + stats.pending;
  if (failed > 0) return { passed: stats.passes, failed };
  if (problem === undefined && stats.passes > 0) return { passed: stats.passes, failed: 0 };
  console.error(`The ${name} run ${problem === undefined ? 'executed no test' : `ended badly: ${problem}`}.`);
  return { passed: stats.passes, failed: 1 };
}
