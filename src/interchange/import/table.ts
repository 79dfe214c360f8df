/**
 * Rows of a table (CSV, TSV, Parquet, or any flat JSON record), with a mapping from our fields to its columns. The last
 * resort among the importers: it knows no format, only names (columns.ts).
 */
import type { Json, JsonObject } from '../../domain/json.js';
import { interankScale } from '../../domain/scale.js';
import { chooseColumns, valueAt, type Columns, type MappedField } from './columns.js';
import { otherFields, readNumber, readText, shown } from './fields.js';
import type { ImportedJudgement, ImportedRecord, ImportOptions, RecordImporter } from './importer.js';
import { readScaleLabel } from './label-names.js';

export const tableImporter: RecordImporter = {
  kind: 'records',
  id: 'table',
  title: 'Table (CSV, TSV, Parquet or flat JSON) with a column for the query and one for the document',
  detect(sample) {
    const shares = sample.map((record): number => {
      const columns = chooseColumns(Object.keys(record));
      if (!columns.has('query') || !columns.has('document')) return 0;
      // Texts, not objects: a nested record belongs to an importer that knows it.
      const texts = (['query', 'document'] as const).every((field) => textAt(record, columns, field) !== null);
      if (!texts) return 0;
      // Just sure enough to be chosen where nothing else knows the file.
      return columns.has('label') ? 0.55 : 0.5;
    });
    return shares.length === 0 ? 0 : shares.reduce((a, b) => a + b, 0) / shares.length;
  },
  convert: convertRow,
};

function convertRow(record: JsonObject, options: ImportOptions): ImportedRecord[] {
  const columns = columnsOf(record, options);
  const query = textAt(record, columns, 'query');
  const document = textAt(record, columns, 'document');
  if (query === null || query.trim() === '') return [missing('query', columns, options)];
  if (document === null || document.trim() === '') return [missing('document', columns, options)];
  const scale = options.scale ?? interankScale.name;
  const labelColumn = columns.get('label');
  const label = readScaleLabel(
    labelColumn === undefined ? undefined : valueAt(record, labelColumn),
    scale,
    labelColumn ?? 'label',
  );
  if (!label.ok) return [{ kind: 'skipped', reason: label.reason }];
  const notes = [...label.notes];
  const explanation = emptyAsNull(textAt(record, columns, 'explanation'));
  const scoreValue = at(record, columns, 'score');
  const score = readNumber(scoreValue);
  if (score === null && scoreValue !== undefined && scoreValue !== null && scoreValue !== '')
    notes.push(`"${columns.get('score') ?? 'score'}" is not a finite number: ${shown(scoreValue)}; kept as no score`);
  const queryId = emptyAsNull(textAt(record, columns, 'query_id'));
  const docId = emptyAsNull(textAt(record, columns, 'doc_id'));
  const extra = otherFields(record, new Set(columns.values()));
  const judgement: ImportedJudgement = {
    query,
    document,
    label: label.label,
    scale,
    explanation,
    score,
    title: emptyAsNull(textAt(record, columns, 'title')),
    status: statusOf(label.label, explanation, score),
    ...(queryId === null ? {} : { query_id: queryId }),
    ...(docId === null ? {} : { doc_id: docId }),
    ...(extra === undefined ? {} : { extra }),
  };
  return [{ kind: 'judgement', judgement, ...(notes.length === 0 ? {} : { notes }) }];
}

/** Nothing said about the pair: a candidate to be judged. A score alone is an answer; a text without label is not a whole one. */
function statusOf(
  label: number | null,
  explanation: string | null,
  score: number | null,
): 'ok' | 'unparsed' | 'pending' {
  if (label !== null) return 'ok';
  if (explanation !== null) return 'unparsed';
  return score === null ? 'pending' : 'ok';
}

function missing(field: 'query' | 'document', columns: Columns, options: ImportOptions): ImportedRecord {
  const column = columns.get(field);
  if (column === undefined)
    return {
      kind: 'skipped',
      reason: `no column is known to hold the ${field}; name one with a mapping (${field}=COLUMN)`,
    };
  const said = options.mapping?.[field] === undefined ? '' : ', as the mapping says';
  return { kind: 'skipped', reason: `the column "${column}", which holds the ${field}${said}, holds no text` };
}

function at(record: JsonObject, columns: Columns, field: MappedField): Json | undefined {
  const path = columns.get(field);
  return path === undefined ? undefined : valueAt(record, path);
}

function textAt(record: JsonObject, columns: Columns, field: MappedField): string | null {
  return readText(at(record, columns, field));
}

function emptyAsNull(text: string | null): string | null {
  return text === null || text.trim() === '' ? null : text;
}

let last: { readonly keys: string; readonly mapping: ImportOptions['mapping']; readonly columns: Columns } | undefined;

/** The columns of the last record serve the next one: a table's rows have the same, and choosing costs more than the row. */
function columnsOf(record: JsonObject, { mapping }: ImportOptions): Columns {
  const all = Object.keys(record);
  const keys = all.join('\0');
  if (last?.keys !== keys || last.mapping !== mapping) last = { keys, mapping, columns: chooseColumns(all, mapping) };
  return last.columns;
}
