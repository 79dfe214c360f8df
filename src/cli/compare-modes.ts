/** `rationale compare-modes`: does the explanation help on the user's own data? One command, one table. */
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import * as path from 'node:path';
import { RationaleError, messageOf } from '../domain/failure.js';
import type { ModeComparison } from '../domain/evaluation.js';
import { modes, type Mode } from '../domain/judgement.js';
import { compareModes, type ModeRun } from '../evaluation/mode-comparison.js';
import { valueOf } from '../evaluation/metrics.js';
import { modesOf } from '../profiles/profile.js';
import { readBeirQrels, readCorpus, readQueries } from '../retrieval/beir.js';
import { rankCorpus, type RankedCandidates } from '../retrieval/first-stage.js';
import { candidatesOfRun } from '../retrieval/run-candidates.js';
import { readRun } from '../retrieval/trec.js';
import { RunSession } from '../runs/session.js';
import { flag, requiredText, text, wholeNumber, type CliCommand } from './command.js';
import { metricOptions, relevanceHelp, relevanceOptions, signed, textTable } from './evaluation-inputs.js';
import { followRun } from './follow-run.js';
import { openEngine } from './rerank.js';

const defaultDepth = 20;

export const compareModesCommand: CliCommand = {
  summary: 'does the explanation help? the same queries in score, label-first and explain-first mode',
  help: `Usage: rationale compare-modes --beir DIR --out DIR [options]

Reranks the same candidates once in each mode that the model offers, into OUT/MODE.judgements.jsonl, and prints one table:
metrics, the paired difference from score mode with interval and p, seconds and generated tokens. Modes that the model does
not offer are named. A mode whose file is already there is resumed, not judged again. In label-first mode the ranking is
that of the label read before the rationale, so no rationale is written for it unless --explain asks for some.

Options:
  --beir DIR        a BEIR folder with qrels/test.tsv
  --out DIR         where the judgement files go
  --run RUN.trec    candidates from this run instead of BM25
  --queries N       only the first N judged queries
  --depth N         candidates of each query (default ${defaultDepth})
  --explain K       label-first rationales for the best K of each query (default 0)
  --modes a,b       only these modes (score is always judged)
${relevanceHelp.split('\n').slice(-2).join('\n')}
  --model DIR       a model folder (default: the embedded model)
  --threads N       threads of the inference process
  --json            everything, unrounded

Example:
  rationale compare-modes --beir cacm --queries 20 --out modes
`,
  options: {
    metrics: relevanceOptions['metrics'] ?? { type: 'string' },
    relevant: relevanceOptions['relevant'] ?? { type: 'string' },
    beir: { type: 'string' },
    out: { type: 'string' },
    run: { type: 'string' },
    queries: { type: 'string' },
    depth: { type: 'string' },
    explain: { type: 'string' },
    modes: { type: 'string' },
    model: { type: 'string' },
    threads: { type: 'string' },
    json: { type: 'boolean' },
  },
  async run(args, context) {
    if (args.positionals.length > 0)
      throw new RationaleError(
        'user',
        `compare-modes takes no files but those of its options; "${args.positionals.join(' ')}" was given.`,
      );
    const beir = requiredText(args, 'beir');
    const out = requiredText(args, 'out');
    const wanted = wantedModes(text(args, 'modes'));
    const depth = wholeNumber(args, 'depth', 1) ?? defaultDepth;
    const explain = wholeNumber(args, 'explain', 0) ?? 0;
    const options = metricOptions(args);
    const qrels = await readBeirQrels(beir);
    const candidates = await candidatesOf(beir, {
      run: text(args, 'run'),
      limit: wholeNumber(args, 'queries', 1),
      depth,
      qrels,
    });
    await mkdir(out, { recursive: true }).catch((error: unknown) => {
      throw new RationaleError('environment', `The folder ${out} cannot be made: ${messageOf(error)}.`, {
        cause: error,
      });
    });
    const engine = openEngine(args, context);
    try {
      const offered = modesOf(engine.profile);
      const notOffered = new Map<Mode, string>();
      const runs: ModeRun[] = [];
      for (const mode of wanted) {
        if (!offered.includes(mode)) {
          notOffered.set(mode, `not offered by ${engine.profile.id}`);
          continue;
        }
        const file = path.join(out, `${mode}.judgements.jsonl`);
        const resumed = existsSync(file);
        context.err(`${mode}: ${file}${resumed ? ', continued' : ''}\n`);
        const { run, state } = await followRun(
          {
            engine,
            resumed,
            start: () =>
              resumed
                ? RunSession.resume(file, engine)
                : RunSession.start({
                    path: file,
                    engine,
                    toolVersion: context.version,
                    queries: candidates,
                    settings: {
                      mode,
                      explain,
                      firstStage: { method: text(args, 'run') === undefined ? 'bm25' : 'run', depth },
                    },
                  }),
          },
          context,
        );
        if (state.phase === 'cancelled') return;
        sameQueries(
          file,
          run.record.queries.map(({ query_id }) => query_id),
          candidates,
        );
        const judged = run.rows.reduce((sum, { elapsed_ms }) => sum + (elapsed_ms ?? 0), 0);
        runs.push({ mode, rows: run.rows, seconds: judged / 1000 });
      }
      const comparison = compareModes({ model: engine.profile.id, runs, notOffered, qrels }, options);
      context.out(flag(args, 'json') ? `${JSON.stringify(comparison, null, 2)}\n` : comparisonText(comparison));
    } finally {
      await engine.dispose();
    }
  },
};

