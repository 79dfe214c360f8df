/**
 * rank_llm's requests and results: `{query: {text, qid}, candidates: [{docid, score, doc}]}`, results with
 * `invocations_history` (castorini/rank_llm, src/rank_llm/data.py; which key of `doc` holds the text: its
 * convert_doc_to_prompt_content). RankGPT's older `{query: "…", hits: [{content, docid, rank, score}]}` is read as well.
 *
 * A request's candidates are the first stage: rows to be judged (`pending`). A result's candidates stand in the order of
 * the reranker; it gave them a place, not a label.
 */
import { isJsonObject, type Json, type JsonObject } from '../../domain/json.js';
import { otherFields, readNumber, readText } from './fields.js';
import type { ImportedJudgement, ImportedRecord, RecordImporter } from './importer.js';

export const rankLlmImporter: RecordImporter = {
  kind: 'records',
  id: 'rank-llm',
  title: 'rank_llm requests and results (also RankGPT hits)',
  detect(sample) {
    const fitting = sample.filter((record) => {
      const candidates = candidatesOf(record);
      // A list of plain strings is umbrela's.
      return queryOf(record) !== null && candidates !== null && candidates.every(isJsonObject);
    });
    return sample.length === 0 ? 0 : (0.95 * fitting.length) / sample.length;
  },
  convert,
};

function convert(record: JsonObject): ImportedRecord[] {
  const query = queryOf(record);
  if (query === null) return [{ kind: 'skipped', reason: 'no query: neither "query" nor "query.text" is a text' }];
  const candidates = candidatesOf(record);
  if (candidates === null) return [{ kind: 'skipped', reason: 'no list of candidates ("candidates" or "hits")' }];
  if (candidates.length === 0) return [{ kind: 'skipped', reason: 'the query has no candidates' }];
  const invocations = (
    Array.isArray(record['invocations_history']) ? (record['invocations_history'] as readonly Json[]) : []
  ).filter(isJsonObject);
  const result = invocations.length > 0;
  const ofCandidate = pointwise(invocations, candidates);
  const recordExtra = otherFields(record, recordFields);
  return candidates.map((candidate, i): ImportedRecord => {
    if (!isJsonObject(candidate)) return { kind: 'skipped', reason: `a candidate is not an object: number ${i + 1}` };
    const doc = documentOf(candidate);
    if (doc === null)
      return { kind: 'skipped', reason: `a candidate has no text (doc.text, segment, contents …): number ${i + 1}` };
    const { docid, score } = idAndScore(candidate);
    const own = ofCandidate?.[i];
    const extra = {
      ...recordExtra,
      ...otherFields(candidate, candidateFields),
      ...(doc.rest === undefined ? {} : { doc: doc.rest }),
      ...(own === undefined ? {} : { invocation: own }),
      // The whole history stands once, with the first candidate: its prompts hold all the others' texts.
      ...(result && ofCandidate === undefined && i === 0 ? { invocations_history: invocations } : {}),
    };
    const judgement: ImportedJudgement = {
      ...query,
      ...(docid === null ? {} : { doc_id: docid }),
      title: doc.title,
      document: doc.text,
      ...(result
        ? { status: 'ok', rank: i + 1, score, ...answerOf(own) }
        : { status: 'pending', first_stage_rank: i + 1, first_stage_score: score }),
      ...(Object.keys(extra).length === 0 ? {} : { extra }),
    };
    return { kind: 'judgement', judgement };
  });
}

const recordFields: ReadonlySet<string> = new Set(['query', 'candidates', 'hits', 'invocations_history']);
const candidateFields: ReadonlySet<string> = new Set([
  'docid',
  'score',
  'doc',
  'content',
  'text',
  'title',
  'rank',
  'qid',
]);
const textKeys = ['text', 'segment', 'contents', 'content', 'body', 'passage'] as const;

