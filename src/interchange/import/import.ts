/**
 * Turns a file in a foreign format into a judgement file. STUB: signatures first, the body follows within minutes.
 */
import type { ImportOptions } from './importer.js';

export interface ImportRequest {
  /** A file, or for folder importers a folder. */
  readonly path: string;
  /** Absent: the surest detection. */
  readonly importer?: string;
  /** `NAME.judgements.jsonl`, which must not exist. */
  readonly out: string;
  readonly importOptions: ImportOptions;
  readonly toolVersion: string;
  readonly signal?: AbortSignal;
  readonly progress?: (done: { readonly bytes: number; readonly totalBytes: number; readonly taken: number }) => void;
}

export interface ImportReport {
  readonly importer: string;
  /** Records of the source, unreadable ones too. */
  readonly records: number;
  /** Pairs (or unreadable records) found in them: read = taken + the sum of skippedCounts, always. */
  readonly read: number;
  /** Rows written, plus corrections of an answer that stands already in the file. */
  readonly taken: number;
  /** Events written to annotators' logs. */
  readonly corrections: number;
  /** The first 1,000, by line of the source (from 1). */
  readonly skipped: readonly { readonly line: number; readonly reason: string }[];
  /** By kind of reason: its text up to the first colon or bracket. */
  readonly skippedCounts: ReadonlyMap<string, number>;
  /** What was taken otherwise than it was written (the label "2" as 2), likewise. */
  readonly notes: readonly { readonly line: number; readonly reason: string }[];
  readonly noteCounts: ReadonlyMap<string, number>;
  /** Null where nothing could be taken, and so nothing was written. */
  readonly out: string | null;
}

export function importFile(_request: ImportRequest): Promise<ImportReport> {
  return Promise.reject(new Error('not yet'));
}

/** The importers that know the file at `path`, surest first; empty when none does. */
export function detectImporter(_path: string): Promise<{ readonly id: string; readonly confidence: number }[]> {
  return Promise.resolve([]);
}