function wantedModes(list: string | undefined): readonly Mode[] {
  if (list === undefined) return modes;
  const names = list.split(',').map((name) => name.trim());
  const unknown = names.find((name) => !modes.some((mode) => mode === name));
  if (unknown !== undefined) throw new RationaleError('user', `--modes takes ${modes.join(', ')}, not "${unknown}".`);
  return modes.filter((mode) => mode === 'score' || names.includes(mode));
}

async function candidatesOf(
  beir: string,
  how: {
    readonly run: string | undefined;
    readonly limit: number | undefined;
    readonly depth: number;
    readonly qrels: ReadonlyMap<string, unknown>;
  },
): Promise<readonly RankedCandidates[]> {
  const [corpus, all] = await Promise.all([readCorpus(beir), readQueries(beir)]);
  const queries = all.filter(({ query_id }) => how.qrels.has(query_id)).slice(0, how.limit);
  if (queries.length === 0)
    throw new RationaleError('user', `${path.join(beir, 'queries.jsonl')} has no query that qrels/test.tsv judges.`);
  const ranked =
    how.run === undefined
      ? [...rankCorpus(corpus, queries, how.depth)]
      : candidatesOfRun(await readRun(how.run), corpus, queries).ranked;
  return ranked.map(({ query, candidates }) => ({ query, candidates: candidates.slice(0, how.depth) }));
}

/** A file of other queries would be compared under the wrong name. */
function sameQueries(file: string, own: readonly string[], asked: readonly RankedCandidates[]): void {
  if (own.length === asked.length && asked.every(({ query }, i) => query.query_id === own[i])) return;
  throw new RationaleError(
    'user',
    `${file} is a run over ${own.length} queries, and ${asked.length} are asked for now. Give another --out.`,
  );
}

function comparisonText({ model, queries, modes: rows, metric }: ModeComparison): string {
  const names = Object.keys(rows.find(({ metrics }) => metrics !== null)?.metrics ?? {});
  const table = [
    ['mode', ...names, `${metric} − score`, '95 % interval', 'p', 'seconds', 'tokens'],
    ...rows
      .filter(({ metrics }) => metrics !== null)
      .map(({ mode, metrics, against_score: c, seconds, completion_tokens }) => [
        mode,
        ...names.map((name) => valueOf(metrics ?? {}, name).toFixed(4)),
        c === null ? '' : signed(c.difference),
        c === null ? '' : `[${c.confidence_interval.map(signed).join(', ')}]`,
        c?.p_value.toFixed(4) ?? '',
        seconds?.toFixed(1) ?? '',
        String(completion_tokens ?? 0),
      ]),
  ];
  const missing = rows
    .filter(({ not_offered }) => not_offered !== null)
    .map(({ mode, not_offered }) => `${mode}: ${not_offered ?? ''}\n`);
  return `${model}, ${queries} queries\n${textTable(table)}${missing.join('')}`;
}