/** The query with its id, where the record has one: in `query`, or in RankGPT's hits. */
export function queryOf(record: JsonObject): { readonly query: string; readonly query_id?: string } | null {
  const { query } = record;
  if (isJsonObject(query)) {
    const text = query['text'];
    const qid = readText(query['qid']);
    if (typeof text !== 'string' || text.trim() === '') return null;
    return qid === null || qid === '' ? { query: text } : { query: text, query_id: qid };
  }
  if (typeof query !== 'string' || query.trim() === '') return null;
  const [hit] = Array.isArray(record['hits']) ? (record['hits'] as readonly Json[]) : [];
  const qid = readText(record['qid']) ?? (isJsonObject(hit) ? readText(hit['qid']) : null);
  return qid === null || qid === '' ? { query } : { query, query_id: qid };
}

function candidatesOf(record: JsonObject): readonly Json[] | null {
  const list = record['candidates'] ?? record['hits'];
  return Array.isArray(list) ? (list as readonly Json[]) : null;
}

/** Text and title of a candidate; `rest` is what else its `doc` holds. Null where there is no text. */
export function documentOf(
  candidate: JsonObject,
): { readonly text: string; readonly title: string | null; readonly rest: JsonObject | undefined } | null {
  const { doc } = candidate;
  const holder = isJsonObject(doc) ? doc : typeof doc === 'string' ? { text: doc } : candidate;
  const key = textKeys.find((each) => typeof holder[each] === 'string');
  const text = key === undefined ? undefined : holder[key];
  if (key === undefined || typeof text !== 'string' || text.trim() === '') return null;
  const title = readText(holder['title']);
  return {
    text,
    title: title === null || title.trim() === '' ? null : title,
    rest: isJsonObject(doc) ? otherFields(doc, new Set([key, 'title'])) : undefined,
  };
}

function idAndScore(candidate: JsonObject): { readonly docid: string | null; readonly score: number | null } {
  const docid = readText(candidate['docid']);
  return { docid: docid === '' ? null : docid, score: readNumber(candidate['score']) };
}

/**
 * The invocation of each candidate where the reranker asked about one document at a time: as many invocations as
 * candidates, and each prompt holds the beginning of one document only. Undefined for listwise results, whose answers are
 * about a whole window.
 */
function pointwise(invocations: readonly JsonObject[], candidates: readonly Json[]): readonly JsonObject[] | undefined {
  if (invocations.length === 0 || invocations.length !== candidates.length) return undefined;
  const openings = candidates.map((candidate) => {
    const text = isJsonObject(candidate) ? documentOf(candidate)?.text : undefined;
    return text === undefined ? null : spaced(text).slice(0, 80);
  });
  const found = new Map<number, JsonObject>();
  for (const invocation of invocations) {
    const prompt = spaced(textOfPrompt(invocation['prompt']));
    const holding = openings.flatMap((opening, i) => (opening !== null && prompt.includes(opening) ? [i] : []));
    const [only] = holding;
    if (only === undefined || holding.length > 1 || found.has(only)) return undefined;
    found.set(only, invocation);
  }
  return [...found].sort(([a], [b]) => a - b).map(([, invocation]) => invocation);
}

/** A prompt is a text or a list of chat messages. */
function textOfPrompt(prompt: Json | undefined): string {
  if (typeof prompt === 'string') return prompt;
  const messages = Array.isArray(prompt) ? (prompt as readonly Json[]) : [];
  return messages.map((message) => (isJsonObject(message) ? (readText(message['content']) ?? '') : '')).join('\n');
}

function answerOf(invocation: JsonObject | undefined): Partial<ImportedJudgement> {
  if (invocation === undefined) return {};
  const tokens = (key: string): number | null => {
    const count = readNumber(invocation[key]);
    return Number.isSafeInteger(count) ? count : null;
  };
  return {
    raw_response: readText(invocation['response']),
    explanation: readText(invocation['reasoning']),
    prompt_tokens: tokens('input_token_count'),
    completion_tokens: tokens('output_token_count'),
  };
}

function spaced(text: string): string {
  return text.replace(/\s+/g, ' ').trim();
}
