/**
 * Which columns, fields or questions of a foreign record hold our fields: named by the user (`--map query=COLUMN`), else
 * guessed from their names. One place, because tables and the annotation tools name things alike.
 */
import { isJsonObject, type Json, type JsonObject } from '../../domain/json.js';
import type { ImportOptions } from './importer.js';

type Mapping = NonNullable<ImportOptions['mapping']>;
export type MappedField = keyof Mapping;

/** Names in the order of preference, without case and separators (`Query-ID`, `query_id` and `queryId` are one). */
const names: Readonly<Record<MappedField, readonly string[]>> = {
  query: ['query', 'question', 'querytext', 'questiontext', 'searchquery', 'topic', 'q'],
  document: [
    'document',
    'passage',
    'documenttext',
    'passagetext',
    'doctext',
    'doc',
    'text',
    'segment',
    'contents',
    'content',
    'body',
  ],
  label: ['label', 'relevance', 'relevancelabel', 'judgement', 'judgment', 'grade', 'relevant', 'rel', 'rating'],
  explanation: ['explanation', 'rationale', 'reasoning', 'reason', 'justification'],
  query_id: ['queryid', 'qid', 'questionid', 'topicid'],
  doc_id: ['docid', 'documentid', 'docno', 'passageid', 'corpusid', 'pid', 'did'],
  title: ['title', 'doctitle', 'documenttitle'],
  score: ['score', 'relevancescore', 'modelscore'],
};
const mappedFields = Object.keys(names) as MappedField[];

/** Path in the record of each of our fields that has one. */
export type Columns = ReadonlyMap<MappedField, string>;

/** Our fields among `keys`: as `mapping` says, the others guessed by name; a key serves one field only. */
export function chooseColumns(keys: readonly string[], mapping: Mapping = {}): Columns {
  const columns = new Map<MappedField, string>();
  const taken = new Set<string>();
  for (const field of mappedFields) {
    const path = mapping[field];
    if (path === undefined) continue;
    columns.set(field, path);
    taken.add(path);
  }
  const byName = new Map<string, string>();
  for (const key of keys) {
    const plain = plainName(key);
    if (!taken.has(key) && !byName.has(plain)) byName.set(plain, key);
  }
  for (const field of mappedFields) {
    if (columns.has(field)) continue;
    const name = names[field].find((candidate) => byName.has(candidate));
    const key = name === undefined ? undefined : byName.get(name);
    if (key !== undefined) columns.set(field, key);
  }
  return columns;
}

/** The value at `path`: a key of that very name, else its parts between dots, array positions from 0. */
export function valueAt(record: JsonObject, path: string): Json | undefined {
  if (Object.hasOwn(record, path)) return record[path];
  let value: Json | undefined = record;
  for (const part of path.split('.')) {
    if (Array.isArray(value)) value = /^\d+$/.test(part) ? (value as readonly Json[])[Number(part)] : undefined;
    else if (isJsonObject(value)) value = Object.hasOwn(value, part) ? value[part] : undefined;
    else return undefined;
  }
  return value;
}

function plainName(key: string): string {
  return key.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, '');
}
