/** Whether a process of this machine is there: what decides if a lock or a journal is somebody's or left behind. */
import { hasCode } from './failure.js';

/** True where a process `pid` runs, this user's or another's (EPERM). `pid` is a positive integer. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return !hasCode(error, 'ESRCH');
  }
}
