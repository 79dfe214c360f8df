/** The commands that evaluate, as a user runs them: built, started as a process, on files. */
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { buildSync } from 'esbuild';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

const root = path.resolve(import.meta.dirname, '../..');
// Inside the project, so that the child process finds onnxruntime-node.
const home = path.join(root, '.cache', `cli-evaluation-${process.pid}`);
const cli = path.join(home, 'dist/rationale.js');
let folder: string;

beforeAll(() => {
  buildSync({
    entryPoints: [path.join(root, 'src/cli/main.ts')],
    outfile: cli,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    logLevel: 'error',
    external: ['onnxruntime-node'],
    define: { 'import.meta.url': 'importMetaUrl' },
    banner: { js: "const importMetaUrl = require('node:url').pathToFileURL(__filename).href;" },
  });
});
afterAll(() => rmSync(home, { recursive: true, force: true }));
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'rationale-cli-'));
  write('good.trec', 'q1 Q0 a 1 3 t', 'q1 Q0 b 2 2 t', 'q2 Q0 c 1 1 t');
  write('bad.trec', 'q1 Q0 b 1 3 t', 'q1 Q0 a 2 2 t', 'q2 Q0 x 1 1 t', 'q9 Q0 x 1 1 t');
  write('qrels.txt', 'q1 0 a 1', 'q2 0 c 2', 'q3 0 d 1');
});
afterEach(() => rmSync(folder, { recursive: true }));

interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

function rationale(...args: readonly string[]): Promise<Ran> {
  return new Promise((resolve) => {
    execFile(process.execPath, [cli, ...args], { cwd: folder }, (error, out, err) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : 1;
      resolve({ code, out, err });
    });
  });
}

function write(name: string, ...lines: readonly (object | string)[]): void {
  mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
  const text = lines.map((line) => `${typeof line === 'string' ? line : JSON.stringify(line)}\n`).join('');
  writeFileSync(path.join(folder, name), text);
}

const read = (name: string): string => readFileSync(path.join(folder, name), 'utf8');

describe('rationale evaluate', { timeout: 120_000 }, () => {
  it('keeps its keys, and prints every metric per query and overall', async () => {
    const { code, out } = await rationale(
      ...'evaluate --trec good.trec --qrels qrels.txt --baseline bad.trec --json'.split(' '),
    );
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({
      queries: 2,
      queries_not_in_run: 1,
      metrics: { 'nDCG@10': 1, 'RR@10': 1, 'P@10': 0.1, 'R@100': 1, 'Judged@10': 0.75, AP: 1 },
      per_query: { q1: { 'nDCG@10': 1 }, q2: { 'nDCG-exp@10': 1 } },
      baseline: {
        queries: 2,
        metrics: { 'RR@10': 0.25 },
        comparison: { 'RR@10': { wins: 2, losses: 0, p_value: 0.5 } },
      },
    });
  });

  it('names file and line of what is wrong', async () => {
    write('nan.trec', 'q1 Q0 a 1 3 t', 'q1 Q0 b 2 NaN t');
    write('twice.trec', 'q1 Q0 a 1 3 t', 'q1 Q0 a 2 2 t');
    write('empty.trec');
    write('other.trec', 'z Q0 a 1 3 t');
    const faults = [
      ['nan.trec', 'qrels.txt', /nan\.trec, line 2 has the score "NaN"/],
      ['twice.trec', 'qrels.txt', /twice\.trec, line 2 names document "a" a second time/],
      ['empty.trec', 'qrels.txt', /empty\.trec is empty/],
      ['good.trec', 'empty.trec', /empty\.trec is empty: it judges no query/],
      ['good.trec', 'missing.txt', /Cannot read the qrels missing\.txt/],
      ['other.trec', 'qrels.txt', /share no query id \(run: "z"; qrels: "q1", "q2", "q3"\)/],
    ] as const;
    const ran = await Promise.all(faults.map(([run, qrels]) => rationale('evaluate', '--trec', run, '--qrels', qrels)));
    for (const [i, { code, err, out }] of ran.entries()) {
      expect(err).toMatch(faults[i]?.[2] ?? /^$/);
      expect([code, out]).toEqual([2, '']);
    }
  });

  it('prints the BRIGHT table with the first stage of every published row', async () => {
    write('bright/examples/biology.jsonl', { id: 'q1', gold_ids: ['a'], excluded_ids: ['N/A'] });
    write('runs/biology.trec', 'q1 Q0 a 1 3 t');
    const { code, out } = await rationale('evaluate', '--bright', 'bright', '--runs', 'runs');
    expect(code).toBe(0);
    expect(out).toMatch(/this run +100\.0 +–/);
    expect(out).toMatch(/InteRank-3B +51\.2 .*27\.4 +gte-Qwen1\.5-7B/);
    expect(out).toContain('1 are here, their mean is 100.0');
  });
});

