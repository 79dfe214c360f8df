/** A model folder on disk: every file named in SHA256SUMS is checked before anything is loaded. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import * as path from 'node:path';
import { RationaleError } from '../domain/failure.js';
import { sha256 } from '../domain/identity.js';
import { parseProfile, type Profile } from '../profiles/profile.js';

export interface ModelFolder {
  readonly dir: string;
  readonly profile: Profile;
  readonly profileSha256: string;
  /** SHA-256 of SHA256SUMS itself: one number for the whole model. */
  readonly sha256: string;
  readonly tokenizerJson: string;
}

const required = ['model.onnx', 'tokenizer.json', 'profile.json'];

/** Reads and checks a model folder. Throws RationaleError naming the first file that is missing, cut short or altered. */
export async function openModelFolder(dir: string): Promise<ModelFolder> {
  const where = `The model folder ${dir}`;
  const list = await readFile(path.join(dir, 'SHA256SUMS'), 'utf8').catch((error: unknown) => {
    throw new RationaleError(
      'user',
      `${where} has no readable SHA256SUMS. Point the setting rationale.model.folder (or --model) at a whole model folder, or restore it from the repository or the extension.`,
      { cause: error },
    );
  });
  const expected = new Map<string, string>();
  for (const line of list.split('\n')) {
    const match = /^([0-9a-f]{64}) [ *](.+)$/.exec(line.trim());
    if (match?.[1] !== undefined && match[2] !== undefined) expected.set(match[2], match[1]);
  }
  const unlisted = required.filter((name) => !expected.has(name));
  if (unlisted.length > 0)
    throw new RationaleError('user', `${where}: SHA256SUMS does not list ${unlisted.join(', ')}.`);
  for (const [name, hash] of expected) {
    const file = path.join(dir, name);
    const size = await stat(file).then(
      (s) => s.size,
      () => undefined,
    );
    if (size === undefined)
      throw new RationaleError('user', `${where} is incomplete: ${name} is missing. Restore it or reinstall.`);
    if ((await hashFile(file)) !== hash) {
      throw new RationaleError(
        'user',
        `${where}: ${name} (${size} bytes) is not the file that SHA256SUMS lists: it was cut short or altered. Restore it, or write a new SHA256SUMS if you changed it yourself.`,
      );
    }
  }
  const profileText = await readFile(path.join(dir, 'profile.json'), 'utf8');
  return {
    dir,
    profile: parseProfile(profileText, path.join(dir, 'profile.json')),
    profileSha256: sha256(profileText),
    sha256: sha256(list),
    tokenizerJson: await readFile(path.join(dir, 'tokenizer.json'), 'utf8'),
  };
}

async function hashFile(file: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(file, { highWaterMark: 1 << 20 })) hash.update(chunk as Buffer);
  return hash.digest('hex');
}
