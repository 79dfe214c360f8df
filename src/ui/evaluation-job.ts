/** One evaluation for the panel: reads the files, computes what the panel shows, and keeps what it asks for later. Without `vscode`. */
import { setImmediate } from 'node:timers/promises';
import type { ConfusionMatrix, MetricTable, QueryMovement, RankingComparison } from '../domain/evaluation.js';
import { RationaleError } from '../domain/failure.js';
import { calibrationOf } from '../evaluation/calibration.js';
import { compareRankings } from '../evaluation/comparison.js';
import { metricTable } from '../evaluation/evaluate.js';
import { agreementOf } from '../evaluation/file-agreement.js';
import type { DecisionKind, LabelledFile } from '../evaluation/labelled-file.js';
import { defaultMetrics } from '../evaluation/metrics.js';
import { movements } from '../evaluation/movement.js';
import { rationaleStatistics } from '../evaluation/rationales.js';
import { readRanking, readRelevance, systemNames, type Ranking } from '../evaluation/rankings.js';
import { hashFile, htmlReport, markdownReport, shellCommand } from '../evaluation/report.js';
import { estimates } from '../evaluation/resampling.js';
import type { EvaluationResults, MeanIntervals } from '../protocol/evaluation.js';
import type { Qrels } from '../retrieval/trec.js';

export const defaultMetric: string = defaultMetrics[0];

/** What says which documents are relevant: a file, or the decisions of one kind in the judgement files themselves. */
export type Reference = { readonly kind: 'file'; readonly path: string } | { readonly kind: DecisionKind };

export interface EvaluationInput {
  readonly paths: readonly string[];
  readonly reference: Reference | null;
  readonly metric: string;
}

/** A matrix with the judgement file that its cells' rows are lines of. */
interface Cells {
  readonly matrix: ConfusionMatrix;
  readonly file: string;
}

export interface Evaluated {
  readonly results: EvaluationResults;
  readonly notices: readonly string[];
  /** In the order of `results.confusions`. */
  readonly cells: readonly Cells[];
  /** All queries of two or more rankings, those that moved most first. */
  readonly movements: readonly QueryMovement[];
  /** The documents of a query, null where not all rankings have it. */
  readonly movement: (queryId: string) => QueryMovement | null;
  /** The same evaluation with the differences by query in another metric, without reading anything again. */
  readonly withMetric: (metric: string) => Evaluated;
}

interface Progress {
  readonly signal: AbortSignal;
  readonly report: (message: string) => void;
}

/** Notices beyond these are counted: a file of a thousand malformed lines must not fill the panel. */
const noticesShown = 5;

/**
 * Evaluates the files at `paths`, at least one. Aborting ends it with an AbortError at the next step. @throws
 * RationaleError naming file and line of what cannot be read, or what the files do not share.
 */
export async function runEvaluation(input: EvaluationInput, { signal, report }: Progress): Promise<Evaluated> {
  /** Lets the extension host breathe (and hear a cancellation) before the next stretch of work. */
  const step = async (message: string): Promise<void> => {
    report(message);
    await setImmediate();
    signal.throwIfAborted();
  };
  const names = systemNames(input.paths);
  const rankings: Ranking[] = [];
  for (const [i, path] of input.paths.entries()) {
    const name = names[i] ?? path;
    await step(`Reading ${name}…`);
    rankings.push(await readRanking(path, name));
  }
  await step('Reading the judgements…');
  const relevance = input.reference === null ? null : await relevanceOf(input.reference, rankings);
  await step('Computing metrics and their intervals…');
  const comparison = relevance === null ? null : comparisonOf(rankings, relevance.qrels, input.metric);
  const intervals = comparison?.systems.map(({ table }) => meanIntervals(table)) ?? [];
  await step('Comparing the rankings of each query…');
  const moved = rankings.length < 2 ? [] : movements(rankings, relevance === null ? {} : { qrels: relevance.qrels });
  await step('Comparing labels…');
  const files = rankings.flatMap(({ file, name }) => (file === null ? [] : [{ file, name }]));
  const cells = labelCells(files);
  await step('Looking at probabilities and rationales…');
  const calibrations = files.flatMap(({ file }) => calibrationOf(file));
  const rationales = files.flatMap(({ file }) => rationaleStatistics(file));
  const notices = [...rankings.flatMap((ranking) => ranking.notices), ...(relevance?.notices ?? [])];
  const byQuery = new Map(moved.map((movement) => [movement.query_id, movement]));
  const evaluated: Evaluated = {
    results: {
      comparison,
      intervals,
      moved: moved.map(({ query_id, query, moved: by, tau }) => ({ query_id, query, moved: by, tau })),
      confusions: cells.map(({ matrix: { keys, ...matrix } }) => ({
        ...matrix,
        opens: keys.map((row) => row.map((cell) => cell.length)),
      })),
      calibrations,
      rationales,
    },
    notices:
      notices.length <= noticesShown
        ? notices
        : [...notices.slice(0, noticesShown), `${notices.length - noticesShown} more notices of this kind.`],
    cells,
    movements: moved,
    movement: (queryId) => byQuery.get(queryId) ?? null,
    withMetric: (metric) =>
      relevance === null
        ? evaluated
        : {
            ...evaluated,
            results: { ...evaluated.results, comparison: comparisonOf(rankings, relevance.qrels, metric) },
          },
  };
  return evaluated;
}

