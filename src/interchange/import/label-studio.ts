/**
 * Label Studio's JSON export (labelstud.io/guide/task_format): tasks `{id, data, predictions: [{model_version, score, result}],
 * annotations: [{completed_by, created_at, was_cancelled, result}]}`, where a `result` is a list of `{from_name, type,
 * value: {TYPE: …}}` (choices, textarea as `text`, rating, number); and its JSON-MIN export, flat, one object an annotation,
 * known by `annotation_id`, `annotator` and `lead_time`.
 */
import { isJsonObject, type Json, type JsonObject } from '../../domain/json.js';
import { convertAnnotated, type Answer, type ModelAnswer, type PersonsAnswer } from './annotated.js';
import { otherFields, readText } from './fields.js';
import type { ImportedRecord, ImportOptions, RecordImporter } from './importer.js';

export const labelStudioImporter: RecordImporter = {
  kind: 'records',
  id: 'label-studio',
  title: 'Label Studio tasks with predictions and annotations (JSON or JSON-MIN export)',
  detect(sample) {
    const scores = sample.map((record): number => {
      if (isTask(record)) return 0.95;
      return isMinimal(record) ? 0.9 : 0;
    });
    return scores.length === 0 ? 0 : scores.reduce((a, b) => a + b, 0) / scores.length;
  },
  convert(record, options) {
    if (isTask(record)) return convertTask(record, options);
    if (isMinimal(record)) return convertMinimal(record, options);
    return [{ kind: 'skipped', reason: 'not a task of Label Studio: no "data" with "annotations" or "predictions"' }];
  },
};

function isTask(record: JsonObject): boolean {
  return (
    isJsonObject(record['data']) &&
    ['annotations', 'completions', 'predictions'].some((key) => Array.isArray(record[key]))
  );
}

function isMinimal(record: JsonObject): boolean {
  return 'annotation_id' in record && 'annotator' in record;
}

function convertTask(record: JsonObject, options: ImportOptions): ImportedRecord[] {
  const { data, meta } = record;
  // `completions` is what versions before 1.0 called annotations.
  const annotations = asList(record['annotations'] ?? record['completions']);
  const people = annotations.filter(isJsonObject).map(personsAnswer);
  const bare = annotations.length - people.length;
  const extra = otherFields(record, new Set(['data', 'annotations', 'completions', 'predictions']));
  const records = convertAnnotated(
    {
      texts: isJsonObject(data) ? data : {},
      textsName: 'data',
      ...(isJsonObject(meta) ? { metadata: meta } : {}),
      models: asList(record['predictions']).filter(isJsonObject).map(modelAnswer),
      people,
      ...(extra === undefined ? {} : { extra }),
    },
    options,
  );
  const unread = Array.from({ length: bare }, (): ImportedRecord => ({
    kind: 'skipped',
    reason: 'an annotation is only an id: export the tasks with their annotations (JSON)',
  }));
  return [...records, ...unread];
}

function modelAnswer(prediction: JsonObject): ModelAnswer {
  const id = readText(prediction['id']);
  const score = prediction['score'] ?? null;
  return {
    ...(id === null ? {} : { id }),
    model: readText(prediction['model_version']),
    answers: answersOf(prediction['result']),
    // How sure the model was of its prediction; no score to rank by.
    ...(score === null ? {} : { extra: { prediction_score: score } }),
  };
}

function personsAnswer(annotation: JsonObject): PersonsAnswer {
  const shownId = annotation['parent_prediction'];
  const on = isJsonObject(shownId) ? readText(shownId['id']) : readText(shownId);
  return {
    annotator: annotatorOf(annotation['completed_by']),
    at: readText(annotation['updated_at']) ?? readText(annotation['created_at']),
    state: annotation['was_cancelled'] === true ? 'discarded' : 'submitted',
    answers: answersOf(annotation['result']),
    ...(on === null ? {} : { on }),
  };
}

/** A person is a number, or an object with an e-mail address. */
function annotatorOf(completedBy: Json | undefined): string {
  const name = isJsonObject(completedBy)
    ? (readText(completedBy['email']) ?? readText(completedBy['username']) ?? readText(completedBy['id']))
    : readText(completedBy);
  return name === null || name.trim() === '' ? 'unnamed' : name;
}

/** One answer a control: a text area's paragraphs are one text, a single choice is itself. */
function answersOf(result: Json | undefined): Answer[] {
  return asList(result)
    .filter(isJsonObject)
    .flatMap((item): Answer[] => {
      const question = readText(item['from_name']);
      const { value } = item;
      if (question === null || !isJsonObject(value)) return [];
      return [{ question, value: valueOf(value, readText(item['type'])) }];
    });
}

function valueOf(value: JsonObject, type: string | null): Json {
  const { text } = value;
  if (type === 'textarea' || (type === null && text !== undefined)) {
    return Array.isArray(text)
      ? (text as readonly Json[]).map((part) => readText(part) ?? '').join('\n')
      : (text ?? null);
  }
  // `{choices: ["relevant"]}`, `{rating: 2}`, `{number: 1}`; anything else (spans, boxes) is kept whole.
  const key = type === null ? Object.keys(value)[0] : type;
  return (key === undefined ? undefined : value[key]) ?? value;
}

const minimalFields: ReadonlySet<string> = new Set([
  'id',
  'annotator',
  'annotation_id',
  'created_at',
  'updated_at',
  'lead_time',
]);

/** JSON-MIN puts data and answers side by side: what is named like query, document or an id is data, the rest answers. */
function convertMinimal(record: JsonObject, options: ImportOptions): ImportedRecord[] {
  const fields = otherFields(record, minimalFields) ?? {};
  const isAnswer = (key: string): boolean =>
    key === options.mapping?.label ||
    key === options.mapping?.explanation ||
    /relevan|label|grade|rating|expla|rational|reason|justif/i.test(key);
  const answers = Object.entries(fields).flatMap(([question, value]): Answer[] =>
    isAnswer(question) ? [{ question, value: isJsonObject(value) ? (value['choices'] ?? value) : value }] : [],
  );
  const texts = otherFields(fields, new Set(answers.map((answer) => answer.question))) ?? {};
  const extra = otherFields(record, new Set([...Object.keys(fields), 'annotator', 'created_at', 'updated_at']));
  return convertAnnotated(
    {
      texts,
      textsName: 'data',
      models: [],
      people: [
        {
          annotator: annotatorOf(record['annotator']),
          at: readText(record['updated_at']) ?? readText(record['created_at']),
          state: 'submitted',
          answers,
        },
      ],
      ...(extra === undefined ? {} : { extra }),
    },
    options,
  );
}

function asList(value: Json | undefined): readonly Json[] {
  return Array.isArray(value) ? (value as readonly Json[]) : [];
}
