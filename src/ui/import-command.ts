/**
 * `Import Judgements…`: a teacher's, a trainer's or another tool's file becomes a judgement file beside it. The format is
 * detected and can be changed, a table's columns are shown and mapped, and what was not taken is a report.
 */
import { access } from 'node:fs/promises';
import path from 'node:path';
import * as vscode from 'vscode';
import { viewTypes } from '../contributions.js';
import { chooseColumns, valueAt, type MappedField } from '../interchange/import/columns.js';
import { detectImporter, importFile, sampleRecords, type ImportReport } from '../interchange/import/import.js';
import type { ImportOptions } from '../interchange/import/importer.js';
import { importers } from '../interchange/import/registry.js';
import { collectionFolder } from './collection-folder.js';
import { ActionableError, type MessageAction, type Messages } from './errors.js';
import { importReport } from './import-report.js';
import { showReport } from './report-documents.js';

export interface ImportServices {
  readonly context: vscode.ExtensionContext;
  readonly messages: Messages;
}

/** Arguments for a keybinding or a test; what is missing is asked for. */
export interface ImportArguments {
  readonly source?: vscode.Uri;
  readonly importer?: string;
  readonly mapping?: NonNullable<ImportOptions['mapping']>;
  /** For runs and qrels: the folder with their documents and queries. */
  readonly corpus?: vscode.Uri;
  /** Absent: beside the source, under a name that is free. */
  readonly out?: vscode.Uri;
}

const title = 'Import Judgements';
const tableId = 'table';
const trecId = 'trec';

/** Runs the import; undefined when given up on the way. Throws RationaleError when nothing could be taken. */
export async function importJudgements(
  services: ImportServices,
  given: ImportArguments,
): Promise<ImportReport | undefined> {
  const source = given.source ?? (await pickSource());
  if (source === undefined) return undefined;
  if (source.scheme !== 'file') throw new ActionableError('Only files on a disk can be imported.', []);
  const importer = given.importer ?? (await pickImporter(source.fsPath));
  if (importer === undefined) return undefined;
  const mapping = given.mapping ?? (importer === tableId ? await pickMapping(source.fsPath) : {});
  if (mapping === undefined) return undefined;
  const corpus = given.corpus ?? (importer === trecId ? await collectionFolder(source) : undefined);
  if (importer === trecId && corpus === undefined) return undefined;
  const importOptions: ImportOptions = {
    ...(Object.keys(mapping).length === 0 ? {} : { mapping }),
    ...(corpus === undefined ? {} : { corpus: corpus.fsPath, queries: corpus.fsPath }),
  };
  const out = given.out?.fsPath ?? (await freeName(source.fsPath));
  const report = await vscode.window.withProgress(
    {
      location: vscode.ProgressLocation.Notification,
      title: `Importing ${path.basename(source.fsPath)}`,
      cancellable: true,
    },
    (progress, token) => {
      const abort = new AbortController();
      token.onCancellationRequested(() => abort.abort());
      return importFile({
        path: source.fsPath,
        importer,
        out,
        importOptions,
        toolVersion: String((services.context.extension.packageJSON as { version?: unknown }).version),
        signal: abort.signal,
        progress: ({ bytes, totalBytes, taken }) =>
          progress.report({
            message: `${taken} rows${totalBytes > 0 ? `, ${Math.round((100 * bytes) / totalBytes)} %` : ''}`,
          }),
      });
    },
  );
  sayResult(services.messages, source.fsPath, report);
  return report;
}

function sayResult(messages: Messages, source: string, report: ImportReport): void {
  const skipped = [...report.skippedCounts.values()].reduce((a, b) => a + b, 0);
  const show: MessageAction = {
    title: 'Show Report',
    run: () => showReport('Import Report', importReport(path.basename(source), report)),
  };
  if (report.out === null) {
    throw new ActionableError(
      `No row of ${path.basename(source)} could be taken as ${report.importer} (${report.read} read). Nothing was written; try another format.`,
      [show],
    );
  }
  const out = report.out;
  const open: MessageAction = {
    title: 'Open',
    run: () => vscode.commands.executeCommand('vscode.openWith', vscode.Uri.file(out), viewTypes.judgements),
  };
  const corrections = report.corrections === 0 ? '' : `, with ${report.corrections} corrections`;
  messages.show(
    skipped === 0 ? 'info' : 'warning',
    `${report.taken} rows imported to ${path.basename(out)}${corrections}${skipped === 0 ? '' : `; ${skipped} were skipped`}.`,
    skipped === 0 && report.noteCounts.size === 0 ? [open] : [open, show],
  );
}

