/**
 * What annotation tools have in common: an item with texts, what models suggested for it, and what people answered. Each
 * tool's importer says where these stand; here they become answers and corrections, by the same rules for all.
 */
import type { Json, JsonObject } from '../../domain/json.js';
import { interankScale } from '../../domain/scale.js';
import { chooseColumns, valueAt, type Columns } from './columns.js';
import { otherFields, readText, shown } from './fields.js';
import type { ImportedJudgement, ImportedRecord, ImportOptions } from './importer.js';
import { readScaleLabel } from './label-names.js';

/** An answer to one question of the tool's form. */
export interface Answer {
  readonly question: string;
  readonly value: Json;
}

export interface ModelAnswer {
  /** What a person's answer may refer to. */
  readonly id?: string;
  readonly model: string | null;
  readonly answers: readonly Answer[];
  readonly extra?: JsonObject;
}

export interface PersonsAnswer {
  readonly annotator: string;
  /** ISO 8601, or null where the tool does not say. */
  readonly at: string | null;
  readonly state: 'submitted' | 'draft' | 'discarded';
  readonly answers: readonly Answer[];
  /** The `id` of the model's answer that was shown. */
  readonly on?: string;
}

export interface AnnotatedItem {
  /** The record's fields, among them query and document. */
  readonly texts: JsonObject;
  /** Where fields that are not ours are kept (`data`, `fields`). */
  readonly textsName: string;
  /** Looked through for ids and titles that `texts` does not hold. */
  readonly metadata?: JsonObject;
  readonly models: readonly ModelAnswer[];
  readonly people: readonly PersonsAnswer[];
  readonly extra?: JsonObject;
}

/** The rows and corrections that an item holds. Never throws. */
export function convertAnnotated(item: AnnotatedItem, options: ImportOptions): ImportedRecord[] {
  const { texts } = item;
  const columns = chooseColumns(Object.keys(texts), textMapping(texts, options));
  const textOf = (field: 'query' | 'document' | 'query_id' | 'doc_id' | 'title'): string | null => {
    const path = columns.get(field);
    const text = readText(path === undefined ? undefined : valueAt(texts, path));
    if (text !== null && text.trim() !== '') return text;
    const metadata = item.metadata ?? {};
    const other = chooseColumns(Object.keys(metadata)).get(field);
    const found = field === 'query' || field === 'document' || other === undefined ? null : readText(metadata[other]);
    return found === null || found.trim() === '' ? null : found;
  };
  const query = textOf('query');
  const document = textOf('document');
  if (query === null || document === null) {
    const what = query === null ? 'query' : 'document';
    const names = Object.keys(texts).join(', ') || 'none';
    return [
      {
        kind: 'skipped',
        reason: `no field is known to hold the ${what} (fields: ${names}); name one with a mapping (${what}=FIELD)`,
      },
    ];
  }
  const query_id = textOf('query_id');
  const doc_id = textOf('doc_id');
  const reader = new AnswerReader(
    [...item.models, ...item.people].flatMap((each) => each.answers),
    options,
  );
  const shownAnswer = answerAmongTexts(texts, columns, reader);
  const models = item.models.length > 0 || shownAnswer === null ? item.models : [shownAnswer];
  const used = new Set(columns.values());
  const unused = otherFields(texts, used);
  const pair = {
    query,
    document,
    title: textOf('title'),
    ...(query_id === null ? {} : { query_id }),
    ...(doc_id === null ? {} : { doc_id }),
  };
  const rows = (models.length > 0 ? models : [null]).map((model) => {
    const extra = {
      ...item.extra,
      ...(unused === undefined ? {} : { [item.textsName]: unused }),
      ...model?.extra,
    };
    return { id: model?.id, ...reader.row(pair, model, item.people.length > 0, extra) };
  });
  const records: ImportedRecord[] = [];
  const corrected = new Set<object>();
  for (const person of item.people) {
    const row = rows.find((each) => person.on !== undefined && each.id === person.on) ?? rows[0];
    if (row === undefined) continue;
    const record = reader.correction(row.judgement, person, row.notes);
    if (record.kind === 'correction') corrected.add(row);
    records.push(record);
  }
  // A row that has a correction comes with it; the others stand for themselves.
  const alone = rows
    .filter((row) => !corrected.has(row))
    .map(({ judgement, notes }): ImportedRecord => ({
      kind: 'judgement',
      judgement,
      ...(notes.length > 0 ? { notes } : {}),
    }));
  return [...alone, ...records];
}

/** A mapping names fields and questions alike; here only what is among the texts. */
function textMapping(texts: JsonObject, { mapping }: ImportOptions): NonNullable<ImportOptions['mapping']> {
  return Object.fromEntries(Object.entries(mapping ?? {}).filter(([, path]) => valueAt(texts, path) !== undefined));
}

