/**
 * Whose a journal is: the process that writes it. What a process that is gone has left may be taken over; what another
 * window is working on may not.
 */
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import * as v from 'valibot';
import { isRunning } from '../domain/running.js';

export const ownerSchema = v.object({
  pid: v.number(),
  host: v.string(),
  /** What tells the process from a later one with its number; null where the system does not say. */
  born: v.nullable(v.string()),
});
export type Owner = v.InferOutput<typeof ownerSchema>;

/** This process. */
export function thisProcess(): Owner {
  return { pid: process.pid, host: hostname(), born: birthOf(process.pid) };
}

/** True where another process of this machine is still at work. A process of another machine cannot be seen, and counts as gone. */
export function isAtWorkElsewhere(owner: Owner): boolean {
  if (owner.host !== hostname() || owner.pid === process.pid) return false;
  if (!isRunning(owner.pid)) return false;
  return owner.born === null || owner.born === birthOf(owner.pid);
}

/** Boot and time since boot at which the process started (Linux: proc_pid_stat(5), field 22), or null. */
function birthOf(pid: number): string | null {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The second field is the program's name in parentheses and may hold anything.
    const started = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
    return started === undefined ? null : `${boot} ${started}`;
  } catch {
    return null;
  }
}
