/** `rationale evaluate`: ranking metrics of a TREC run, alone or against a baseline. */
import { RationaleError } from '../domain/failure.js';
import { evaluate, type Evaluation } from '../evaluation/evaluate.js';
import { valueOf } from '../evaluation/metrics.js';
import { readQrels, readRun } from '../retrieval/trec.js';
import { flag, requiredText, text, type CliCommand } from './command.js';

export const evaluateCommand: CliCommand = {
  summary: 'ranking metrics of a TREC run against relevance judgements',
  help: `Usage: rationale evaluate --trec RUN --qrels QRELS [--baseline RUN] [--json]

Prints nDCG@10 (linear gains), RR@10, P@10, R@100 and Judged@10, as trec_eval computes them: sorted by score as a 32-bit
float, ties by descending document id, unjudged documents not relevant, queries missing from the run averaged out.
With --baseline also the paired difference over the queries both rank, its 95 % bootstrap interval and a randomisation p.

Options:
  --trec RUN        the run: qid Q0 docid rank score tag; white space in ids percent-encoded
  --qrels QRELS     TREC (qid 0 docid rel) or BEIR (header and three columns)
  --baseline RUN    another run to compare with
  --json            everything, unrounded, per query too

Example:
  rationale evaluate --trec reranked.trec --qrels cacm/qrels/test.tsv --baseline bm25.trec
`,
  options: {
    trec: { type: 'string' },
    qrels: { type: 'string' },
    baseline: { type: 'string' },
    json: { type: 'boolean' },
  },
  async run(args, { out }) {
    if (args.positionals.length > 0)
      throw new RationaleError(
        'user',
        `evaluate takes no files but those of its options; "${args.positionals.join(' ')}" was given.`,
      );
    const baselinePath = text(args, 'baseline');
    const [run, qrels, baseline] = await Promise.all([
      readRun(requiredText(args, 'trec')),
      readQrels(requiredText(args, 'qrels')),
      baselinePath === undefined ? undefined : readRun(baselinePath),
    ]);
    const evaluation = evaluate(run, qrels, baseline === undefined ? {} : { baseline });
    out(flag(args, 'json') ? `${JSON.stringify(evaluation, null, 2)}\n` : table(evaluation));
  },
};

function table(evaluation: Evaluation): string {
  const { baseline } = evaluation;
  const lines = [
    `queries    ${evaluation.queries}${evaluation.queries_not_in_run > 0 ? ` (${evaluation.queries_not_in_run} judged queries are not in the run)` : ''}`,
  ];
  if (baseline !== undefined)
    lines.push(`${''.padEnd(11)} run     baseline  difference [95 % interval]      p      wins/ties/losses`);
  for (const [name, mean] of Object.entries(evaluation.metrics)) {
    const value = mean.toFixed(4);
    if (baseline === undefined) {
      lines.push(`${name.padEnd(11)} ${value}`);
      continue;
    }
    const c = baseline.comparison[name];
    if (c === undefined) continue;
    const interval = `${signed(c.difference)} [${signed(c.confidence_interval[0])}, ${signed(c.confidence_interval[1])}]`;
    lines.push(
      `${name.padEnd(11)} ${value}  ${valueOf(baseline.metrics, name).toFixed(4)}    ${interval.padEnd(32)} ${c.p_value.toFixed(4)}  ${c.wins}/${c.ties}/${c.losses}`,
    );
  }
  return `${lines.join('\n')}\n`;
}

function signed(value: number): string {
  return `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(4)}`;
}
