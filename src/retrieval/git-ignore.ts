/**
 * Which files git would ignore, as far as `.gitignore` files say: so that build output is no candidate. The editor's own
 * file search does not apply them reliably, so both it and the command line ask here.
 */
import { readFile, stat } from 'node:fs/promises';
import { dirname, join, relative, sep } from 'node:path';
import ignore, { type Ignore } from 'ignore';

/** Answers for one folder. Files are read when first needed and kept: make a new one when a `.gitignore` has changed. */
export class GitIgnore {
  private readonly base: Promise<string>;
  private readonly rules = new Map<string, Promise<Ignore>>();

  /** @param root Absolute path of the folder; the rules of a git repository around it count, too. */
  constructor(private readonly root: string) {
    this.base = repositoryOf(root);
  }

  /** True where git would ignore the file at `path` (relative to the root, `/` between its parts). */
  async ignores(path: string): Promise<boolean> {
    const full = slashed(relative(await this.base, join(this.root, path)));
    if (full === '' || full.startsWith('../')) return false;
    return (await this.rulesFor(parent(full))).ignores(full);
  }

  /**
   * The rules that hold in a folder, all in terms of the base: those of the folder above, then its own, since the last
   * match wins. One rule list per level would not do, because a level cannot tell whether a deeper one takes back a parent.
   */
  private rulesFor(folder: string): Promise<Ignore> {
    let rules = this.rules.get(folder);
    if (rules === undefined) this.rules.set(folder, (rules = this.collect(folder)));
    return rules;
  }

  private async collect(folder: string): Promise<Ignore> {
    const base = await this.base;
    const above = folder === '' ? undefined : await this.rulesFor(parent(folder));
    // A repository's private list ranks below its .gitignore files, so it comes first.
    const files = folder === '' ? ['.git/info/exclude', '.gitignore'] : ['.gitignore'];
    const texts = await Promise.all(files.map((file) => textOf(join(base, folder, file))));
    const patterns = texts.flatMap((text) => text.split(/\r?\n/)).flatMap((line) => rebased(line, folder));
    if (above !== undefined && patterns.length === 0) return above;
    const rules = ignore({ ignorecase: process.platform === 'win32' || process.platform === 'darwin' });
    return (above === undefined ? rules : rules.add(above)).add(patterns);
  }
}

/** A line of the `.gitignore` in `folder` as a pattern for the base: at most one, none for a comment. */
function rebased(line: string, folder: string): string[] {
  if (line.trim() === '' || line.startsWith('#')) return [];
  if (folder === '') return [line];
  const negated = line.startsWith('!');
  const pattern = negated ? line.slice(1) : line;
  // A slash before the end ties a pattern to its folder; without one it holds at any depth.
  const tied = pattern.replace(/\/\s*$/, '').includes('/');
  const prefix = folder.replace(/[\\*?[\]!# ]/g, '\\$&');
  return [`${negated ? '!' : ''}/${prefix}/${tied ? pattern.replace(/^\//, '') : `**/${pattern}`}`];
}

/** The nearest folder at or above `root` that holds a `.git`, or `root` itself. */
async function repositoryOf(root: string): Promise<string> {
  for (let folder = root; ;) {
    try {
      await stat(join(folder, '.git'));
      return folder;
    } catch {
      const above = dirname(folder);
      if (above === folder) return root;
      folder = above;
    }
  }
}

async function textOf(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch {
    return '';
  }
}

function parent(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')));
}

function slashed(path: string): string {
  return sep === '/' ? path : path.replaceAll(sep, '/');
}
