// Runs the tests that need Python: our code against the programs that read its files or compute the same thing.
//   node test/python/run.mjs [SUITE…]      e.g. `node test/python/run.mjs tokenizer metrics`
// Prints each suite's tests and ends with `N passed, N failed, N skipped`; exit code 1 when anything failed.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, delimiter, join } from 'node:path';
import { build } from 'esbuild';
import { fail, root, run, seconds } from '../../scripts/process.mjs';
import { testPython } from './install.mjs';

const suites = [
  'test/python/answer_ids.py',
  'test/python/tokenizer.py',
  'test/python/metrics.py',
  'test/python/agreement.py',
  'test/python/logits.py',
  'test/interchange/trl_readers.py',
  'test/interchange/dataset_readers.py',
  'test/interchange/evaluation_readers.py',
  'test/interchange/framework_readers.py',
];
/** Inside the repository, so that the bundles find node_modules. */
const entries = join(root, '.cache/python-tests');

main(process.argv.slice(2)).catch(fail);

async function main(names) {
  const chosen = suites.filter((suite) => names.length === 0 || names.includes(basename(suite, '.py')));
  if (chosen.length < names.length || chosen.length === 0) {
    throw new Error(
      `Unknown suite among: ${names.join(', ')}. There are: ${suites.map((suite) => basename(suite, '.py')).join(', ')}.`,
    );
  }
  const python = await testPython();
  await bundle();
  const total = { passed: 0, failed: 0, skipped: 0 };
  for (const suite of chosen) {
    const result = await runSuite(python, suite);
    for (const key of Object.keys(total)) total[key] += result[key];
  }
  console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
  if (total.failed > 0) process.exitCode = 1;
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

async function runSuite(python, suite) {
  const start = Date.now();
  const name = basename(suite, '.py');
  console.log(`\n${suite}`);
  const scratch = mkdtempSync(join(tmpdir(), 'rationale-python-'));
  try {
    const resultFile = join(scratch, 'result.json');
    const env = {
      ...process.env,
      RATIONALE_ENTRIES: entries,
      RATIONALE_NODE: process.execPath,
      RATIONALE_SCRATCH: scratch,
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
      `${name}: ${result.passed} passed, ${result.failed} failed, ${result.skipped} skipped (${seconds(start)})`,
    );
    return result;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}
