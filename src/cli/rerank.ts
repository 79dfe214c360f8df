/** `rationale rerank`: reranks a BEIR collection's candidates, a file of requests, or files and folders for one question. */
import { existsSync } from 'node:fs';
import * as path from 'node:path';
import { RationaleError } from '../domain/failure.js';
import { modes } from '../domain/judgement.js';
import type { RerankEngine } from '../inference/engine.js';
import { createOnnxEngine } from '../inference/onnx/engine.js';
import type { Sampling } from '../protocol/inference.js';
import { requestOrders } from '../retrieval/requests.js';
import type { RunSettings } from '../runs/run.js';
import {
  choice,
  decimal,
  flag,
  text,
  wholeNumber,
  type CliCommand,
  type CliContext,
  type ParsedArguments,
  embeddedModelDir,
} from './command.js';
import { rerankCollection } from './rerank-collection.js';
import { rerankPaths } from './rerank-paths.js';
import { rerankRequests } from './rerank-requests.js';

/** What all ways of reranking share. */
export interface RerankOptions {
  readonly engine: RerankEngine;
  readonly depth: number;
  /** What is asked of each pair. */
  readonly answers: Omit<RunSettings, 'firstStage'>;
}

const defaultDepth = 30;
const defaultExplain = 3;

export const rerankCommand: CliCommand = {
  summary: 'rerank a BEIR collection, a file of requests, or files and folders for one question',
  help: `Usage: rationale rerank --beir DIR --judgements OUT.judgements.jsonl [options]
       rationale rerank --requests FILE [--judgements OUT.judgements.jsonl] [options]
       rationale rerank --query TEXT PATH… [options]

Finds candidates by BM25, scores each with the model, orders them, and writes rationales for the best.

For a BEIR collection (corpus.jsonl, queries.jsonl, qrels/test.tsv):
  --beir DIR                 the folder
  --judgements FILE          where the judgements go; the name ends in .judgements.jsonl and must not exist yet
  --resume                   go on with the run in FILE that was interrupted or cancelled
  --queries N                only the first N queries of queries.jsonl that have qrels (default: all that have)
  --query-ids a,b            only these queries
  --trec FILE                the new ranking as a TREC run; the first stage's tail stays below the reranked depth
  --first-stage-trec FILE    BM25's ranking as a TREC run
  --run RUN.trec             candidates from this TREC run instead of BM25 (qrels may then be missing)

For requests, one a line: {"query": "…", "documents": ["…", {"id": "…", "title": "…", "text": "…", "score": 1.5}]}
  --requests FILE            the JSONL file; rank_llm's {"query": {…}, "candidates": [{"docid", "score", "doc"}]} is read, too
  --first-stage ORDER        ${requestOrders.join(', ')}: what the first stage is. given: the file's scores, else its order;
                             auto (default): the scores where every document has one, else BM25 over the request
  --judgements FILE          keep the judgements; without it the rankings are printed
  --format table|json        what is printed; json gives one object a line and request
  --resume, --trec FILE, --first-stage-trec FILE   as above

For files and folders (.gitignore is respected, long files are split into passages):
  --query TEXT               the question
  --format table|json        what is printed (default table)
  --judgements FILE          also keep the judgements

All:
  --depth N                  candidates to rerank for each query (default ${defaultDepth}; for requests, all)
  --mode MODE                ${modes.join(', ')}: those the model offers (default score, or label-first with --explain)
                             score: order only; label-first: then rationales for the best; explain-first: every candidate
                             is explained first, and the label that follows orders it
  --explain K                rationales for the best K of each query (default ${defaultExplain} with --mode label-first)
  --samples K                K answers a pair, for every candidate, each a row of its own (field "sample")
  --temperature T            draw tokens at this temperature; 0 is greedy (default 1 when sampling, else greedy)
  --top-p P                  of the fewest most probable tokens that hold this probability (default 1)
  --seed S                   the same seed gives the same answers (default 0)
  --model DIR                a model folder (default: the embedded model)
  --threads N                threads of the inference process (default: one per core)

Examples:
  rationale rerank --beir cacm --queries 5 --judgements out.judgements.jsonl --trec out.trec --first-stage-trec bm25.trec
  rationale rerank --beir cacm --run splade.trec --judgements out.judgements.jsonl --trec out.trec
  rationale rerank --requests requests.jsonl --format json
  rationale rerank --query "how are runs resumed?" docs src --explain 3
  rationale rerank --beir cacm --mode explain-first --samples 4 --top-p 0.95 --seed 1 --judgements pool.judgements.jsonl
`,
  options: {
    beir: { type: 'string' },
    query: { type: 'string' },
    requests: { type: 'string' },
    'first-stage': { type: 'string' },
    run: { type: 'string' },
    judgements: { type: 'string' },
    resume: { type: 'boolean' },
    queries: { type: 'string' },
    'query-ids': { type: 'string' },
    trec: { type: 'string' },
    'first-stage-trec': { type: 'string' },
    depth: { type: 'string' },
    mode: { type: 'string' },
    explain: { type: 'string' },
    samples: { type: 'string' },
    temperature: { type: 'string' },
    'top-p': { type: 'string' },
    seed: { type: 'string' },
    model: { type: 'string' },
    threads: { type: 'string' },
    format: { type: 'string' },
  },
  async run(args, context) {
    const beir = text(args, 'beir');
    const question = text(args, 'query');
    const requests = text(args, 'requests');
    if ([beir, question, requests].filter((given) => given !== undefined).length !== 1) {
      throw new RationaleError(
        'user',
        'give either --beir DIR, or --requests FILE, or --query TEXT with files or folders.',
      );
    }
    if (beir === undefined && text(args, 'run') !== undefined)
      throw new RationaleError('user', '--run needs --beir DIR, the collection whose documents it ranks.');
    if (requests === undefined && text(args, 'first-stage') !== undefined)
      throw new RationaleError('user', '--first-stage goes with --requests FILE only.');
    if (question !== undefined) {
      // Silently doing something else than asked is worse than refusing.
      const foreign = ['resume', 'queries', 'query-ids', 'trec', 'first-stage-trec'].find(
        (name) => args.values[name] !== undefined,
      );
      if (foreign !== undefined)
        throw new RationaleError('user', `--${foreign} goes with --beir or --requests, not with --query.`);
    }
    if (beir !== undefined && text(args, 'format') !== undefined)
      throw new RationaleError('user', '--format goes with --query or --requests.');
    const order = choice(args, 'first-stage', requestOrders) ?? 'auto';
    const answers = answerSettings(args);
    const judgements = text(args, 'judgements');
    const givenDepth = wholeNumber(args, 'depth', 1);
    const depth = givenDepth ?? defaultDepth;
    const format = choice(args, 'format', ['table', 'json'] as const);
    const collection = {
      queries: wholeNumber(args, 'queries', 1),
      queryIds: text(args, 'query-ids')
        ?.split(',')
        .map((id) => id.trim())
        .filter((id) => id !== ''),
      trec: text(args, 'trec'),
      firstStageTrec: text(args, 'first-stage-trec'),
      resume: flag(args, 'resume'),
    };
    const engine = openEngine(args, context);
    const options: RerankOptions = { engine, depth, answers };
    try {
      if (beir !== undefined) {
        if (judgements === undefined)
          throw new RationaleError('user', '--judgements is missing: it names the file that the judgements go to.');
        if (args.positionals.length > 0)
          throw new RationaleError('user', `--beir takes no files, but "${args.positionals.join(' ')}" was given.`);
        await rerankCollection({ beir, judgements, run: text(args, 'run'), ...collection }, options, context);
      } else if (requests !== undefined) {
        if (args.positionals.length > 0)
          throw new RationaleError('user', `--requests takes one file, but "${args.positionals.join(' ')}" was given.`);
        if (judgements === undefined && collection.resume)
          throw new RationaleError('user', '--resume needs --judgements, the file to go on with.');
        await rerankRequests(
          { requests, order, depth: givenDepth, judgements, format, ...collection },
          options,
          context,
        );
      } else if (question !== undefined) {
        await rerankPaths(
          { question, paths: args.positionals, judgements, format: format ?? 'table' },
          options,
          context,
        );
      }
    } finally {
      await engine.dispose();
    }
  },
};

