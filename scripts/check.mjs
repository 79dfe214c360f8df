// Everything that can be said about the code without running it: types, lint, format, dead code, generated files,
// what the bundles contain, and that no tracked file names this machine.
//   node scripts/check.mjs [--only types,lint,…]
import { existsSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { build } from './build.mjs';
import { checkContributions } from './contributions.mjs';
import { must, root, run, seconds } from './process.mjs';

const bin = (name) => path.join(root, 'node_modules/.bin', name);
const capture = { output: 'capture' };

/** By name; each throws with what is wrong. */
const checks = {
  async types() {
    for (const project of ['tsconfig.json', 'webview/tsconfig.json', 'test/extension/tsconfig.json']) {
      await must(`Type check of ${project}`, bin('tsc'), ['--noEmit', '-p', project], capture);
    }
  },
  lint: () => must('Lint', bin('eslint'), ['--max-warnings=0', '.'], capture),
  format: () => must('Format (npx prettier --write . repairs it)', bin('prettier'), ['--check', '.'], capture),
  'dead code': () => must('Dead code', bin('knip'), ['--no-progress'], capture),
  'generated files': checkContributions,
  'machine paths': noMachinePaths,
  placeholders: noPlaceholders,
  bundles: bundlesAreWhole,
};

/** What a reader of the repository would stumble over: notes to ourselves, and pictures or pages that are not there. */
async function noPlaceholders() {
  const { output } = await run('git', ['ls-files', '*.md', ':!examples/pubmedqa/**', ':!test/fixtures/**'], capture);
  const wrong = [];
  for (const file of output.split('\n').filter((name) => name.endsWith('.md') && existsSync(path.join(root, name)))) {
    const text = readFileSync(path.join(root, file), 'utf8');
    if (/\bTODO\b|\bFIXME\b|MEASURED_/.test(text)) wrong.push(`${file} holds a placeholder`);
    for (const [, target] of text.matchAll(/\]\(([^)#\s]+)[^)]*\)/g)) {
      if (/^[a-z]+:/.test(target)) continue;
      if (!existsSync(path.join(root, path.dirname(file), target)))
        wrong.push(`${file} points to ${target}, which is not there`);
    }
  }
  if (wrong.length > 0) throw new Error(wrong.join('\n'));
}

/** Paths and hosts of the machine a file was written on have no place in the repository. */
async function noMachinePaths() {
  // In parts, so that this file does not name what it forbids. Word-like ends keep ordinary prose out.
  const folders = ['work', 'root', 'home/[a-z][a-z0-9_-]*'].map((name) => `(^|[^]A-Za-z0-9_.})])/${name}/`);
  const hosts = [
    ['registry', 'npmjs', 'org'],
    ['registry', 'yarnpkg', 'com'],
    ['pypi', 'org'],
    ['files', 'pythonhosted', 'org'],
    ['deb', 'debian', 'org'],
    ['security', 'debian', 'org'],
    ['proxy', 'golang', 'org'],
  ].map((parts) => parts.join('\\.'));
  // Lists of hashes and data sets are other people's words; the model's tokenizer is one long line.
  const exclude = [':!LICENSE', ':!models/*/tokenizer.json', ':!examples/**', ':!test/fixtures/**'];
  exclude.push(':!training/recipes/**/*.jsonl');
  const pattern = [...folders, ...hosts].join('|');
  // A check that finds nothing must be one that can.
  const planted = ['work', 'root', 'home/ann'].map((name) => `see "/${name}/x"`);
  const control = await run('grep', ['-cE', pattern], { ...capture, input: planted.join('\n') });
  if (Number(control.output) !== planted.length) throw new Error('The pattern does not find what it should.');
  const args = ['grep', '-nIE', pattern, '--', '.', ...exclude];
  const { code, output } = await run('git', args, capture);
  if (code > 1) throw new Error(`git grep failed: ${output}`);
  if (code === 0) throw new Error(`Tracked files name a machine's path or a registry's host:\n${output.trimEnd()}`);
}

/** The bundles exist and hold what they should, above all: the extension never loads onnxruntime in its own process. */
async function bundlesAreWhole() {
  await build({ log: () => undefined });
  const files = ['extension.js', 'worker.js', 'rationale.js', 'webview/editor.js', 'webview/editor.css'];
  files.push('webview/codicon.css', 'webview/codicon.ttf', 'test/extension/index.js');
  for (const file of files) {
    const at = path.join(root, 'dist', file);
    if (!existsSync(at) || statSync(at).size === 0) throw new Error(`dist/${file} is missing or empty.`);
  }
  const read = (file) => readFileSync(path.join(root, 'dist', file), 'utf8');
  const loads = (file, name) => new RegExp(`(require|import)\\s*\\(\\s*["']${name}["']`).test(read(file));
  for (const file of ['extension.js', 'rationale.js']) {
    if (loads(file, 'onnxruntime-node')) throw new Error(`dist/${file} loads onnxruntime-node: only the child may.`);
  }
  if (!loads('worker.js', 'onnxruntime-node')) throw new Error('dist/worker.js does not load onnxruntime-node.');
  if (!loads('extension.js', 'vscode')) throw new Error('dist/extension.js does not load vscode.');
  if (loads('rationale.js', 'vscode')) throw new Error('dist/rationale.js loads vscode.');
  if (!read('rationale.js').startsWith('#!')) throw new Error('dist/rationale.js has no interpreter line.');
  if (/^#!/m.test(read('rationale.js').slice(2))) throw new Error('dist/rationale.js has two interpreter lines.');
  const help = await run(process.execPath, [path.join(root, 'dist/rationale.js'), '--version'], capture);
  const { version } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
  if (help.code !== 0 || help.output.trim() !== version) {
    throw new Error(`rationale --version printed "${help.output.trim()}" (exit ${help.code}) instead of ${version}.`);
  }
}

const { values } = parseArgs({ options: { only: { type: 'string' } } });
const names = values.only?.split(',') ?? Object.keys(checks);
let failed = 0;
for (const name of names) {
  if (!(name in checks)) {
    console.error(`No check "${name}". There are: ${Object.keys(checks).join(', ')}.`);
    process.exit(2);
  }
  const start = Date.now();
  try {
    await checks[name]();
    console.log(`✓ ${name} (${seconds(start)})`);
  } catch (error) {
    failed++;
    console.error(`✗ ${name} (${seconds(start)})\n${error.message}`);
  }
}
console.log(`${names.length - failed} passed, ${failed} failed, 0 skipped`);
process.exit(failed > 0 ? 1 : 0);
