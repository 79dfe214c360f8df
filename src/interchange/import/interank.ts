/**
 * The files of InteRank's released training code (arXiv 2504.03947): SFT rows (a question with its links), sampling and
 * scored rows (`predictions` beside the teacher's `groundtruth`), and the pair and single rows made from them.
 */
import { isJsonObject, type Json, type JsonObject } from '../../domain/json.js';
import { interankScale } from '../../domain/scale.js';
import { answered, messagesOf, questionOf } from './exchange.js';
import { otherFields, readLabel, readText } from './fields.js';
import type { ImportedJudgement, ImportedRecord, ImportOptions, RecordImporter } from './importer.js';
import { preferenceRows } from './trl.js';

/** Of the rows that hold the teacher's answer: a model of its own, so that the answers of the two can be told apart. */
const teacher = { id: 'teacher' };

export const interankImporter: RecordImporter = {
  kind: 'records',
  id: 'interank',
  title: 'InteRank training files (SFT rows, predictions and groundtruth, pairs, reward-weighted rows)',
  detect(sample) {
    const sure = sample.map((record): number => {
      if (isSampling(record)) return 1;
      if (isJsonObject(record['question']) && ('links' in record || 'other_document' in record)) return 1;
      if (isSingle(record)) return 0.95;
      return isPair(record) && 'chosen_score' in record ? 0.95 : 0;
    });
    return sure.reduce((a, b) => a + b, 0) / Math.max(1, sure.length);
  },
  convert(record, options) {
    if (isSampling(record)) return samplingRows(record, options);
    if (isPair(record)) return preferenceRows(record);
    if (isSingle(record)) return singleRows(record);
    if ('question' in record) return questionRows(record, options);
    return [{ kind: 'skipped', reason: 'none of the row forms of InteRank' }];
  },
};

function isSampling(record: JsonObject): boolean {
  return 'predictions' in record && 'query' in record && 'document' in record;
}

function isPair(record: JsonObject): boolean {
  return typeof record['prompt'] === 'string' && 'chosen' in record && 'rejected' in record;
}

function isSingle(record: JsonObject): boolean {
  return typeof record['prompt'] === 'string' && typeof record['response'] === 'string' && 'reward' in record;
}

/** `{query, document, predictions: [{label, explanation, score?}], groundtruth?: {label, explanation, score?}}` */
function samplingRows(record: JsonObject, options: ImportOptions): ImportedRecord[] {
  const query = readText(record['query']);
  const document = readText(record['document']);
  if (query === null || document === null) return [{ kind: 'skipped', reason: '"query" or "document" is not a text' }];
  const used = new Set(['query', 'document', 'predictions', 'groundtruth', 'query_id', 'doc_id', 'model']);
  const { model } = record;
  const sampled = typeof model === 'string' ? { id: model } : isJsonObject(model) ? model : null;
  const rest = otherFields(record, used);
  const base: ImportedJudgement = {
    query,
    document,
    ...idsOf(record),
    scale: options.scale ?? interankScale.name,
    ...(rest === undefined ? {} : { extra: rest }),
  };
  const { predictions, groundtruth } = record;
  if (!Array.isArray(predictions)) return [{ kind: 'skipped', reason: '"predictions" is not a list' }];
  const rows = (predictions as readonly Json[]).map((prediction, sample) =>
    answerRow({ ...base, sample, model: sampled }, prediction, { part: 'predictions' }, `prediction ${sample}`),
  );
  if (groundtruth === undefined || groundtruth === null) return rows;
  return [...rows, answerRow({ ...base, model: teacher }, groundtruth, { part: 'groundtruth' }, 'groundtruth')];
}

/** `{question: {title, body}, generated_queries, links: [{text, label, explanation}], other_document: {…}}` */
function questionRows(record: JsonObject, options: ImportOptions): ImportedRecord[] {
  const { question, links, other_document: other } = record;
  if (!isJsonObject(question)) return [{ kind: 'skipped', reason: '"question" is not an object' }];
  const title = readText(question['title']);
  const body = readText(question['body']);
  if (title === null && body === null) return [{ kind: 'skipped', reason: '"question" has neither title nor body' }];
  const used = new Set(['links', 'other_document', 'query_id', 'doc_id']);
  const base: ImportedJudgement = {
    // As the training code joins them.
    query: [title, body].filter((part) => part !== null && part !== '').join(' '),
    ...(typeof record['query_id'] === 'string' ? { query_id: record['query_id'] } : {}),
    document: '',
    scale: options.scale ?? interankScale.name,
    model: teacher,
    // `question` too: title and body cannot be told from the query any more.
    extra: otherFields(record, used) ?? {},
  };
  const rows: ImportedRecord[] = [];
  const add = (part: string, index: number, value: Json): void => {
    const text = isJsonObject(value) ? readText(value['text']) : null;
    const place = `${part} ${index}`;
    if (text === null || !isJsonObject(value)) rows.push({ kind: 'skipped', reason: `no text to judge: ${place}` });
    else {
      rows.push(answerRow({ ...base, document: text, ...idsOf(value) }, value, { part, index }, place));
    }
  };
  const list = (value: Json | undefined): readonly Json[] =>
    Array.isArray(value) ? (value as readonly Json[]) : value === undefined || value === null ? [] : [value];
  list(links).forEach((link, index) => add('links', index, link));
  list(other).forEach((document, index) => add('other_document', index, document));
  return rows.length === 0 ? [{ kind: 'skipped', reason: 'a question without links and other document' }] : rows;
}

const answerFields: ReadonlySet<string> = new Set(['label', 'explanation', 'doc_id']);
/** The text of a link is its row's document. */
const linkFields: ReadonlySet<string> = new Set([...answerFields, 'text']);

/** One `{label, explanation, …}` as a row; what else it holds (`score`) is kept, and where it stood as `interank`. */
function answerRow(base: ImportedJudgement, value: Json, place: JsonObject, name: string): ImportedRecord {
  if (!isJsonObject(value)) return { kind: 'skipped', reason: `not an object: ${name}` };
  const label = readLabel(value['label']);
  if (!label.ok) return { kind: 'skipped', reason: label.reason };
  const explanation = value['explanation'];
  if (explanation !== undefined && explanation !== null && typeof explanation !== 'string') {
    return { kind: 'skipped', reason: `"explanation" is not a text: ${name}` };
  }
  return {
    kind: 'judgement',
    judgement: {
      ...base,
      label: label.label,
      explanation: explanation ?? null,
      extra: {
        ...base.extra,
        ...otherFields(value, value['text'] === base.document ? linkFields : answerFields),
        interank: place,
      },
    },
    notes: label.notes,
  };
}

/** `{prompt, response, reward, misclass_prob?}`: reward and misclass_prob are kept as they are. */
function singleRows(record: JsonObject): ImportedRecord[] {
  const question = questionOf(record, messagesOf(record['prompt'], 'user'), ['prompt', 'response']);
  if (typeof question === 'string') return [{ kind: 'skipped', reason: question }];
  const response = typeof record['response'] === 'string' ? record['response'] : '';
  return [{ kind: 'judgement', judgement: answered(question, response), notes: question.notes }];
}

function idsOf(record: JsonObject): Pick<ImportedJudgement, 'query_id' | 'doc_id'> {
  const query_id = readText(record['query_id']);
  const doc_id = readText(record['doc_id']);
  return { ...(query_id === null ? {} : { query_id }), ...(doc_id === null ? {} : { doc_id }) };
}
