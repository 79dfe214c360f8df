/**
 * One writer per run file. The lock names its process; a lock whose process is gone is broken, so that a run that was
 * killed can be resumed at once.
 */
import { readFile, rm, stat, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import * as v from 'valibot';
import { RationaleError, hasCode } from '../domain/failure.js';
import { isRunning } from '../domain/running.js';

const owner = v.object({ pid: v.pipe(v.number(), v.integer(), v.minValue(1)), host: v.string() });
/** A process of another machine cannot be asked; a lock this old is taken for forgotten. */
const staleElsewhereMs = 60 * 60_000;

/** Takes the lock of a run file and returns what gives it back. Throws RationaleError when another process is writing the run. */
export async function lockRun(file: string): Promise<() => Promise<void>> {
  const lock = `${file}.lock`;
  const mine = JSON.stringify({ pid: process.pid, host: hostname() });
  for (let attempt = 0; attempt < 2; attempt++) {
    const taken = await writeFile(lock, mine, { flag: 'wx' }).then(
      () => true,
      (error: unknown) => {
        if (hasCode(error, 'EEXIST')) return false;
        throw new RationaleError('environment', `${lock} could not be written, so the run was not started.`, {
          cause: error,
        });
      },
    );
    if (taken) return () => rm(lock, { force: true });
    if (!(await isForgotten(lock))) break;
    await rm(lock, { force: true });
  }
  throw new RationaleError(
    'user',
    `${file} is being written by another process (${lock} says which). Wait for it or end it; delete that file if no such process runs.`,
  );
}

async function isForgotten(lock: string): Promise<boolean> {
  const [text, info] = await Promise.all([readFile(lock, 'utf8').catch(() => ''), stat(lock).catch(() => undefined)]);
  if (info === undefined) return true;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return true;
  }
  const parsed = v.safeParse(owner, value);
  if (!parsed.success) return true;
  if (parsed.output.host !== hostname()) return Date.now() - info.mtimeMs > staleElsewhereMs;
  return !isRunning(parsed.output.pid);
}
