// Runs the suite in a real VS Code: as usual, with auto-save on, in a workspace nobody trusted, and without a folder; and
// once a suite whose host dies, which must count as failed. Desktop VS Code where there is one (VSCODE_EXECUTABLE, or
// a download and a display), else the served one of test/host, both through @vscode/test-electron.
//   node test/extension/run.mjs [--runs control,default,auto-save,restricted,no-folder]
import path from 'node:path';
import { parseArgs } from 'node:util';
import { downloadAndUnzipVSCode } from '@vscode/test-electron';
import { root } from '../../scripts/process.mjs';
import { runSuite, shim } from '../host/run-suite.mjs';

const suite = path.join(root, 'dist/test/extension/index');
const workspace = path.join(root, 'test/extension/workspace');
const autoSaveOff = { 'files.autoSave': 'off' };
const runs = {
  default: { settings: autoSaveOff },
  'auto-save': { settings: { 'files.autoSave': 'afterDelay', 'files.autoSaveDelay': 1000 } },
  restricted: { settings: { ...autoSaveOff, 'security.workspace.trust.startupPrompt': 'never' }, restricted: true },
  'no-folder': { settings: autoSaveOff, workspace: path.join(root, 'test/extension/no-folder.code-workspace') },
};

/** The VS Code to run in. */
async function executable() {
  const given = process.env['VSCODE_EXECUTABLE'];
  if (given !== undefined && given !== '') return given;
  const display = process.platform !== 'linux' || process.env['DISPLAY'] || process.env['WAYLAND_DISPLAY'];
  if (!display) return shim;
  try {
    return await downloadAndUnzipVSCode({ cachePath: path.join(root, '.vscode-test') });
  } catch (error) {
    console.log(`No desktop VS Code to be had (${error.message}): running in the served one.`);
    return shim;
  }
}

/** The control: a host that dies must never look like success. */
async function control(vscode) {
  const dying = path.join(root, 'test/host/control/dies.cjs');
  const { failed } = await runSuite({ name: 'control', executable: vscode, suite: dying, workspace, settings: {} });
  if (failed > 0) return { passed: 1, failed: 0 };
  console.error('FAILED: a suite whose extension host died counted as passed.');
  return { passed: 0, failed: 1 };
}

const { values } = parseArgs({
  options: { runs: { type: 'string', default: ['control', ...Object.keys(runs)].join(',') } },
});
const names = values.runs.split(',');
const unknown = names.filter((name) => name !== 'control' && !(name in runs));
if (unknown.length > 0) {
  console.error(`No run "${unknown.join('", "')}". There are: control, ${Object.keys(runs).join(', ')}.`);
  process.exit(2);
}
const vscode = await executable();
const total = { passed: 0, failed: 0 };
for (const name of names) {
  console.log(`── ${name} ──`);
  const ran =
    name === 'control'
      ? await control(vscode)
      : await runSuite({ name, executable: vscode, suite, workspace, ...runs[name] });
  total.passed += ran.passed;
  total.failed += ran.failed;
}
console.log(`${total.passed} passed, ${total.failed} failed, 0 skipped`);
process.exit(total.failed > 0 ? 1 : 0);
