// Installs the project's dependencies when they are missing or older than the lockfile, so that every command works
// on a fresh clone. Imports only Node's own modules: it runs before there is a node_modules.
import { existsSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { cleanEnvironment, must, root, seconds } from './process.mjs';

/** Throws when this Node is older than package.json asks for. */
export function checkNode() {
  const wanted = Number(
    /\d+/.exec(JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')).engines.node)?.[0],
  );
  const major = Number(process.versions.node.split('.')[0]);
  if (major < wanted) {
    throw new Error(`Rationale needs Node.js ${wanted} or newer; this is ${process.version} (${process.execPath}).`);
  }
}

/**
 * Whether a folder's node_modules fit its lockfile, by npm's own record of what it installed. Compared by content:
 * a fresh checkout has a lockfile newer than anything.
 */
function isInstalled(folder) {
  const record = path.join(folder, 'node_modules', '.package-lock.json');
  if (!existsSync(record)) return false;
  const lock = path.join(folder, 'package-lock.json');
  if (statSync(record).mtimeMs >= statSync(lock).mtimeMs) return true;
  const wanted = JSON.parse(readFileSync(lock, 'utf8')).packages;
  const have = JSON.parse(readFileSync(record, 'utf8')).packages;
  return Object.entries(wanted).every(
    ([name, entry]) => name === '' || entry.optional === true || have[name]?.version === entry.version,
  );
}

/**
 * `npm ci` in a folder where needed. Without install scripts (.npmrc says so too): onnxruntime-node's downloads GPU
 * libraries from a host that is often unreachable, and nothing here needs any other.
 * @param {{ folder?: string, log?: (text: string) => void }} [options]
 */
export async function installDependencies({ folder = root, log = console.log } = {}) {
  if (isInstalled(folder)) return;
  const start = Date.now();
  log(`Installing dependencies (npm ci in ${path.relative(root, folder) || 'the repository'}) …`);
  const args = ['ci', '--ignore-scripts', '--no-audit', '--no-fund'];
  await must('Installing the dependencies', 'npm', args, { cwd: folder, env: cleanEnvironment(), output: 'capture' });
  log(`Installed in ${seconds(start)}.`);
}
