/**
 * Leakage: queries of an export that also stand in an evaluation set, by id or by text. A model trained on them says nothing
 * about that set any more.
 */
import { createHash } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { messageOf, RationaleError } from '../domain/failure.js';
import { isJsonObject } from '../domain/json.js';

export interface EvaluationSet {
  /** As given. */
  readonly path: string;
  readonly name: string;
  readonly ids: ReadonlySet<string>;
  /** Texts with white space and case evened out; empty for a qrels file, which holds none. */
  readonly texts: ReadonlySet<string>;
  /** Over its files' bytes in the order of their names. */
  readonly sha256: string;
}

export interface Leakage {
  readonly path: string;
  readonly name: string;
  readonly sha256: string;
  /** Queries of the export whose text (where the set has texts) or else whose id is in the set. */
  readonly queries: number;
  /** At most 10 of their ids. */
  readonly ids: readonly string[];
}

/**
 * Reads a BEIR folder (`queries.jsonl`, `qrels/*.tsv`) or a qrels file (TREC: four columns, or BEIR's three with a header).
 * A folder's queries count only where its qrels name them, if it has any. Throws RationaleError (user) where it is neither.
 */
export async function readEvaluationSet(path: string): Promise<EvaluationSet> {
  try {
    const hash = createHash('sha256');
    const name = basename(path);
    if (!(await stat(path)).isDirectory()) {
      const ids = await qrelsIds(path, hash);
      return { path, name, ids, texts: new Set(), sha256: hash.digest('hex') };
    }
    const judged = new Set<string>();
    const folder = join(path, 'qrels');
    const names = await readdir(folder).catch(() => []);
    for (const file of names.filter((n) => /\.(?:tsv|txt|qrels)$/i.test(n)).sort()) {
      for (const id of await qrelsIds(join(folder, file), hash)) judged.add(id);
    }
    const ids = new Set<string>();
    const texts = new Set<string>();
    for (const line of await linesOf(join(path, 'queries.jsonl'), hash)) {
      const query: unknown = JSON.parse(line);
      if (!isJsonObject(query)) continue;
      const id = typeof query['_id'] === 'string' ? query['_id'] : JSON.stringify(query['_id'] ?? '');
      if (judged.size > 0 && !judged.has(id)) continue;
      ids.add(id);
      if (typeof query['text'] === 'string') texts.add(evened(query['text']));
    }
    return { path, name, ids, texts, sha256: hash.digest('hex') };
  } catch (error) {
    throw new RationaleError(
      'user',
      `Cannot read the evaluation set ${path}: ${messageOf(error)}. Give a BEIR folder (queries.jsonl, qrels/) or a qrels file.`,
      { cause: error },
    );
  }
}

/** True where the query is in the set. Where the set has texts they decide: ids such as "1" mean nothing across data sets. */
export function isIn(set: EvaluationSet, query: { readonly query_id: string; readonly query: string }): boolean {
  return set.texts.size > 0 ? set.texts.has(evened(query.query)) : set.ids.has(query.query_id);
}

async function qrelsIds(path: string, hash: ReturnType<typeof createHash>): Promise<ReadonlySet<string>> {
  const ids = new Set<string>();
  let number = 0;
  for (const line of await linesOf(path, hash)) {
    number++;
    const fields = line.split(line.includes('\t') ? '\t' : /\s+/);
    // BEIR's header, and its rows of three fields.
    if (number === 1 && !/^-?\d+$/.test(fields.at(-1) ?? '')) continue;
    if (fields.length < 3 || fields[0] === undefined || fields[0] === '') {
      throw new RationaleError('user', `line ${number} is no line of qrels`);
    }
    ids.add(fields[0]);
  }
  return ids;
}

async function linesOf(path: string, hash: ReturnType<typeof createHash>): Promise<string[]> {
  const bytes = await readFile(path);
  hash.update(bytes);
  const lines = bytes
    .toString('utf8')
    .replace(/^\uFEFF/, '')
    .split('\n');
  return lines.map((line) => line.trim()).filter((line) => line !== '');
}

function evened(text: string): string {
  return text.normalize('NFKC').toLowerCase().replace(/\s+/g, ' ').trim();
}
