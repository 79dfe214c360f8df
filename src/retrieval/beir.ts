/** Reads a test collection in BEIR's layout: `corpus.jsonl`, `queries.jsonl` and `qrels/test.tsv` in one folder. */
import { join } from 'node:path';
import type { Query } from '../domain/candidate.js';
import { RationaleError } from '../domain/failure.js';
import { readJsonLines, type JsonLine } from './json-lines.js';
import { readQrels, type Qrels } from './trec.js';

export interface CorpusDocument {
  readonly doc_id: string;
  readonly title: string | null;
  readonly text: string;
}

/** Documents by id, in the order of the file. */
export type Corpus = ReadonlyMap<string, CorpusDocument>;

/** What is indexed, reranked and shown of a document: the title on a line of its own, where there is one, then the text. */
export function documentText(document: CorpusDocument): string {
  return document.title === null ? document.text : `${document.title}\n${document.text}`.trim();
}

/** Reads `corpus.jsonl` of the folder `beir`. @throws RationaleError naming file and line. */
export async function readCorpus(beir: string): Promise<Corpus> {
  const path = join(beir, 'corpus.jsonl');
  const corpus = new Map<string, CorpusDocument>();
  for await (const row of readJsonLines(path)) {
    const doc_id = idOf(row, path);
    if (corpus.has(doc_id)) throw wrong(path, row, `repeats the document "${doc_id}"`);
    const title = row.value['title'] ?? '';
    if (typeof title !== 'string') throw wrong(path, row, 'has a "title" that is not a string');
    corpus.set(doc_id, { doc_id, title: title.trim() === '' ? null : title, text: textOf(row, path) });
  }
  return corpus;
}

/** Reads `queries.jsonl` of the folder `beir`, in the order of the file. @throws RationaleError naming file and line. */
export async function readQueries(beir: string): Promise<Query[]> {
  const path = join(beir, 'queries.jsonl');
  const queries = new Map<string, Query>();
  for await (const row of readJsonLines(path)) {
    const query_id = idOf(row, path);
    if (queries.has(query_id)) throw wrong(path, row, `repeats the query "${query_id}"`);
    queries.set(query_id, { query_id, query: textOf(row, path) });
  }
  return [...queries.values()];
}

/** Reads `qrels/test.tsv` of the folder `beir`. @throws RationaleError naming file and line. */
export function readBeirQrels(beir: string): Promise<Qrels> {
  return readQrels(join(beir, 'qrels', 'test.tsv'));
}

function idOf(row: JsonLine, path: string): string {
  const id = row.value['_id'];
  // Some published collections write numbers here; the qrels then hold the same digits.
  if (typeof id === 'number') return String(id);
  if (typeof id !== 'string' || id === '') throw wrong(path, row, 'has no "_id"');
  return id;
}

function textOf(row: JsonLine, path: string): string {
  const text = row.value['text'];
  if (typeof text !== 'string') throw wrong(path, row, 'has no "text"');
  return text;
}

function wrong(path: string, row: JsonLine, what: string): RationaleError {
  return new RationaleError('user', `${path}, line ${row.line} ${what}. Nothing was loaded.`);
}
