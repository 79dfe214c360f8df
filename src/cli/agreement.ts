/** `rationale agreement`: labels of models, teachers and people against each other, and what the rationales are like. */
import { RationaleError } from '../domain/failure.js';
import type { ConfusionMatrix, RationaleStatistics } from '../domain/evaluation.js';
import { estimateText } from '../evaluation/agreement.js';
import { agreementOf, type ScaleAgreement } from '../evaluation/file-agreement.js';
import { readLabelledFile, settlements } from '../evaluation/labelled-file.js';
import { rationaleStatistics } from '../evaluation/rationales.js';
import { confusionOf } from '../plots/from-evaluation.js';
import { choice, flag, text, type CliCommand, type ParsedArguments } from './command.js';
import { sayAll, textTable, writePlots } from './evaluation-inputs.js';

export const agreementCommand: CliCommand = {
  summary: 'labels of models, teachers and people against each other, and what the rationales are like',
  help: `Usage: rationale agreement FILE.judgements.jsonl [--with OTHER.judgements.jsonl] [options]

Only labels that people accepted or corrected count as human. Prints Krippendorff's α among the annotators, and for each
model against the human labels (and against the other file's) the confusion matrix, accuracy, macro-F1 and Cohen's κ,
plain and weighted, with 95 % intervals from resampling queries. Accepting shows the model's label first, which pulls
towards it: agreement measured on such labels is an upper bound.

Options:
  --with FILE       a teacher's or another model's judgement file of the same pairs
  --annotators HOW  where several labelled one answer: ${settlements.join(', ')} (default agreeing: others do not count)
  --rationales      the rationales instead: length, share of sentences that the document supports, contradictions,
                    answers that could not be read, how much people rewrote; by model, mode and label
  --plot FILE.svg   the confusion matrices (FILE-2.svg, …)
  --json            everything, unrounded, with the rows behind each cell

Example:
  rationale agreement audit.judgements.jsonl --with teacher.judgements.jsonl
`,
  options: {
    with: { type: 'string' },
    annotators: { type: 'string' },
    rationales: { type: 'boolean' },
    plot: { type: 'string' },
    json: { type: 'boolean' },
  },
  async run(args, context) {
    const settlement = choice(args, 'annotators', settlements) ?? 'agreeing';
    const file = await readLabelledFile(onlyFile(args, 'agreement'), settlement);
    sayAll(file.notices, context);
    if (flag(args, 'rationales')) {
      const other = ['with', 'plot'].find((name) => text(args, name) !== undefined);
      if (other !== undefined) throw new RationaleError('user', `--${other} does not go with --rationales.`);
      const statistics = rationaleStatistics(file);
      context.out(flag(args, 'json') ? `${JSON.stringify(statistics, null, 2)}\n` : rationaleText(statistics));
      return;
    }
    const otherPath = text(args, 'with');
    const other = otherPath === undefined ? null : await readLabelledFile(otherPath, settlement);
    sayAll(other?.notices ?? [], context);
    const agreement = agreementOf(file, other);
    const plot = text(args, 'plot');
    if (plot !== undefined) {
      const matrices = agreement.flatMap((a) => [...a.matrices, ...(a.annotators?.pairs ?? [])]);
      await writePlots(plot, matrices.map(confusionOf), context);
    }
    context.out(
      flag(args, 'json') ? `${JSON.stringify(agreement, null, 2)}\n` : agreement.map(agreementText).join('\n'),
    );
  },
};

/** The one file that the command takes. */
export function onlyFile(args: ParsedArguments, command: string): string {
  const [path, ...more] = args.positionals;
  if (path === undefined || more.length > 0)
    throw new RationaleError(
      'user',
      `${command} takes one judgement file (*.judgements.jsonl), not ${args.positionals.length}.`,
    );
  return path;
}

function agreementText({ scale, annotators, matrices }: ScaleAgreement): string {
  const lines = [`Scale ${scale}\n`];
  if (annotators !== null) {
    lines.push(
      `\n${annotators.raters.length} annotators (${annotators.raters.join(', ')}), ${annotators.items} answers labelled by two or more\n`,
      `Krippendorff's α nominal ${estimateText(annotators.alpha_nominal)}, ordinal ${estimateText(annotators.alpha_ordinal)}\n`,
    );
    for (const pair of annotators.pairs) lines.push(`\n${matrixText(pair)}`);
  }
  for (const matrix of matrices) lines.push(`\n${matrixText(matrix)}`);
  return lines.join('');
}

function matrixText(m: ConfusionMatrix): string {
  const table = textTable([
    [`${m.reference} ↓  ${m.prediction} →`, ...m.labels.map(String)],
    ...m.labels.map((label, i) => {
      const name = m.label_names[i] ?? '';
      return [name === String(label) ? name : `${label} ${name}`, ...(m.counts[i] ?? []).map(String)];
    }),
  ]);
  return `${table}${m.total} rows · accuracy ${estimateText(m.accuracy)} · macro-F1 ${estimateText(m.macro_f1)}
κ ${estimateText(m.kappa)} · linear ${estimateText(m.kappa_linear)} · quadratic ${estimateText(m.kappa_quadratic)}
`;
}

function rationaleText(statistics: readonly RationaleStatistics[]): string {
  const share = (value: number | null) => (value === null ? '–' : `${(value * 100).toFixed(0)} %`);
  return textTable([
    [
      'model, mode, label',
      'answers',
      'explained',
      'words',
      'sentences',
      'supported',
      'contradict',
      'repeat',
      'unparsed',
      'cut',
      'failed',
      'rewritten',
      'edit',
    ],
    ...statistics.map((s) => [
      `${s.model}, ${s.mode}, ${s.label === null ? 'all' : `${s.label} ${s.label_name ?? ''}`.trim()}`,
      String(s.answers),
      String(s.with_explanation),
      s.words_median?.toFixed(0) ?? '–',
      String(s.sentences),
      share(s.supported_share),
      String(s.contradictions),
      String(s.repetitions),
      String(s.unparsed),
      String(s.truncated),
      String(s.failed),
      String(s.corrected),
      s.edit_distance_mean?.toFixed(2) ?? '–',
    ]),
  ]);
}