/** Tasks often carry the model's answer among their texts, for the annotator to see. */
function answerAmongTexts(texts: JsonObject, columns: Columns, reader: AnswerReader): ModelAnswer | null {
  const answers = (['label', 'explanation'] as const).flatMap((field): Answer[] => {
    const path = columns.get(field);
    const question = field === 'label' ? reader.labelQuestion : reader.explanationQuestion;
    const value = path === undefined ? undefined : valueAt(texts, path);
    return value === undefined || value === null || value === '' ? [] : [{ question, value }];
  });
  return answers.length === 0 ? null : { model: readText(texts['model']), answers };
}

interface Row {
  readonly judgement: ImportedJudgement;
  readonly notes: readonly string[];
}

/** Reads answers to the questions that ask for label and explanation, found once for an item. */
class AnswerReader {
  readonly labelQuestion: string;
  readonly explanationQuestion: string;
  private readonly scale: string;

  constructor(answers: readonly Answer[], options: ImportOptions) {
    this.scale = options.scale ?? interankScale.name;
    const questions = [...new Set(answers.map((each) => each.question))];
    const named = (field: 'label' | 'explanation'): string | undefined =>
      questions.find((question) => question === options.mapping?.[field]);
    const guessed = chooseColumns(questions);
    this.labelQuestion =
      named('label') ??
      guessed.get('label') ??
      questions.find((question) => /relevan|label|grade/i.test(question)) ??
      'label';
    this.explanationQuestion =
      named('explanation') ??
      guessed.get('explanation') ??
      questions.find((question) => question !== this.labelQuestion && /expla|rational|reason|justif/i.test(question)) ??
      'explanation';
  }

  row(
    pair: Pick<ImportedJudgement, 'query' | 'document'> & Partial<ImportedJudgement>,
    model: ModelAnswer | null,
    answeredByPeople: boolean,
    extra: JsonObject,
  ): Row {
    const read = this.read(model?.answers ?? []);
    const label = read.label ?? null;
    // A pending row takes no decisions in the editor, so what people have answered is a row without a label instead.
    const unanswered = model === null && !answeredByPeople;
    const all = read.others.length === 0 ? extra : { ...extra, other_suggestions: Object.fromEntries(read.others) };
    return {
      judgement: {
        ...pair,
        label,
        scale: this.scale,
        explanation: read.explanation ?? null,
        status: label !== null ? 'ok' : unanswered ? 'pending' : 'unparsed',
        ...(model === null || model.model === null ? {} : { model: { id: model.model } }),
        ...(Object.keys(all).length === 0 ? {} : { extra: all }),
      },
      notes: read.notes,
    };
  }

  correction(judgement: ImportedJudgement, person: PersonsAnswer, rowNotes: readonly string[]): ImportedRecord {
    const { annotator, at } = person;
    if (person.state === 'draft') return { kind: 'skipped', reason: `a draft that was not submitted: by ${annotator}` };
    const read = this.read(person.answers);
    const note = read.others.map(([question, value]) => `${question}: ${plain(value)}`).join('\n');
    const notes = [...rowNotes, ...read.notes];
    const base = {
      kind: 'correction',
      judgement,
      annotator,
      at,
      ...(note === '' ? {} : { note }),
      ...(notes.length === 0 ? {} : { notes }),
    } as const;
    if (person.state === 'discarded') return { ...base, action: 'skip' };
    if (read.label === undefined && read.explanation === undefined) {
      const [fault] = read.notes;
      const questions = person.answers.map((each) => each.question).join(', ') || 'none';
      return {
        kind: 'skipped',
        reason: fault ?? `an answer with neither label nor explanation: by ${annotator} (questions: ${questions})`,
      };
    }
    return {
      ...base,
      action: 'correct',
      ...(read.label === undefined ? {} : { label: read.label }),
      ...(read.explanation === undefined ? {} : { explanation: read.explanation }),
    };
  }

  private read(answers: readonly Answer[]): {
    readonly label?: number;
    readonly explanation?: string;
    readonly others: readonly (readonly [string, Json])[];
    readonly notes: readonly string[];
  } {
    let label: number | null = null;
    let explanation: string | null = null;
    const others: [string, Json][] = [];
    const notes: string[] = [];
    for (const { question, value } of answers) {
      if (value === null || value === '') continue;
      const single = Array.isArray(value) && value.length === 1 ? (value as readonly Json[])[0] : value;
      if (question === this.labelQuestion) {
        const read = readScaleLabel(single, this.scale, question);
        if (read.ok) ({ label } = read);
        else {
          notes.push(read.reason);
          others.push([question, value]);
        }
      } else if (question === this.explanationQuestion && typeof single === 'string') explanation = single;
      else others.push([question, value]);
    }
    return {
      ...(label === null ? {} : { label }),
      ...(explanation === null || explanation.trim() === '' ? {} : { explanation }),
      others,
      notes,
    };
  }
}

function plain(value: Json): string {
  return typeof value === 'string' ? value : shown(value);
}
