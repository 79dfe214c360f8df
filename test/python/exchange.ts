/** How a TypeScript program under test talks with Python (typescript.py): one JSON value in, one out. */
import { readFileSync, writeSync } from 'node:fs';

/** The value that Python sent. The caller names its type: both ends are in this folder. */
export function received(): unknown {
  return JSON.parse(readFileSync(0, 'utf8'));
}

/** Sends `value` back, whole: process.stdout may still hold some of it when the process exits. */
export function send(value: unknown): void {
  const bytes = Buffer.from(JSON.stringify(value), 'utf8');
  for (let sent = 0; sent < bytes.length;) {
    try {
      sent += writeSync(1, bytes, sent);
    } catch (error) {
      // A pipe that Python has not emptied yet.
      if (!(error instanceof Error && 'code' in error && error.code === 'EAGAIN')) throw error;
    }
  }
}
