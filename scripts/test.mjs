// `npm test`: everything, from a fresh clone, in stages. A failing stage does not stop the later ones; the last line
// sums them up.   npm test -- --only unit,e2e
import { parseArgs } from 'node:util';
import { checkNode, installDependencies } from './install.mjs';
import { cleanEnvironment, run, seconds } from './process.mjs';

const script = (...args) => [process.execPath, args];
/**
 * In order. A command's last line `N passed, N failed[, N skipped]` is its count; one that prints none tests
 * nothing, and is one failure when it fails.
 */
const stages = {
  build: script('scripts/build.mjs'),
  check: script('scripts/check.mjs'),
  unit: script('scripts/unit.mjs'),
  webview: script('test/webview/run.mjs'),
  host: script('test/host/install.mjs'),
  extension: script('test/extension/run.mjs'),
  e2e: script('test/e2e/run.mjs'),
  vsix: script('test/vsix/run.mjs'),
  python: script('test/python/run.mjs'),
  training: script('test/training/run.mjs'),
};

const { values } = parseArgs({ options: { only: { type: 'string' } } });
const names = values.only?.split(',') ?? Object.keys(stages);
const unknown = names.filter((name) => !(name in stages));
if (unknown.length > 0) {
  console.error(`No stage "${unknown.join('", "')}". There are: ${Object.keys(stages).join(', ')}.`);
  process.exit(2);
}

const start = Date.now();
const results = [];
try {
  checkNode();
  await installDependencies();
} catch (error) {
  console.error(error.message);
  console.log('0 passed, 1 failed, 0 skipped');
  process.exit(1);
}
for (const name of names) {
  const began = Date.now();
  console.log(`\n━━ ${name} ━━`);
  const [command, args] = stages[name];
  const { code, output } = await run(command, args, { env: cleanEnvironment(), output: 'tee' });
  const counts = [...output.matchAll(/^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$/gm)].at(-1);
  const [passed, failed, skipped] = counts ? counts.slice(1).map((n) => Number(n ?? 0)) : [0, 0, 0];
  // A stage that says all is well and exits otherwise is not well.
  const wrong = code !== 0 && failed === 0 ? 1 : 0;
  results.push({ name, passed, failed: failed + wrong, skipped, time: seconds(began) });
  if (wrong) console.error(`${name} ended with exit code ${code}.`);
  console.log(`━━ ${name}: ${passed} passed, ${failed + wrong} failed, ${skipped} skipped in ${seconds(began)}`);
}

console.log(`\nStage       passed failed skipped  time`);
for (const { name, passed, failed, skipped, time } of results) {
  const columns = [
    String(passed).padStart(6),
    String(failed).padStart(6),
    String(skipped).padStart(7),
    time.padStart(8),
  ];
  console.log(`${name.padEnd(11)} ${columns.join(' ')}`);
}
const sum = (key) => results.reduce((total, result) => total + result[key], 0);
console.log(`All stages took ${((Date.now() - start) / 60_000).toFixed(1)} minutes.`);
// A skipped test proves nothing: it counts against the run.
const bad = sum('failed') + sum('skipped') > 0;
console.log(`${sum('passed')} passed, ${sum('failed')} failed, ${sum('skipped')} skipped`);
process.exit(bad ? 1 : 0);
