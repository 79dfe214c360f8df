/** `rationale evaluate`: ranking metrics of a run, alone or against a baseline, and of runs on BRIGHT. */
import { RationaleError } from '../domain/failure.js';
import { domainsOf, evaluateBright, readBrightDomain, runFileOf, type BrightResult } from '../evaluation/bright.js';
import { brightDomains, publishedRows } from '../evaluation/bright-published.js';
import { evaluate, type Evaluation } from '../evaluation/evaluate.js';
import { defaultMetrics, metricName, valueOf, type MetricOptions } from '../evaluation/metrics.js';
import { readRanking } from '../evaluation/rankings.js';
import { mean } from '../evaluation/resampling.js';
import { flag, requiredText, text, type CliCommand, type CliContext, type ParsedArguments } from './command.js';
import {
  metricOptions,
  relevanceAt,
  relevanceHelp,
  relevanceOptions,
  sayAll,
  signed,
  textTable,
} from './evaluation-inputs.js';

export const evaluateCommand: CliCommand = {
  summary: 'ranking metrics of a run against relevance judgements, and of runs on BRIGHT',
  help: `Usage: rationale evaluate --trec RUN --qrels QRELS [--baseline RUN] [options]
       rationale evaluate --bright DIR --runs DIR [--long] [options]

Prints ${defaultMetrics.join(', ')} (or --metrics), as trec_eval
computes them: sorted by score as a 32-bit float, ties by descending document id, unjudged documents not relevant, queries
missing from the run averaged out. nDCG has linear gains, nDCG-exp exponential ones. Formulas: docs/evaluation.md.
With --baseline also the paired difference over the queries both rank, its 95 % bootstrap interval and a randomisation p.

Options:
  --trec RUN        the run: qid Q0 docid rank score tag, white space in ids percent-encoded; a *.judgements.jsonl;
                    or a *.json of BRIGHT's {query: {document: score}}
${relevanceHelp}
  --baseline RUN    another run to compare with
  --json            everything, unrounded, per query too

BRIGHT: DIR holds examples/ and documents/ (Parquet or JSON Lines); --runs a folder with DOMAIN.trec (or .run, .json,
.judgements.jsonl, or DOMAIN/score.json). Excluded documents are taken out of the rankings. The table has the published
rows beside yours, each with its first stage: rows of different first stages are not comparable.
  --long            the long-document task: gold_ids_long and long_documents/

Examples:
  rationale evaluate --trec reranked.trec --qrels cacm/qrels/test.tsv --baseline bm25.trec
  rationale evaluate --trec out.judgements.jsonl --qrels audit.judgements.jsonl --decisions corrected
  rationale evaluate --bright BRIGHT --runs my-runs
`,
  options: {
    ...relevanceOptions,
    trec: { type: 'string' },
    baseline: { type: 'string' },
    bright: { type: 'string' },
    runs: { type: 'string' },
    long: { type: 'boolean' },
    json: { type: 'boolean' },
  },
  async run(args, context) {
    if (args.positionals.length > 0)
      throw new RationaleError(
        'user',
        `evaluate takes no files but those of its options; "${args.positionals.join(' ')}" was given.`,
      );
    const options = metricOptions(args);
    const bright = text(args, 'bright');
    if (bright !== undefined) {
      const foreign = ['trec', 'qrels', 'baseline'].find((name) => text(args, name) !== undefined);
      if (foreign !== undefined) throw new RationaleError('user', `--${foreign} does not go with --bright.`);
      await evaluateBrightRuns(bright, requiredText(args, 'runs'), args, options, context);
      return;
    }
    const baselinePath = text(args, 'baseline');
    const [run, { qrels }, baseline] = await Promise.all([
      readRanking(requiredText(args, 'trec'), 'run'),
      relevanceAt(requiredText(args, 'qrels'), args, context),
      baselinePath === undefined ? undefined : readRanking(baselinePath, 'baseline'),
    ]);
    sayAll([...run.notices, ...(baseline?.notices ?? [])], context);
    const evaluation = evaluate(run.run, qrels, {
      ...options,
      ...(baseline === undefined ? {} : { baseline: baseline.run }),
    });
    context.out(flag(args, 'json') ? `${JSON.stringify(evaluation, null, 2)}\n` : table(evaluation));
  },
};

