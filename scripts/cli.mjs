// `npm run -s rationale -- …` from a clone: installs and builds what is missing or stale, silently, and runs the
// command line with the same arguments, streams, signals and exit code. Its stdout carries the command's data only.
import { spawn } from 'node:child_process';
import path from 'node:path';
import { checkNode, installDependencies } from './install.mjs';
import { fail, root } from './process.mjs';

try {
  checkNode();
  await installDependencies({ log: console.error });
  const { build, isStale } = await import('./build.mjs');
  const stale = [];
  if (await isStale('cli', 'rationale.js')) stale.push('cli');
  if (await isStale('worker', 'worker.js')) stale.push('worker');
  if (stale.length > 0) await build({ only: stale, log: () => undefined });
} catch (error) {
  fail(error);
}

// `npm run` changes into the package's folder; paths in the arguments are relative to where the user stood.
const child = spawn(process.execPath, [path.join(root, 'dist/rationale.js'), ...process.argv.slice(2)], {
  cwd: (process.env['npm_lifecycle_event'] === 'rationale' && process.env['INIT_CWD']) || process.cwd(),
  stdio: 'inherit',
});
for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
// A terminal sends Ctrl+C to the child as well; a second SIGINT would mean "at once".
process.on('SIGINT', () => process.stdin.isTTY || child.kill('SIGINT'));
child.once('error', fail);
child.once('exit', (code, signal) => {
  if (signal === null) process.exit(code ?? 1);
  // Die of the same signal, so that the caller sees what happened.
  process.removeAllListeners(signal);
  process.kill(process.pid, signal);
});
