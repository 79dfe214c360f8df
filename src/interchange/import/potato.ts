/**
 * Potato's annotations. Its output folder has one folder an annotator with `annotated_instances.jsonl`, lines of
 * `{id, displayed_text, label_annotations: {schema: {label: value}}, span_annotations, behavioral_data}`, or (version 2)
 * `user_state.json` with `instance_id_to_label_to_value`; its JSONL export is `annotations.jsonl`, `{instance_id, user_id,
 * labels, spans, links}`. Format read from the files that Potato writes (davidjurgens/potato, example-projects and docs).
 *
 * What was annotated stands in the task's data file, which `corpus` names. Without it there is only `displayed_text`, the
 * page as shown: it is taken apart where it says "Query:" and "Document:", and refused otherwise.
 */
import { readFile, readdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { messageOf, RationaleError } from '../../domain/failure.js';
import { isJsonObject, type Json, type JsonObject } from '../../domain/json.js';
import { convertAnnotated, type Answer, type PersonsAnswer } from './annotated.js';
import { otherFields, readText } from './fields.js';
import type { FolderImporter, ImportedRecord, ImportOptions } from './importer.js';
import { readJsonRecords, type SourceRecord } from './records.js';
import { isTable, readTable } from './table-reader.js';

export const potatoImporter: FolderImporter = {
  kind: 'folder',
  id: 'potato',
  title: 'Potato annotation output (folder, annotated_instances.jsonl or annotations.jsonl)',
  async detect(path) {
    try {
      const files = await annotationFiles(path);
      if (files.some((file) => [instancesName, stateName].includes(basename(file)))) return 0.95;
      if (files.length > 0 && !files.includes(path)) return 0.6;
      if (!path.endsWith('.jsonl')) return 0;
      for await (const batch of readJsonRecords(path)) {
        const record = batch.find((each) => each.record !== undefined)?.record;
        return record !== undefined && instanceId(record) !== null && labelsOf(record) !== undefined ? 0.9 : 0;
      }
      return 0;
    } catch {
      return 0;
    }
  },
  read,
};

const instancesName = 'annotated_instances.jsonl';
const stateName = 'user_state.json';
const exportName = 'annotations.jsonl';

async function* read(path: string, options: ImportOptions): AsyncGenerator<ImportedRecord & { readonly line: number }> {
  const items = options.corpus === undefined ? undefined : await readItems(options.corpus);
  const files = await annotationFiles(path);
  if (files.length === 0) {
    throw new RationaleError(
      'user',
      `${path} holds no annotations of Potato (${instancesName}, ${stateName} or ${exportName}). Nothing was written.`,
    );
  }
  for (const file of files) {
    // A file of one annotator stands in the folder that has the annotator's name.
    const folder = basename(dirname(file));
    for await (const { line, record, reason } of recordsOf(file)) {
      if (record === undefined) yield { line, kind: 'skipped', reason };
      else for (const each of convertInstance(record, folder, items, options)) yield { line, ...each };
    }
  }
}

/** The files to read: `path` itself, or in it and two folders down, sorted; a state only where there are no instances. */
async function annotationFiles(path: string): Promise<string[]> {
  if (!(await stat(path)).isDirectory()) {
    return path.endsWith('.jsonl') || basename(path) === stateName ? [path] : [];
  }
  const found: string[] = [];
  const look = async (folder: string, depth: number): Promise<void> => {
    const entries = await readdir(folder, { withFileTypes: true });
    const names = entries.filter((entry) => entry.isFile()).map((entry) => entry.name);
    const [name] = [instancesName, stateName, exportName].filter((each) => names.includes(each));
    if (name !== undefined) found.push(join(folder, name));
    if (depth === 0) return;
    for (const entry of entries) if (entry.isDirectory()) await look(join(folder, entry.name), depth - 1);
  };
  await look(path, 2);
  return found.sort();
}

async function* recordsOf(file: string): AsyncGenerator<SourceRecord> {
  if (basename(file) !== stateName) {
    for await (const batch of readJsonRecords(file)) yield* batch;
    return;
  }
  let state: unknown;
  try {
    state = JSON.parse(await readFile(file, 'utf8'));
  } catch (error) {
    throw new RationaleError('user', `Cannot read ${file}: ${messageOf(error)}. Nothing was written.`, {
      cause: error,
    });
  }
  const labels = isJsonObject(state) ? state['instance_id_to_label_to_value'] : undefined;
  if (!isJsonObject(state) || !isJsonObject(labels)) {
    yield { line: 1, reason: 'not a state of Potato: it has no "instance_id_to_label_to_value"' };
    return;
  }
  // The file is one object, so that its instances are counted in place of lines.
  let line = 0;
  for (const [id, value] of Object.entries(labels)) {
    line++;
    yield { line, record: { instance_id: id, user_id: state['user_id'] ?? null, labels: value } };
  }
}

const instanceFields: ReadonlySet<string> = new Set([
  'id',
  'instance_id',
  'user_id',
  'displayed_text',
  'label_annotations',
  'labels',
]);

function convertInstance(
  record: JsonObject,
  folder: string,
  items: ReadonlyMap<string, JsonObject> | undefined,
  options: ImportOptions,
): ImportedRecord[] {
  const id = instanceId(record);
  if (id === null)
    return [{ kind: 'skipped', reason: 'an annotation without an instance: neither "id" nor "instance_id"' }];
  const labels = labelsOf(record);
  if (labels === undefined)
    return [{ kind: 'skipped', reason: 'an annotation without "label_annotations" or "labels"' }];
  let texts: JsonObject | undefined;
  if (items !== undefined) {
    texts = items.get(id);
    if (texts === undefined)
      return [{ kind: 'skipped', reason: `an instance that the data file does not hold: ${id}` }];
  } else {
    texts = textsShown(record);
    if (texts === undefined) {
      const reason = 'the texts of an instance stand in the data file of the task: name it as corpus';
      return [{ kind: 'skipped', reason }];
    }
  }
  const person: PersonsAnswer = {
    annotator: readText(record['user_id']) ?? folder,
    at: null,
    state: 'submitted',
    answers: answersOf(labels),
  };
  const extra = { instance_id: id, ...otherFields(record, instanceFields) };
  return convertAnnotated({ texts, textsName: 'data', models: [], people: [person], extra }, options);
}

function instanceId(record: JsonObject): string | null {
  const id = readText(record['instance_id']) ?? readText(record['id']);
  return id === '' ? null : id;
}

/** An object by schema; states hold a list of `[{schema, name}, value]`, which says the same. */
function labelsOf(record: JsonObject): JsonObject | undefined {
  const labels = record['label_annotations'] ?? record['labels'];
  if (isJsonObject(labels)) return labels;
  if (!Array.isArray(labels)) return undefined;
  const bySchema = new Map<string, Map<string, Json>>();
  for (const entry of labels as readonly Json[]) {
    if (!Array.isArray(entry)) continue;
    const [label, value] = entry as readonly Json[];
    const schema = isJsonObject(label) ? readText(label['schema']) : null;
    if (!isJsonObject(label) || schema === null) continue;
    const values = bySchema.get(schema) ?? new Map<string, Json>();
    bySchema.set(schema, values.set(readText(label['name']) ?? '', value ?? null));
  }
  return Object.fromEntries([...bySchema].map(([schema, values]) => [schema, Object.fromEntries(values)]));
}

/**
 * One answer a schema. A choice is the label that is set (`{"relevant": "true"}`), a scale or a text its value
 * (`{"scale_2": "2"}`, `{"text_box": "…"}`); several are kept as a list, which no label is read from.
 */
function answersOf(labels: JsonObject): Answer[] {
  return Object.entries(labels).map(([question, each]): Answer => {
    if (!isJsonObject(each)) return { question, value: each };
    const set = Object.entries(each).filter(
      ([, value]) => value !== false && value !== null && value !== '' && value !== 'false',
    );
    const values = set.map(([label, value]): Json => (isNamed(label, value) ? label : value));
    return { question, value: values.length === 1 ? (values[0] ?? null) : values };
  });
}

/** Whether the answer is the label's name: a box that is ticked, or a name whose value is only its key on the page. */
function isNamed(label: string, value: Json): boolean {
  if (value === true || value === 'true' || value === label) return true;
  const isWidget = /^(?:scale[_-]?\d*|text[_-]?box(?:[_-]?input)?|free[_-]?response|slider|number|)$/i.test(label);
  return !isWidget && typeof value !== 'object' && /^\d+$/.test(String(value));
}

/** Query and document where the annotation itself holds them: as fields, as JSON, or named in the text shown. */
function textsShown(record: JsonObject): JsonObject | undefined {
  const shownText = record['displayed_text'] ?? record['text'];
  if (isJsonObject(shownText)) return shownText;
  if (record['query'] !== undefined) return otherFields(record, instanceFields);
  if (typeof shownText !== 'string') return undefined;
  try {
    const value: unknown = JSON.parse(shownText);
    if (isJsonObject(value)) return value;
  } catch {
    // Not JSON: the text itself.
  }
  const parts =
    /^\s*(?:search\s+)?(?:query|question)\s*:\s*(.+?)\s*\n\s*(?:document|passage|text)\s*:\s*(.+?)\s*$/is.exec(
      withoutMarkup(shownText),
    );
  const [, query, document] = parts ?? [];
  return query === undefined || document === undefined ? undefined : { query, document };
}

/** The text of a page's HTML. Only what is markup for certain goes; the data file has the text as it was. */
function withoutMarkup(html: string): string {
  if (!/<(?:br|p|div|b|strong|span)\b[^>]*>/i.test(html)) return html;
  const entities: Readonly<Record<string, string>> = {
    lt: '<',
    gt: '>',
    quot: '"',
    '#39': "'",
    '#x27': "'",
    nbsp: ' ',
    amp: '&',
  };
  return html
    .replace(/<(?:br\s*\/?|\/p|\/div)>/gi, '\n')
    .replace(/<\/?(?:p|div|b|strong|span|i|em|h\d)\b[^>]*>/gi, '')
    .replace(/&([a-z]+|#\w+);/gi, (entity, name: string) => entities[name.toLowerCase()] ?? entity);
}

/** The items of the task's data file by id: JSON, JSON Lines or a table. */
async function readItems(path: string): Promise<ReadonlyMap<string, JsonObject>> {
  const items = new Map<string, JsonObject>();
  const add = ({ record }: SourceRecord): void => {
    const id = record === undefined ? null : instanceId(record);
    if (record !== undefined && id !== null) items.set(id, record);
  };
  if (isTable(path)) for await (const row of readTable(path)) add(row);
  else for await (const batch of readJsonRecords(path)) batch.forEach(add);
  if (items.size === 0) {
    throw new RationaleError('user', `The data file ${path} holds no item with an "id". Nothing was written.`);
  }
  return items;
}
