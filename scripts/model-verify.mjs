// `npm run model:verify`: the committed model is what its card says. Its files have the hashes that are listed, it judges a
// few example pairs as recorded, and with `--beir DIR…` it reranks BM25's top candidates of those collections by the
// product's own command line and has the numbers of models/rationale-135m/numbers.json, within the tolerances given there.
//   npm run model:verify [-- --beir DIR… --threads N --write]
// `--write` records what was measured instead of comparing it. The last line is `N passed, M failed`.
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { fail, must, root } from './process.mjs';

const model = path.join(root, 'models/rationale-135m');
const numbersFile = path.join(model, 'numbers.json');
const depth = 30;
/** Judged without `--beir`: the first query of the fixture and its first candidates. */
const examples = { beir: path.join(root, 'test/fixtures/pubmedqa'), queries: 1, depth: 4 };

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    beir: { type: 'string', multiple: true, default: [] },
    threads: { type: 'string' },
    write: { type: 'boolean', default: false },
  },
});
// `--beir A B` as well as `--beir A --beir B`.
const collections = [...values.beir, ...positionals];
// `npm run` changes into the package's folder; paths are relative to where the user stood.
const standing = process.env['INIT_CWD'] ?? process.cwd();
const threads = values.threads === undefined ? [] : ['--threads', values.threads];

let passed = 0;
let failed = 0;
function check(what, ok, detail = '') {
  if (ok) passed++;
  else failed++;
  console.log(`${ok ? '✓' : '✗'} ${what}${detail === '' ? '' : `: ${detail}`}`);
}

function sha256(file) {
  return createHash('sha256').update(readFileSync(file)).digest('hex');
}

function checkHashes() {
  for (const line of readFileSync(path.join(model, 'SHA256SUMS'), 'utf8').trimEnd().split('\n')) {
    const [hash, name] = line.split(/ [ *]/);
    check(`${name} is the file that SHA256SUMS lists`, sha256(path.join(model, name)) === hash);
  }
}

/** Runs the product's command line, built where it is stale; gives what it printed. */
function rationale(output, ...args) {
  return must(`rationale ${args[0]}`, process.execPath, ['scripts/cli.mjs', ...args], { output });
}

