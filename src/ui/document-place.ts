/** How a judgement file names a document, and where such a name is looked up (docs/decisions/0002-where-runs-live.md). Pure. */
import path from 'node:path';

const scheme = /^[a-z][a-z0-9+.-]+:/i;

/** True for a URI, false for a path. */
export function hasScheme(text: string): boolean {
  return scheme.test(text);
}

/** A path relative to the workspace folder, with slashes, as `uri` holds it: never to be taken for a URI with a scheme. */
export function writtenPath(relative: string): string {
  return hasScheme(relative) ? `./${relative}` : relative;
}

/**
 * The folders in which a relative name is looked up, first to last: the judgement file's, each above it up to `root`
 * (its workspace folder, null where it lies in none), then the workspace folders. Slashes on every platform.
 */
export function lookupFolders(
  judgementFolder: string,
  root: string | null,
  workspaceFolders: readonly string[],
): string[] {
  const folders = [judgementFolder];
  if (
    root !== null &&
    (judgementFolder === root || judgementFolder.startsWith(root.endsWith('/') ? root : `${root}/`))
  ) {
    for (let folder = judgementFolder; folder !== root && folder !== path.posix.dirname(folder);) {
      folder = path.posix.dirname(folder);
      folders.push(folder);
    }
  }
  return [...new Set([...folders, ...workspaceFolders])];
}

/** `uri` as a link's destination: a path is percent-encoded, what has a scheme is one already. */
export function linkTarget(uri: string): string {
  if (hasScheme(uri)) return uri;
  return uri.toWellFormed().split('/').map(encodeURIComponent).join('/');
}
