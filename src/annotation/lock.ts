/**
 * A lock file that keeps two processes from appending to one log at the same time. Made with O_EXCL, so it also holds
 * on network drives; a lock whose owner is gone is broken.
 */
import { linkSync, readFileSync, renameSync, statSync, unlinkSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { RationaleError, hasCode } from '../domain/failure.js';
import { uuidv7 } from '../domain/identity.js';
import { isRunning } from '../domain/running.js';

/** A holder appends and syncs in far less; the limit decides only about owners on other machines. */
const staleAfterMs = 30_000;
const waitMs = 5_000;

/** Runs `work` (synchronous, short) while holding the lock file. Throws RationaleError when another process holds it for long. */
export async function withLock<T>(lock: string, work: () => T): Promise<T> {
  const mine = JSON.stringify({ pid: process.pid, host: hostname(), id: uuidv7() });
  const deadline = Date.now() + waitMs;
  for (;;) {
    try {
      writeFileSync(lock, mine, { flag: 'wx' });
      break;
    } catch (error) {
      if (!hasCode(error, 'EEXIST')) throw error;
    }
    if (breakIfStale(lock)) continue;
    if (Date.now() > deadline) {
      throw new RationaleError(
        'environment',
        `Another process is writing (${lock} exists). Your decisions are kept in the editor; save again, and delete that file if no other VS Code is open on it.`,
      );
    }
    await sleep(10 + Math.random() * 20);
  }
  try {
    return work();
  } finally {
    if (contentOf(lock) === mine) unlinkSync(lock);
  }
}

/** Removes the lock when its owner is gone; true when it is worth trying again at once. */
function breakIfStale(lock: string): boolean {
  const content = contentOf(lock);
  if (content === undefined) return true;
  if (!isStale(lock, content)) return false;
  const aside = `${lock}.${uuidv7()}`;
  try {
    renameSync(lock, aside);
  } catch {
    return true;
  }
  // Between the look and the rename another process may have broken the same lock and taken it: give it back.
  if (contentOf(aside) !== content) {
    try {
      linkSync(aside, lock);
    } catch {
      // A third process holds it by now.
    }
  }
  unlinkSync(aside);
  return true;
}

function isStale(lock: string, content: string): boolean {
  try {
    const { mtimeMs } = statSync(lock);
    if (Date.now() - mtimeMs > staleAfterMs) return true;
  } catch {
    return false;
  }
  const owner = /"pid":(\d+),"host":("(?:[^"\\]|\\.)*")/.exec(content);
  if (owner?.[1] === undefined || owner[2] !== JSON.stringify(hostname())) return false;
  return !isRunning(Number(owner[1]));
}

function contentOf(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
