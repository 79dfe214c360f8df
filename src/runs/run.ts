/** A run: one or more queries, their candidates, an engine and a judgement file that fills up. Types shared by its parts. */
import type { Candidate, Query } from '../domain/candidate.js';
import type { RationaleError } from '../domain/failure.js';
import type { Judgement, Mode, ModelIdentity } from '../domain/judgement.js';
import type { JsonObject } from '../domain/json.js';
import type { LabelScale } from '../domain/scale.js';
import type { Profile } from '../profiles/profile.js';
import type { Sampling } from '../protocol/inference.js';

/** What the first stage hands over for one query: candidates in first-stage order, rank 1 first. */
export interface QueryCandidates {
  readonly query: Query;
  readonly candidates: readonly Candidate[];
}

export interface RunSettings {
  readonly mode: Mode;
  /** Label-first: rationales are written for this many documents of each query, best first. */
  readonly explain: number;
  /** Absent: one greedy answer a pair. With several samples every document gets them, each a row of its own. */
  readonly sampling?: Sampling;
  /** How the candidates were found, for the record. */
  readonly firstStage: JsonObject;
}

/** `NAME.judgements.run.json`: written by a run, edited by nobody. */
export interface RunRecord {
  readonly version: 1;
  readonly run_id: string;
  /** ISO 8601. */
  readonly started_at: string;
  readonly tool: { readonly name: 'rationale'; readonly version: string };
  readonly settings: { readonly mode: Mode; readonly explain: number; readonly sampling?: Sampling };
  /** A query's rows stand together, and in them the samples of a document. */
  readonly queries: readonly (Query & { readonly rows: number })[];
  readonly first_stage: JsonObject;
  readonly model: ModelIdentity | null;
  readonly profile: Profile;
  readonly scales: readonly LabelScale[];
  /** Absent while the run is going on or when it was interrupted. */
  readonly seal?: {
    readonly state: 'complete' | 'cancelled';
    readonly rows: number;
    readonly bytes: number;
    readonly sha256: string;
  };
}

export type RunState =
  | { readonly phase: 'loading' }
  | {
      readonly phase: 'scoring' | 'explaining';
      readonly done: number;
      readonly total: number;
      readonly perSecond: number | null;
    }
  | { readonly phase: 'complete' | 'cancelled'; readonly done: number; readonly total: number }
  | {
      readonly phase: 'failed';
      readonly done: number;
      readonly total: number;
      readonly message: string;
      readonly category: RationaleError['category'];
    };

export type RunChange =
  /** Rows by index (line from 0) whose content changed. */
  | { readonly type: 'rows'; readonly indexes: readonly number[] }
  | { readonly type: 'state' }
  /** The rationale of row `index`, whole, as far as it is written. */
  | { readonly type: 'token'; readonly index: number; readonly explanation: string };

/** What the editor and the command line need of a run in progress (implemented by RunSession in session.ts). */
export interface Run {
  readonly path: string;
  readonly record: RunRecord;
  /** In file order, which never changes; a changed row is a new object. */
  readonly rows: readonly Judgement[];
  readonly state: RunState;
  onDidChange(listener: (change: RunChange) => void): () => void;
  /** Stops after the forward in progress; what was computed stays and is written. Resolves when the file is sealed. */
  cancel(): Promise<void>;
  /** Asks for the rationale of a row next, before those still queued. False where the row cannot have one. */
  explain(index: number): boolean;
  /** Resolves when the run has ended, however it ended. */
  readonly finished: Promise<RunState>;
}