function table(evaluation: Evaluation): string {
  const { baseline } = evaluation;
  const names = Object.keys(evaluation.metrics);
  const width = Math.max(11, ...names.map((name) => name.length));
  const lines = [
    `${'queries'.padEnd(width)} ${evaluation.queries}${evaluation.queries_not_in_run > 0 ? ` (${evaluation.queries_not_in_run} judged queries are not in the run)` : ''}`,
  ];
  if (baseline !== undefined)
    lines.push(`${''.padEnd(width)} run     baseline  difference [95 % interval]      p      wins/ties/losses`);
  for (const [name, value] of Object.entries(evaluation.metrics)) {
    const c = baseline?.comparison[name];
    if (baseline === undefined || c === undefined) {
      lines.push(`${name.padEnd(width)} ${value.toFixed(4)}`);
      continue;
    }
    const interval = `${signed(c.difference)} [${signed(c.confidence_interval[0])}, ${signed(c.confidence_interval[1])}]`;
    lines.push(
      `${name.padEnd(width)} ${value.toFixed(4)}  ${valueOf(baseline.metrics, name).toFixed(4)}    ${interval.padEnd(32)} ${c.p_value.toFixed(4)}  ${c.wins}/${c.ties}/${c.losses}`,
    );
  }
  return `${lines.join('\n')}\n`;
}

async function evaluateBrightRuns(
  dir: string,
  runs: string,
  args: ParsedArguments,
  options: MetricOptions,
  context: CliContext,
): Promise<void> {
  const results: BrightResult[] = [];
  for (const domain of await domainsOf(dir)) {
    const path = runFileOf(runs, domain);
    if (path === null) {
      context.err(`${runs} has no run of ${domain}; it is left out.\n`);
      continue;
    }
    const result = await evaluateBright(
      await readBrightDomain(dir, domain, { long: flag(args, 'long') }),
      path,
      options,
    );
    sayAll(result.notices, context);
    results.push(result);
  }
  if (results.length === 0)
    throw new RationaleError(
      'user',
      `${runs} has no run of any domain of ${dir} (DOMAIN.trec, .json, .judgements.jsonl or DOMAIN/score.json).`,
    );
  const names = (options.metrics ?? defaultMetrics).map((name) => metricName(name));
  const means = Object.fromEntries(
    names.map((name) => [name, mean(results.map(({ table: t }) => valueOf(t.metrics, name)))]),
  );
  if (flag(args, 'json')) {
    context.out(
      `${JSON.stringify({ domains: Object.fromEntries(results.map((r) => [r.domain, r])), means, published: publishedRows }, null, 2)}\n`,
    );
    return;
  }
  context.out(names.includes('nDCG@10') ? leaderboard(results) : domainTable(results, names));
}

function domainTable(results: readonly BrightResult[], names: readonly string[]): string {
  return textTable([
    ['', ...names],
    ...results.map(({ domain, table: t }) => [domain, ...names.map((name) => valueOf(t.metrics, name).toFixed(4))]),
  ]);
}

/** nDCG@10 × 100 as the leaderboard prints it, the published rows below. */
function leaderboard(results: readonly BrightResult[]): string {
  const own = new Map(results.map(({ domain, table: t }) => [domain, valueOf(t.metrics, 'nDCG@10') * 100]));
  const cell = (value: number | undefined) => value?.toFixed(1) ?? '–';
  const complete = brightDomains.every(([domain]) => own.has(domain));
  const rows = [
    ['nDCG@10 × 100', ...brightDomains.map(([, short]) => short), 'mean', 'first stage'],
    [
      'this run',
      ...brightDomains.map(([domain]) => cell(own.get(domain))),
      complete ? cell(mean([...own.values()])) : '–',
      'yours',
    ],
    ...publishedRows.map((row) => [
      row.name,
      ...brightDomains.map((_, i) => cell(row.domains?.[i])),
      cell(row.mean),
      row.first_stage,
    ]),
  ];
  const notice = complete
    ? ''
    : `The mean is over all 12 domains only; ${own.size} are here, their mean is ${cell(mean([...own.values()]))}.\n`;
  return `${textTable(rows)}${notice}Published rows of another first stage than yours are not comparable with this run.\n`;
}
