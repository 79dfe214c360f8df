// Serves a real VS Code (the VS Code server inside code-server) on 127.0.0.1, for tests and for `npm start` where
// there is no desktop VS Code. Every request needs the token; a test's whole profile is a temporary folder.
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { cleanEnvironment, must } from '../../scripts/process.mjs';
import { codeServer, hostNode } from './install.mjs';

const serverMain = path.join(codeServer, 'lib/vscode/out/server-main.js');

/** What keeps a window quiet: nothing pops up, nothing is asked of the network. */
const quietSettings = {
  'telemetry.telemetryLevel': 'off',
  'update.mode': 'none',
  'extensions.autoUpdate': false,
  'extensions.autoCheckUpdates': false,
  'extensions.ignoreRecommendations': true,
  'workbench.startupEditor': 'none',
  'workbench.enableExperiments': false,
  'workbench.tips.enabled': false,
  'workbench.localHistory.enabled': false,
  'workbench.secondarySideBar.defaultVisibility': 'hidden',
  'chat.disableAIFeatures': true,
  'git.openRepositoryInParentFolders': 'never',
  'window.menuBarVisibility': 'classic',
  'files.simpleDialog.enable': true,
  // The web workbench saves after a second by default, the desktop never: a test says which it wants.
  'files.autoSave': 'off',
};

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const freePort = () =>
  new Promise((resolve, reject) => {
    const probe = net.createServer().once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });

/**
 * @typedef {object} HostOptions
 * @property {Record<string, unknown>} [settings] user settings besides the quiet ones; with `profile`, only where the
 *   profile has no settings yet
 * @property {Record<string, string>} [env] added to the server's environment (the extension host inherits it)
 * @property {string} [extensions] folder of installed extensions; an empty one by default
 * @property {boolean} [restricted] leave workspace trust on: a folder opens restricted until the user trusts it
 * @property {boolean} [driver] needed for `extensionTestsPath`: without it a built VS Code ignores development and
 *   test extensions; but it hides notification toasts and answers dialogs by itself
 * @property {string} [profile] a lasting folder for user data; a temporary one by default
 * @property {number} [port]
 * @property {boolean} [keep] leave the temporary folder for inspection
 */

/**
 * Starts the server and waits until it answers.
 * @param {HostOptions} [options]
 */