/** Mode, rationales and sampling. Throws RationaleError where they do not go together: doing something else than asked is worse. */
function answerSettings(args: ParsedArguments): RerankOptions['answers'] {
  const explain = wholeNumber(args, 'explain', 0);
  const mode = choice(args, 'mode', modes) ?? (explain !== undefined && explain > 0 ? 'label-first' : 'score');
  if (mode === 'score' && explain !== undefined && explain > 0)
    throw new RationaleError(
      'user',
      '--mode score writes no rationale; leave out --explain, or take --mode label-first.',
    );
  if (mode === 'explain-first' && explain !== undefined)
    throw new RationaleError(
      'user',
      '--mode explain-first explains every candidate, as its label comes of the explanation; leave out --explain.',
    );
  const sampling = samplingOf(args);
  if (sampling === undefined) return { mode, explain: explain ?? defaultExplain };
  const given = samplingOptions.filter((name) => text(args, name) !== undefined).map((name) => `--${name}`);
  if (mode === 'score') {
    throw new RationaleError(
      'user',
      `${given.join(', ')}: --mode score writes nothing that could be sampled; take --mode label-first or explain-first.`,
    );
  }
  if (flag(args, 'resume'))
    throw new RationaleError(
      'user',
      `${given.join(', ')}: a run that is resumed keeps the sampling it was begun with.`,
    );
  if (sampling.samples > 1 && explain !== undefined) {
    throw new RationaleError('user', '--samples above 1 explains every candidate; leave out --explain.');
  }
  return { mode, explain: explain ?? defaultExplain, sampling };
}

const samplingOptions = ['samples', 'temperature', 'top-p', 'seed'] as const;

/** Undefined where nothing was asked for: one greedy answer. */
function samplingOf(args: ParsedArguments): Sampling | undefined {
  if (samplingOptions.every((name) => text(args, name) === undefined)) return undefined;
  const samples = wholeNumber(args, 'samples', 1) ?? 1;
  const temperature = decimal(args, 'temperature', 0, 10) ?? 1;
  if (samples > 1 && temperature === 0)
    throw new RationaleError('user', '--temperature 0 gives the same answer every time; leave out --samples.');
  return {
    samples,
    temperature,
    top_p: decimal(args, 'top-p', 0.01, 1) ?? 1,
    seed: wholeNumber(args, 'seed', 0) ?? 0,
  };
}

/** The engine of `--model` with `--threads`. @throws RationaleError where there is no such folder. */
export function openEngine(args: ParsedArguments, context: CliContext): RerankEngine {
  const { distDir, err } = context;
  const modelDir = text(args, 'model') ?? embeddedModelDir(context);
  if (!existsSync(modelDir)) throw new RationaleError('user', `there is no model folder ${modelDir}.`);
  const verbose = process.env['RATIONALE_LOG'] !== undefined;
  return createOnnxEngine({
    modelDir,
    workerPath: path.join(distDir, 'worker.js'),
    nodePath: null,
    threads: wholeNumber(args, 'threads', 1) ?? null,
    log: (line) => {
      if (verbose) err(`[inference] ${line}\n`);
    },
  });
}
