/** The options that the evaluating commands share: which metrics, whose relevance, and where pictures and notices go. */
import { writeFile } from 'node:fs/promises';
import { RationaleError, messageOf } from '../domain/failure.js';
import { decisionKinds, settlements } from '../evaluation/labelled-file.js';
import type { MetricOptions } from '../evaluation/metrics.js';
import { readRelevance, type RelevanceSource } from '../evaluation/rankings.js';
import { draw, type PlotData } from '../plots/draw.js';
import { svgOf } from '../plots/svg.js';
import { choice, text, wholeNumber, type CliContext, type OptionTable, type ParsedArguments } from './command.js';

export const relevanceHelp = `  --qrels QRELS     relevance: TREC (qid 0 docid rel) or BEIR (header and three columns), or a *.judgements.jsonl:
                    then what people decided about its answers, --decisions ${decisionKinds.join('|')} (default decided)
  --annotators HOW  where several labelled one answer: ${settlements.join(', ')} (default agreeing: others do not count)
  --metrics LIST    e.g. nDCG@10,nDCG-exp@10,RR@10,AP,P@5,R@100,Judged@10,Bpref,ERR@20,RBP(0.8)
  --relevant N      the least relevance that counts as relevant (default 1; trec_eval's -l)`;

export const relevanceOptions: OptionTable = {
  qrels: { type: 'string' },
  decisions: { type: 'string' },
  annotators: { type: 'string' },
  metrics: { type: 'string' },
  relevant: { type: 'string' },
};

/** The metrics asked for. */
export function metricOptions(args: ParsedArguments): MetricOptions {
  const names = text(args, 'metrics')
    ?.split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
  const level = wholeNumber(args, 'relevant', 1);
  return { ...(names === undefined ? {} : { metrics: names }), ...(level === undefined ? {} : { level }) };
}

/** The relevance at `path`; what was left out of it is said on stderr. */
export async function relevanceAt(path: string, args: ParsedArguments, context: CliContext): Promise<RelevanceSource> {
  const kind = choice(args, 'decisions', decisionKinds);
  const settlement = choice(args, 'annotators', settlements);
  const source = await readRelevance(path, {
    ...(kind === undefined ? {} : { kind }),
    ...(settlement === undefined ? {} : { settlement }),
  });
  sayAll(source.notices, context);
  return source;
}

const noticesShown = 20;

/** Notices on stderr: the first 20, and how many more there are. */
export function sayAll(notices: readonly string[], { err }: CliContext): void {
  for (const notice of notices.slice(0, noticesShown)) err(`${notice}\n`);
  if (notices.length > noticesShown) err(`and ${notices.length - noticesShown} more notices.\n`);
}

/** Writes pictures to `path`; further ones get a number before the extension. */
export async function writePlots(path: string, plots: readonly PlotData[], { err }: CliContext): Promise<void> {
  if (!/\.svg$/i.test(path)) throw new RationaleError('user', `--plot writes SVG; "${path}" does not end in .svg.`);
  if (plots.length === 0) throw new RationaleError('user', 'There is nothing to draw.');
  for (const [i, data] of plots.entries()) {
    const file = i === 0 ? path : path.replace(/\.svg$/i, `-${i + 1}.svg`);
    await writeOutput(file, svgOf(draw(data)));
    err(`${file}: ${draw(data).title}\n`);
  }
}

/** Writes a file that the user named. @throws RationaleError naming it. */
export async function writeOutput(path: string, content: string): Promise<void> {
  await writeFile(path, content, 'utf8').catch((error: unknown) => {
    throw new RationaleError('environment', `${path} could not be written: ${messageOf(error)}.`, { cause: error });
  });
}

/** A table with aligned columns, the first one left and the others right. */
export function textTable(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows) for (const [i, cell] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, cell.length);
  return rows
    .map((row) =>
      row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join('  '),
    )
    .map((line) => `${line.trimEnd()}\n`)
    .join('');
}

/** A difference with its sign, as `+0.0123` or `−0.0123`. */
export function signed(value: number): string {
  return `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(4)}`;
}
