/**
 * How long a large run takes to evaluate: a generated TREC run and its qrels are read and evaluated with every default
 * metric, and pytrec_eval does the same where there is a Python that has it. Run by `npm run -s bench -- evaluation`.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { evaluate } from '../src/evaluation/evaluate.js';
import { defaultMetrics, valueOf } from '../src/evaluation/metrics.js';
import { generator } from '../src/evaluation/resampling.js';
import { readQrels, readRun } from '../src/retrieval/trec.js';

/** Reads with plain Python, as pytrec_eval's own examples do, and evaluates with it. Prints seconds of both and nDCG@10. */
const reference = `
import json, sys, time
import pytrec_eval
start, cpu = time.perf_counter(), time.process_time()
with open(sys.argv[1]) as file: run = pytrec_eval.parse_run(file)
with open(sys.argv[2]) as file: qrels = pytrec_eval.parse_qrel(file)
read = time.perf_counter()
measures = {"ndcg_cut.10", "recip_rank", "map", "P.10", "recall.100", "bpref"}
values = pytrec_eval.RelevanceEvaluator(qrels, measures).evaluate(run)
done = time.perf_counter()
mean = sum(v["ndcg_cut_10"] for v in values.values()) / len(values)
print(json.dumps({"cpu": time.process_time() - cpu, "read": read - start, "evaluate": done - read, "ndcg": mean}))
`;

/** `args`: `--rows N` (default 1,000,000), `--depth N` documents a query (default 1,000), `--json`. */
export async function main(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      rows: { type: 'string', default: '1000000' },
      depth: { type: 'string', default: '1000' },
      json: { type: 'boolean', default: false },
    },
  });
  const [rows, depth] = [Number(values.rows), Number(values.depth)];
  if (![rows, depth].every((n) => Number.isSafeInteger(n) && n > 0))
    throw new Error('--rows and --depth are whole numbers above 0');
  const folder = await mkdtemp(join(tmpdir(), 'rationale-bench-'));
  try {
    const [runPath, qrelsPath] = [join(folder, 'run.trec'), join(folder, 'qrels.txt')];
    await generate(runPath, qrelsPath, rows, depth);
    const start = performance.now();
    const cpu = process.cpuUsage();
    const [run, qrels] = await Promise.all([readRun(runPath), readQrels(qrelsPath)]);
    const read = performance.now();
    const { metrics, queries } = evaluate(run, qrels);
    const done = performance.now();
    const used = process.cpuUsage(cpu);
    const ours = {
      cpu: (used.user + used.system) / 1e6,
      read: (read - start) / 1000,
      evaluate: (done - read) / 1000,
      ndcg: valueOf(metrics, 'nDCG@10'),
    };
    const theirs = await pytrecEval(runPath, qrelsPath);
    if (theirs !== null && Math.abs(theirs.ndcg - ours.ndcg) > 1e-6)
      throw new Error(`nDCG@10 is ${ours.ndcg} here and ${theirs.ndcg} in pytrec_eval`);
    if (values.json) {
      console.log(
        JSON.stringify({ rows, queries, metrics: defaultMetrics.length, rationale: ours, pytrec_eval: theirs }),
      );
      return;
    }
    console.log(`${rows} rows, ${queries} queries, nDCG@10 ${ours.ndcg.toFixed(6)}`);
    print(`rationale, ${defaultMetrics.length} metrics`, ours);
    if (theirs === null) console.log('pytrec_eval: not measured; set RATIONALE_TEST_PYTHON to a Python that has it');
    else print('pytrec_eval, 6 metrics', theirs);
  } finally {
    await rm(folder, { recursive: true });
  }
}

interface Times {
  /** Seconds of processor time of both steps, which other work on the machine distorts less. */
  readonly cpu: number;
  readonly read: number;
  readonly evaluate: number;
  readonly ndcg: number;
}

function print(name: string, { cpu, read, evaluate: evaluated }: Times): void {
  console.log(
    `${name}: read ${read.toFixed(2)} s, evaluated ${evaluated.toFixed(2)} s, together ${(read + evaluated).toFixed(2)} s (${cpu.toFixed(2)} s of processor time)`,
  );
}

/** Scores with many ties; a twentieth of each query's documents is judged. */
async function generate(runPath: string, qrelsPath: string, rows: number, depth: number): Promise<void> {
  const random = generator(7);
  const [run, qrels]: [string[], string[]] = [[], []];
  for (let row = 0; row < rows; row++) {
    const [query, place] = [Math.floor(row / depth), row % depth];
    const document = `d${query}-${place}`;
    run.push(`q${query} Q0 ${document} ${place + 1} ${Math.round(random() * 5000) / 100} bench\n`);
    if (random() < 0.05) qrels.push(`q${query} 0 ${document} ${Math.floor(random() * 4)}\n`);
  }
  await Promise.all([writeFile(runPath, run.join('')), writeFile(qrelsPath, qrels.join(''))]);
}

async function pytrecEval(runPath: string, qrelsPath: string): Promise<Times | null> {
  const python =
    process.env['RATIONALE_TEST_PYTHON'] ?? join(process.env['RATIONALE_ROOT'] ?? '.', '.cache/python/bin/python');
  try {
    const { stdout } = await promisify(execFile)(python, ['-c', reference, runPath, qrelsPath]);
    return JSON.parse(stdout) as Times;
  } catch {
    return null;
  }
}
