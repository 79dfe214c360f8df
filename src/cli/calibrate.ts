/** `rationale calibrate`: whether a model's label probabilities are to be believed, and the temperature that mends them. */
import { RationaleError } from '../domain/failure.js';
import type { Calibration, Reliability } from '../domain/evaluation.js';
import { estimateText } from '../evaluation/agreement.js';
import { calibrationOf, defaultBins } from '../evaluation/calibration.js';
import { readLabelledFile, settlements } from '../evaluation/labelled-file.js';
import { distributionsOf, reliabilityOf } from '../plots/from-evaluation.js';
import { onlyFile } from './agreement.js';
import { choice, flag, text, wholeNumber, type CliCommand } from './command.js';
import { sayAll, textTable, writePlots } from './evaluation-inputs.js';

export const calibrateCommand: CliCommand = {
  summary: 'label probabilities against human labels: reliability, calibration error, temperature',
  help: `Usage: rationale calibrate FILE.judgements.jsonl [options]

Compares label_probabilities with the labels that people accepted or corrected: expected calibration error (with a 95 %
interval from resampling queries), negative log-likelihood and Brier score. A temperature is fitted on half of the queries
(chosen by a hash of their ids) and shown on the other half. Formulas: docs/evaluation.md.

Options:
  --bins N          equally wide bins (default ${defaultBins})
  --annotators HOW  where several labelled one answer: ${settlements.join(', ')} (default agreeing: others do not count)
  --plot FILE.svg   reliability diagram, then score distributions by human label (FILE-2.svg, …)
  --json            everything, unrounded

Example:
  rationale calibrate audit.judgements.jsonl --plot reliability.svg
`,
  options: {
    bins: { type: 'string' },
    annotators: { type: 'string' },
    plot: { type: 'string' },
    json: { type: 'boolean' },
  },
  async run(args, context) {
    const bins = wholeNumber(args, 'bins', 2) ?? defaultBins;
    const path = onlyFile(args, 'calibrate');
    const file = await readLabelledFile(path, choice(args, 'annotators', settlements) ?? 'agreeing');
    sayAll(file.notices, context);
    const calibrations = calibrationOf(file, bins);
    if (calibrations.length === 0) {
      throw new RationaleError(
        'user',
        `${path} has no row with label_probabilities on a known scale and a label that somebody accepted or corrected.`,
      );
    }
    const plot = text(args, 'plot');
    if (plot !== undefined) {
      const data = calibrations.flatMap((calibration) => {
        const scores = distributionsOf(calibration);
        return [reliabilityOf(calibration), ...(scores === null ? [] : [scores])];
      });
      await writePlots(plot, data, context);
    }
    context.out(
      flag(args, 'json') ? `${JSON.stringify(calibrations, null, 2)}\n` : calibrations.map(calibrationText).join('\n'),
    );
  },
};

function calibrationText({ model, scale, all, temperature, scores }: Calibration): string {
  const row = (name: string, r: Reliability) => [
    name,
    String(r.items),
    estimateText(r.ece),
    r.nll.toFixed(3),
    r.brier.toFixed(3),
    r.accuracy.toFixed(3),
  ];
  const rows = [['', 'rows', 'ECE', 'NLL', 'Brier', 'accuracy'], row('all rows', all)];
  if (temperature !== null)
    rows.push(
      row('held out, as it is', temperature.before),
      row(`held out, temperature ${temperature.value.toFixed(2)}`, temperature.after),
    );
  const said =
    temperature === null
      ? 'All labels are of one half of the queries: no temperature was fitted.\n'
      : `Temperature ${temperature.value.toFixed(3)} fitted on ${temperature.fitted_queries} queries, shown on the other ${temperature.held_out_queries}.\n`;
  const binRows = all.bins
    .filter(({ count }) => count > 0)
    .map((b) => [
      `${b.low.toFixed(2)}–${b.high.toFixed(2)}`,
      String(b.count),
      b.confidence?.toFixed(3) ?? '–',
      b.accuracy?.toFixed(3) ?? '–',
    ]);
  const scoreRows = scores.map((s) => [
    `${s.label} ${s.label_name}`,
    String(s.count),
    ...(s.quartiles ?? []).map((value) => value.toFixed(3)),
  ]);
  return `${model}, scale ${scale}
${textTable(rows)}${said}
${textTable([['probability', 'rows', 'mean', 'right'], ...binRows])}
${textTable([['human label', 'rows', 'score min', 'q1', 'median', 'q3', 'max'], ...scoreRows])}`;
}
