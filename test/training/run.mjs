// The tests of the training package, and its style: pytest and ruff with the interpreter of ../python/install.mjs.
//   node test/training/run.mjs [PYTEST ARGUMENTS…]      e.g. `node test/training/run.mjs -k journal`
// Ends with `N passed, N failed, N skipped`; exit code 1 when anything failed.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fail, root, run } from '../../scripts/process.mjs';
import { testPython } from '../python/install.mjs';

main(process.argv.slice(2)).catch(fail);

async function main(args) {
  const python = await testPython();
  const folder = path.join(root, 'training');
  const scratch = mkdtempSync(path.join(tmpdir(), 'rationale-training-'));
  const total = { passed: 0, failed: 0, skipped: 0 };
  try {
    const env = {
      ...process.env,
      PYTHONDONTWRITEBYTECODE: '1',
      // Nothing here may reach out: models are made by the tests.
      HF_HUB_OFFLINE: '1',
      HF_DATASETS_OFFLINE: '1',
      TRANSFORMERS_OFFLINE: '1',
      HF_HOME: path.join(scratch, 'hf'),
      TOKENIZERS_PARALLELISM: 'false',
      // Tiny models are slower on many threads than on one.
      OMP_NUM_THREADS: '1',
    };
    for (const style of [['check'], ['format', '--check']]) {
      const { code } = await run(python, ['-m', 'ruff', ...style, '--no-cache', folder], { env });
      total[code === 0 ? 'passed' : 'failed']++;
    }
    const report = path.join(scratch, 'report.xml');
    const options = ['-q', '-p', 'no:cacheprovider', `--junitxml=${report}`, '--basetemp', path.join(scratch, 'tmp')];
    const { code } = await run(python, ['-m', 'pytest', ...options, ...args], { cwd: folder, env });
    add(total, counts(report), code);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
  console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
  if (total.failed > 0) process.exitCode = 1;
}

/** What pytest's report says; no report is a failure, never a success. */
function counts(report) {
  try {
    const suite = /<testsuite\b[^>]*>/.exec(readFileSync(report, 'utf8'))?.[0] ?? '';
    const number = (name) => Number(new RegExp(`\\b${name}="(\\d+)"`).exec(suite)?.[1] ?? NaN);
    const [tests, failed, skipped] = [number('tests'), number('errors') + number('failures'), number('skipped')];
    if (Number.isNaN(tests + failed + skipped)) throw new Error('pytest wrote another kind of report.');
    return { passed: tests - failed - skipped, failed, skipped };
  } catch (error) {
    console.error(`pytest left no report: ${error.message}`);
    return { passed: 0, failed: 1, skipped: 0 };
  }
}

function add(total, found, code) {
  // Errors outside of tests (a file that does not load, no test at all) show in the exit code alone.
  if (code !== 0 && found.failed === 0) found.failed = 1;
  for (const key of Object.keys(total)) total[key] += found[key];
}
