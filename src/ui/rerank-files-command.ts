/**
 * `Rerank Selected Files…` (a question over what is chosen in the explorer) and `Rerank Documents in File…` (the queries
 * and documents that a file of requests, a BEIR folder or a TREC run names).
 */
import path from 'node:path';
import * as vscode from 'vscode';
import { RationaleError } from '../domain/failure.js';
import type { Run } from '../runs/run.js';
import { collectionFolder } from './collection-folder.js';
import { ActionableError } from './errors.js';
import { readRequestSource, type RequestSource } from './request-source.js';
import { rerankQuestion, type RerankArguments } from './rerank-command.js';
import { selectedCandidates } from './selected-files.js';
import { readSetting } from './settings.js';
import { startRun, withSearchProgress, type RerankServices } from './start-run.js';

export interface SelectedArguments extends RerankArguments {
  /** Files and folders; asked for when absent. */
  readonly uris?: readonly vscode.Uri[];
}

/** Reranks passages of the files and folders for a question; undefined when given up. */
export async function rerankSelectedFiles(
  services: RerankServices,
  given: SelectedArguments,
): Promise<Run | undefined> {
  const engine = services.model.engine();
  const uris = given.uris ?? (await vscode.window.showOpenDialog({ canSelectMany: true, title: 'Files to rerank' }));
  if (uris === undefined) return undefined;
  const onDisk = uris.filter((uri) => uri.scheme === 'file');
  if (onDisk.length === 0) {
    throw new ActionableError('Choose files or folders on a disk in the explorer, then “Rerank Selected Files…”.', []);
  }
  return rerankQuestion(services, engine, given, 'Rerank Selected Files', async (question, depth, progress) => {
    const { candidates, files, passages, skipped } = await selectedCandidates(onDisk, question, depth, progress);
    for (const file of skipped) services.log.main.info(`not searched: ${file.path} (${file.detail})`);
    const [first] = skipped;
    if (first !== undefined && candidates.length > 0) {
      const what = skipped.length === 1 ? path.basename(first.path) : `${skipped.length} of the chosen files`;
      services.messages.show('warning', `${what} could not be searched (${first.detail}). The log names all of them.`);
    }
    const why = first === undefined ? '' : ` (${path.basename(first.path)}: ${first.detail})`;
    return {
      candidates,
      source: { over: 'selected files', files, passages },
      none: `Nothing in the chosen files can be ranked${why}.`,
    };
  });
}

export interface FileArguments {
  readonly source?: vscode.Uri;
  /** For a TREC run: the BEIR folder with its documents and queries. */
  readonly corpus?: vscode.Uri;
  /** The first so many queries; asked for when there are several. */
  readonly queries?: number;
}

/** Reranks what a file names: requests, a BEIR folder, or a TREC run with its corpus; undefined when given up. */
export async function rerankDocumentsInFile(services: RerankServices, given: FileArguments): Promise<Run | undefined> {
  const engine = services.model.engine();
  const source = given.source ?? (await pickSource());
  if (source === undefined) return undefined;
  const kind = await kindOf(source);
  const corpus = kind === 'run' ? (given.corpus ?? (await collectionFolder(source))) : undefined;
  if (kind === 'run' && corpus === undefined) return undefined;
  const what: RequestSource =
    kind === 'run' ? { kind, path: source.fsPath, beir: corpus?.fsPath ?? '' } : { kind, path: source.fsPath };
  const depth = readSetting('rerank.depth');
  const found = await withSearchProgress((progress) => readRequestSource(what, depth, progress));
  for (const notice of found.notices) services.log.main.info(`${source.fsPath}: ${notice}`);
  const withRows = found.queries.filter(({ candidates }) => candidates.length > 0);
  if (withRows.length === 0) {
    throw new RationaleError('user', `${source.fsPath}: no query has a document to rerank. ${found.notices.join(' ')}`);
  }
  const count = given.queries ?? (await pickCount(withRows.map(({ candidates }) => candidates.length)));
  if (count === undefined) return undefined;
  const [notice] = found.notices;
  if (notice !== undefined) services.messages.show('warning', `${path.basename(source.fsPath)}: ${notice}`);
  return startRun(services, engine, {
    name: path.basename(source.fsPath).replace(/\.[^.]*$/, ''),
    queries: withRows.slice(0, count),
    firstStage: { ...found.firstStage, depth },
  });
}

async function kindOf(source: vscode.Uri): Promise<RequestSource['kind']> {
  const info = await vscode.workspace.fs.stat(source).then(undefined, (error: unknown) => {
    throw new RationaleError('user', `${source.fsPath} cannot be read.`, { cause: error });
  });
  if ((info.type & vscode.FileType.Directory) !== 0) return 'beir';
  return /\.(jsonl|ndjson)$/i.test(source.path) ? 'requests' : 'run';
}

async function pickSource(): Promise<vscode.Uri | undefined> {
  const active = vscode.window.activeTextEditor?.document.uri;
  const usable = active?.scheme === 'file' && /\.(jsonl|ndjson|trec|run)$/i.test(active.path);
  const items = [
    ...(usable
      ? [{ label: `$(file) ${path.posix.basename(active.path)}`, description: 'the open file', uri: active }]
      : []),
    { label: 'A file of requests…', description: 'JSONL: {"query", "documents"} a line', folder: false },
    { label: 'A BEIR folder…', description: 'corpus.jsonl and queries.jsonl; candidates by BM25', folder: true },
    {
      label: 'A TREC run…',
      description: 'candidates as another system ranked them, with a BEIR folder',
      folder: false,
    },
  ];
  const picked = await vscode.window.showQuickPick(items, { title: 'Rerank Documents in File: which?' });
  if (picked === undefined) return undefined;
  if ('uri' in picked) return picked.uri;
  return pickPath(picked.folder, picked.label.replace(/…$/, ''));
}

/** Not every platform's dialog can offer files and folders at once. */
async function pickPath(folder: boolean, title: string): Promise<vscode.Uri | undefined> {
  const picked = await vscode.window.showOpenDialog({ canSelectFolders: folder, canSelectFiles: !folder, title });
  return picked?.[0];
}

/** How many queries to rerank, when there are several: each costs its documents. */
async function pickCount(documents: readonly number[]): Promise<number | undefined> {
  const all = documents.length;
  if (all === 1) return 1;
  const items = [...new Set([5, 20, 100, all])]
    .filter((count) => count <= all)
    .map((count) => ({
      label: count === all ? `All ${all} queries` : `The first ${count} queries`,
      description: `${documents.slice(0, count).reduce((sum, n) => sum + n, 0)} documents`,
      count,
    }));
  return (await vscode.window.showQuickPick(items, { title: 'Rerank Documents in File: how many queries?' }))?.count;
}
