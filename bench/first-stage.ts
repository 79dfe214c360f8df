/**
 * What the first stage is worth and what it costs: nDCG@10 of BM25 on test collections, and time and memory for an index
 * of as many passages as a large workspace has. Run by `npm run bench -- first-stage --beir DIR…`.
 */
import { basename, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { Query } from '../src/domain/candidate.js';
import { evaluate } from '../src/evaluation/evaluate.js';
import { valueOf } from '../src/evaluation/metrics.js';
import { documentText, readBeirQrels, readCorpus, readQueries, type Corpus } from '../src/retrieval/beir.js';
import { Bm25Index } from '../src/retrieval/bm25.js';
import { rankCorpus } from '../src/retrieval/first-stage.js';
import type { Run } from '../src/retrieval/trec.js';

/** Prints both tables. `args`: `--beir DIR…` (any number of BEIR folders), `--passages N` (default 200,000; 0 leaves the second table out). */
export async function main(args: string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args,
    options: { beir: { type: 'string', multiple: true }, passages: { type: 'string', default: '200000' } },
    allowPositionals: true,
  });
  const folders = [...(values.beir ?? []), ...positionals];
  if (folders.length === 0) throw new Error('Name at least one BEIR folder: first-stage --beir DIR…');
  const collections: { corpus: Corpus; queries: Query[] }[] = [];

  console.log('| collection | documents | judged queries | nDCG@10 | R@100 | index, ms | ms/query |');
  console.log('|---|---|---|---|---|---|---|');
  for (const folder of folders) {
    const [corpus, all, qrels] = await Promise.all([readCorpus(folder), readQueries(folder), readBeirQrels(folder)]);
    const queries = all.filter(({ query_id }) => qrels.has(query_id));
    collections.push({ corpus, queries });
    const run = new Map<string, ReadonlyMap<string, number>>();
    let indexed = 0;
    const start = performance.now();
    for (const { query, candidates } of rankCorpus(corpus, queries, 100)) {
      // The index is built before the first query is answered.
      if (run.size === 0) indexed = performance.now();
      run.set(query.query_id, new Map(candidates.map((c) => [c.doc_id, c.first_stage_score])));
    }
    const perQuery = (performance.now() - indexed) / Math.max(1, queries.length - 1);
    const { metrics, queries: evaluated } = evaluate(run satisfies Run, qrels);
    const name = basename(resolve(folder));
    console.log(
      `| ${name} | ${corpus.size} | ${evaluated} | ${valueOf(metrics, 'nDCG@10').toFixed(4)} | ${valueOf(metrics, 'R@100').toFixed(4)} | ${(indexed - start).toFixed(0)} | ${perQuery.toFixed(2)} |`,
    );
  }
  const passages = Number(values.passages);
  if (passages > 0) atScale(collections, passages);
}

/** Time and memory of an index of `count` passages made of the documents of the collections. */
function atScale(collections: readonly { corpus: Corpus; queries: readonly Query[] }[], count: number): void {
  const documents = collections.flatMap(({ corpus }) => [...corpus.values()].map(documentText));
  const queries = collections.flatMap(({ queries: each }) => each.map(({ query }) => query)).slice(0, 100);
  const before = memory();
  const index = new Bm25Index();
  let words = 0;
  let indexing = 0;
  let computing = 0;
  const batch = 1_000;
  for (let from = 0; from < count; from += batch) {
    const passages = Array.from({ length: Math.min(batch, count - from) }, (_, k) => passageOf(documents, from + k));
    for (const passage of passages) words += passage.split(' ').length;
    const cpu = process.cpuUsage();
    indexing += timed(() => {
      for (const [k, passage] of passages.entries()) index.add(placeName(from + k, passage), passage);
    });
    const used = process.cpuUsage(cpu);
    computing += (used.user + used.system) / 1000;
  }
  indexing += timed(() => index.search('seal', 1));
  const memoryUsed = memory() - before;

  const times = queries.map((query) => timed(() => index.search(query, 100))).sort((a, b) => a - b);
  const replaceMs = timed(() => {
    for (let i = 0; i < 1_000; i++) index.add(placeName(i, ''), passageOf(documents, i + 7));
    index.search('seal', 1);
  });
  let bytes = new Uint8Array(0);
  const saveMs = timed(() => (bytes = new Uint8Array(index.serialise())));
  const loadMs = timed(() => Bm25Index.deserialise(bytes));

  console.log(`\n${count} passages of ${(words / count).toFixed(0)} words on average:`);
  console.log(
    `- indexing ${(indexing / 1000).toFixed(1)} s (${(computing / 1000).toFixed(1)} s of processor time), ${megabytes(memoryUsed)} of memory for the index`,
  );
  console.log(
    `- search, 100 deep, ${times.length} queries: median ${at(times, 0.5)} ms, 95th percentile ${at(times, 0.95)} ms`,
  );
  console.log(`- adding 1,000 passages and searching: ${replaceMs.toFixed(0)} ms`);
  console.log(`- saving ${saveMs.toFixed(0)} ms, ${megabytes(bytes.length)}; loading ${loadMs.toFixed(0)} ms`);
}

/** An id as a workspace gives its passages. */
function placeName(i: number, passage: string): string {
  const start = (i & 7) * 1_000;
  return `folder/file-${i >> 3}.md#${start}-${start + passage.length}`;
}

/**
 * Documents strung together up to the length of a passage, a different mixture each time, with three words found nowhere
 * else: repeating a small corpus as it is would give its small vocabulary and unlikely postings.
 */
function passageOf(documents: readonly string[], i: number): string {
  const parts = [`name${i.toString(36)}x`, `id${(i * 7919).toString(36)}y`, `key${(i * 104_729).toString(36)}z`];
  let length = 0;
  for (let k = 0; length < 1_000 && k < 50; k++) {
    const part = documents[(i * 31 + k * 977 * ((i % 89) + 1)) % documents.length] ?? '';
    parts.push(part);
    length += part.length;
  }
  return parts.join(' ');
}

function timed(work: () => unknown): number {
  const start = performance.now();
  work();
  return performance.now() - start;
}

/** Heap and array buffers in use, in bytes: exact after a collection, which `node --expose-gc` allows. */
function memory(): number {
  globalThis.gc?.();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

function at(sorted: readonly number[], share: number): string {
  return (sorted[Math.floor(share * (sorted.length - 1))] ?? 0).toFixed(1);
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(0)} MB`;
}
