/**
 * Reads rerank requests: a JSONL file that names, for each query, the very documents to rerank. Lines are
 * `{query, documents: [string | {id, title, text, score}]}`; rank_llm's `{query: {text, qid}, candidates: [{docid, score,
 * doc}]}` is read as well.
 */
import type { Candidate, Query } from '../domain/candidate.js';
import { RationaleError } from '../domain/failure.js';
import { idOfText } from '../domain/identity.js';
import { isJsonObject, type Json, type JsonObject } from '../domain/json.js';
import { documentText, type CorpusDocument } from './beir.js';
import { Bm25Index } from './bm25.js';
import type { RankedCandidates } from './first-stage.js';
import { readJsonLines } from './json-lines.js';

/**
 * Whose order is the first stage: `given` the file's (by its scores, else as listed), `bm25` computed over the documents of
 * the request, `auto` the scores of a request that has one for every document, else BM25.
 */
export const requestOrders = ['auto', 'given', 'bm25'] as const;
export type RequestOrder = (typeof requestOrders)[number];

export interface Requests {
  readonly queries: readonly RankedCandidates[];
  /** Documents that stand twice in their request with the same text: taken once. */
  readonly repeated: number;
  /** Documents beyond `depth`. */
  readonly beyondDepth: number;
}

interface GivenDocument extends CorpusDocument {
  readonly score: number | null;
}

/**
 * Reads the request file at `path`; at most `depth` candidates a query (all when undefined). Throws RationaleError naming
 * file and line where something is missing, repeated or of the wrong type.
 */
export async function readRequests(path: string, order: RequestOrder, depth?: number): Promise<Requests> {
  const queries: RankedCandidates[] = [];
  const lineOf = new Map<string, number>();
  let repeated = 0;
  let beyondDepth = 0;
  for await (const { value, line } of readJsonLines(path)) {
    const fault = (what: string): RationaleError =>
      new RationaleError('user', `${path}, line ${line} ${what}. Nothing was reranked.`);
    const query = queryOf(value, fault);
    const earlier = lineOf.get(query.query_id);
    if (earlier !== undefined) {
      throw fault(`repeats the query of line ${earlier}; put its documents on one line, or give the two different ids`);
    }
    lineOf.set(query.query_id, line);
    const given = documentsOf(value, fault);
    repeated += given.repeated;
    const ranked = rankGiven(query.query, given.documents, order);
    beyondDepth += Math.max(0, ranked.length - (depth ?? ranked.length));
    queries.push({ query, candidates: ranked.slice(0, depth) });
  }
  if (queries.length === 0) throw new RationaleError('user', `${path} holds no request. Nothing was reranked.`);
  return { queries, repeated, beyondDepth };
}

type Fault = (what: string) => RationaleError;

function queryOf(value: JsonObject, fault: Fault): Query {
  const given = value['query'];
  const inner = isJsonObject(given) ? given : {};
  const text = isJsonObject(given) ? given['text'] : given;
  if (typeof text !== 'string' || text.trim() === '') throw fault('has no "query" (a text, or an object with "text")');
  const query = text.toWellFormed();
  const id = idOf(inner, ['qid', 'id', '_id', 'query_id']) ?? idOf(value, ['query_id', 'qid', 'id', '_id']);
  return { query_id: id ?? idOfText('q', query), query };
}

function documentsOf(value: JsonObject, fault: Fault): { documents: GivenDocument[]; repeated: number } {
  const list = value['documents'] ?? value['candidates'];
  if (!Array.isArray(list) || list.length === 0) throw fault('has no "documents" (a list with at least one)');
  const documents = new Map<string, GivenDocument>();
  let repeated = 0;
  (list as readonly Json[]).forEach((item, i) => {
    const document = documentOf(item, (what) => fault(`has a document (number ${i + 1}) that ${what}`));
    const known = documents.get(document.doc_id);
    if (known !== undefined && documentText(known) !== documentText(document)) {
      throw fault(`gives the id "${document.doc_id}" to two different documents`);
    }
    if (known === undefined) documents.set(document.doc_id, document);
    else repeated++;
  });
  return { documents: [...documents.values()], repeated };
}

function documentOf(item: Json, fault: Fault): GivenDocument {
  if (typeof item === 'string') return checked({ text: item, title: null, id: null, score: null }, fault);
  if (!isJsonObject(item)) throw fault('is neither a text nor an object');
  const inner = isJsonObject(item['doc']) ? item['doc'] : item;
  const text = ['text', 'contents', 'content', 'segment', 'body', 'passage', 'document']
    .map((key) => inner[key])
    .find((candidate) => typeof candidate === 'string');
  if (typeof text !== 'string') throw fault('has no "text"');
  const title = inner['title'] ?? item['title'] ?? null;
  if (title !== null && typeof title !== 'string') throw fault('has a "title" that is not a text');
  const score = item['score'] ?? null;
  if (score !== null && (typeof score !== 'number' || !Number.isFinite(score))) {
    throw fault('has a "score" that is not a number');
  }
  const keys = ['id', 'docid', 'doc_id', '_id'];
  return checked({ text, title, id: idOf(item, keys) ?? idOf(inner, keys), score }, fault);
}

function checked(
  found: { text: string; title: string | null; id: string | null; score: number | null },
  fault: Fault,
): GivenDocument {
  const text = found.text.toWellFormed();
  const title = found.title === null || found.title.trim() === '' ? null : found.title.toWellFormed();
  if (text.trim() === '' && title === null) throw fault('is empty');
  const body = documentText({ doc_id: '', title, text });
  return { doc_id: found.id ?? idOfText('d', body), title, text, score: found.score };
}

/** Ids may be numbers in JSON; a run or qrels then hold the same digits. */
function idOf(value: JsonObject, keys: readonly string[]): string | null {
  for (const key of keys) {
    const id = value[key];
    if (typeof id === 'number') return String(id);
    if (typeof id === 'string' && id !== '') return id.toWellFormed();
  }
  return null;
}

function rankGiven(query: string, documents: readonly GivenDocument[], order: RequestOrder): Candidate[] {
  const haveScores = documents.every((document) => document.score !== null);
  const scores =
    order === 'bm25' || (order === 'auto' && !haveScores)
      ? bm25Scores(query, documents)
      : documents.map((document, i) => (haveScores ? (document.score ?? 0) : documents.length - i));
  return documents
    .map((document, i) => ({ document, score: scores[i] ?? 0 }))
    .sort((a, b) => b.score - a.score)
    .map(({ document, score }, i) => ({
      doc_id: document.doc_id,
      title: document.title,
      document: documentText(document),
      uri: null,
      range: null,
      first_stage_rank: i + 1,
      first_stage_score: score,
    }));
}

/** Over the documents of the request alone: what tells them apart. 0 for those that share no term with the query. */
function bm25Scores(query: string, documents: readonly GivenDocument[]): number[] {
  const index = new Bm25Index();
  documents.forEach((document, i) => index.add(String(i), documentText(document)));
  const scores = documents.map(() => 0);
  for (const { id, score } of index.search(query, documents.length)) scores[Number(id)] = score;
  return scores;
}
