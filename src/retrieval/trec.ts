/**
 * TREC runs and relevance judgements (qrels), as trec_eval reads them, and BEIR's qrels. A TREC line is split at white
 * space, so ids that hold some (file paths, 12 ids of BRIGHT) are percent-encoded: in runs and in TREC qrels alike, by
 * the one pair of functions here. In memory ids are always plain.
 */
import { readFile } from 'node:fs/promises';
import { messageOf, RationaleError } from '../domain/failure.js';

/** Query id → document id → score. */
export type Run = ReadonlyMap<string, ReadonlyMap<string, number>>;
/** Query id → document id → relevance, an integer (0 judged and not relevant; below 0 counts as not relevant, too). */
export type Qrels = ReadonlyMap<string, ReadonlyMap<string, number>>;

/** One query of a run to be written: documents in ranking order, best first. */
export interface RankedQuery {
  readonly query_id: string;
  readonly ranking: readonly { readonly doc_id: string; readonly score: number }[];
}

/** What C's isspace or Python's str.split takes for white space, the control characters, and the escape itself. */
const unsafe = /[\s\p{Cc}%]/gu;
const escape = (character: string) => encodeURIComponent(character);
/** Only what the encoder writes is decoded, so that an id that came with `%C3%A9` in it from elsewhere stays as it is. */
const escapes = /%[0-9A-F]{2}(?:%[89AB][0-9A-F])*/g;

/** `id` without white space: each such character, control character and `%` as percent-encoded UTF-8. */
export function encodeId(id: string): string {
  return id.replace(unsafe, escape);
}

/** The inverse of `encodeId`. */
export function decodeId(encoded: string): string {
  if (!encoded.includes('%')) return encoded;
  return encoded.replace(escapes, (sequence) => {
    try {
      const plain = decodeURIComponent(sequence);
      return encodeId(plain) === sequence ? plain : sequence;
    } catch {
      return sequence;
    }
  });
}

/**
 * A TREC run of six columns, `qid Q0 docid rank score tag`. trec_eval ignores the rank and sorts by the score as a
 * 32-bit float with ties by descending id, so scores that would not keep the order given are lowered to the next float
 * below the one before; the others are written as they are.
 */
export function formatRun(queries: Iterable<RankedQuery>, tag: string): string {
  const lines: string[] = [];
  for (const { query_id, ranking } of queries) {
    let previous = Infinity;
    for (const [place, { doc_id, score }] of ranking.entries()) {
      if (!Number.isFinite(score)) {
        throw new RationaleError(
          'bug',
          `The score of document "${doc_id}" for query "${query_id}" is ${score}; a run needs finite scores.`,
        );
      }
      const written = Math.fround(score) < previous ? score : nextFloatBelow(previous);
      lines.push(`${encodeId(query_id)} Q0 ${encodeId(doc_id)} ${place + 1} ${written} ${encodeId(tag)}\n`);
      previous = Math.fround(written);
    }
  }
  return lines.join('');
}

/** The largest 32-bit float below the 32-bit float `value`. */
function nextFloatBelow(value: number): number {
  const float = new Float32Array([value]);
  const bits = new Int32Array(float.buffer);
  const old = bits[0] ?? 0;
  if (value === 0) return -(2 ** -149);
  bits[0] = value > 0 ? old - 1 : old + 1;
  return float[0] ?? value;
}

/** Six columns with one space between them, as nearly every run is written: a third of the time of a general split. */
const plainRunLine = /^(\S+) (\S+) (\S+) (\S+) (\S+) (\S+)$/;

/** Reads a TREC run. @throws RationaleError naming the line that is malformed or that repeats a document of its query. */
export function parseRun(text: string, path: string): Run {
  const run = new Map<string, Map<string, number>>();
  for (const [number, line] of nonBlankLines(text)) {
    const columns = plainRunLine.exec(line)?.slice(1) ?? line.trim().split(/\s+/);
    const [query, , document, , score] = columns;
    if (columns.length !== 6 || query === undefined || document === undefined || score === undefined) {
      throw malformed(
        path,
        number,
        `has ${columns.length} columns; a TREC run has 6 (qid Q0 docid rank score tag). An id with a space in it must be percent-encoded`,
      );
    }
    const value = Number(score);
    if (!Number.isFinite(value))
      throw malformed(path, number, `has the score "${score}", which is not a finite number`);
    const documents = of(run, decodeId(query));
    const id = decodeId(document);
    if (documents.has(id))
      throw malformed(path, number, `names document "${id}" a second time for query "${decodeId(query)}"`);
    documents.set(id, value);
  }
  return run;
}

