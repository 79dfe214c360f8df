// The unit tests, with their count as the last line (vitest's own summary is for people).
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { root, run } from './process.mjs';

const folder = mkdtempSync(path.join(tmpdir(), 'rationale-unit-'));
const report = path.join(folder, 'report.json');
const vitest = path.join(root, 'node_modules/vitest/vitest.mjs');
const args = [vitest, 'run', '--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
const { code } = await run(process.execPath, [...args, ...process.argv.slice(2)]);
let passed = 0;
let failed = 1;
let skipped = 0;
try {
  const { numPassedTests, numFailedTests, numPendingTests, numTodoTests, testResults } = JSON.parse(
    readFileSync(report, 'utf8'),
  );
  // A file that does not load has no tests to fail.
  const broken = testResults.filter((file) => file.status === 'failed' && file.assertionResults.length === 0).length;
  passed = numPassedTests;
  failed = numFailedTests + broken;
  skipped = numPendingTests + numTodoTests;
} catch {
  console.error('vitest left no report.');
}
rmSync(folder, { recursive: true, force: true });
console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
process.exit(code !== 0 || failed > 0 ? 1 : 0);
