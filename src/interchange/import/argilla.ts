/**
 * Argilla records as its SDKs export them. Version 2 (`dataset.records.to_json`, `to_list`, argilla-io/argilla
 * argilla/src/argilla/records/_resource.py Record.to_dict and _io/_generic.py): `{id, fields, suggestions: {question: {value,
 * score, agent}}, responses: {question: [{value, user_id}]}}`, or flat with `question.suggestion.agent` and
 * `question.responses.users` beside the fields. Version 1 (argilla-v1 client/feedback/schemas/records.py FeedbackRecord):
 * `{fields, suggestions: [{question_name, value, agent}], responses: [{user_id, status, values: {question: {value}}}],
 * external_id}`, or as a data set (integrations/huggingface/dataset.py) `question: [{user_id, value, status}]` with
 * `question-suggestion` and `question-suggestion-metadata`.
 *
 * The nested export of version 2 leaves the status of a response out: there, all count as submitted, and a note says so.
 */
import { isJsonObject, type Json, type JsonObject } from '../../domain/json.js';
import { convertAnnotated, type Answer, type ModelAnswer, type PersonsAnswer } from './annotated.js';
import { otherFields, readNumber, readText } from './fields.js';
import type { ImportedRecord, RecordImporter } from './importer.js';

export const argillaImporter: RecordImporter = {
  kind: 'records',
  id: 'argilla',
  title: 'Argilla records with suggestions and responses (versions 1 and 2)',
  detect(sample) {
    const fitting = sample.filter((record) => shapeOf(record) !== null);
    return sample.length === 0 ? 0 : (0.95 * fitting.length) / sample.length;
  },
  convert(record, options) {
    const shape = shapeOf(record);
    if (shape === null)
      return [{ kind: 'skipped', reason: 'not an Argilla record: no "fields" with "responses" or "suggestions"' }];
    const read = shape === 'nested' ? readNested(record) : readFlat(record, shape);
    const { metadata } = read;
    const records = convertAnnotated(
      {
        texts: read.texts,
        textsName: 'fields',
        ...(metadata === undefined ? {} : { metadata }),
        models: read.suggestions.length === 0 ? [] : [modelAnswer(read.suggestions)],
        people: read.people,
        ...(read.extra === undefined ? {} : { extra: read.extra }),
      },
      options,
    );
    return read.statusKnown ? records : records.map(withoutStatus);
  },
};

type Shape = 'nested' | 'flat-2' | 'flat-1';

interface Suggestion extends Answer {
  readonly agent: string | null;
  readonly score: Json;
}

interface Read {
  readonly texts: JsonObject;
  readonly metadata?: JsonObject;
  readonly suggestions: readonly Suggestion[];
  readonly people: readonly PersonsAnswer[];
  readonly statusKnown: boolean;
  readonly extra: JsonObject | undefined;
}

function shapeOf(record: JsonObject): Shape | null {
  if (isJsonObject(record['fields'])) {
    const answers = [record['responses'], record['suggestions']];
    return answers.some((each) => typeof each === 'object' && each !== null) ? 'nested' : null;
  }
  const keys = Object.keys(record);
  if (keys.some((key) => key.endsWith('.responses') || key.endsWith('.suggestion'))) return 'flat-2';
  return keys.some((key) => key.endsWith('-suggestion') && Object.hasOwn(record, key.slice(0, -'-suggestion'.length)))
    ? 'flat-1'
    : null;
}

function readNested(record: JsonObject): Read {
  const { fields, metadata, suggestions, responses } = record;
  const version1 = Array.isArray(responses);
  return {
    texts: isJsonObject(fields) ? fields : {},
    ...(isJsonObject(metadata) ? { metadata } : {}),
    suggestions: nestedSuggestions(suggestions),
    people: version1 ? listedResponses(responses) : responsesByQuestion(isJsonObject(responses) ? responses : {}),
    statusKnown: version1 || !isJsonObject(responses) || Object.keys(responses).length === 0,
    extra: otherFields(record, new Set(['fields', 'suggestions', 'responses'])),
  };
}

function nestedSuggestions(suggestions: Json | undefined): Suggestion[] {
  if (Array.isArray(suggestions)) {
    return (suggestions as readonly Json[]).filter(isJsonObject).flatMap((each) => {
      // The server's own records name a question by its id only.
      const question = readText(each['question_name']) ?? readText(each['question_id']);
      return question === null ? [] : [suggestionOf(question, each)];
    });
  }
  if (!isJsonObject(suggestions)) return [];
  return Object.entries(suggestions).flatMap(([question, each]) =>
    isJsonObject(each) ? [suggestionOf(question, each)] : [],
  );
}

function suggestionOf(question: string, from: JsonObject): Suggestion {
  return { question, value: from['value'] ?? null, agent: readText(from['agent']), score: from['score'] ?? null };
}