const importable = /\.(jsonl|ndjson|json|csv|tsv|tab|parquet|trec|run|qrels)$/i;

async function pickSource(): Promise<vscode.Uri | undefined> {
  const active = vscode.window.activeTextEditor?.document.uri;
  const items = [
    ...(active?.scheme === 'file' && importable.test(active.path)
      ? [{ label: `$(file) ${path.posix.basename(active.path)}`, description: 'the open file', uri: active }]
      : []),
    { label: 'A file…', description: 'JSON Lines, JSON, CSV, TSV, Parquet, a TREC run or qrels', folder: false },
    { label: 'A folder…', description: 'BEIR, or a run with its qrels and corpus', folder: true },
  ];
  const picked = await vscode.window.showQuickPick(items, { title: `${title}: from where?` });
  if (picked === undefined) return undefined;
  if ('uri' in picked) return picked.uri;
  const { folder } = picked;
  return (await vscode.window.showOpenDialog({ canSelectFolders: folder, canSelectFiles: !folder, title }))?.[0];
}

/** The formats that know the file first, with how sure they are; then the others, which it may be all the same. */
async function pickImporter(source: string): Promise<string | undefined> {
  const detected = await detectImporter(source);
  const confidence = new Map(detected.map(({ id, confidence: sure }) => [id, sure]));
  const items = importers
    .map(({ id, title: label }) => {
      const sure = confidence.get(id) ?? 0;
      return { label, description: sure === 0 ? id : `${id} · ${Math.round(sure * 100)} % sure`, id, sure };
    })
    .sort((a, b) => b.sure - a.sure);
  const [first] = items;
  const what = first === undefined || first.sure === 0 ? 'no format is recognised; which is it?' : 'in which format?';
  const picked = await vscode.window.showQuickPick(items, {
    title: `${title}: ${path.basename(source)}, ${what}`,
    matchOnDescription: true,
  });
  return picked?.id;
}

const questions: readonly { readonly field: MappedField; readonly what: string; readonly required?: true }[] = [
  { field: 'query', what: 'the query', required: true },
  { field: 'document', what: 'the document', required: true },
  { field: 'label', what: 'the label' },
  { field: 'explanation', what: 'the explanation' },
  { field: 'query_id', what: "the query's id" },
  { field: 'doc_id', what: "the document's id" },
];

/** Asks for each field which column holds it, with the first values to see; what the names say comes first. */
async function pickMapping(source: string): Promise<NonNullable<ImportOptions['mapping']> | undefined> {
  const sample = await sampleRecords(source);
  const columns = [...new Set(sample.flatMap((record) => Object.keys(record)))];
  const guessed = chooseColumns(columns);
  const mapping: { [key in MappedField]?: string } = {};
  for (const { field, what, required } of questions) {
    const guess = guessed.get(field);
    const items = columns
      .filter((column) => !Object.values(mapping).includes(column))
      .map((column) => ({
        label: column,
        description: column === guess ? 'by its name' : '',
        detail: preview(column),
        column,
      }))
      .sort((a, b) => Number(b.column === guess) - Number(a.column === guess));
    const none = { label: 'No column', description: `the file does not hold ${what}`, detail: '', column: undefined };
    const offered = required === true ? items : guess === undefined ? [none, ...items] : [...items, none];
    const picked = await vscode.window.showQuickPick(offered, {
      title: `${title}: which column holds ${what}?`,
      matchOnDetail: true,
      ignoreFocusOut: true,
    });
    if (picked === undefined) return undefined;
    if (picked.column !== undefined) mapping[field] = picked.column;
  }
  return mapping;

  function preview(column: string): string {
    const values = sample.slice(0, 3).map((record) => {
      const value = valueAt(record, column);
      return typeof value === 'string' ? value : JSON.stringify(value ?? null);
    });
    return values.map((value) => value.replace(/\s+/g, ' ').slice(0, 60).toWellFormed()).join(' · ');
  }
}

/** `SOURCE.judgements.jsonl` beside the source, with a number where that is taken: an import overwrites nothing. */
async function freeName(source: string): Promise<string> {
  const stem = path.join(path.dirname(source), path.basename(source).replace(/\.[^.]+$/, ''));
  for (let n = 1; ; n++) {
    const file = `${stem}${n === 1 ? '' : `-${n}`}.judgements.jsonl`;
    const taken = await access(file).then(
      () => true,
      () => false,
    );
    if (!taken) return file;
  }
}
