// package.json's `contributes` and `capabilities` are generated from src/contributions.ts, the one typed table of
// commands, keys and settings: an id cannot differ between the manifest and the code.
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import esbuild from 'esbuild';
import { root } from './process.mjs';

const manifestFile = path.join(root, 'package.json');
const generated = ['contributes', 'capabilities'];

async function readContributions() {
  const result = await esbuild.build({
    entryPoints: [path.join(root, 'src/contributions.ts')],
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'node',
    logLevel: 'warning',
  });
  const code = result.outputFiles[0].text;
  const module = await import(`data:text/javascript;base64,${Buffer.from(code).toString('base64')}`);
  return Object.fromEntries(generated.map((key) => [key, module[key]]));
}

/** package.json as it should read: the generated keys in their place, or before the scripts where they are new. */
async function expectedManifest() {
  const text = await readFile(manifestFile, 'utf8');
  const parts = await readContributions();
  const manifest = {};
  for (const [key, value] of Object.entries(JSON.parse(text))) {
    if (key === 'scripts') for (const name of generated) manifest[name] ??= parts[name];
    manifest[key] = generated.includes(key) ? parts[key] : value;
  }
  return { text, expected: `${JSON.stringify(manifest, null, 2)}\n` };
}

/** Writes the generated parts into package.json. */
export async function writeContributions() {
  const { text, expected } = await expectedManifest();
  if (text === expected) return void console.log('package.json is current.');
  await writeFile(manifestFile, expected);
  console.log('package.json: wrote contributes and capabilities from src/contributions.ts.');
}

/** Throws with the lines that differ when package.json is not what src/contributions.ts says. */
export async function checkContributions() {
  const { text, expected } = await expectedManifest();
  if (text === expected) return;
  const [have, want] = [new Set(text.split('\n')), new Set(expected.split('\n'))];
  const difference = [
    ...[...have].filter((line) => !want.has(line)).map((line) => `- ${line.trim()}`),
    ...[...want].filter((line) => !have.has(line)).map((line) => `+ ${line.trim()}`),
  ];
  const shown = difference.length === 0 ? ['(the same lines in another order)'] : difference.slice(0, 20);
  const more = difference.length > 20 ? `\n… and ${difference.length - 20} more` : '';
  throw new Error(
    `package.json is not what src/contributions.ts says; run "npm run generate".\n${shown.join('\n')}${more}`,
  );
}
