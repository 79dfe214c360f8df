/** The commands that bring data in and out, as a user runs them: built, started as a process, on files. */
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync, existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { buildSync, type BuildOptions } from 'esbuild';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { changedModel, withExplainFirst } from './changed-model.js';

const root = path.resolve(import.meta.dirname, '../..');
// Inside the project, so that the child process finds onnxruntime-node.
const home = path.join(root, '.cache', `cli-test-${process.pid}`);
const cli = path.join(home, 'dist/rationale.js');
let folder: string;

beforeAll(() => {
  const common: BuildOptions = {
    bundle: true,
    platform: 'node',
    format: 'cjs',
    logLevel: 'error',
    external: ['onnxruntime-node'],
    define: { 'import.meta.url': 'importMetaUrl' },
    banner: { js: "const importMetaUrl = require('node:url').pathToFileURL(__filename).href;" },
  };
  buildSync({ ...common, entryPoints: [path.join(root, 'src/cli/main.ts')], outfile: cli });
  const worker = path.join(home, 'dist/worker.js');
  buildSync({ ...common, entryPoints: [path.join(root, 'src/inference/worker/main.ts')], outfile: worker });
  symlinkSync(path.join(root, 'models'), path.join(home, 'models'));
});
afterAll(() => rmSync(home, { recursive: true, force: true }));
beforeEach(() => (folder = mkdtempSync(path.join(tmpdir(), 'rationale-cli-'))));

interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs `rationale …` in the test's folder. */
function rationale(...args: readonly string[]): Promise<Ran> {
  return new Promise((resolve) => {
    execFile(process.execPath, [cli, ...args], { cwd: folder }, (error, out, err) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : 1;
      resolve({ code, out, err });
    });
  });
}

const write = (name: string, ...lines: readonly (object | string)[]): void => {
  mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
  const text = lines.map((line) => `${typeof line === 'string' ? line : JSON.stringify(line)}\n`).join('');
  writeFileSync(path.join(folder, name), text);
};
const rowsOf = (name: string): Record<string, unknown>[] =>
  readFileSync(path.join(folder, name), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);

const teacher = [
  { query: 'is the sky blue?', document: 'The sky is blue.', label: 2, explanation: 'It says so.' },
  { query: 'is the sky blue?', document: 'Grass is green.', label: 'no idea', explanation: 'Off topic.' },
  { query: 'do owls sleep?', document: 'Owls sleep by day.', label: 1, explanation: 'By day they do.' },
];

