// Runs the tests that need Python: our code against the programs that read its files or compute the same thing.
//   node test/python/run.mjs [SUITE…]      e.g. `node test/python/run.mjs tokenizer metrics`
//   node test/python/run.mjs --data FILE [--map FIELD=COLUMN…] [SUITE…]
// The suites of exports run on a fixture and on examples/; with --data, on what `rationale import` takes of FILE instead.
// Prints each suite's tests and ends with `N passed, N failed, N skipped`; exit code 1 when anything failed.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, delimiter, join, relative, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { build } from 'esbuild';
import { fail, root, run, seconds } from '../../scripts/process.mjs';
import { testPython } from './install.mjs';

const comparisons = ['answer_ids', 'tokenizer', 'metrics', 'agreement', 'logits'].map(
  (name) => `test/python/${name}.py`,
);
const exportReaders = ['trl', 'dataset', 'evaluation', 'framework'].map(
  (name) => `test/interchange/${name}_readers.py`,
);
const examples = join(root, 'examples/teacher.judgements.jsonl');
/** Inside the repository, so that the bundles find node_modules. */
const entries = join(root, '.cache/python-tests');

main().catch(fail);

async function main() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { data: { type: 'string' }, map: { type: 'string', multiple: true, default: [] } },
  });
  const chosen = (suites) =>
    suites.filter((suite) => positionals.includes(basename(suite, '.py')) || !positionals.length);
  const unknown = positionals.filter(
    (name) => ![...comparisons, ...exportReaders].some((s) => basename(s, '.py') === name),
  );
  if (unknown.length > 0) {
    const all = [...comparisons, ...exportReaders].map((suite) => basename(suite, '.py')).join(', ');
    throw new Error(`Unknown suite among: ${unknown.join(', ')}. There are: ${all}.`);
  }
  const python = await testPython();
  await bundle();
  const imported = mkdtempSync(join(tmpdir(), 'rationale-data-'));
  try {
    const runs = [];
    if (values.data === undefined) {
      for (const suite of chosen(comparisons)) runs.push({ suite });
      for (const judgements of [undefined, examples])
        for (const suite of chosen(exportReaders)) runs.push({ suite, judgements });
    } else {
      const judgements = await importData(values.data, values.map, imported);
      for (const suite of chosen(exportReaders)) runs.push({ suite, judgements });
    }
    const total = { passed: 0, failed: 0, skipped: 0 };
    for (const { suite, judgements } of runs) {
      const result = await runSuite(python, suite, judgements);
      for (const key of Object.keys(total)) total[key] += result[key];
    }
    console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
    if (total.failed > 0 || runs.length === 0) process.exitCode = 1;
  } finally {
    rmSync(imported, { recursive: true, force: true });
  }
}

/** The judgement file that `rationale import` makes of FILE. */
async function importData(data, maps, folder) {
  const judgements = join(folder, 'data.judgements.jsonl');
  const options = maps.flatMap((map) => ['--map', map]);
  const args = [join(root, 'scripts/cli.mjs'), 'import', resolve(data), '--out', judgements, ...options];
  const { code } = await run(process.execPath, args, { env: process.env });
  if (code !== 0) throw new Error(`Cannot import ${data}: rationale import ended with exit code ${code}.`);
  return judgements;
}

/** The TypeScript side of each comparison: a program that reads JSON on stdin and writes JSON on stdout. */
async function bundle() {
  await build({
    entryPoints: ['tokenizer', 'metrics', 'agreement', 'logits'].map((name) => join(import.meta.dirname, `${name}.ts`)),
    outdir: entries,
    bundle: true,
    platform: 'node',
    format: 'esm',
    packages: 'external',
    outExtension: { '.js': '.mjs' },
    logLevel: 'warning',
  });
}

async function runSuite(python, suite, judgements) {
  const start = Date.now();
  const name = basename(suite, '.py');
  const on = judgements === undefined ? '' : ` on ${relative(root, judgements)}`;
  console.log(`\n${suite}${on}`);
  const scratch = mkdtempSync(join(tmpdir(), 'rationale-python-'));
  try {
    const resultFile = join(scratch, 'result.json');
    const env = {
      ...process.env,
      RATIONALE_ENTRIES: entries,
      RATIONALE_NODE: process.execPath,
      RATIONALE_SCRATCH: scratch,
      ...(judgements === undefined ? {} : { RATIONALE_JUDGEMENTS: judgements }),
      PYTHONDONTWRITEBYTECODE: '1',
      PYTHONPATH: [import.meta.dirname, ...(process.env['PYTHONPATH'] ?? '').split(delimiter)]
        .filter(Boolean)
        .join(delimiter),
      // Nothing here may reach out: every model and data set lies in the repository.
      HF_HUB_OFFLINE: '1',
      HF_DATASETS_OFFLINE: '1',
      TRANSFORMERS_OFFLINE: '1',
      HF_HOME: join(scratch, 'hf'),
      TOKENIZERS_PARALLELISM: 'false',
    };
    const { code } = await run(python, [join(import.meta.dirname, 'suite.py'), join(root, suite), resultFile], { env });
    let result;
    try {
      result = JSON.parse(readFileSync(resultFile, 'utf8'));
    } catch {
      // The interpreter died (a crash in native code, an import error): no result is a failure, never a success.
      console.log(`${name}: ended with exit code ${code} before it could report`);
      result = { passed: 0, failed: 1, skipped: 0 };
    }
    console.log(
      `${name}${on}: ${result.passed} passed, ${result.failed} failed, ${result.skipped} skipped (${seconds(start)})`,
    );
    return result;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}