/** Judgements from a file, or from the decisions in all judgement files; pairs that two files judge differently are left out. */
async function relevanceOf(
  reference: Reference,
  rankings: readonly Ranking[],
): Promise<{ readonly qrels: Qrels; readonly notices: readonly string[] }> {
  if (reference.kind === 'file') return readRelevance(reference.path);
  const merged = new Map<string, Map<string, number | null>>();
  const notices: string[] = [];
  let failure: RationaleError | null = null;
  for (const { path, file } of rankings) {
    if (file === null) continue;
    try {
      const read = await readRelevance(path, { kind: reference.kind });
      for (const [query, documents] of read.qrels) {
        const known = merged.get(query) ?? new Map<string, number | null>();
        merged.set(query, known);
        for (const [id, label] of documents) {
          const other = known.get(id);
          known.set(id, other === undefined || other === label ? label : null);
        }
      }
    } catch (error) {
      // A file that nobody decided on adds nothing; only when none has decisions there is nothing to evaluate with.
      if (!(error instanceof RationaleError)) throw error;
      failure ??= error;
    }
  }
  if (merged.size === 0) {
    throw (
      failure ??
      new RationaleError(
        'user',
        'A TREC run holds no decisions. Choose a qrels file, or add a judgement file with accepted or corrected labels.',
      )
    );
  }
  let conflicting = 0;
  const qrels = new Map(
    [...merged].map(([query, documents]) => {
      const settled = [...documents].filter((entry): entry is [string, number] => entry[1] !== null);
      conflicting += documents.size - settled.length;
      return [query, new Map(settled)] as const;
    }),
  );
  if (conflicting > 0) notices.push(`${conflicting} pairs are labelled differently in two files and are not judged.`);
  return { qrels, notices };
}

function comparisonOf(rankings: readonly Ranking[], qrels: Qrels, metric: string): RankingComparison {
  if (rankings.length > 1) {
    // Columns stay where they are, whichever metric is the main one.
    return { ...compareRankings(rankings, qrels, { metric }), metric_names: defaultMetrics };
  }
  const systems = rankings.map(({ name, path, run }) => ({
    name,
    source: path,
    table: metricTable(run, qrels, { run: `ranking ${name}` }),
  }));
  return {
    metric,
    metric_names: Object.keys(systems[0]?.table.metrics ?? {}),
    systems,
    pairs: [],
    common_queries: systems[0]?.table.queries ?? 0,
  };
}

/** 95 % bootstrap intervals of a system's means over its queries. */
function meanIntervals(table: MetricTable): MeanIntervals {
  const names = Object.keys(table.metrics);
  const groups = Object.values(table.per_query).map((values) =>
    Float64Array.from([1, ...names.map((name) => values[name] ?? 0)]),
  );
  const measured = estimates(
    groups,
    Object.fromEntries(names.map((name, i) => [name, (sum: Float64Array) => (sum[i + 1] ?? 0) / (sum[0] ?? 1)])),
  );
  return Object.fromEntries(names.map((name) => [name, measured[name]?.interval ?? null]));
}

/** Each model against the people who decided on its answers, and the models of each two files against each other. */
function labelCells(files: readonly { readonly file: LabelledFile; readonly name: string }[]): Cells[] {
  const cells: Cells[] = [];
  for (const { file } of files) {
    for (const matrix of matricesOf(file, null)) cells.push({ matrix, file: file.path });
  }
  for (const [i, one] of files.entries()) {
    for (const other of files.slice(i + 1)) {
      for (const matrix of matricesOf(one.file, other.file)) {
        // Those against people stand above already.
        if (matrix.reference === human) continue;
        const [reference, prediction] = [`${matrix.reference}, ${other.name}`, `${matrix.prediction}, ${one.name}`];
        cells.push({ matrix: { ...matrix, reference, prediction }, file: one.file.path });
      }
    }
  }
  return cells;
}

/** What agreementOf calls the side of people. */
const human = 'human';

function matricesOf(file: LabelledFile, other: LabelledFile | null): readonly ConfusionMatrix[] {
  try {
    return agreementOf(file, other).flatMap(({ matrices }) => matrices);
  } catch (error) {
    // Labels that nothing can be compared with are no failure of the evaluation: the page says what would be needed.
    if (error instanceof RationaleError && error.category === 'user') return [];
    throw error;
  }
}

/** The report of a comparison: HTML with its pictures, or Markdown, with hashes and the command that prints the same numbers. */
export async function comparisonReport(
  evaluated: Evaluated,
  comparison: RankingComparison,
  what: {
    readonly paths: readonly string[];
    readonly reference: Reference;
    readonly markdown: boolean;
    readonly version: string;
  },
): Promise<string> {
  const { reference, paths } = what;
  const relevance = 'path' in reference ? [reference.path] : [];
  const files = await Promise.all([
    ...paths.map((path) => hashFile('ranking', path)),
    ...relevance.map((path) => hashFile('relevance', path)),
  ]);
  const input = {
    comparison,
    movements: evaluated.movements,
    notices: [
      ...evaluated.notices,
      ...('path' in reference ? [] : [`Relevance: the ${reference.kind} labels of the rankings' own logs.`]),
    ],
    provenance: {
      version: what.version,
      // Decisions of several files at once have no command of one line.
      command:
        'path' in reference
          ? shellCommand(['rationale', 'compare', ...paths, '--qrels', reference.path, '--metric', comparison.metric])
          : 'Rationale: Compare Rankings… (in VS Code)',
      files,
      platform: `node ${process.version}, ${process.platform} ${process.arch}`,
      at: new Date().toISOString(),
    },
  };
  return what.markdown ? markdownReport(input) : htmlReport(input);
}
