/**
 * The files of a test collection, streamed line by line with their numbers, so that an import can say which line it could
 * not use: TREC runs and qrels, BEIR's qrels, and texts of queries. (src/retrieval/trec.ts reads the same for evaluation,
 * whole, and stops at the first fault.)
 */
import { open, type FileHandle } from 'node:fs/promises';
import { extname } from 'node:path';
import { messageOf, RationaleError } from '../../domain/failure.js';
import { isJsonObject, type JsonObject } from '../../domain/json.js';
import { decodeId } from '../../retrieval/trec.js';
import { readText } from './fields.js';

/** One line of a run or of qrels; `value` is the score or the relevance. */
export type PairLine =
  | { readonly line: number; readonly query: string; readonly document: string; readonly value: number }
  | { readonly line: number; readonly reason: string };

export interface TextLine {
  /** From 1. */
  readonly line: number;
  /** Without the line end. */
  readonly text: string;
  /** Where its bytes stand in the file. */
  readonly offset: number;
  readonly bytes: number;
}

const newline = 0x0a;
const blockSize = 1 << 20;

/** The lines of a UTF-8 file that are not blank, in constant memory. Throws RationaleError when it cannot be read. */
export async function* readLines(path: string, what: string): AsyncGenerator<TextLine> {
  let file: FileHandle | undefined;
  try {
    file = await open(path, 'r');
    let buffer = Buffer.allocUnsafe(blockSize);
    let kept = 0;
    let start = 0;
    let line = 0;
    for (let ended = false; !ended;) {
      if (kept === buffer.length) buffer = Buffer.concat([buffer], buffer.length * 2);
      const { bytesRead } = await file.read(buffer, kept, buffer.length - kept, start + kept);
      ended = bytesRead === 0;
      const end = kept + bytesRead;
      let from = 0;
      while (from < end) {
        const at = buffer.subarray(0, end).indexOf(newline, from);
        if (at < 0 && !ended) break;
        const to = at < 0 ? end : at;
        line++;
        const text = buffer
          .toString('utf8', from, to)
          .replace(/^\ufeff/, '')
          .replace(/\r$/, '');
        if (text.trim() !== '') yield { line, text, offset: start + from, bytes: to - from };
        from = Math.min(to + 1, end);
      }
      buffer.copy(buffer, 0, from, end);
      start += from;
      kept = end - from;
    }
  } catch (error) {
    if (error instanceof RationaleError) throw error;
    throw new RationaleError('user', `Cannot read the ${what} ${path}: ${messageOf(error)}. Nothing was written.`, {
      cause: error,
    });
  } finally {
    await file?.close();
  }
}

/**
 * The lines of qrels: TREC's (`qid 0 docid rel`, ids percent-encoded) or BEIR's (three columns between tabs under a
 * header, ids as they are), told apart by the first line. Throws RationaleError when BEIR's header is missing: its own
 * loader passes over the first line whatever it says.
 */
export async function* readQrelsLines(path: string): AsyncGenerator<PairLine> {
  let beir: boolean | undefined;
  for await (const { line, text } of readLines(path, 'qrels')) {
    if (beir === undefined) {
      beir = text.split('\t').length === 3;
      if (beir && /\t\s*[+-]?\d+\s*$/.test(text)) {
        throw new RationaleError(
          'user',
          `${path}, line ${line} has three columns as in BEIR, but the header "query-id\\tcorpus-id\\tscore" is missing. Nothing was written.`,
        );
      }
      if (beir) continue;
    }
    const columns = beir ? text.split('\t') : text.trim().split(/\s+/);
    const [query, document, relevance] = beir ? columns : [columns[0], columns[2], columns[3]];
    if (columns.length !== (beir ? 3 : 4) || query === undefined || document === undefined || relevance === undefined) {
      const right = beir ? '3 between tabs (query-id corpus-id score)' : '4 (qid 0 docid rel)';
      yield { line, reason: `not a line of qrels: ${columns.length} columns instead of ${right}` };
    } else if (!/^\s*[+-]?\d{1,15}\s*$/.test(relevance)) {
      yield { line, reason: `the relevance is not an integer: "${relevance}"` };
    } else {
      const value = Number(relevance) || 0;
      yield beir
        ? { line, query, document, value }
        : { line, query: decodeId(query), document: decodeId(document), value };
    }
  }
}

/** The lines of a TREC run (`qid Q0 docid rank score tag`), ids percent-decoded; its ranks play no part. */
export async function* readRunLines(path: string): AsyncGenerator<PairLine> {
  for await (const { line, text } of readLines(path, 'run')) {
    const columns = text.trim().split(/\s+/);
    const [query, , document, , score] = columns;
    if (columns.length !== 6 || query === undefined || document === undefined || score === undefined) {
      const hint = 'instead of 6 (qid Q0 docid rank score tag); an id with a space in it must be percent-encoded';
      yield { line, reason: `not a line of a run: ${columns.length} columns ${hint}` };
      continue;
    }
    const value = Number(score);
    if (Number.isFinite(value)) yield { line, query: decodeId(query), document: decodeId(document), value };
    else yield { line, reason: `the score is not a finite number: "${score}"` };
  }
}

/** Texts of queries by id, from JSON Lines (`_id`, `text`) or a table of `id TAB text`. Throws RationaleError likewise. */
export async function readQueryTexts(path: string): Promise<ReadonlyMap<string, string>> {
  const texts = new Map<string, string>();
  for await (const { text } of readLines(path, 'queries')) {
    const entry = parseEntry(text, path);
    if (entry !== null) texts.set(entry.id, entry.text);
  }
  if (texts.size === 0) {
    throw new RationaleError(
      'user',
      `${path} holds no query, neither JSON Lines with "_id" and "text" nor lines of id, tab, text. Nothing was written.`,
    );
  }
  return texts;
}

export interface TextEntry {
  readonly id: string;
  readonly title: string | null;
  readonly text: string;
}

/**
 * A line of a corpus or of queries: a JSON object (BEIR's `_id`, `title`, `text`; Anserini's `id`, `contents`), or in a
 * `.tsv`, `.tab` or `.txt` columns `id text`, `id title text`, or MS MARCO's `id url title body`. Null for anything else.
 */
export function parseEntry(line: string, path: string): TextEntry | null {
  if (['.tsv', '.tab', '.txt'].includes(extname(path).toLowerCase()) && !line.startsWith('{')) {
    const columns = line.split('\t');
    const [id = ''] = columns;
    const text = columns.length >= 2 ? columns.at(-1) : undefined;
    const title = columns.length >= 3 ? (columns.at(-2) ?? null) : null;
    return id === '' || text === undefined ? null : { id, title: emptyAsNull(title), text };
  }
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return null;
  }
  if (!isJsonObject(value)) return null;
  const id = firstText(value, ['_id', 'id', 'docid', 'doc_id', 'qid', 'query_id']);
  const text = firstText(value, ['text', 'contents', 'segment', 'content', 'body', 'query', 'title']);
  if (id === null || id === '' || text === null) return null;
  return { id, title: emptyAsNull(readText(value['title'])), text };
}

function firstText(value: JsonObject, keys: readonly string[]): string | null {
  for (const key of keys) {
    const text = readText(value[key]);
    if (text !== null) return text;
  }
  return null;
}

function emptyAsNull(text: string | null): string | null {
  return text === null || text.trim() === '' ? null : text;
}
