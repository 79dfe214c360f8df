/** Gives all unit tests one temporary folder and removes it at the end, whatever a test left in it. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export function setup(): () => void {
  const folder = mkdtempSync(join(tmpdir(), 'rationale-unit-'));
  // The workers are started after this and inherit it; os.tmpdir() reads it anew each time.
  process.env['TMPDIR'] = folder;
  return () => rmSync(folder, { recursive: true, force: true });
}
