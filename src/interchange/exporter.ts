/**
 * What an export format is to the rest of the export: a name, and how a reviewed answer becomes lines of a file. Reading,
 * policy, split, counting and writing are the core's (export.ts, export-folder.ts), the same for every format.
 */
import type { JsonObject } from '../domain/json.js';
import type { CanonicalRow, Exclusion, JudgedRow, LabelledRow, SampleRow } from './canonical.js';
import type { ExportPlan } from './export.js';
import type { ExportPolicy } from './policy.js';

/** A line of another file of the export (a corpus, a map of ids). */
export interface SideLine {
  /** Relative to the export's folder, with `/`. */
  readonly file: string;
  /** A second line of the file with an equal key is dropped. */
  readonly key: string;
  readonly line: JsonObject;
}

export type Converted =
  | {
      readonly ok: true;
      readonly lines: readonly JsonObject[];
      readonly side?: readonly SideLine[];
      /** For formats that look decisions up themselves: those used, for the card's counts. */
      readonly used?: readonly LabelledRow[];
    }
  | { readonly ok: false; readonly reason: Exclusion };

/** All rows of a query become lines together; what is not named in `excluded` counts as written. */
export interface ConvertedQuery<Row> {
  readonly lines: readonly JsonObject[];
  readonly excluded: readonly { readonly row: Row; readonly reason: Exclusion }[];
  readonly side?: readonly SideLine[];
  readonly used?: readonly LabelledRow[];
}

export interface ConvertContext {
  /** The form of this file's prompts and answers: decided once per export, because a column has one type. */
  readonly prompts: 'strings' | 'messages';
  readonly policy: ExportPolicy;
}

export type Split = 'train' | 'validation';

interface Format {
  /** As `--format` takes it. */
  readonly id: string;
  /** One line for menus. */
  readonly title: string;
  /** What the dataset card says about the format: one paragraph of Markdown. */
  readonly card: string;
  /**
   * Absent: the prompts' form follows the policy. `strings`: chats are held back; `messages`: a raw prompt becomes one
   * user message.
   */
  readonly prompts?: 'strings' | 'messages';
  /** Name of a split's file; absent: `train.jsonl`, `validation.jsonl`. Also its name with a `.parquet` container or the hub's layout: only the extension is taken. */
  dataFile?(split: Split): string;
  /** For files that are not JSON Lines (TREC, TSV): the text of a line without its end, and a first line. */
  readonly text?: { readonly header?: string; line(line: JsonObject): string };
  /** Its rows hold rewards or margins: plan and card state the formula. */
  readonly rewarded?: true;
  /** Files whose text follows from the plan (`dataset_info.json`). */
  extraFiles?(plan: ExportPlan): readonly { readonly name: string; readonly text: string }[];
}

interface ByRow<Row> {
  readonly perQuery?: false;
  /** The same keys and types for every line. */
  convert(row: Row, context: ConvertContext): Converted;
}

interface ByQuery<Row> {
  readonly perQuery: true;
  /** `rows`: all of a query that could be converted, in the order of files and lines. */
  convertQuery(rows: readonly Row[], context: ConvertContext): ConvertedQuery<Row>;
}

/**
 * What a format needs of a row. `answer` (the default): a decision, the exact prompt and a complete answer. `label`: a
 * decision with a label. `judgement`: any row that can be read, whatever anybody decided (a run).
 */
export type AnswerExporter = Format & { readonly needs?: 'answer' } & (ByRow<CanonicalRow> | ByQuery<CanonicalRow>);
export type LabelExporter = Format & { readonly needs: 'label' } & (ByRow<LabelledRow> | ByQuery<LabelledRow>);
export type JudgementExporter = Format & { readonly needs: 'judgement' } & (ByRow<SampleRow> | ByQuery<SampleRow>);
export type Exporter = AnswerExporter | LabelExporter | JudgementExporter;

/** The columns that every format carries beside its own. The 0/1/2 label is never called `label`: KTO reads that as a boolean. */
export function provenance(row: CanonicalRow): JsonObject {
  const { judgement } = row;
  return {
    id: row.id,
    query_id: judgement.query_id,
    doc_id: judgement.doc_id,
    review: row.review,
    annotators: row.annotators,
    model: modelId(row),
    template: row.template,
  };
}

/** The id of the model that answered, or null. */
export function modelId(row: JudgedRow): string | null {
  const id = row.judgement.model === null ? undefined : (row.judgement.model as JsonObject)['id'];
  return typeof id === 'string' ? id : null;
}

/** The prompt as a conversation: a raw prompt becomes one user message that holds exactly its text. */
export function conversation(row: CanonicalRow): JsonObject[] {
  if (row.prompt.kind === 'raw') return [{ role: 'user', content: row.prompt.text }];
  return row.prompt.messages.map(({ role, content }) => ({ role, content }));
}

export function assistant(text: string): JsonObject[] {
  return [{ role: 'assistant', content: text }];
}

/** The prompt in the form of this file: a raw prompt's text, or messages. */
export function promptOf(row: CanonicalRow, { prompts }: ConvertContext): string | JsonObject[] {
  return prompts === 'strings' && row.prompt.kind === 'raw' ? row.prompt.text : conversation(row);
}

/** An answer in the form of this file: its text, or one assistant message. */
export function answerOf(text: string, { prompts }: ConvertContext): string | JsonObject[] {
  return prompts === 'strings' ? text : assistant(text);
}
