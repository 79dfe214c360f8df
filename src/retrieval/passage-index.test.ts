import { mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sliceCodePoints } from '../domain/text.js';
import { PassageIndex, type PassageSource } from './passage-index.js';
import { decodeText, type ListedFile } from './workspace.js';

/** A workspace in memory whose files have a modification counter, as a disk has times. */
class Workspace implements PassageSource {
  readonly contents = new Map<string, { text: string; mtime: number }>();
  readonly reads: string[] = [];
  private clock = 0;

  write(path: string, text: string): this {
    this.contents.set(path, { text, mtime: ++this.clock });
    return this;
  }
  read(path: string) {
    this.reads.push(path);
    const content = this.contents.get(path);
    return Promise.resolve(
      content === undefined
        ? ({ kind: 'skipped', reason: 'unreadable', detail: 'gone' } as const)
        : decodeText(Buffer.from(content.text)),
    );
  }
  uri(path: string) {
    return `file:///w/${path}`;
  }
  list(): ListedFile[] {
    return [...this.contents].map(([path, { text, mtime }]) => ({ path, size: text.length, mtime }));
  }
  async index() {
    const index = new PassageIndex(this);
    await index.refresh(this.list());
    return index;
  }
}

const long = (word: string, paragraphs = 8) =>
  Array.from(
    { length: paragraphs },
    (_, i) => `${word} `.repeat(10) + `filler${'abcdefghij'[i] ?? 'x'} `.repeat(80),
  ).join('\n\n');

describe('PassageIndex', () => {
  it('gives candidates with place, title, rank and the text at their range', async () => {
    const workspace = new Workspace()
      .write('notes/guide.md', `Intro 😀\n\n\`\`\`sh\n# a comment\n\`\`\`\n\n# The *guide*\n\n${long('quokka')}`)
      .write('src/other.ts', 'export const wombat = 1;');
    const index = await workspace.index();
    expect(index.passageCount).toBeGreaterThan(3);
    const candidates = await index.candidates('quokka', 2);
    expect(candidates).toHaveLength(2);
    for (const [i, candidate] of candidates.entries()) {
      const [start, end] = candidate.range ?? [0, 0];
      expect(candidate).toMatchObject({
        title: 'The *guide*',
        uri: 'file:///w/notes/guide.md',
        first_stage_rank: i + 1,
        doc_id: `notes/guide.md#${start}-${end}`,
      });
      expect(candidate.document).toBe(
        sliceCodePoints(workspace.contents.get('notes/guide.md')?.text ?? '', start, end),
      );
    }
    expect(await index.candidates('wombat', 5)).toMatchObject([
      { title: 'other.ts', document: 'export const wombat = 1;' },
    ]);
    expect(await index.candidates('nothing here', 5)).toEqual([]);
  });

  it('finds a passage by its file name and path', async () => {
    const index = await new Workspace()
      .write('billing/InvoiceParser.ts', 'export {};')
      .write('b.ts', 'export {}; // else')
      .index();
    expect((await index.candidates('invoice parser', 5)).map((c) => c.doc_id)).toEqual([
      'billing/InvoiceParser.ts#0-10',
    ]);
  });

  it('lists equal passages once, with all their places, and still fills the depth', async () => {
    const workspace = new Workspace();
    for (let i = 0; i < 30; i++) workspace.write(`copy${i}.txt`, 'numbat numbat');
    workspace.write('z/a.txt', 'one numbat among other words').write('z/b.txt', 'another numbat, alone');
    const candidates = await (await workspace.index()).candidates('numbat', 3);
    expect(candidates).toHaveLength(3);
    expect(new Set(candidates.map((c) => c.document)).size).toBe(3);
    const first = candidates.find((c) => c.document === 'numbat numbat');
    expect(first?.places).toHaveLength(29);
    expect(new Set([first?.uri, ...(first?.places ?? []).map((p) => p.uri)]).size).toBe(30);
  });

  it('reads only what is new or changed, and forgets what is gone', async () => {
    const workspace = new Workspace()
      .write('a.md', 'alpha')
      .write('b.md', 'beta')
      .write('bin', 'x\0y')
      .write('empty', '');
    const index = new PassageIndex(workspace);
    const first = await index.refresh(workspace.list());
    expect(first).toMatchObject({
      read: 4,
      unchanged: 0,
      removed: 0,
      skipped: [
        { path: 'bin', reason: 'binary' },
        { path: 'empty', reason: 'empty' },
      ],
    });
    workspace.write('b.md', 'gamma').write('c.md', 'delta').contents.delete('a.md');
    workspace.reads.length = 0;
    const second = await index.refresh(workspace.list());
    expect(second).toMatchObject({ read: 2, unchanged: 2, removed: 1, skipped: first.skipped });
    expect(workspace.reads).toEqual(['b.md', 'c.md']);
    expect(await index.candidates('alpha beta gamma delta', 9)).toHaveLength(2);
  });

  it('never hands over a text that is no longer in the file', async () => {
    const workspace = new Workspace()
      .write('a.md', 'platypus in the river')
      .write('b.md', 'a platypus too')
      .write('c.md', 'platypus');
    const index = await workspace.index();
    workspace.write('a.md', 'only an echidna now').write('b.md', 'Now longer: a platypus too').contents.delete('c.md');
    const candidates = await index.candidates('platypus', 5);
    expect(candidates.map((c) => c.document)).toEqual(['Now longer: a platypus too']);
    expect(await index.refresh(workspace.list())).toMatchObject({ read: 2, removed: 0 });
    expect(await index.candidates('echidna', 5)).toHaveLength(1);
  });

  it('stops when asked, keeps what it has, and goes on from there', async () => {
    const workspace = new Workspace();
    for (let i = 0; i < 40; i++) workspace.write(`f${i}.md`, long('bilby'));
    const index = new PassageIndex(workspace);
    const controller = new AbortController();
    const steps: number[] = [];
    const stopped = index.refresh(workspace.list(), {
      signal: controller.signal,
      progress: (done) => {
        steps.push(done);
        controller.abort();
      },
    });
    await expect(stopped).rejects.toMatchObject({ name: 'AbortError' });
    const kept = index.fileCount;
    expect(kept).toBeGreaterThan(0);
    const seen: [number, number][] = [];
    expect(
      await index.refresh(workspace.list(), { progress: (done, total) => seen.push([done, total]) }),
    ).toMatchObject({ unchanged: kept });
    expect(seen.at(-1)).toEqual([40, 40]);
    expect(seen.map(([done]) => done)).toEqual(seen.map(([done]) => done).sort((x, y) => x - y));
  });

  it('gives, after any changes, just what a fresh index gives', async () => {
    const text = fc
      .array(fc.constantFrom('koala', 'dingo', 'emu', '\n\n# Heading\n', long('koala', 3), '😀'), { maxLength: 6 })
      .map((t) => t.join(' '));
    const changes = fc.array(
      fc.record({ path: fc.constantFrom('a.md', 'b/c.txt', 'b/d#1.md'), text: fc.option(text, { nil: undefined }) }),
      { maxLength: 12 },
    );
    await fc.assert(
      fc.asyncProperty(changes, async (list) => {
        const workspace = new Workspace();
        const index = new PassageIndex(workspace);
        for (const change of list) {
          if (change.text === undefined) workspace.contents.delete(change.path);
          else workspace.write(change.path, change.text);
          await index.refresh(workspace.list());
        }
        expect(await index.candidates('koala dingo heading', 20)).toEqual(
          await (await workspace.index()).candidates('koala dingo heading', 20),
        );
      }),
      { numRuns: 60 },
    );
  });
});

