// Packs the extension for one platform: a production build, the model, and onnxruntime's binaries of that platform
// only. Fails when a file is missing that the extension needs, rather than when a user opens it.
//   node scripts/package.mjs [--target linux-x64] [--out FILE.vsix]
import { existsSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { build, packagesOf } from './build.mjs';
import { checkContributions } from './contributions.mjs';
import { installDependencies } from './install.mjs';
import { cleanEnvironment, fail, must, root, seconds } from './process.mjs';

/** VS Code's name of a platform → onnxruntime-node's folder. */
const binaries = {
  'linux-x64': 'linux/x64',
  'linux-arm64': 'linux/arm64',
  'darwin-arm64': 'darwin/arm64',
  'win32-x64': 'win32/x64',
  'win32-arm64': 'win32/arm64',
};
const here = path.join(root, 'scripts/vsce');
const runtime = 'node_modules/onnxruntime-node/bin/napi-v6';

/**
 * @param {{ target?: string, out?: string, log?: (text: string) => void }} [options]
 * @returns {Promise<{ file: string, bytes: number, files: string[] }>} the VSIX and the paths in it, relative to the extension
 */
export async function packageExtension({ target = 'linux-x64', out, log = console.log } = {}) {
  const start = Date.now();
  const platform = binaries[target];
  if (platform === undefined) {
    throw new Error(`No target "${target}". onnxruntime-node has binaries for: ${Object.keys(binaries).join(', ')}.`);
  }
  await checkContributions();
  await build({ only: ['extension', 'worker', 'cli', 'webview'], production: true, log });
  writeFileSync(path.join(root, 'dist/THIRD-PARTY.txt'), await thirdParty());
  await installDependencies({ folder: here, log });

  const manifest = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
  const file = path.resolve(out ?? path.join(root, `${manifest.name}-${target}-${manifest.version}.vsix`));
  const cache = path.join(root, '.cache');
  mkdirSync(cache, { recursive: true });
  mkdirSync(path.dirname(file), { recursive: true });
  const ignoreFile = path.join(cache, 'vscodeignore');
  const allowed = readFileSync(path.join(root, '.vscodeignore'), 'utf8');
  writeFileSync(ignoreFile, `${allowed}!${runtime}/${platform}/**\n`);

  const node = await packagerNode();
  const args = [path.join(here, 'node_modules/@vscode/vsce/vsce'), 'package', '--target', target, '--out', file];
  args.push('--ignoreFile', ignoreFile, '--allow-missing-repository', '--no-rewrite-relative-links');
  const env = cleanEnvironment({ PATH: `${path.dirname(node)}${path.delimiter}${process.env['PATH'] ?? ''}` });
  await must('Packaging', node, args, { env, output: 'capture' });

  const files = await list(file);
  const missing = required(manifest, platform).filter((name) => !files.includes(name));
  if (missing.length > 0) throw new Error(`${path.basename(file)} lacks: ${missing.join(', ')}.`);
  const other = files.filter((name) => name.startsWith(`${runtime}/`) && !name.startsWith(`${runtime}/${platform}/`));
  if (other.length > 0)
    throw new Error(`${path.basename(file)} holds another platform's binaries: ${other.join(', ')}.`);
  const { size: bytes } = statSync(file);
  log(
    `${path.relative(process.cwd(), file)}: ${files.length} files, ${(bytes / 1e6).toFixed(1)} MB, in ${seconds(start)}.`,
  );
  return { file, bytes, files };
}

/** What the extension cannot do without, files that the manifest names included. */
function required(manifest, platform) {
  const model = readFileSync(path.join(root, 'models/rationale-135m/SHA256SUMS'), 'utf8');
  const modelFiles = model.split('\n').flatMap((line) => /^[0-9a-f]{64} [ *](.+)$/.exec(line)?.[1] ?? []);
  const walkthroughs = manifest.contributes.walkthroughs ?? [];
  return [
    'package.json',
    ...[
      'dist/extension.js',
      'dist/worker.js',
      'dist/rationale.js',
      'dist/webview/editor.js',
      'dist/webview/editor.css',
    ],
    ...['dist/webview/codicon.css', 'dist/webview/codicon.ttf', 'dist/THIRD-PARTY.txt', manifest.icon],
    ...walkthroughs.flatMap(({ steps }) => steps.flatMap(({ media }) => media.markdown ?? media.image ?? media.svg)),
    ...['SHA256SUMS', 'LICENSE', 'README.md', ...modelFiles].map((name) => `models/rationale-135m/${name}`),
    ...readdirSync(path.join(root, runtime, platform)).map((name) => `${runtime}/${platform}/${name}`),
    'node_modules/onnxruntime-node/dist/index.js',
    'node_modules/onnxruntime-common/dist/cjs/index.js',
  ];
}

/** Paths in a VSIX, below its `extension/` folder. */
function list(file) {
  const yauzl = createRequire(path.join(here, 'package.json'))('yauzl');
  return new Promise((resolve, reject) => {
    yauzl.open(file, (error, zip) => {
      if (error) return void reject(error);
      const names = [];
      zip.on('entry', ({ fileName }) => names.push(fileName)).on('error', reject);
      zip.on('end', () => resolve(names.flatMap((name) => /^extension\/(.+)$/.exec(name)?.[1] ?? []).sort()));
    });
  });
}

/** vsce needs Node 22: this one where it is, else the one of the test host. */
async function packagerNode() {
  if (Number(process.versions.node.split('.')[0]) >= 22) return process.execPath;
  const { hostNode, installHost } = await import('../test/host/install.mjs');
  await installHost();
  return hostNode;
}

/** The licences of every package that is bundled or shipped: their terms ask for it. */
async function thirdParty() {
  const packages = new Set(['onnxruntime-node', 'onnxruntime-common', '@vscode/codicons']);
  for (const name of ['extension', 'worker', 'cli', 'webview']) {
    for (const input of await packagesOf(name)) packages.add(input);
  }
  const notices = [...packages].sort().map((name) => {
    const folder = path.join(root, 'node_modules', name);
    const { version, license } = JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8'));
    const text = readdirSync(folder).find((entry) => /^(licen[cs]e|copying)/i.test(entry));
    const terms = text === undefined ? '' : `\n\n${readFileSync(path.join(folder, text), 'utf8').trim()}`;
    return `${name} ${version} (${license})${terms}`;
  });
  return `Rationale contains these packages.\n\n${notices.join(`\n\n${'-'.repeat(80)}\n\n`)}\n`;
}

if (process.argv[1] === import.meta.filename) {
  const { values } = parseArgs({ options: { target: { type: 'string' }, out: { type: 'string' } } });
  try {
    if (!existsSync(path.join(root, 'node_modules'))) await installDependencies();
    await packageExtension(values);
  } catch (error) {
    fail(error);
  }
}
