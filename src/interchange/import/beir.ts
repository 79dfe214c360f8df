/**
 * BEIR folders (beir-cellar/beir, beir/datasets/data_loader.py): `corpus.jsonl` {_id, title, text}, `queries.jsonl`
 * {_id, text} and `qrels/SPLIT.tsv` under the header `query-id corpus-id score`. Each judged pair becomes a row whose label
 * is its relevance, on the scale `qrels` unless another is named.
 */
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf, RationaleError } from '../../domain/failure.js';
import { readCollection } from './collection-rows.js';
import type { FolderImporter } from './importer.js';

export const beirImporter: FolderImporter = {
  kind: 'folder',
  id: 'beir',
  title: 'BEIR folder: the judged pairs of corpus.jsonl, queries.jsonl and qrels',
  async detect(path) {
    try {
      const names = await readdir(path);
      return names.includes('corpus.jsonl') && names.includes('queries.jsonl') && names.includes('qrels') ? 1 : 0;
    } catch {
      return 0;
    }
  },
  async *read(path, options) {
    const corpus = await fileIn(options.corpus ?? path, 'corpus.jsonl');
    const queries = await fileIn(options.queries ?? path, 'queries.jsonl');
    const qrels = options.qrels ?? (await onlyQrels(path));
    yield* readCollection({ corpus, queries, qrels }, options);
  },
};

/** `test.tsv`, which BEIR evaluates, else the only split that there is. */
async function onlyQrels(path: string): Promise<string> {
  const folder = join(path, 'qrels');
  let names: string[];
  try {
    names = (await readdir(folder)).filter((name) => name.endsWith('.tsv')).sort();
  } catch (error) {
    throw new RationaleError('user', `Cannot read ${folder}: ${messageOf(error)}. Nothing was written.`, {
      cause: error,
    });
  }
  const [first] = names;
  if (names.includes('test.tsv')) return join(folder, 'test.tsv');
  if (first !== undefined && names.length === 1) return join(folder, first);
  const there = names.length === 0 ? 'no .tsv' : names.join(', ');
  throw new RationaleError('user', `${folder} holds ${there}; name the qrels to import. Nothing was written.`);
}

/** `path`, or the file `name` in it where it is a folder. Throws RationaleError when there is no such file. */
async function fileIn(path: string, name: string): Promise<string> {
  try {
    const file = (await stat(path)).isDirectory() ? join(path, name) : path;
    await stat(file);
    return file;
  } catch (error) {
    throw new RationaleError('user', `Cannot find ${name} at ${path}: ${messageOf(error)}. Nothing was written.`, {
      cause: error,
    });
  }
}