describe('rationale import', () => {
  it('detects the format, takes what can be taken, and says where the rest is', async () => {
    write('teacher.jsonl', ...teacher, '{"query": "cut');
    const { code, out, err } = await rationale('import', 'teacher.jsonl', '--out', 'a.judgements.jsonl');
    expect([code, out]).toEqual([0, 'a.judgements.jsonl: 2 rows of 4 read as table\n']);
    expect(err).toMatch(/looks like table \(\d+ % sure/);
    expect(err).toMatch(/1 skipped: .*label.* \(line 2\)/);
    expect(err).toMatch(/1 skipped: not valid JSON.* \(line 4\)/);
    expect(rowsOf('a.judgements.jsonl').map((row) => [row['document'], row['label']])).toEqual([
      ['The sky is blue.', 2],
      ['Owls sleep by day.', 1],
    ]);
  });

  it('takes the columns that a mapping names, nested ones too', async () => {
    write('odd.jsonl', { ask: { text: 'q?' }, body: 'd', grade: 1 });
    const maps = ['query=ask.text', 'document=body', 'label=grade'].flatMap((pair) => ['--map', pair]);
    expect((await rationale('import', 'odd.jsonl', ...maps, '--out', 'a.judgements.jsonl')).code).toBe(0);
    expect(rowsOf('a.judgements.jsonl')).toMatchObject([{ query: 'q?', document: 'd', label: 1 }]);
    const wrong = await rationale('import', 'odd.jsonl', '--map', 'qwery=ask', '--out', 'b.judgements.jsonl');
    expect([wrong.code, wrong.err]).toEqual([2, expect.stringContaining('not "qwery=ask"')]);
  });

  it('ends with 2, writes nothing and reports as JSON when nothing can be taken', async () => {
    write('teacher.jsonl', teacher[1] ?? {});
    const ran = await rationale('import', 'teacher.jsonl', '--from', 'table', '--out', 'a.judgements.jsonl', '--json');
    expect(ran.code).toBe(2);
    expect(JSON.parse(ran.out)).toMatchObject({ importer: 'table', read: 1, taken: 0, skipped: [{ line: 1 }] });
    expect(existsSync(path.join(folder, 'a.judgements.jsonl'))).toBe(false);
  });

  it('overwrites nothing, and names what is missing', async () => {
    write('teacher.jsonl', ...teacher);
    write('a.judgements.jsonl', 'mine');
    const taken = await rationale('import', 'teacher.jsonl', '--out', 'a.judgements.jsonl');
    expect([taken.code, taken.err]).toEqual([2, expect.stringContaining('a.judgements.jsonl')]);
    expect(readFileSync(path.join(folder, 'a.judgements.jsonl'), 'utf8')).toBe('mine\n');
    expect((await rationale('import', 'teacher.jsonl')).err).toContain('--out is missing');
    expect((await rationale('import', 'gone.jsonl', '--out', 'b.judgements.jsonl')).err).toContain('gone.jsonl');
  });
});

describe('rationale export', () => {
  it('exports only what people decided, and a teacher’s rows where asked for', async () => {
    const queries = Array.from({ length: 20 }, (_, i) => ({ ...teacher[0], query: `what is ${i}?` }));
    write('teacher.jsonl', ...queries);
    await rationale('import', 'teacher.jsonl', '--out', 'a.judgements.jsonl');
    const none = await rationale('export', 'a.judgements.jsonl', '--format', 'trl-sft', '--out', 'data');
    expect([none.code, none.err]).toEqual([2, expect.stringContaining('not reviewed by anybody')]);
    const dry = await rationale(
      'export',
      'a.judgements.jsonl',
      '--format',
      'trl-sft',
      '--include',
      'prefilled',
      '--dry-run',
    );
    expect([dry.code, dry.out]).toEqual([0, expect.stringContaining('20 rows go in')]);
    expect(existsSync(path.join(folder, 'data'))).toBe(false);
    const some = ['--include', 'prefilled', '--validation', '0.5', '--seed', '1', '--out', 'data'];
    expect((await rationale('export', 'a.judgements.jsonl', '--format', 'trl-sft', ...some)).code).toBe(0);
    const [train = [], validation = []] = ['train', 'validation'].map((name) => rowsOf(`data/${name}.jsonl`));
    expect(train.length + validation.length).toBe(20);
    expect(Math.min(train.length, validation.length)).toBeGreaterThan(0);
    expect((await rationale('validate', 'data')).out).toMatch(/^✓ data: export as trl-sft, 20 rows/);
  });

  it('warns of queries that an evaluation set holds', async () => {
    write('teacher.jsonl', ...teacher);
    write('eval/queries.jsonl', { _id: '1', text: 'Do owls sleep?' });
    write('eval/qrels/test.tsv', 'query-id\tcorpus-id\tscore', '1\td\t1');
    await rationale('import', 'teacher.jsonl', '--out', 'a.judgements.jsonl');
    const given = ['a.judgements.jsonl', '--format', 'trl-sft', '--include', 'prefilled', '--dry-run'];
    const { out } = await rationale('export', ...given, '--evaluation-set', 'eval');
    expect(out).toMatch(/LEAKAGE: 1 queries are also in eval/);
  });

  it.each([
    [['--annotators', 'adjudicated'], /adjudicated:NAME/],
    [['--validation', '7'], /--validation takes a number from 0 to 1/],
    [['--container', 'zip'], /--container takes jsonl, parquet/],
    [['--evaluation-set', 'nowhere'], /Cannot read the evaluation set nowhere/],
  ])('refuses %s', async (options, message) => {
    write('a.judgements.jsonl', { ...teacher[0] });
    const ran = await rationale('export', 'a.judgements.jsonl', '--format', 'trl-sft', '--out', 'data', ...options);
    expect([ran.code, ran.err]).toEqual([2, expect.stringMatching(message)]);
    expect(existsSync(path.join(folder, 'data'))).toBe(false);
  });
});

describe('rationale convert', () => {
  it('turns one format into another, the same bytes each time, and leaves no judgement file', async () => {
    write('teacher.jsonl', ...teacher);
    const convert = (out: string) => rationale('convert', 'teacher.jsonl', '--to', 'trl-messages', '--out', out);
    const { code, err } = await convert('one');
    expect(code).toBe(0);
    expect(err).toMatch(/1 skipped/);
    expect(rowsOf('one/train.jsonl')).toHaveLength(2);
    expect(readFileSync(path.join(folder, 'one/README.md'), 'utf8')).toMatch(/nobody/);
    await convert('two');
    for (const name of ['train.jsonl', 'README.md', 'manifest.json']) {
      expect(readFileSync(path.join(folder, 'two', name))).toEqual(readFileSync(path.join(folder, 'one', name)));
    }
  });
});

describe('rationale validate', () => {
  it('finds malformed rows, labels off the scale, broken logs, altered exports and foreign rows, each at its place', async () => {
    const twice = '{"query":"r","document":"d","label":1,"label":2}';
    write('a.judgements.jsonl', { ...teacher[0] }, { query: 'q', document: 'd', label: 9 }, '{"query": 1}', twice);
    write('a.judgements.corrections/ada-00000000.jsonl', '{"id": "no uuid"}');
    write('teacher.jsonl', ...teacher);
    await rationale('convert', 'teacher.jsonl', '--to', 'trl-sft', '--out', 'data');
    writeFileSync(path.join(folder, 'data/train.jsonl'), '{}\n');
    const log = 'a.judgements.corrections/ada-00000000.jsonl';
    const { code, out, err } = await rationale(
      'validate',
      'a.judgements.jsonl',
      log,
      'data',
      'teacher.jsonl',
      '--json',
    );
    expect([code, err]).toEqual([2, expect.stringContaining('4 of 4 are not in order')]);
    expect(JSON.parse(out)).toMatchObject([
      {
        kind: 'judgements',
        problems: [
          { line: 2, text: expect.stringContaining('label 9') as string },
          { line: 3 },
          { line: 4, text: expect.stringContaining('a key twice') as string },
          { file: log, line: 1 },
        ],
      },
      { kind: 'corrections', problems: [{ line: 1 }] },
      { kind: 'export', problems: [{ file: 'data/train.jsonl', text: expect.stringContaining('changed') as string }] },
      { kind: 'foreign', summary: expect.stringContaining('2 of 3 rows') as string, problems: [{ line: 2 }] },
    ]);
  });

  it('ends with 0 when everything is in order', async () => {
    write('a.judgements.jsonl', { ...teacher[0] });
    const { code, out } = await rationale('validate', 'a.judgements.jsonl');
    expect([code, out]).toEqual([0, '✓ a.judgements.jsonl: judgement file, 1 rows\n']);
  });
});

describe('rationale rerank', () => {
  it('reranks the documents that requests name, and prints an object a request', async () => {
    write(
      'requests.jsonl',
      {
        query: 'how do I descale a boiler?',
        documents: ['Penguins huddle.', { id: 'v', text: 'Vinegar descales a boiler.' }],
      },
      { query_id: 'two', query: 'do owls sleep?', documents: [{ id: 'o', title: 'Owls', text: 'They sleep by day.' }] },
    );
    const ran = await rationale('rerank', '--requests', 'requests.jsonl', '--threads', '1', '--format', 'json');
    expect(ran.code, ran.err).toBe(0);
    const [first, second] = ran.out
      .trimEnd()
      .split('\n')
      .map(
        (line) => JSON.parse(line) as { query_id: string; results: { doc_id: string; rank: number; label: number }[] },
      );
    expect(first?.results.map(({ doc_id, rank }) => [doc_id, rank])).toEqual([
      ['v', 1],
      [expect.stringMatching(/^d-/), 2],
    ]);
    expect([second?.query_id, second?.results.map(({ doc_id }) => doc_id)]).toEqual(['two', ['o']]);
  });

  it('takes the candidates of a run instead of BM25, without qrels, and names documents that the corpus lacks', async () => {
    write('beir/corpus.jsonl', { _id: 'a', text: 'Penguins huddle.' }, { _id: 'b', text: 'Owls sleep.' });
    write('beir/queries.jsonl', { _id: '1', text: 'do owls sleep?' }, { _id: '2', text: 'not in the run' });
    write('run.trec', '1 Q0 a 1 3.5 other', '1 Q0 gone 2 3 other', '1 Q0 b 3 2 other');
    const files = ['--judgements', 'a.judgements.jsonl', '--trec', 'out.trec'];
    const ran = await rationale('rerank', '--beir', 'beir', '--run', 'run.trec', '--threads', '1', ...files);
    expect(ran.code, ran.err).toBe(0);
    expect(ran.err).toMatch(/1 documents of run\.trec are not in .*"gone"/);
    expect(rowsOf('a.judgements.jsonl').map((row) => [row['doc_id'], row['first_stage_score']])).toEqual([
      ['a', 3.5],
      ['b', 2],
    ]);
    const record: unknown = JSON.parse(readFileSync(path.join(folder, 'a.judgements.run.json'), 'utf8'));
    expect(record).toMatchObject({ first_stage: { method: 'run', run: 'run.trec' } });
    expect(readFileSync(path.join(folder, 'out.trec'), 'utf8').trimEnd().split('\n')).toHaveLength(2);
  });

  it('explains first, in as many sampled answers as asked for, each with its label; a ranking has each document once', async () => {
    write('beir/corpus.jsonl', { _id: 'a', text: 'Penguins huddle.' }, { _id: 'b', text: 'Owls sleep by day.' });
    write('beir/queries.jsonl', { _id: '1', text: 'do owls sleep?' });
    write('run.trec', '1 Q0 a 1 3.5 other', '1 Q0 b 2 2 other');
    changedModel(path.join(root, 'models/rationale-135m'), path.join(folder, 'model'), withExplainFirst);
    const given = ['--beir', 'beir', '--run', 'run.trec', '--model', 'model', '--threads', '1', '--trec', 'out.trec'];
    const ran = await rationale(
      ...['rerank', ...given, '--mode', 'explain-first', '--samples', '2', '--top-p', '0.95', '--seed', '3'],
      ...['--judgements', 'a.judgements.jsonl'],
    );
    expect(ran.code, ran.err).toBe(0);
    const rows = rowsOf('a.judgements.jsonl');
    expect(rows.map((row) => [row['doc_id'], row['sample'], row['mode'], row['sampling']])).toEqual(
      ['a', 'a', 'b', 'b'].map((id, i) => [id, i % 2, 'explain-first', { temperature: 1, top_p: 0.95, seed: 3 }]),
    );
    for (const row of rows) {
      expect(['ok', 'truncated']).toContain(row['status']);
      expect(String(row['raw_response'])).toMatch(new RegExp(`\\nRelevance Label: ${String(row['label'])}$`));
    }
    expect(new Set(rows.map((row) => row['explanation'])).size).toBeGreaterThan(2);
    const ranking = readFileSync(path.join(folder, 'out.trec'), 'utf8').trimEnd().split('\n');
    expect(ranking.map((line) => line.split(' ')[2]).sort()).toEqual(['a', 'b']);
  });

  it('refuses sampling where it would mean nothing', async () => {
    const message = async (...args: string[]): Promise<string> =>
      (await rationale('rerank', '--query', 'q', '.', ...args)).err;
    expect(await message('--samples', '2')).toContain('--samples: --mode score writes nothing that could be sampled');
    expect(await message('--mode', 'label-first', '--samples', '2', '--temperature', '0')).toContain('same answer');
    expect(await message('--mode', 'label-first', '--samples', '2', '--explain', '1')).toContain('every candidate');
    expect(await message('--mode', 'label-first', '--top-p', '0')).toContain('--top-p takes a number from 0.01 to 1');
    expect(await message('--mode', 'explain-first', '--explain', '1')).toContain('leave out --explain');
  });

  it('wants one source of documents', async () => {
    const ran = await rationale('rerank', '--requests', 'r.jsonl', '--beir', 'beir');
    expect([ran.code, ran.err]).toEqual([2, expect.stringContaining('give either --beir')]);
    expect((await rationale('rerank', '--query', 'q', '--run', 'x', '.')).err).toContain('--run needs --beir');
  });
});