/** Version 1: one response a person, with the answers to all questions. */
function listedResponses(responses: readonly Json[]): PersonsAnswer[] {
  return responses.filter(isJsonObject).map((response) => {
    const values = isJsonObject(response['values']) ? response['values'] : {};
    return {
      annotator: annotatorOf(response['user_id']),
      at: readText(response['updated_at']) ?? readText(response['inserted_at']),
      state: stateOf(response['status']),
      answers: Object.entries(values).map(([question, each]) => ({
        question,
        value: isJsonObject(each) ? (each['value'] ?? null) : each,
      })),
    };
  });
}

/** Version 2: each question has its answers; a person's are brought together. */
function responsesByQuestion(responses: JsonObject): PersonsAnswer[] {
  const people = new Map<string, { state: PersonsAnswer['state']; answers: Answer[] }>();
  for (const [question, list] of Object.entries(responses)) {
    if (!Array.isArray(list)) continue;
    for (const each of (list as readonly Json[]).filter(isJsonObject)) {
      const annotator = annotatorOf(each['user_id']);
      const person = people.get(annotator) ?? { state: stateOf(each['status']), answers: [] };
      person.answers.push({ question, value: each['value'] ?? null });
      people.set(annotator, person);
    }
  }
  return [...people].map(([annotator, person]) => ({ annotator, at: null, ...person }));
}

/** Flat records: questions are found by the names of their columns. */
function readFlat(record: JsonObject, shape: 'flat-1' | 'flat-2'): Read {
  const used = new Set<string>();
  const take = (key: string): Json | undefined => {
    used.add(key);
    return record[key];
  };
  const [tail, ends] =
    shape === 'flat-2' ? ['.suggestion', ['.suggestion', '.responses']] : ['-suggestion', ['-suggestion']];
  const questions = new Set(
    Object.keys(record).flatMap((key) =>
      ends.filter((end) => key.endsWith(end)).map((end) => key.slice(0, -end.length)),
    ),
  );
  const suggestions: Suggestion[] = [];
  const byQuestion = new Map<string, JsonObject[]>();
  for (const question of questions) {
    const value = take(`${question}${tail}`) ?? null;
    if (shape === 'flat-2') {
      const agent = readText(take(`${question}.suggestion.agent`));
      const score = take(`${question}.suggestion.score`) ?? null;
      if (value !== null) suggestions.push({ question, value, agent, score });
      const values = asList(take(`${question}.responses`));
      const users = asList(take(`${question}.responses.users`));
      const states = asList(take(`${question}.responses.status`));
      byQuestion.set(
        question,
        values.map((value, i) => ({ value, user_id: users[i] ?? null, status: states[i] ?? null })),
      );
    } else {
      const metadata = take(`${question}-suggestion-metadata`);
      const from = isJsonObject(metadata) ? metadata : {};
      if (value !== null) suggestions.push(suggestionOf(question, { ...from, value }));
      byQuestion.set(question, asList(take(question)).filter(isJsonObject));
    }
  }
  const texts = otherFields(record, new Set([...used, ...ownFields])) ?? {};
  const extra = otherFields(record, new Set([...used, ...Object.keys(texts)]));
  return { texts, suggestions, people: responsesByQuestion(Object.fromEntries(byQuestion)), statusKnown: true, extra };
}

/** Fields of a flat record that are Argilla's own, not the data set's. */
const ownFields = ['id', '_server_id', 'status', 'external_id', 'metadata', 'vectors'];

/** The suggestions of a record are one answer: label and explanation come from the same model. */
function modelAnswer(suggestions: readonly Suggestion[]): ModelAnswer {
  const scores = suggestions.filter((each) => readNumber(each.score) !== null);
  return {
    model: suggestions.find((each) => each.agent !== null)?.agent ?? null,
    answers: suggestions,
    // How sure the agent was of its suggestion; no score to rank by.
    ...(scores.length === 0
      ? {}
      : { extra: { suggestion_scores: Object.fromEntries(scores.map((each) => [each.question, each.score])) } }),
  };
}

function withoutStatus(record: ImportedRecord): ImportedRecord {
  if (record.kind !== 'correction') return record;
  return {
    ...record,
    notes: [...(record.notes ?? []), 'the status of the response is not in the export; taken as submitted'],
  };
}

function stateOf(status: Json | undefined): PersonsAnswer['state'] {
  return status === 'draft' || status === 'discarded' ? status : 'submitted';
}

function annotatorOf(userId: Json | undefined): string {
  const id = readText(userId);
  return id === null || id === '' || id === 'None' ? 'unnamed' : id;
}

function asList(value: Json | undefined): readonly Json[] {
  return Array.isArray(value) ? (value as readonly Json[]) : [];
}
