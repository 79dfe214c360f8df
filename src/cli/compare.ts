/** `rationale compare`: two or more rankings of the same queries, and the report of the comparison. */
import { extname } from 'node:path';
import { RationaleError } from '../domain/failure.js';
import type { RankingComparison } from '../domain/evaluation.js';
import { compareRankings } from '../evaluation/comparison.js';
import { valueOf } from '../evaluation/metrics.js';
import { movements } from '../evaluation/movement.js';
import { firstStageOf, readRanking, systemNames, type Ranking } from '../evaluation/rankings.js';
import { hashFile, htmlReport, markdownReport, shellCommand } from '../evaluation/report.js';
import { differencesOf, metricsOf, movementOf } from '../plots/from-evaluation.js';
import {
  flag,
  requiredText,
  text,
  texts,
  wholeNumber,
  type CliCommand,
  type CliContext,
  type ParsedArguments,
} from './command.js';
import {
  metricOptions,
  relevanceAt,
  relevanceHelp,
  relevanceOptions,
  sayAll,
  signed,
  textTable,
  writeOutput,
  writePlots,
} from './evaluation-inputs.js';

const movementsKept = 20;

export const compareCommand: CliCommand = {
  summary: 'compare rankings of the same queries: models, rounds, modes, a teacher',
  help: `Usage: rationale compare RANKING RANKING… --qrels QRELS [options]

Each RANKING is a TREC run, a *.judgements.jsonl or BRIGHT's *.json; every later one is compared with every earlier one.
Prints means, paired differences with 95 % bootstrap interval, randomisation p corrected by Holm over the pairs, effect
size, wins/ties/losses, how alike the rankings are (RBO, Kendall's τ), and the queries that moved most.

Options:
${relevanceHelp}
  --metric NAME     the metric of the per-query differences (default: the first)
  --names a,b       what the rankings are called (default: their file names)
  --first-stage     the first stage recorded in the first judgement file as a ranking of its own, before the others
  --moved N         queries and documents in the list of what moved (default 5 queries)
  --report FILE     .html (with pictures) or .md: tables, what moved, versions, hashes and this command; may be given twice
  --plot FILE.svg   means, then per-query differences of each pair, then the query that moved most (FILE-2.svg, …)
  --json            everything, unrounded

Examples:
  rationale compare bm25.trec round-1.judgements.jsonl round-2.judgements.jsonl --qrels cacm/qrels/test.tsv
  rationale compare out.judgements.jsonl --first-stage --qrels audit.judgements.jsonl --report comparison.html
`,
  options: {
    ...relevanceOptions,
    metric: { type: 'string' },
    names: { type: 'string' },
    'first-stage': { type: 'boolean' },
    moved: { type: 'string' },
    report: { type: 'string', multiple: true },
    plot: { type: 'string' },
    json: { type: 'boolean' },
  },
  async run(args, context) {
    const rankings = await rankingsOf(args);
    const qrelsPath = requiredText(args, 'qrels');
    const source = await relevanceAt(qrelsPath, args, context);
    const notices = rankings.flatMap((ranking) => ranking.notices);
    sayAll(notices, context);
    const metric = text(args, 'metric');
    const comparison = compareRankings(rankings, source.qrels, {
      ...metricOptions(args),
      qrels: `qrels ${qrelsPath}`,
      ...(metric === undefined ? {} : { metric }),
    });
    const unevenly = comparison.systems.filter(({ table }) => table.queries !== comparison.common_queries);
    if (unevenly.length > 0) {
      notices.push(
        `The rankings hold different queries (${comparison.systems.map(({ name, table }) => `${name}: ${table.queries}`).join(', ')}; all of them: ${comparison.common_queries}). Means are over each one's own queries, differences over those that both rank.`,
      );
      sayAll(notices.slice(-1), context);
    }
    const shown = wholeNumber(args, 'moved', 0) ?? 5;
    const moved = movements(rankings, { qrels: source.qrels });
    for (const file of texts(args, 'report')) {
      await writeReport(file, { comparison, moved, notices: [...source.notices, ...notices] }, args, context);
    }
    const plot = text(args, 'plot');
    if (plot !== undefined) {
      const [most] = moved;
      const data = [
        metricsOf(comparison, { metricNames: [comparison.metric] }),
        ...comparison.pairs.map((pair) => differencesOf(comparison, pair)),
        ...(most === undefined ? [] : [movementOf(most)]),
      ];
      await writePlots(plot, data, context);
    }
    if (flag(args, 'json')) {
      context.out(
        `${JSON.stringify({ ...comparison, movements: moved.slice(0, Math.max(shown, movementsKept)) }, null, 2)}\n`,
      );
      return;
    }
    context.out(comparisonText(comparison));
    if (shown > 0 && moved.length > 0) {
      const rows = moved
        .slice(0, shown)
        .map(({ query_id, query, moved: by, tau }) => [
          query_id,
          by.toFixed(2),
          tau?.toFixed(2) ?? '–',
          (query ?? '').slice(0, 80),
        ]);
      context.out(
        `\nMoved most, ${rankings[0]?.name ?? ''} to ${rankings.at(-1)?.name ?? ''} (1 − RBO, τ):\n${textTable(rows)}`,
      );
    }
  },
};

