/**
 * umbrela's judgements (castorini/umbrela, src/umbrela/utils/common_utils.py prepare_judgments): one object a pair,
 * `{model, query, passage, prompt, prediction, judgment, result_status}`; or its direct input `{query, candidates}`
 * (src/umbrela/cli/normalize.py) with the judgements beside the candidates. Labels are 0 to 3.
 *
 * umbrela writes the label 0 where it could not read the answer, with `result_status` 0 beside it (early versions:
 * with nothing). Such a 0 is no label: the row is unparsed, with the answer as it came.
 */
import { isJsonObject, type Json, type JsonObject } from '../../domain/json.js';
import type { LabelScale } from '../../domain/scale.js';
import { otherFields, readText } from './fields.js';
import type { ImportedJudgement, ImportedRecord, RecordImporter } from './importer.js';
import { readScaleLabel } from './label-names.js';
import { documentOf, queryOf } from './rank-llm.js';

/** The grades of TREC Deep Learning, which umbrela's prompt asks for. */
const umbrelaScale: LabelScale = {
  name: 'umbrela',
  labels: [
    { value: 0, name: 'irrelevant', description: 'has nothing to do with the query' },
    { value: 1, name: 'related', description: 'seems related, does not answer' },
    { value: 2, name: 'highly relevant', description: 'holds an answer, unclear or among other things' },
    { value: 3, name: 'perfectly relevant', description: 'is about the query and holds the exact answer' },
  ],
};

export const umbrelaImporter: RecordImporter = {
  kind: 'records',
  id: 'umbrela',
  title: 'umbrela judgements (0 to 3)',
  scales: [umbrelaScale],
  detect(sample) {
    const scores = sample.map((record): number => {
      if ('judgment' in record && 'passage' in record && 'query' in record) return 'prediction' in record ? 1 : 0.9;
      const { candidates } = record;
      if (!Array.isArray(candidates) || queryOf(record) === null) return 0;
      if (judgmentsOf(record) !== undefined) return 0.97;
      const list = candidates as readonly Json[];
      return list.length > 0 && list.every((candidate) => typeof candidate === 'string') ? 0.9 : 0;
    });
    return scores.length === 0 ? 0 : scores.reduce((a, b) => a + b, 0) / scores.length;
  },
  convert(record) {
    return Array.isArray(record['candidates']) ? convertRequest(record, record['candidates']) : [convertJudged(record)];
  },
};

const judgedFields: ReadonlySet<string> = new Set([
  'model',
  'query',
  'passage',
  'prediction',
  'judgment',
  'reasoning',
  'qid',
  'docid',
]);

function convertJudged(record: JsonObject): ImportedRecord {
  const query = queryOf(record);
  if (query === null) return { kind: 'skipped', reason: 'no query: neither "query" nor "query.text" is a text' };
  const passage = readText(record['passage']);
  if (passage === null || passage.trim() === '') return { kind: 'skipped', reason: '"passage" holds no text' };
  return answered({ ...query, document: passage, ...docId(record) }, record, otherFields(record, judgedFields));
}

/** The candidates of one query, with an answer each (a number, or an object as above) where somebody judged them. */
function convertRequest(record: JsonObject, candidates: readonly Json[]): ImportedRecord[] {
  const query = queryOf(record);
  if (query === null) return [{ kind: 'skipped', reason: 'no query: neither "query" nor "query.text" is a text' }];
  if (candidates.length === 0) return [{ kind: 'skipped', reason: 'the query has no candidates' }];
  const judgments = judgmentsOf(record);
  if (judgments !== undefined && judgments.length !== candidates.length) {
    return [
      {
        kind: 'skipped',
        reason: `not as many judgements as candidates: ${judgments.length} for ${candidates.length}, so that none can be assigned`,
      },
    ];
  }
  const recordExtra = otherFields(record, new Set(['query', 'candidates', 'judgments', 'judgements', 'qid', 'model']));
  return candidates.map((candidate, i): ImportedRecord => {
    const doc = documentOf(isJsonObject(candidate) ? candidate : { text: candidate });
    if (doc === null) return { kind: 'skipped', reason: `a candidate has no text: number ${i + 1}` };
    const pair = {
      ...query,
      document: doc.text,
      title: doc.title,
      ...(isJsonObject(candidate) ? docId(candidate) : {}),
    };
    const judgment = judgments?.[i];
    const rest = doc.rest === undefined ? recordExtra : { ...recordExtra, doc: doc.rest };
    if (judgment === undefined) {
      return {
        kind: 'judgement',
        judgement: {
          ...pair,
          scale: umbrelaScale.name,
          status: 'pending',
          first_stage_rank: i + 1,
          ...(rest === undefined ? {} : { extra: rest }),
        },
      };
    }
    const answer = isJsonObject(judgment) ? judgment : { judgment };
    const model = record['model'] ?? null;
    const extra = { ...rest, ...otherFields(answer, judgedFields) };
    return answered(pair, { model, ...answer }, Object.keys(extra).length === 0 ? undefined : extra);
  });
}

function answered(
  pair: Pick<ImportedJudgement, 'query' | 'document'> & Partial<ImportedJudgement>,
  answer: JsonObject,
  extra: JsonObject | undefined,
): ImportedRecord {
  const prediction = readText(answer['prediction']);
  const read = readScaleLabel(answer['judgment'], umbrelaScale.name, 'judgment', [umbrelaScale]);
  if (!read.ok) return { kind: 'skipped', reason: read.reason };
  const notes = [...read.notes];
  let { label } = read;
  if (label === 0 && !isParsed(answer, prediction)) {
    label = null;
    notes.push('the label 0 stands for an answer that umbrela could not read; taken as unparsed');
  }
  const model = readText(answer['model']);
  const judgement: ImportedJudgement = {
    ...pair,
    label,
    scale: umbrelaScale.name,
    status: label === null ? 'unparsed' : 'ok',
    explanation: readText(answer['reasoning']),
    raw_response: prediction,
    ...(model === null ? {} : { model: { id: model } }),
    ...(extra === undefined ? {} : { extra }),
  };
  return { kind: 'judgement', judgement, ...(notes.length === 0 ? {} : { notes }) };
}

/** Whether a label 0 is what the model said: umbrela says so, or else the answer has a 0 in it. */
function isParsed(answer: JsonObject, prediction: string | null): boolean {
  const status = answer['result_status'];
  if (status !== undefined && status !== null) return status === 1 || status === true || status === '1';
  return prediction === null || /(?<!\d)0(?!\d)/.test(prediction);
}

function judgmentsOf(record: JsonObject): readonly Json[] | undefined {
  const list = record['judgments'] ?? record['judgements'];
  return Array.isArray(list) ? (list as readonly Json[]) : undefined;
}

function docId(record: JsonObject): { readonly doc_id?: string } {
  const docid = readText(record['docid']);
  return docid === null || docid === '' ? {} : { doc_id: docid };
}
