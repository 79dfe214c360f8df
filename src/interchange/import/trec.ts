/**
 * TREC runs (`qid Q0 docid rank score tag`) and qrels (`qid 0 docid rel`) with the corpus and the queries whose ids they
 * hold (trec_eval, README). A run's documents become rows to be judged, in trec_eval's order; where qrels judge them, with
 * that label. The path is a run, qrels, or a folder with either or both.
 */
import { open, readdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { RationaleError } from '../../domain/failure.js';
import { readCollection } from './collection-rows.js';
import type { FolderImporter, ImportOptions } from './importer.js';

export const trecImporter: FolderImporter = {
  kind: 'folder',
  id: 'trec',
  title: 'TREC run and qrels, with a corpus and queries',
  async detect(path) {
    try {
      const { run, qrels } = await decidingFiles(path, {});
      return run !== undefined || qrels !== undefined ? 0.9 : 0;
    } catch {
      return 0;
    }
  },
  async *read(path, options) {
    const { run, qrels, folder } = await decidingFiles(path, options);
    if (run === undefined && qrels === undefined) {
      throw new RationaleError(
        'user',
        `${path} is neither a TREC run (6 columns) nor qrels (4 columns), and holds none. Nothing was written.`,
      );
    }
    const corpus = await findFile(options.corpus, folder, ['corpus.jsonl', 'corpus.tsv', 'collection.tsv'], 'corpus');
    const queries = await findFile(
      options.queries,
      folder,
      ['queries.jsonl', 'queries.tsv', 'topics.tsv', 'queries.txt', 'topics.txt'],
      'queries',
    );
    yield* readCollection(
      { corpus, queries, ...(run === undefined ? {} : { run }), ...(qrels === undefined ? {} : { qrels }) },
      options,
    );
  },
};

interface Deciding {
  readonly run?: string;
  readonly qrels?: string;
  /** Where corpus and queries are looked for. */
  readonly folder: string;
}

/** Which files are run and qrels, by their columns. Throws RationaleError where a folder holds several of a kind. */
async function decidingFiles(path: string, options: ImportOptions): Promise<Deciding> {
  const isFolder = (await stat(path)).isDirectory();
  const files = isFolder
    ? (await readdir(path, { withFileTypes: true }))
        .filter((entry) => entry.isFile() && !/\.(?:jsonl?|tsv|csv|parquet|md|gz|zip)$/i.test(entry.name))
        .map((entry) => join(path, entry.name))
        .sort()
    : [path];
  const found: { run: string[]; qrels: string[] } = { run: [], qrels: [] };
  for (const file of files) {
    const kind = await kindOf(file);
    if (kind !== undefined) found[kind].push(file);
  }
  for (const kind of ['run', 'qrels'] as const) {
    if (found[kind].length > 1 && !(kind === 'qrels' && options.qrels !== undefined)) {
      const names = found[kind].map((file) => basename(file)).join(', ');
      throw new RationaleError(
        'user',
        `${path} holds several files that are ${kind} (${names}); name one. Nothing was written.`,
      );
    }
  }
  const [run] = found.run;
  const qrels = options.qrels ?? found.qrels[0];
  return {
    ...(run === undefined ? {} : { run }),
    ...(qrels === undefined ? {} : { qrels }),
    folder: isFolder ? path : dirname(path),
  };
}

const headSize = 1 << 16;

/**
 * Runs have six columns, the fourth a rank and the fifth a score; qrels four, the last an integer. Only the beginning is
 * looked at: any file may lie in a folder.
 */
async function kindOf(path: string): Promise<'run' | 'qrels' | undefined> {
  const file = await open(path, 'r');
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(headSize), 0, headSize, 0);
    const lines = buffer
      .toString('utf8', 0, bytesRead)
      .replace(/^\ufeff/, '')
      .split('\n');
    if (bytesRead === headSize) lines.pop();
    const kinds = lines.filter((line) => line.trim() !== '').map(kindOfLine);
    const [first] = kinds;
    // A malformed line is for the report to tell; most must fit.
    const fitting = kinds.filter((kind) => kind === first).length;
    return fitting * 5 >= kinds.length * 4 ? first : undefined;
  } finally {
    await file.close();
  }
}

function kindOfLine(line: string): 'run' | 'qrels' | undefined {
  const columns = line.trim().split(/\s+/);
  const [, second = '', , fourth = '', fifth = ''] = columns;
  if (columns.length === 6) return /^[+-]?\d+$/.test(fourth) && Number.isFinite(Number(fifth)) ? 'run' : undefined;
  return columns.length === 4 && second.length <= 8 && /^[+-]?\d+$/.test(fourth) ? 'qrels' : undefined;
}

/** The file that the user names (or `names` in the folder they name), else one of `names` in `folder`. */
async function findFile(
  named: string | undefined,
  folder: string,
  names: readonly string[],
  what: string,
): Promise<string> {
  const place = named ?? folder;
  const isFolder = await stat(place).then(
    (found) => found.isDirectory(),
    () => false,
  );
  if (!isFolder) return place;
  const there = new Set(await readdir(place));
  const name = names.find((each) => there.has(each));
  if (name === undefined) {
    throw new RationaleError(
      'user',
      `There is no ${what} in ${place} (${names.join(', ')}), and a run or qrels hold only ids; name the ${what}. Nothing was written.`,
    );
  }
  return join(place, name);
}
