/** `rationale import`: what a teacher, a trainer or another tool wrote, as a judgement file. */
import { RationaleError } from '../domain/failure.js';
import { detectImporter, importFile, type ImportReport } from '../interchange/import/import.js';
import type { ImportOptions } from '../interchange/import/importer.js';
import { importers } from '../interchange/import/registry.js';
import { linesText, noteGroups, skippedGroups, type ReasonGroup } from '../interchange/import/report.js';
import {
  choice,
  flag,
  requiredText,
  text,
  texts,
  type CliCommand,
  type CliContext,
  type OptionTable,
  type ParsedArguments,
} from './command.js';

/** The fields that `--map` can name. */
const mapped = ['query', 'document', 'label', 'explanation', 'query_id', 'doc_id', 'title', 'score'] as const;

/** What `import` and `convert` say about the formats they read. */
export const sourceHelp = `  --from FORMAT     the source's format (default: detected, and said)
${importers.map((importer) => `      ${importer.id.padEnd(16)} ${importer.title}`).join('\n')}
  --map FIELD=PATH  for tables and other JSON: where a field stands, e.g. query=prompt.question; once for each field
                    (${mapped.join(', ')})
  --scale NAME      the scale of the labels where the source does not say (default interank: 0, 1, 2)
  --corpus FILE, --queries FILE, --qrels FILE   for runs and folders: files that lie elsewhere`;

export const sourceOptions: OptionTable = {
  from: { type: 'string' },
  map: { type: 'string', multiple: true },
  scale: { type: 'string' },
  corpus: { type: 'string' },
  queries: { type: 'string' },
  qrels: { type: 'string' },
};

export const importCommand: CliCommand = {
  summary: "turn a teacher's or another tool's data into a judgement file",
  help: `Usage: rationale import SOURCE --out OUT.judgements.jsonl [options]

Reads a file or folder in a foreign format and writes a judgement file; decisions of people become an annotator's log
beside it. Whatever is not taken is counted with the reason and the first lines. docs/formats/imports.md describes the
formats.

Options:
${sourceHelp}
  --out FILE        the judgement file to write; it must not exist yet
  --json            the report as JSON

Exit code 2 when nothing could be taken; nothing is written then.

Examples:
  rationale import teacher.jsonl --out teacher.judgements.jsonl
  rationale import labels.csv --from table --map query=question --map document=text --map label=grade --out a.judgements.jsonl
  rationale import run.trec --corpus beir --queries beir/queries.jsonl --qrels beir/qrels/test.tsv --out b.judgements.jsonl
`,
  options: { ...sourceOptions, out: { type: 'string' }, json: { type: 'boolean' } },
  async run(args, context) {
    const out = requiredText(args, 'out');
    const report = await importSource(args, out, context);
    for (const line of reportLines(report)) context.err(`${line}\n`);
    if (flag(args, 'json')) context.out(`${JSON.stringify(reportJson(report), null, 2)}\n`);
    if (report.out === null) throw nothingTaken(report);
    if (!flag(args, 'json')) context.out(`${report.out}: ${takenText(report)}\n`);
  },
};

/** Runs the import that the arguments ask for. Throws RationaleError on bad input. */
export async function importSource(args: ParsedArguments, out: string, context: CliContext): Promise<ImportReport> {
  const [source, ...more] = args.positionals;
  if (source === undefined) throw new RationaleError('user', 'name the file or folder to read.');
  if (more.length > 0) throw new RationaleError('user', `one source at a time, but "${more.join(' ')}" was given too.`);
  const mapping = mappingOf(texts(args, 'map'));
  const ids = importers.map((importer) => importer.id);
  const importer = choice(args, 'from', ids) ?? (mapping === undefined ? undefined : 'table');
  if (importer === undefined) await sayDetected(source, context.err);
  const given = { scale: text(args, 'scale'), corpus: text(args, 'corpus'), queries: text(args, 'queries') };
  const importOptions: ImportOptions = {
    ...Object.fromEntries(Object.entries({ ...given, qrels: text(args, 'qrels') }).filter(([, value]) => value)),
    ...(mapping === undefined ? {} : { mapping }),
  };
  return importFile({
    path: source,
    ...(importer === undefined ? {} : { importer }),
    out,
    importOptions,
    toolVersion: context.version,
    signal: context.signal,
    progress: progressLine(context.err),
  });
}

/** The error of an import that took nothing. */
export function nothingTaken(report: ImportReport): RationaleError {
  return new RationaleError(
    'user',
    `no row could be taken as ${report.importer} (${report.read} read). Nothing was written; try another --from, or --map for a table.`,
  );
}

/** Says what a source is taken for. Whether that is sure enough is the import's own decision. */
async function sayDetected(source: string, err: (text: string) => void): Promise<void> {
  const [first, second] = await detectImporter(source);
  if (first === undefined) return;
  const others = second === undefined ? '' : `; it might also be ${second.id}`;
  err(`${source}: looks like ${first.id} (${Math.round(first.confidence * 100)} % sure${others}). --from chooses.\n`);
}

function mappingOf(given: readonly string[]): ImportOptions['mapping'] {
  if (given.length === 0) return undefined;
  const mapping: { [key in (typeof mapped)[number]]?: string } = {};
  for (const pair of given) {
    const at = pair.indexOf('=');
    const field = mapped.find((name) => name === pair.slice(0, at));
    const path = pair.slice(at + 1);
    if (at < 0 || field === undefined || path === '') {
      throw new RationaleError('user', `--map takes FIELD=PATH with one of ${mapped.join(', ')}, not "${pair}".`);
    }
    mapping[field] = path;
  }
  return mapping;
}

function takenText(report: ImportReport): string {
  const corrections = report.corrections === 0 ? '' : `, ${report.corrections} corrections in the logs beside it`;
  return `${report.taken} rows of ${report.read} read as ${report.importer}${corrections}`;
}

/** What was skipped and changed, a line for each reason. */
export function reportLines(report: ImportReport): string[] {
  const line = (what: string) => (group: ReasonGroup) =>
    `${group.count} ${what}: ${group.example ?? group.reason}${group.lines.length === 0 ? '' : ` (${linesText(group)})`}`;
  return [...skippedGroups(report).map(line('skipped')), ...noteGroups(report).map(line('taken with a change'))];
}

function reportJson(report: ImportReport): object {
  return {
    ...report,
    skippedCounts: Object.fromEntries(report.skippedCounts),
    noteCounts: Object.fromEntries(report.noteCounts),
  };
}

/** Progress on a terminal only: an import is mostly quick, and a log needs nothing but the report. */
function progressLine(
  err: (text: string) => void,
): (done: { readonly bytes: number; readonly totalBytes: number; readonly taken: number }) => void {
  let shown = performance.now();
  return ({ bytes, totalBytes, taken }) => {
    if (!process.stderr.isTTY || performance.now() - shown < 200) return;
    shown = performance.now();
    const share = totalBytes === 0 ? '' : ` of ${Math.round(totalBytes / 1e6)} MB`;
    err(`\r\x1b[K${taken} rows, ${Math.round(bytes / 1e6)}${share}${bytes >= totalBytes ? '\r\x1b[K' : ''}`);
  };
}