async function rankingsOf(args: ParsedArguments): Promise<Ranking[]> {
  const paths = args.positionals;
  const withFirstStage = flag(args, 'first-stage');
  if (paths.length + (withFirstStage ? 1 : 0) < 2)
    throw new RationaleError('user', 'name at least two rankings (or one judgement file and --first-stage).');
  const names =
    text(args, 'names')
      ?.split(',')
      .map((name) => name.trim()) ?? systemNames(paths);
  if (names.length !== paths.length || new Set(names).size !== names.length || names.includes(''))
    throw new RationaleError('user', `--names must give ${paths.length} different names, one for each ranking.`);
  const rankings: Ranking[] = [];
  for (const [i, path] of paths.entries()) rankings.push(await readRanking(path, names[i] ?? path));
  if (!withFirstStage) return rankings;
  const judged = rankings.find(({ file }) => file !== null);
  if (judged === undefined)
    throw new RationaleError('user', '--first-stage needs a judgement file (*.judgements.jsonl) among the rankings.');
  return [firstStageOf(judged), ...rankings];
}

function comparisonText({ metric_names: names, systems, pairs }: RankingComparison): string {
  const means = textTable([
    ['', ...systems.map(({ name }) => name)],
    ['queries', ...systems.map(({ table }) => String(table.queries))],
    ...names.map((name) => [name, ...systems.map(({ table }) => valueOf(table.metrics, name).toFixed(4))]),
  ]);
  const differences = pairs.map(({ system, baseline, metrics, similarity: s }) => {
    const rows = Object.entries(metrics).map(([name, c]) => [
      name,
      signed(c.difference),
      `[${signed(c.confidence_interval[0])}, ${signed(c.confidence_interval[1])}]`,
      c.p_value.toFixed(4),
      c.p_adjusted.toFixed(4),
      c.effect_size?.toFixed(2) ?? '–',
      `${c.wins}/${c.ties}/${c.losses}`,
    ]);
    const head = ['', 'difference', '95 % interval', 'p', 'p Holm', 'd', 'wins/ties/losses'];
    return `\n${system} − ${baseline} (RBO ${s.rbo?.toFixed(3) ?? '–'}, τ ${s.tau?.toFixed(3) ?? '–'}):\n${textTable([head, ...rows])}`;
  });
  return `${means}${differences.join('')}`;
}

async function writeReport(
  file: string,
  {
    comparison,
    moved,
    notices,
  }: {
    readonly comparison: RankingComparison;
    readonly moved: ReturnType<typeof movements>;
    readonly notices: readonly string[];
  },
  args: ParsedArguments,
  context: CliContext,
): Promise<void> {
  const kind = extname(file).toLowerCase();
  if (kind !== '.html' && kind !== '.md')
    throw new RationaleError('user', `--report writes .html or .md, not "${file}".`);
  const files = [
    ...(await Promise.all(args.positionals.map((path) => hashFile('ranking', path)))),
    await hashFile('relevance', requiredText(args, 'qrels')),
  ];
  const input = {
    comparison,
    movements: moved,
    notices,
    provenance: {
      version: context.version,
      command: shellCommand(['rationale', ...process.argv.slice(2)]),
      files,
      platform: `node ${process.version}, ${process.platform} ${process.arch}`,
      at: new Date().toISOString(),
    },
  };
  await writeOutput(file, kind === '.html' ? htmlReport(input) : markdownReport(input));
  context.err(`${file} written.\n`);
}