/**
 * Reads qrels: TREC's (`qid 0 docid rel`, ids percent-encoded as in runs) or BEIR's (three columns between tabs under a
 * header, ids as they are), told apart by the first line. @throws RationaleError naming the line.
 */
export function parseQrels(text: string, path: string): Qrels {
  const qrels = new Map<string, Map<string, number>>();
  let beir: boolean | undefined;
  for (const [number, line] of nonBlankLines(text)) {
    if (beir === undefined) {
      beir = line.split('\t').length === 3;
      // BEIR's own loader passes over the first line whatever it says: a file without header would lose a judgement there.
      if (beir && /\t-?\d+\s*$/.test(line))
        throw malformed(
          path,
          number,
          'has three columns as in BEIR, but the header "query-id\\tcorpus-id\\tscore" is missing',
        );
      if (beir) continue;
    }
    const columns = beir ? line.split('\t') : line.trim().split(/\s+/);
    const [query, document, relevance] = beir ? columns : [columns[0], columns[2], columns[3]];
    if (columns.length !== (beir ? 3 : 4) || query === undefined || document === undefined || relevance === undefined) {
      throw malformed(
        path,
        number,
        `has ${columns.length} columns; ${beir ? 'BEIR qrels have 3 between tabs (query-id corpus-id score)' : 'TREC qrels have 4 (qid 0 docid rel)'}`,
      );
    }
    if (!/^\s*[+-]?\d+\s*$/.test(relevance))
      throw malformed(path, number, `has the relevance "${relevance}", which is not an integer`);
    const value = Number(relevance);
    const documents = of(qrels, beir ? query : decodeId(query));
    const id = beir ? document : decodeId(document);
    const known = documents.get(id);
    if (known !== undefined && known !== value)
      throw malformed(
        path,
        number,
        `gives document "${id}" of query "${query}" the relevance ${value}, after ${known} further up`,
      );
    documents.set(id, value);
  }
  return qrels;
}

/**
 * The documents of one query in the order that trec_eval evaluates: by score as a 32-bit float, descending, ties by
 * document id, descending by its UTF-8 bytes. Ranks written in the file play no part.
 */
export function trecOrder(scores: ReadonlyMap<string, number>): string[] {
  return [...scores]
    .map(([id, score]) => ({ id, score: Math.fround(score) }))
    .sort((x, y) => (x.score === y.score ? compareBytes(y.id, x.id) : y.score - x.score))
    .map(({ id }) => id);
}

/**
 * Order of the UTF-8 forms, as C's strcmp gives it, without making them: it is that of the UTF-16 units but for
 * surrogates, which stand for what lies above U+FFFF.
 */
function compareBytes(x: string, y: string): number {
  const length = Math.min(x.length, y.length);
  for (let i = 0; i < length; i++) {
    const [a, b] = [x.charCodeAt(i), y.charCodeAt(i)];
    if (a !== b) return place(a) - place(b);
  }
  return x.length - y.length;
}

/** Places of UTF-16 units with the surrogates (D800–DFFF) moved behind FFFF. */
function place(unit: number): number {
  return unit >= 0xd800 && unit < 0xe000 ? unit + 0x10000 : unit;
}

/** Reads the run at `path`; see `parseRun`. */
export async function readRun(path: string): Promise<Run> {
  return parseRun(await contents(path, 'run'), path);
}

/** Reads the qrels at `path`; see `parseQrels`. */
export async function readQrels(path: string): Promise<Qrels> {
  return parseQrels(await contents(path, 'qrels'), path);
}

async function contents(path: string, what: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw new RationaleError('user', `Cannot read the ${what} ${path}: ${messageOf(error)}.`, { cause: error });
  }
}

function* nonBlankLines(text: string): Generator<[number: number, line: string]> {
  let number = 0;
  for (const line of text.replace(/^\ufeff/, '').split('\n')) {
    number++;
    if (line.trim() !== '') yield [number, line.replace(/\r$/, '')];
  }
}

function of(map: Map<string, Map<string, number>>, query: string): Map<string, number> {
  let documents = map.get(query);
  if (documents === undefined) map.set(query, (documents = new Map<string, number>()));
  return documents;
}

function malformed(path: string, line: number, what: string): RationaleError {
  return new RationaleError('user', `${path}, line ${line} ${what}. Nothing was evaluated.`);
}
