// `npm start`: from a fresh clone to Rationale in a VS Code, opened on examples/. Desktop VS Code where `code` is on
// the PATH, else one downloaded by @vscode/test-electron, else (no screen, no download) the served one of the tests,
// in the browser.   npm start -- [--served] [--port N] [--no-open]
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { checkNode, installDependencies } from './install.mjs';
import { cleanEnvironment, fail, must, root, seconds } from './process.mjs';

const started = Date.now();
const examples = path.join(root, 'examples');
const profile = path.join(root, '.cache/start');

const { values: options } = parseArgs({
  options: { served: { type: 'boolean' }, port: { type: 'string' }, 'no-open': { type: 'boolean' } },
});
const hasScreen = process.platform !== 'linux' || Boolean(process.env['DISPLAY'] || process.env['WAYLAND_DISPLAY']);

/** A desktop VS Code on the PATH, or undefined. The `code` of a remote window's terminal cannot load an extension. */
function installedCode() {
  if (process.env['VSCODE_IPC_HOOK_CLI'] !== undefined) return undefined;
  const suffix = process.platform === 'win32' ? '.cmd' : '';
  for (const folder of (process.env['PATH'] ?? '').split(path.delimiter)) {
    const at = path.join(folder, `code${suffix}`);
    if (folder !== '' && existsSync(at)) return at;
  }
  return undefined;
}

async function downloadedCode() {
  const { downloadAndUnzipVSCode } = await import('@vscode/test-electron');
  try {
    return await downloadAndUnzipVSCode({ cachePath: path.join(root, '.vscode-test') });
  } catch (error) {
    console.log(`No desktop VS Code could be downloaded (${error.message}); serving one to the browser instead.`);
    return undefined;
  }
}

const ready = (what) => console.log(`Rationale is open in ${what}, ${seconds(started)} after the start.`);

/** With `--new-window`, and in a fresh profile where the user has none to lose. */
const development = [`--extensionDevelopmentPath=${root}`, '--new-window'];

async function openDesktop() {
  const code = installedCode();
  if (code !== undefined) {
    const shell = process.platform === 'win32';
    await must('Opening VS Code', shell ? `"${code}"` : code, [...development, examples], {
      env: cleanEnvironment(),
      shell,
    });
    ready('VS Code');
    return true;
  }
  const downloaded = await downloadedCode();
  if (downloaded === undefined) return false;
  const own = [`--user-data-dir=${path.join(profile, 'user')}`, `--extensions-dir=${path.join(profile, 'extensions')}`];
  const window = spawn(downloaded, [...development, ...own, examples], { stdio: 'ignore', env: cleanEnvironment() });
  const failed = new Promise((resolve) => window.once('error', resolve));
  const ended = new Promise((resolve) => window.once('exit', resolve));
  // A VS Code that cannot open a window (no libraries, no display after all) ends within moments.
  const early = await Promise.race([failed, ended, new Promise((resolve) => setTimeout(resolve, 2000, 'running'))]);
  if (early !== 'running' && early !== 0) {
    console.log(`The downloaded VS Code did not start (${early}); serving one to the browser instead.`);
    return false;
  }
  process.on('SIGINT', () => window.kill()).on('SIGTERM', () => window.kill());
  ready('a downloaded VS Code (Ctrl+C closes it)');
  await ended;
  return true;
}

/**
 * The served VS Code, on 127.0.0.1, with a random token that every request needs. Workspace trust is off in it: it is
 * started to run this extension on this clone, and asking whether to trust that would be an empty question.
 */
async function serve() {
  const { linkExtension, startServer } = await import('../test/host/server.mjs');
  const extensions = linkExtension(root, path.join(profile, 'extensions'));
  const port = options.port === undefined ? undefined : Number(options.port);
  const server = await startServer({ extensions, profile, port });
  let stopping = false;
  const stop = async () => {
    stopping = true;
    await server.stop();
    process.exit(0);
  };
  process.on('SIGINT', stop).on('SIGTERM', stop).on('SIGHUP', stop);
  const address = server.url({ folder: examples });
  ready('a served VS Code (Ctrl+C stops it)');
  console.log(`Open: ${address}`);
  const opener = process.platform === 'darwin' ? 'open' : 'xdg-open';
  if (hasScreen && !options['no-open']) spawn(opener, [address], { stdio: 'ignore' }).once('error', () => undefined);
  const how = await server.exited;
  if (!stopping) throw new Error(`VS Code's server ended (${how}).\n${server.log()}`);
}

try {
  checkNode();
  const { installHost } = await import('../test/host/install.mjs');
  const desktop = hasScreen && !options.served && !options['no-open'] && options.port === undefined;
  // Both wait for the network most of the time.
  await Promise.all([installDependencies(), desktop ? undefined : installHost()]);
  const { build } = await import('./build.mjs');
  await build();
  if (!(desktop && (await openDesktop()))) {
    await installHost();
    await serve();
  }
} catch (error) {
  fail(error);
}
