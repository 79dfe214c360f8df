/** Reads text files from a folder, and says of every other file why it is none. */
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { glob } from 'tinyglobby';
import { messageOf, RationaleError } from '../domain/failure.js';
import { GitIgnore } from './git-ignore.js';

/** Larger files are data or generated; the limit is a setting of the callers. */
export const defaultMaxBytes = 1 << 20;

/**
 * Never documents: version control, installed packages, and this extension's own files. Callers that list files by other
 * means exclude these as well.
 */
export const alwaysExcluded = [
  '**/.git/**',
  '**/node_modules/**',
  '**/.rationale/**',
  '**/*.judgements.*',
  '**/*.judgements.*/**',
] as const;

export type SkipReason = 'binary' | 'empty' | 'too large' | 'unreadable';
interface Skipped {
  readonly kind: 'skipped';
  readonly reason: SkipReason;
  /** For people: what was found, without the path. */
  readonly detail: string;
}
export type TextFile = { readonly kind: 'text'; readonly text: string } | Skipped;

/** The text of the file at `path`, without byte order mark. Never throws: whatever is no text says why. */
export async function readTextFile(path: string, limits: { readonly maxBytes: number }): Promise<TextFile> {
  try {
    const found = await stat(path);
    if (!found.isFile()) return skipped('unreadable', 'it is not a file');
    const { size } = found;
    if (size > limits.maxBytes) return tooLarge(size, limits.maxBytes);
    return decodeText(await readFile(path));
  } catch (error) {
    return skipped('unreadable', messageOf(error));
  }
}

/** `bytes` as text: UTF-8, or UTF-16 where a byte order mark says so. */
export function decodeText(bytes: Uint8Array): TextFile {
  if (bytes.length === 0) return skipped('empty', 'the file has no content');
  const encoding =
    bytes[0] === 0xff && bytes[1] === 0xfe ? 'utf-16le' : bytes[0] === 0xfe && bytes[1] === 0xff ? 'utf-16be' : 'utf-8';
  let text: string;
  try {
    text = new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch {
    return skipped(
      'binary',
      encoding === 'utf-8' ? 'neither UTF-8 nor UTF-16 with a byte order mark' : `not valid ${encoding.toUpperCase()}`,
    );
  }
  if (text.includes('\0')) return skipped('binary', 'it holds NUL characters');
  if (text.trim() === '') return skipped('empty', 'it holds nothing but white space');
  return { kind: 'text', text };
}

export interface ListedFile {
  /** Relative to the root, `/` between its parts. */
  readonly path: string;
  readonly size: number;
  /** Milliseconds since 1970. */
  readonly mtime: number;
}

export interface Listing {
  /** In ascending order of path (UTF-16 units). */
  readonly files: readonly ListedFile[];
  readonly skipped: readonly (Skipped & { readonly path: string })[];
}

/**
 * The files below the folder `root` that may be documents: not excluded by a glob in `exclude`, not ignored by git, not
 * in `alwaysExcluded`. Symbolic links are not followed: they may lead out of the folder or in circles.
 * @throws RationaleError where `root` is no readable folder.
 */
export async function listFiles(
  root: string,
  options: { readonly exclude?: readonly string[]; readonly maxBytes?: number; readonly signal?: AbortSignal } = {},
): Promise<Listing> {
  const maxBytes = options.maxBytes ?? defaultMaxBytes;
  options.signal?.throwIfAborted();
  const found = await filesBelow(root, options.exclude ?? [], options.signal);
  const gitIgnore = new GitIgnore(root);
  const files: ListedFile[] = [];
  const notRead: (Skipped & { path: string })[] = [];
  for (let i = 0; i < found.length; i += filesAtOnce) {
    options.signal?.throwIfAborted();
    await Promise.all(
      found.slice(i, i + filesAtOnce).map(async (path) => {
        if (await gitIgnore.ignores(path)) return;
        try {
          const { size, mtimeMs } = await stat(join(root, path));
          if (size > maxBytes) notRead.push({ path, ...tooLarge(size, maxBytes) });
          else files.push({ path, size, mtime: mtimeMs });
        } catch (error) {
          notRead.push({ path, ...skipped('unreadable', messageOf(error)) });
        }
      }),
    );
  }
  return { files: files.sort(byPath), skipped: notRead.sort(byPath) };
}

/** Enough to keep the disk busy, few enough for any limit on open files. */
const filesAtOnce = 64;

async function filesBelow(
  root: string,
  exclude: readonly string[],
  signal: AbortSignal | undefined,
): Promise<string[]> {
  try {
    if (!(await stat(root)).isDirectory()) throw new Error('it is not a folder');
    return await glob('**/*', {
      cwd: root,
      dot: true,
      followSymbolicLinks: false,
      expandDirectories: false,
      ignore: [...alwaysExcluded, ...exclude],
      ...(signal === undefined ? {} : { signal }),
    });
  } catch (error) {
    signal?.throwIfAborted();
    throw new RationaleError('user', `Cannot list the files of ${root}: ${messageOf(error)}.`, { cause: error });
  }
}

function tooLarge(size: number, maxBytes: number): Skipped {
  return skipped('too large', `${size.toLocaleString('en')} bytes, the limit is ${maxBytes.toLocaleString('en')}`);
}

function skipped(reason: SkipReason, detail: string): Skipped {
  return { kind: 'skipped', reason, detail };
}

function byPath(x: { readonly path: string }, y: { readonly path: string }): number {
  return x.path < y.path ? -1 : x.path > y.path ? 1 : 0;
}
