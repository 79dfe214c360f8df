// Builds everything that runs: the extension, the inference child, the command line, the editor's webview and the
// suite for VS Code. Files are written whole and only when they changed, because a VS Code or a command line may be
// running from dist/ meanwhile.
//   node scripts/build.mjs [--watch] [--production] [--only NAME,…]
//   node scripts/build.mjs --generate | --check-generated        package.json's `contributes` (scripts/contributions.mjs)
import { mkdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import esbuild from 'esbuild';
import { checkContributions, writeContributions } from './contributions.mjs';
import { fail, root, seconds } from './process.mjs';

const node = { platform: 'node', format: 'cjs', bundle: true };
const shebang = '#!/usr/bin/env node\n';
/** Some ESM packages ask for their own address, which CommonJS spells otherwise (fdir, by way of tinyglobby). */
const moduleUrl = "const importMetaUrl = require('node:url').pathToFileURL(__filename).href;";
const entry = (file, out = file.replace(/\.ts$/, '')) => ({ in: file, out });

/** Every bundle by name. Node's versions: 22 is what VS Code 1.101 (our minimum) runs on, 20 what the project asks for. */
function bundles() {
  const suite = path.join(root, 'test/extension');
  const suiteFiles = existsSync(suite) ? readdirSync(suite).filter((name) => name.endsWith('.test.ts')) : [];
  return {
    extension: {
      ...node,
      target: 'node22',
      entryPoints: [entry('src/extension.ts', 'extension')],
      external: ['vscode'],
    },
    worker: {
      ...node,
      target: 'node20',
      entryPoints: [entry('src/inference/worker/main.ts', 'worker')],
      external: ['onnxruntime-node'],
    },
    cli: {
      ...node,
      target: 'node20',
      entryPoints: [entry('src/cli/main.ts', 'rationale')],
      banner: { js: shebang + moduleUrl },
    },
    webview: {
      platform: 'browser',
      format: 'esm',
      bundle: true,
      target: 'es2022',
      // codicon.css brings codicon.ttf along; the names are fixed because the host links to them.
      entryPoints: [
        entry('webview/main.ts', 'webview/editor'),
        entry('webview/evaluation-main.ts', 'webview/evaluation'),
        entry('webview/editor.css', 'webview/editor'),
        entry('node_modules/@vscode/codicons/dist/codicon.css', 'webview/codicon'),
      ],
      loader: { '.ttf': 'file' },
      assetNames: 'webview/[name]',
    },
    suite: {
      ...node,
      target: 'node22',
      entryPoints: ['index.ts', ...suiteFiles].map((name) => entry(`test/extension/${name}`)),
      external: ['vscode', 'mocha'],
    },
  };
}

/** Writes a file so that no reader ever sees half of it, and leaves it alone (time stamp included) when it is current. */
async function writeWhole(file, contents, mode) {
  const current = await readFile(file).catch(() => undefined);
  if (current?.equals(contents)) return;
  await mkdir(path.dirname(file), { recursive: true });
  const temporary = `${file}.${process.pid}.tmp`;
  await writeFile(temporary, contents, { mode });
  await rename(temporary, file);
}

const writeOutputs = (name) => ({
  name: 'write-outputs',
  setup(build) {
    build.onEnd(async (result) => {
      if (result.errors.length > 0) return;
      await Promise.all(
        (result.outputFiles ?? []).map((file) =>
          writeWhole(file.path, Buffer.from(file.contents), file.path.endsWith('rationale.js') ? 0o755 : 0o644),
        ),
      );
      await writeInputs(name, result.metafile);
    });
  },
});

const inputsFile = (name) => path.join(root, 'dist', `.${name}.inputs.json`);
const packagesFile = (name) => path.join(root, 'dist', `.${name}.packages.json`);
const writeJson = (file, value) => writeWhole(file, Buffer.from(JSON.stringify(value)), 0o644);

/** Notes which files a bundle was made of, and when, for `isStale`, and which packages, for their licences. */
async function writeInputs(name, metafile) {
  const inputs = Object.keys(metafile.inputs).sort();
  const own = inputs.filter((file) => !file.startsWith('node_modules/'));
  const packages = inputs.flatMap((file) => /^.*node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(file)?.[1] ?? []);
  await writeJson(inputsFile(name), [...own, 'package-lock.json', 'scripts/build.mjs']);
  await writeJson(packagesFile(name), [...new Set(packages)]);
  const now = new Date();
  await utimes(inputsFile(name), now, now);
}

/** The packages that a bundle contains, as of its last build. */
export async function packagesOf(name) {
  return JSON.parse(await readFile(packagesFile(name), 'utf8'));
}

/**
 * Whether a bundle is missing or older than a file it was made of.
 * @param {string} name as in `build({ only })`
 * @param {string} output its file under dist/
 */
export async function isStale(name, output) {
  try {
    const [list, { mtimeMs }] = await Promise.all([readFile(inputsFile(name), 'utf8'), stat(inputsFile(name))]);
    await stat(path.join(root, 'dist', output));
    const inputs = await Promise.all(JSON.parse(list).map((file) => stat(path.join(root, file))));
    return inputs.some((input) => input.mtimeMs > mtimeMs);
  } catch {
    return true; // never built, or an input is gone
  }
}

/**
 * Builds bundles.
 * @param {{ only?: readonly string[], production?: boolean, watch?: boolean, log?: (text: string) => void }} [options]
 * @throws Error when a bundle does not compile (esbuild has printed why)
 */
export async function build({ only, production = false, watch = false, log = console.log } = {}) {
  const start = Date.now();
  const all = bundles();
  const unknown = (only ?? []).filter((name) => !(name in all));
  if (unknown.length > 0)
    throw new Error(`No bundle "${unknown.join('", "')}". There are: ${Object.keys(all).join(', ')}.`);
  const names = [];
  await Promise.all(
    Object.entries(all).map(async ([name, bundle]) => {
      if (only !== undefined && !only.includes(name)) return;
      const options = {
        ...bundle,
        absWorkingDir: root,
        outdir: path.join(root, 'dist'),
        write: false,
        metafile: true,
        minify: production,
        // A shipped bundle names no map (they are not in the VSIX); in development debugger and stack traces find it.
        sourcemap: production ? 'external' : 'linked',
        sourcesContent: false,
        legalComments: 'none',
        logLevel: 'warning',
        ...(bundle.platform === 'node' ? { banner: { js: moduleUrl, ...bundle.banner } } : {}),
        define: {
          'process.env.NODE_ENV': JSON.stringify(production ? 'production' : 'development'),
          ...(bundle.platform === 'node' ? { 'import.meta.url': 'importMetaUrl' } : {}),
        },
        plugins: [writeOutputs(name)],
      };
      if (watch) await (await esbuild.context({ ...options, logLevel: 'info' })).watch();
      else await esbuild.build(options);
      names.push(name);
    }),
  );
  log(`${watch ? 'Watching' : 'Built'} ${names.sort().join(', ')}${watch ? '' : ` in ${seconds(start)}`}.`);
}

if (process.argv[1] === import.meta.filename) {
  const { values: options } = parseArgs({
    options: {
      watch: { type: 'boolean' },
      production: { type: 'boolean' },
      clean: { type: 'boolean' },
      only: { type: 'string' },
      generate: { type: 'boolean' },
      'check-generated': { type: 'boolean' },
    },
  });
  try {
    if (options.generate) await writeContributions();
    else if (options['check-generated']) await checkContributions();
    else {
      if (options.clean) await rm(path.join(root, 'dist'), { recursive: true, force: true });
      await build({ ...options, only: options.only?.split(',') });
    }
  } catch (error) {
    fail(error);
  }
}