describe('rationale compare', { timeout: 120_000 }, () => {
  it('writes report and pictures, and says where the rankings hold different queries', async () => {
    const { code, out, err } = await rationale(
      ...'compare bad.trec good.trec --qrels qrels.txt --metrics RR@10,AP --report r.html --report r.md --plot p.svg'.split(
        ' ',
      ),
    );
    expect(code).toBe(0);
    expect(out).toMatch(/RR@10 +0\.2500 +1\.0000/);
    expect(out).toMatch(/good − bad \(RBO .*τ .*\)/);
    expect(err).toMatch(/p-2\.svg/);
    expect(read('r.html')).toContain('rationale compare bad.trec good.trec --qrels qrels.txt');
    expect(read('r.md')).toMatch(/\| good\.trec \| ranking \| 42 \| [0-9a-f]{64} \|/);
    expect(read('p.svg')).toMatch(/<svg/);
    const one = await rationale('compare', 'good.trec', '--qrels', 'qrels.txt');
    expect([one.code, one.err]).toEqual([2, expect.stringContaining('at least two rankings')]);
  });
});

describe('rationale agreement and calibrate', { timeout: 120_000 }, () => {
  const row = (doc_id: string, label: number) => ({
    query_id: 'q',
    query: 'what?',
    doc_id,
    document: doc_id,
    label,
    label_probabilities: [0.1, 0.2, 0.7],
    model: { id: 'm' },
  });
  it('compare with what people decided, and say so where nobody did', async () => {
    write('a.judgements.jsonl', row('a', 2), row('b', 2));
    const nobody = await rationale('calibrate', 'a.judgements.jsonl');
    expect([nobody.code, nobody.err]).toEqual([
      2,
      expect.stringMatching(/no row with label_probabilities .* accepted or corrected/),
    ]);
    write('a.judgements.corrections/ada-00000000.jsonl', {
      id: '0190a6c0-0000-7000-8000-000000000000',
      at: '2026-01-01T00:00:00Z',
      annotator: 'ada',
      query_id: 'q',
      doc_id: 'b',
      action: 'correct',
      label: 0,
      seconds: 1,
    });
    const agreement = await rationale('agreement', 'a.judgements.jsonl', '--json', '--plot', 'm.svg');
    expect(JSON.parse(agreement.out)).toMatchObject([
      { scale: 'interank', matrices: [{ reference: 'human', prediction: 'm', total: 1, accuracy: { value: 0 } }] },
    ]);
    expect(read('m.svg')).toMatch(/<svg/);
    const calibrated = await rationale('calibrate', 'a.judgements.jsonl', '--json');
    expect(JSON.parse(calibrated.out)).toMatchObject([
      { model: 'm', all: { items: 1, ece: { value: 0.7 } }, temperature: null },
    ]);
    const rationales = await rationale('agreement', 'a.judgements.jsonl', '--rationales');
    expect(rationales.out).toMatch(/m, explain-first, all +2/);
  });
});
