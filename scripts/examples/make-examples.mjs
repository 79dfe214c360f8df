// Makes examples/ and test/fixtures/pubmedqa/ from PubMedQA. Their contents are committed, so only a change of the
// examples needs this script. The same input and the same model give the same bytes.
//
//   node scripts/examples/make-examples.mjs --source DIR            the workspace and the fixture
//   node scripts/examples/make-examples.mjs --source DIR --teacher  the teacher file too (needs the built command line; minutes)
//
// DIR holds pqal.jsonl, LICENSE and beir/ (examples/pubmedqa/SOURCE.md says where they come from).
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { markdownOf, readAbstracts } from './abstracts.mjs';

const root = resolve(import.meta.dirname, '../..');
const examples = join(root, 'examples');
const teacherQuestions = 100;
const neighbours = 2;

const { values } = parseArgs({
  options: { source: { type: 'string' }, teacher: { type: 'boolean', default: false }, threads: { type: 'string' } },
});
if (values.source === undefined) {
  process.stderr.write('Usage: node scripts/examples/make-examples.mjs --source DIR [--teacher [--threads N]]\n');
  process.exit(2);
}
const source = resolve(values.source);
const rows = readAbstracts(source);
writeWorkspace();
writeFixture();
if (values.teacher) writeTeacherFile();

/** One Markdown file per abstract. The rest of examples/ (README, SOURCE.md) is written by hand. */
function writeWorkspace() {
  const folder = join(examples, 'pubmedqa');
  mkdirSync(folder, { recursive: true });
  copyFileSync(join(source, 'LICENSE'), join(folder, 'LICENSE'));
  for (const row of rows) {
    const { path, text } = markdownOf(row);
    mkdirSync(dirname(join(examples, path)), { recursive: true });
    writeFileSync(join(examples, path), text);
  }
  process.stderr.write(`${rows.length} abstracts in ${folder}\n`);
}

/** The same data as a BEIR collection for tests and for `rationale rerank --beir`. */
function writeFixture() {
  const folder = join(root, 'test/fixtures/pubmedqa');
  mkdirSync(join(folder, 'qrels'), { recursive: true });
  for (const file of ['corpus.jsonl', 'queries.jsonl', 'qrels/test.tsv']) copyFileSync(join(source, 'beir', file), join(folder, file));
  copyFileSync(join(source, 'LICENSE'), join(folder, 'LICENSE'));
}

/**
 * A teacher file to audit: for each chosen question its own abstract with the human conclusion as explanation, then
 * the best BM25 neighbours as the embedded model judges and explains them.
 */
function writeTeacherFile() {
  const chosen = [...rows].sort((a, b) => compare(seeded(a.pmid), seeded(b.pmid))).slice(0, teacherQuestions);
  const judged = judgeNeighbours(chosen);
  const lines = [];
  for (const row of chosen) {
    lines.push(humanRow(row));
    const own = markdownOf(row).path;
    const others = (judged.get(`q${row.pmid}`) ?? []).filter((judgement) => judgement.doc_id !== own);
    if (others.length < neighbours) throw new Error(`Question q${row.pmid} has ${others.length} neighbours, ${neighbours} are needed.`);
    for (const judgement of others.slice(0, neighbours)) lines.push(neighbourRow(judgement));
  }
  const target = join(examples, 'teacher.judgements.jsonl');
  writeFileSync(target, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
  process.stderr.write(`${lines.length} rows in ${target}\n`);
}

/** Field order is that of docs/formats/judgements.md; absent fields are null there. */
function humanRow(row) {
  const { path, document, range } = markdownOf(row);
  return {
    query_id: `q${row.pmid}`,
    query: row.question,
    doc_id: docId(path, range),
    title: `PubMed ${row.pmid}`,
    document,
    uri: path,
    range,
    label: 2,
    scale: 'interank',
    explanation: row.long_answer,
    status: 'ok',
    run_id: 'pubmedqa',
    mode: 'explain-first',
    sample: 0,
    model: { id: 'pubmedqa-human-conclusion' },
    // PubMedQA's answer to the question: not relevance, kept so that nobody has to look it up.
    pubmedqa_answer: row.final_decision,
  };
}

/**
 * The model's row with its place in the workspace. What belongs to the run of three candidates it was scored in (rank,
 * normalised score, time) is left out: it means nothing here, and time would differ on every run.
 */
function neighbourRow(judgement) {
  const pmid = judgement.doc_id.replace(/^.*\/|\.md$/g, '');
  const { document, range, path } = markdownOf(rowOf(pmid));
  if (document !== judgement.document) throw new Error(`The command line returned another text for ${judgement.doc_id}.`);
  return {
    ...judgement,
    doc_id: docId(path, range),
    title: `PubMed ${pmid}`,
    uri: path,
    range,
    score: null,
    score_parts: null,
    rank: null,
    run_id: 'teacher-neighbours',
    elapsed_ms: null,
  };
}

/** Query id → the model's judgements in first-stage order, from the project's own command line. */
function judgeNeighbours(chosen) {
  const folder = mkdtempSync(join(tmpdir(), 'rationale-examples-'));
  try {
    mkdirSync(join(folder, 'qrels'));
    const corpus = rows.map((row) => {
      const { path, document } = markdownOf(row);
      return { _id: path, title: '', text: document };
    });
    const queries = chosen.map((row) => ({ _id: `q${row.pmid}`, text: row.question }));
    const qrels = chosen.map((row) => `q${row.pmid}\t${markdownOf(row).path}\t2`);
    writeFileSync(join(folder, 'corpus.jsonl'), corpus.map((line) => `${JSON.stringify(line)}\n`).join(''));
    writeFileSync(join(folder, 'queries.jsonl'), queries.map((line) => `${JSON.stringify(line)}\n`).join(''));
    writeFileSync(join(folder, 'qrels/test.tsv'), ['query-id\tcorpus-id\tscore', ...qrels, ''].join('\n'));
    const out = join(folder, 'neighbours.judgements.jsonl');
    // One more than needed: the question's own abstract is usually among the first.
    const depth = String(neighbours + 1);
    const args = ['run', '-s', 'rationale', '--', 'rerank', '--beir', folder, '--depth', depth, '--mode', 'label-first'];
    if (values.threads !== undefined) args.push('--threads', values.threads);
    execFileSync('npm', [...args, '--explain', depth, '--judgements', out], { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] });
    const byQuery = new Map();
    for (const line of readFileSync(out, 'utf8').split('\n')) {
      if (line === '') continue;
      const judgement = JSON.parse(line);
      byQuery.set(judgement.query_id, [...(byQuery.get(judgement.query_id) ?? []), judgement]);
    }
    for (const list of byQuery.values()) list.sort((a, b) => a.first_stage_rank - b.first_stage_rank);
    return byQuery;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function docId(path, [start, end]) {
  return `${path}#${start}-${end}`;
}

function rowOf(pmid) {
  const row = rows.find((candidate) => candidate.pmid === pmid);
  if (row === undefined) throw new Error(`The command line returned a document that is not in the data: ${pmid}.`);
  return row;
}

/** A fixed shuffle that needs no random generator: the order of these hashes. */
function seeded(pmid) {
  return createHash('sha256').update(`rationale examples, first choice: ${pmid}`).digest('hex');
}

function compare(a, b) {
  return a < b ? -1 : a > b ? 1 : 0;
}