function rowsOf(file) {
  return readFileSync(file, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
}

/** The example pairs as the model judges them. */
async function judgeExamples(scratch) {
  const file = path.join(scratch, 'examples.judgements.jsonl');
  const which = ['--queries', String(examples.queries), '--depth', String(examples.depth)];
  await rationale('capture', 'rerank', '--beir', examples.beir, ...which, '--judgements', file, ...threads);
  return rowsOf(file).map((row) => ({
    query_id: row.query_id,
    doc_id: row.doc_id,
    label: row.label,
    label_probabilities: row.label_probabilities,
    score_parts: row.score_parts,
  }));
}

/** The numbers of one collection. */
async function measure(beir, scratch) {
  const name = path.basename(beir);
  const [judgements, trec, bm25] = ['judgements.jsonl', 'trec', 'bm25.trec'].map((end) =>
    path.join(scratch, `${name}.${end}`),
  );
  const outputs = ['--judgements', judgements, '--trec', trec, '--first-stage-trec', bm25];
  // Its progress is shown: a collection takes a quarter of an hour.
  await rationale('tee', 'rerank', '--beir', beir, '--depth', String(depth), ...outputs, ...threads);
  const qrels = path.join(beir, 'qrels/test.tsv');
  const evaluation = JSON.parse(
    await rationale('capture', 'evaluate', '--trec', trec, '--qrels', qrels, '--baseline', bm25, '--json'),
  );
  const { difference, confidence_interval: interval, p_value: p } = evaluation.baseline.comparison['nDCG@10'];
  return {
    queries: evaluation.queries,
    bm25: evaluation.baseline.metrics['nDCG@10'],
    reranked: evaluation.metrics['nDCG@10'],
    difference,
    interval_low: interval[0],
    interval_high: interval[1],
    p,
    ...labelNumbers(rowsOf(judgements), readQrels(qrels)),
  };
}

function readQrels(file) {
  const [, ...lines] = readFileSync(file, 'utf8').trimEnd().split('\n');
  return new Set(
    lines
      .map((line) => line.split('\t'))
      .filter(([, , grade]) => Number(grade) > 0)
      .map(([query, document]) => JSON.stringify([query, document])),
  );
}

/**
 * Labels against the collection's judgements; a candidate without a judgement is not relevant, as nDCG counts it. ECE of
 * P(highest label) for being relevant, in ten bins of equal width (Guo et al. 2017, equation 3).
 */
function labelNumbers(rows, relevant) {
  const pairs = rows
    .filter((row) => row.label_probabilities !== null)
    .map((row) => ({
      relevant: relevant.has(JSON.stringify([row.query_id, row.doc_id])),
      top: row.label_probabilities.at(-1),
      isTop: row.label_probabilities.at(-1) === Math.max(...row.label_probabilities),
    }));
  const others = pairs.filter((pair) => !pair.relevant);
  const off = new Array(10).fill(0);
  for (const { top, relevant: hit } of pairs) off[Math.min(9, Math.floor(top * 10))] += top - (hit ? 1 : 0);
  const error = off.reduce((sum, bin) => sum + Math.abs(bin), 0);
  return {
    pairs: pairs.length,
    top_label_among_others: others.filter((pair) => pair.isTop).length / others.length,
    ece: error / pairs.length,
  };
}

function compareExamples(measured, recorded, tolerance) {
  check('the example pairs are those recorded', measured.length === recorded.length);
  measured.forEach((pair, i) => {
    const expected = recorded[i];
    const same = pair.query_id === expected?.query_id && pair.doc_id === expected.doc_id;
    const off = same
      ? Math.max(...pair.label_probabilities.map((p, l) => Math.abs(p - expected.label_probabilities[l])))
      : 1;
    check(`${pair.doc_id} has the label probabilities recorded`, off <= tolerance, `off by ${off.toFixed(4)}`);
  });
}

const kinds = {
  queries: 'count',
  pairs: 'count',
  bm25: 'ndcg_bm25',
  reranked: 'ndcg',
  difference: 'ndcg',
  interval_low: 'interval',
  interval_high: 'interval',
  p: 'p',
  top_label_among_others: 'share',
  ece: 'share',
};

function compareCollection(name, measured, recorded, tolerances) {
  for (const [key, kind] of Object.entries(kinds)) {
    const tolerance = kind === 'count' ? 0 : tolerances[kind];
    const expected = recorded?.[key];
    const ok = expected !== undefined && Math.abs(measured[key] - expected) <= tolerance;
    const against = expected === undefined ? 'none is recorded' : `recorded ${round(expected)} ± ${tolerance}`;
    check(`${name} ${key}`, ok, `${round(measured[key])}, ${against}`);
  }
}

function round(value) {
  return Number.isInteger(value) ? String(value) : value.toFixed(4);
}

const scratch = mkdtempSync(path.join(tmpdir(), 'rationale-verify-'));
process.on('exit', () => rmSync(scratch, { recursive: true, force: true }));
try {
  checkHashes();
  const numbers = JSON.parse(readFileSync(numbersFile, 'utf8'));
  const measuredExamples = await judgeExamples(scratch);
  const measured = {};
  for (const beir of collections) {
    const name = path.basename(beir);
    console.log(`reranking BM25's top ${depth} of ${name}`);
    measured[name] = await measure(path.resolve(standing, beir), scratch);
  }
  const weights = sha256(path.join(model, 'SHA256SUMS'));
  if (values.write) {
    // Numbers of other weights say nothing about these.
    const kept = numbers.model_sha256 === weights ? numbers.collections : {};
    const recorded = { ...numbers, model_sha256: weights, examples: measuredExamples };
    writeFileSync(numbersFile, `${JSON.stringify({ ...recorded, collections: { ...kept, ...measured } }, null, 2)}\n`);
    console.log(JSON.stringify(measured, null, 2));
    console.log(`recorded in ${path.relative(standing, numbersFile)}`);
  } else {
    check('numbers.json is about these weights', numbers.model_sha256 === weights);
    compareExamples(measuredExamples, numbers.examples, numbers.tolerance.probability);
    for (const [name, values] of Object.entries(measured))
      compareCollection(name, values, numbers.collections[name], numbers.tolerance);
  }
} catch (error) {
  fail(error);
}
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed > 0 ? 1 : 0);