describe('a saved index', () => {
  it('comes back whole, without reading a file, and leaves no temporary file', async () => {
    const workspace = new Workspace()
      .write('a.md', `# T\n\n${long('quoll')}`)
      .write('b.bin', '\0')
      .write('c.md', 'quoll');
    const index = await workspace.index();
    const folder = join(await mkdtemp(join(tmpdir(), 'rationale-index-')), 'cache');
    const path = join(folder, 'index.bin');
    await index.save(path);
    await index.save(path);
    expect(await readdir(folder)).toEqual(['index.bin']);
    const { index: loaded, rebuilt } = await PassageIndex.load(path, workspace);
    expect(rebuilt).toBeUndefined();
    workspace.reads.length = 0;
    expect(await loaded.refresh(workspace.list())).toMatchObject({
      read: 0,
      unchanged: 3,
      skipped: [{ path: 'b.bin', reason: 'binary' }],
    });
    expect(workspace.reads).toEqual([]);
    expect(await loaded.candidates('quoll', 9)).toEqual(await index.candidates('quoll', 9));
  });

  it('that is missing, cut short or altered is left aside with the reason', async () => {
    const workspace = new Workspace().write('a.md', 'quoll');
    const path = join(await mkdtemp(join(tmpdir(), 'rationale-index-')), 'index.bin');
    expect((await PassageIndex.load(path, workspace)).rebuilt).toContain('ENOENT');
    await (await workspace.index()).save(path);
    const bytes = await readFile(path);
    for (let at = 0; at < bytes.length; at += 7) {
      const altered = Buffer.from(bytes);
      altered.writeUInt8(altered.readUInt8(at) ^ 0x55, at);
      for (const content of [altered, bytes.subarray(0, at)]) {
        await writeFile(path, content);
        const { index, rebuilt } = await PassageIndex.load(path, workspace);
        expect(rebuilt).toBeTypeOf('string');
        expect(index.fileCount).toBe(0);
      }
    }
  });

  it('that cannot be written says so', async () => {
    const file = join(await mkdtemp(join(tmpdir(), 'rationale-index-')), 'file');
    await writeFile(file, '');
    await expect(new PassageIndex(new Workspace()).save(join(file, 'index.bin'))).rejects.toThrow(
      /Cannot save the index.*Searching still works/,
    );
  });
});
