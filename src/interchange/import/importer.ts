/**
 * What an importer is: it knows one foreign format, says how sure it is that a file is in it, and turns records into
 * judgements. Reading bytes, counting, ids and writing are the driver's (import.ts), the same for every format.
 */
import type { Judgement } from '../../domain/judgement.js';
import type { JsonObject } from '../../domain/json.js';
import type { LabelScale } from '../../domain/scale.js';

/**
 * What a foreign record says about one pair. `query` and `document` are required; everything else is what the source
 * has. The driver fills the rest (ids from texts, run_id, null fields) and keeps `extra` as it came.
 */
export type ImportedJudgement = Pick<Judgement, 'query' | 'document'> &
  Partial<Omit<Judgement, 'query' | 'document' | 'extra'>> & { readonly extra?: JsonObject };

export type ImportedRecord =
  /** `notes`: what was read differently from how it was written (the label "2" as 2), for the report. */
  | { readonly kind: 'judgement'; readonly judgement: ImportedJudgement; readonly notes?: readonly string[] }
  /** A correction by a person that the source holds beside the answer: becomes an event in an annotator's log. */
  | {
      readonly kind: 'correction';
      readonly judgement: ImportedJudgement;
      readonly annotator: string;
      /** ISO 8601, or null where the source does not say. */
      readonly at: string | null;
      readonly action: 'accept' | 'correct' | 'skip' | 'cannot_judge';
      readonly label?: number;
      readonly explanation?: string;
      readonly note?: string;
      readonly notes?: readonly string[];
    }
  /** A part of the record that holds no judgement, and why, in words for the report. */
  | { readonly kind: 'skipped'; readonly reason: string };

/** Reads records one by one: JSON Lines, a JSON array, or the rows of a table (CSV, TSV, Parquet: one object a row). */
export interface RecordImporter {
  readonly kind: 'records';
  readonly id: string;
  /** One line for menus and --help. */
  readonly title: string;
  /** Scales its rows may name that are not built in: those that are used get declared in the sidecar. */
  readonly scales?: readonly LabelScale[];
  /** How sure it is that these first records (at most 20) are in its format: 0 not at all, 1 certain. Never throws. */
  detect(sample: readonly JsonObject[]): number;
  /** Never throws: what cannot be read is `skipped` with a reason. One record may hold many pairs. */
  convert(record: JsonObject, options: ImportOptions): ImportedRecord[];
}

/** Reads a folder or a set of files that belong together (BEIR; a TREC run with qrels and corpus). */
export interface FolderImporter {
  readonly kind: 'folder';
  readonly id: string;
  readonly title: string;
  readonly scales?: readonly LabelScale[];
  detect(path: string): Promise<number>;
  /** `line` is the line of the file that decides (run or qrels). Throws RationaleError when a file is missing or malformed. */
  read(path: string, options: ImportOptions): AsyncIterable<ImportedRecord & { readonly line: number }>;
}

export type Importer = RecordImporter | FolderImporter;

export interface ImportOptions {
  /** For the table importer: our field → path in the record (`a.b.0`). */
  readonly mapping?: Readonly<
    Partial<Record<'query' | 'document' | 'label' | 'explanation' | 'query_id' | 'doc_id' | 'title' | 'score', string>>
  >;
  /** Scale of the labels where the source does not say (default interank). */
  readonly scale?: string;
  /** For folders: files that lie elsewhere. */
  readonly corpus?: string;
  readonly queries?: string;
  readonly qrels?: string;
}
