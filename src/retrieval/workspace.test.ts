import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { GitIgnore } from './git-ignore.js';
import { decodeText, listFiles, readTextFile } from './workspace.js';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'rationale-workspace-'));
});
async function put(files: Readonly<Record<string, string | Uint8Array>>, base = root) {
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(base, path)), { recursive: true });
    await writeFile(join(base, path), content);
  }
}
const read = (path: string, maxBytes = 1_000) => readTextFile(join(root, path), { maxBytes });

describe('readTextFile', () => {
  it('reads UTF-8 with and without byte order mark, and UTF-16 with one', async () => {
    const utf16le = Buffer.from('\ufeffGrüße 😀', 'utf16le');
    await put({ a: 'Grüße 😀', b: '\ufeffGrüße 😀', c: utf16le, d: Buffer.from(utf16le).swap16() });
    for (const path of ['a', 'b', 'c', 'd']) expect(await read(path)).toEqual({ kind: 'text', text: 'Grüße 😀' });
  });

  it.each([
    ['binary', Buffer.from([0x89, 0x50, 0x4e, 0x47, 0, 0, 1])],
    ['binary', Buffer.from('text with a \0 in it')],
    ['binary', Buffer.from('Gr\u00fc\u00dfe in Latin-1', 'latin1')],
    ['binary', Buffer.from([0xff, 0xfe, 0x00, 0xd8])],
    ['empty', Buffer.from('')],
    ['empty', Buffer.from(' \n\t\r\n')],
    ['empty', Buffer.from('\ufeff')],
    ['too large', Buffer.alloc(1_001, 'a')],
  ] as const)('skips a file that is %s (case %#)', async (reason, content) => {
    await put({ file: content });
    expect(await read('file')).toMatchObject({ kind: 'skipped', reason });
  });

  it('skips a file that is missing, and a folder', async () => {
    expect(await read('missing')).toMatchObject({
      kind: 'skipped',
      reason: 'unreadable',
      detail: expect.stringContaining('ENOENT') as string,
    });
    expect(await read('.')).toMatchObject({ kind: 'skipped', reason: 'unreadable' });
  });

  it('gives well-formed text for any bytes it takes for text', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        const result = decodeText(bytes);
        if (result.kind === 'text') expect(result.text.isWellFormed()).toBe(true);
      }),
    );
  });
});

describe('listFiles', () => {
  it('leaves out what git ignores, what is excluded, and what is never a document', async () => {
    await put({
      '.gitignore': 'build/\n*.log\n!keep.log\n',
      'a.md': 'a',
      'b.log': 'b',
      'keep.log': 'k',
      'build/out.md': 'x',
      'sub/.gitignore': 'private.txt\n!special.log\n',
      'sub/private.txt': 'x',
      'sub/public.txt': 'y',
      'sub/special.log': 'z',
      'sub/deeper/private.txt': 'x',
      'dist/x.min.js': 'x',
      '.hidden/doc.md': 'h',
      '.git/config': 'x',
      'node_modules/p/readme.md': 'x',
      'sub/node_modules/p/readme.md': 'x',
      '.rationale/index': 'x',
      'run.judgements.jsonl': 'x',
      'run.judgements.run.json': 'x',
      'run.judgements.corrections/me-1.jsonl': 'x',
    });
    const { files, skipped } = await listFiles(root, { exclude: ['dist/**'] });
    expect(files.map((f) => f.path)).toEqual([
      '.gitignore',
      '.hidden/doc.md',
      'a.md',
      'keep.log',
      'sub/.gitignore',
      'sub/public.txt',
      'sub/special.log',
    ]);
    expect(skipped).toEqual([]);
  });

  it('names what is too large, and follows no link', async () => {
    await put({ 'big.txt': 'x'.repeat(20), 'small.txt': 'x' });
    await symlink(root, join(root, 'loop'));
    const { files, skipped } = await listFiles(root, { maxBytes: 10 });
    expect(files).toMatchObject([{ path: 'small.txt', size: 1 }]);
    expect(skipped).toEqual([
      { path: 'big.txt', kind: 'skipped', reason: 'too large', detail: '20 bytes, the limit is 10' },
    ]);
  });

  it('works in a folder whose name holds glob characters', async () => {
    const odd = join(root, 'a (b) [c] {d}');
    await put({ 'x.md': 'x' }, odd);
    expect((await listFiles(odd)).files.map((f) => f.path)).toEqual(['x.md']);
  });

  it('refuses what is no folder, and stops when asked', async () => {
    await put({ file: 'x' });
    await expect(listFiles(join(root, 'missing'))).rejects.toThrow(join(root, 'missing'));
    await expect(listFiles(join(root, 'file'))).rejects.toThrow('not a folder');
    await expect(listFiles(root, { signal: AbortSignal.abort() })).rejects.toMatchObject({ name: 'AbortError' });
  });
});

describe('GitIgnore', () => {
  it('agrees with git itself', async () => {
    const patterns = fc.constantFrom(
      'a',
      'a/',
      '/a',
      '*.x',
      '!*.x',
      '!a',
      '!a/',
      'b/*',
      '!b/c',
      'b/**',
      '**/c',
      '!c',
      '/b/c.x',
      '# comment',
      '',
    );
    const ruleFiles = fc.record({
      '': fc.array(patterns, { maxLength: 4 }),
      a: fc.array(patterns, { maxLength: 3 }),
      b: fc.array(patterns, { maxLength: 3 }),
      'b/c': fc.array(patterns, { maxLength: 2 }),
    });
    const paths = ['a/a', 'a/b/c', 'a/c.x', 'b/a', 'b/c/a', 'b/c/b.x', 'b/b.x', 'c', 'd.x', 'e/a/x', 'e/c/c.x'];
    const repository = await mkdtemp(join(tmpdir(), 'rationale-git-'));
    execFileSync('git', ['init', '-q', repository]);
    await put(Object.fromEntries(paths.map((path) => [path, 'x'])), repository);
    await fc.assert(
      fc.asyncProperty(ruleFiles, async (rules) => {
        for (const [folder, lines] of Object.entries(rules))
          await writeFile(join(repository, folder, '.gitignore'), lines.join('\n'));
        const shown = execFileSync('git', ['ls-files', '--others', '--exclude-standard', '-z'], {
          cwd: repository,
          encoding: 'utf8',
        }).split('\0');
        const gitIgnore = new GitIgnore(repository);
        const ours = await Promise.all(paths.map(async (path) => [path, await gitIgnore.ignores(path)] as const));
        expect(ours).toEqual(paths.map((path) => [path, !shown.includes(path)]));
      }),
      { numRuns: 80 },
    );
  });

  it('applies the rules of the repository around a subfolder, and its private list', async () => {
    await put({ '.git/info/exclude': 'mine.md\n', '.gitignore': 'sub/generated/\n' });
    const gitIgnore = new GitIgnore(join(root, 'sub'));
    expect(await Promise.all(['generated/x.md', 'mine.md', 'x.md'].map((path) => gitIgnore.ignores(path)))).toEqual([
      true,
      true,
      false,
    ]);
  });
});
