/** Reranking files and folders for one question, printed as a table or JSON. */
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { pathToFileURL } from 'node:url';
import { RationaleError, messageOf } from '../domain/failure.js';
import { idOfText } from '../domain/identity.js';
import { PassageIndex } from '../retrieval/passage-index.js';
import { defaultMaxBytes, listFiles, readTextFile, type ListedFile } from '../retrieval/workspace.js';
import type { Run } from '../runs/run.js';
import { judgementSuffix } from '../runs/run-file.js';
import { RunSession } from '../runs/session.js';
import type { CliContext } from './command.js';
import { followRun } from './follow-run.js';
import { rankingResults, rankingTable, rationaleNotice, relevanceNotice } from './ranking-output.js';
import type { RerankOptions } from './rerank.js';

export interface PathsOptions {
  readonly question: string;
  readonly paths: readonly string[];
  readonly judgements: string | undefined;
  readonly format: 'table' | 'json';
}

/** Finds, reranks and prints. Throws RationaleError on bad input and when the run failed. */
export async function rerankPaths(what: PathsOptions, options: RerankOptions, context: CliContext): Promise<void> {
  const { err, out, signal } = context;
  const question = what.question.trim();
  if (question === '') throw new RationaleError('user', 'the question is empty.');
  if (what.paths.length === 0) throw new RationaleError('user', 'name the files or folders to look in.');
  const index = await indexPaths(what.paths, err, signal);
  const candidates = await index.candidates(question, options.depth);
  if (candidates.length === 0) {
    throw new RationaleError(
      'user',
      `nothing in ${what.paths.join(' ')} shares a word with the question (${index.fileCount} files, ${index.passageCount} passages looked at).`,
    );
  }
  const scratch = what.judgements === undefined ? await mkdtemp(path.join(tmpdir(), 'rationale-')) : undefined;
  try {
    const { run } = await followRun(
      {
        engine: options.engine,
        resumed: false,
        start: () =>
          RunSession.start({
            path: what.judgements ?? path.join(scratch ?? '', `run${judgementSuffix}`),
            engine: options.engine,
            toolVersion: context.version,
            queries: [{ query: { query_id: idOfText('q', question), query: question }, candidates }],
            settings: {
              ...options.answers,
              firstStage: { method: 'bm25', k1: 1.2, b: 0.75, depth: options.depth },
            },
          }),
      },
      context,
    );
    out(what.format === 'json' ? asJson(run) : `${rankingTable(run)}${relevanceNotice(run)}${rationaleNotice(run)}`);
  } finally {
    if (scratch !== undefined) await rm(scratch, { recursive: true, force: true });
  }
}

async function indexPaths(
  paths: readonly string[],
  err: (text: string) => void,
  signal: AbortSignal,
): Promise<PassageIndex> {
  const files: ListedFile[] = [];
  for (const given of paths) {
    const info = await stat(given).catch((error: unknown) => {
      throw new RationaleError('user', `${given} cannot be read: ${messageOf(error)}.`, { cause: error });
    });
    if (info.isDirectory()) {
      const listing = await listFiles(path.resolve(given), { signal });
      files.push(...listing.files.map((file) => ({ ...file, path: path.posix.join(given, file.path) })));
      for (const skipped of listing.skipped)
        err(`${path.join(given, skipped.path)}: not read, ${skipped.reason}: ${skipped.detail}\n`);
    } else files.push({ path: given, size: info.size, mtime: info.mtimeMs });
  }
  const index = new PassageIndex({
    read: (file) => readTextFile(file, { maxBytes: defaultMaxBytes }),
    uri: (file) => (path.isAbsolute(file) ? pathToFileURL(file).href : file),
  });
  const { skipped } = await index.refresh(files, { signal });
  for (const file of skipped) err(`${file.path}: not read, ${file.reason}: ${file.detail}\n`);
  return index;
}

function asJson(run: Run): string {
  const head = {
    query: run.record.queries[0]?.query,
    model: run.record.model,
    nothing_relevant: relevanceNotice(run) !== '',
  };
  return `${JSON.stringify({ ...head, results: rankingResults(run) }, null, 2)}\n`;
}
