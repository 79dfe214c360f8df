// `npm run -s bench -- NAME [options]`: bundles bench/NAME.ts and runs its main(). Measure with nothing else running.
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { installDependencies } from '../scripts/install.mjs';

const here = import.meta.dirname;
const root = path.dirname(here);
const names = readdirSync(here)
  .filter((file) => file.endsWith('.ts'))
  .map((file) => file.slice(0, -3));
const [name, ...args] = process.argv.slice(2);
if (name === undefined || !names.includes(name)) {
  console.error(`Usage: npm run -s bench -- ${names.join('|')} [options]`);
  process.exit(2);
}
await installDependencies({ log: console.error });
const esbuild = await import('esbuild');
// Beside dist/, so that the bundle finds onnxruntime-node and the worker where the command line finds them.
const outfile = path.join(root, '.cache', 'bench', `${name}.mjs`);
await esbuild.build({
  entryPoints: [path.join(here, `${name}.ts`)],
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node20',
  outfile,
  external: ['onnxruntime-node'],
  logLevel: 'warning',
  banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
});
if (!existsSync(path.join(root, 'dist/worker.js')) || name === 'inference') {
  const { build } = await import('../scripts/build.mjs');
  await build({ only: ['worker'], log: () => undefined });
}
process.env['RATIONALE_ROOT'] = root;
await (await import(pathToFileURL(outfile).href)).main(args);