export async function startServer(options = {}) {
  const { settings = {}, env = {}, restricted = false, driver = false, keep = false } = options;
  const folder = mkdtempSync(path.join(tmpdir(), 'rationale-host-'));
  const profile = options.profile ?? folder;
  const userData = path.join(profile, 'user');
  const extensions = options.extensions ?? path.join(folder, 'extensions');
  const own = { HOME: 'home', XDG_CONFIG_HOME: 'config', XDG_DATA_HOME: 'data', XDG_RUNTIME_DIR: 'tmp', TMPDIR: 'tmp' };
  // A person's VS Code (a lasting profile) keeps the person's home, for git and the like.
  const homes = options.profile === undefined ? own : {};
  const still = options.profile === undefined ? { 'workbench.reduceMotion': 'on' } : {};
  const childEnv = cleanEnvironment({
    ...Object.fromEntries(Object.entries(homes).map(([name, at]) => [name, path.join(folder, at)])),
    // No gallery: nothing is asked of a host outside.
    EXTENSIONS_GALLERY: '{"serviceUrl":""}',
    ...env,
  });
  for (const at of [path.join(userData, 'User'), extensions, ...Object.keys(homes).map((name) => childEnv[name])]) {
    mkdirSync(at, { recursive: true });
  }
  const settingsFile = path.join(userData, 'User', 'settings.json');
  if (!existsSync(settingsFile)) {
    writeFileSync(settingsFile, `${JSON.stringify({ ...quietSettings, ...still, ...settings }, null, 2)}\n`);
  }

  const token = randomBytes(24).toString('base64url');
  const tokenFile = path.join(folder, 'token');
  writeFileSync(tokenFile, token, { mode: 0o600 });
  const logFile = path.join(folder, 'server.log');
  const log = openSync(logFile, 'a');
  const port = options.port ?? (await freePort());
  const args = [
    path.join(import.meta.dirname, 'serve.cjs'),
    serverMain,
    ...['--host', '127.0.0.1', '--port', String(port), '--connection-token-file', tokenFile],
    ...['--user-data-dir', userData, '--extensions-dir', extensions, '--server-data-dir', path.join(profile, 'server')],
    ...['--accept-server-license-terms', '--telemetry-level', 'off', '--disable-telemetry'],
    ...(restricted ? [] : ['--disable-workspace-trust']),
    ...(driver ? ['--enable-smoke-test-driver'] : []),
  ];
  const started = Date.now();
  const server = spawn(hostNode, args, { env: childEnv, stdio: ['pipe', log, log], detached: true });
  const exited = new Promise((resolve) => server.once('exit', (code, signal) => resolve(code ?? signal)));
  let ended;
  void exited.then((how) => (ended = how));
  const kill = (signal) => {
    try {
      process.kill(-server.pid, signal); // the group: the extension host and its children go too
    } catch {
      // gone already
    }
  };
  const killNow = () => kill('SIGKILL');
  process.once('exit', killNow);
  const readLog = () => readFileSync(logFile, 'utf8');

  const base = `http://127.0.0.1:${port}`;
  for (;;) {
    if (ended !== undefined) throw new Error(`VS Code's server ended at once (${ended}):\n${readLog()}`);
    if (
      await fetch(`${base}/version`).then(
        (r) => r.ok,
        () => false,
      )
    )
      break;
    if (Date.now() - started > 60_000) {
      kill('SIGKILL');
      throw new Error(`VS Code's server did not answer within 60 s:\n${readLog()}`);
    }
    await sleep(50);
  }

  return {
    base,
    token,
    /** Milliseconds until the server answered. */
    startMs: Date.now() - started,
    /** Resolves with how the server ended. */
    exited,
    log: readLog,
    /** Every log file of the session by its path in the profile: the extension host's, the output channels'. */
    logs() {
      const at = path.join(userData, 'logs');
      const more = path.join(profile, 'server', 'data', 'logs');
      return { 'server.log': readLog(), ...readTexts(at), ...readTexts(more) };
    },
    /** Address of a window: a folder or .code-workspace file (or none), with a development extension and its suite where given. */
    url({ folder: workspace, extension, suite } = {}) {
      const remote = (file) => `vscode-remote://127.0.0.1:${port}${file}`;
      const query = new URLSearchParams({ tkn: token });
      if (workspace === undefined) query.set('ew', 'true');
      else query.set(workspace.endsWith('.code-workspace') ? 'workspace' : 'folder', workspace);
      const payload = [];
      if (extension !== undefined) payload.push(['extensionDevelopmentPath', remote(extension)]);
      if (suite !== undefined) payload.push(['extensionTestsPath', remote(suite)]);
      if (payload.length > 0) query.set('payload', JSON.stringify(payload));
      return `${base}/?${query}`;
    },
    async stop() {
      kill('SIGTERM');
      await Promise.race([exited, sleep(3000)]);
      kill('SIGKILL');
      process.off('exit', killNow);
      if (!keep) rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
    },
  };
}

/**
 * A fresh extensions folder with an unpacked extension linked in, as if it were installed. Emptied first: the record
 * VS Code keeps in it would hide a link of another version.
 */
export function linkExtension(extensionFolder, extensions = mkdtempSync(path.join(tmpdir(), 'rationale-extensions-'))) {
  const { publisher, name, version } = JSON.parse(readFileSync(path.join(extensionFolder, 'package.json'), 'utf8'));
  rmSync(extensions, { recursive: true, force: true });
  mkdirSync(extensions, { recursive: true });
  symlinkSync(extensionFolder, path.join(extensions, `${publisher}.${name}-${version}`));
  return extensions;
}

/** Installs a VSIX into an extensions folder, as a user does. */
export async function installExtension(vsix, extensions) {
  const folder = mkdtempSync(path.join(tmpdir(), 'rationale-install-'));
  const args = [
    serverMain,
    '--install-extension',
    vsix,
    '--extensions-dir',
    extensions,
    '--accept-server-license-terms',
  ];
  args.push('--user-data-dir', path.join(folder, 'user'), '--server-data-dir', path.join(folder, 'server'));
  const env = cleanEnvironment({ EXTENSIONS_GALLERY: '{"serviceUrl":""}' });
  try {
    await must('Installing the VSIX', hostNode, args, { env, output: 'capture' });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function readTexts(folder, prefix = '') {
  const out = {};
  if (!existsSync(folder)) return out;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const name = path.join(prefix, entry.name);
    if (entry.isDirectory()) Object.assign(out, readTexts(path.join(folder, entry.name), name));
    else out[name] = readFileSync(path.join(folder, entry.name), 'utf8');
  }
  return out;
}
