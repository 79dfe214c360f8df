/**
 * Messages between the extension host and the evaluation panel's webview, in the manner of editor.ts: the host owns the
 * state and sends whole snapshots; the webview asks. What was found is sent in the types of src/domain/evaluation.ts.
 */
import type {
  Calibration,
  ConfusionMatrix,
  QueryMovement,
  RankingComparison,
  RationaleStatistics,
} from '../domain/evaluation.js';
import type { RowKey } from '../domain/row-key.js';

/** Where relevance comes from: a file of qrels, or what people decided in the judgement files (all, or one kind of decision). */
type ReferenceKind = 'file' | 'decided' | 'accepted' | 'corrected';

export interface EvaluationSource {
  readonly name: string;
  /** As seen from the workspace folder. */
  readonly place: string;
  readonly kind: 'judgements' | 'run';
}

/** A matrix without the rows behind its cells, which stay with the host. */
export type ConfusionView = Omit<ConfusionMatrix, 'keys'> & {
  /** opens[reference][prediction]: rows that the cell can open in the Rationale editor; 0 opens nothing. */
  readonly opens: readonly (readonly number[])[];
};

/** One query in the list of those that moved most. */
type MovedQuery = Pick<QueryMovement, 'query_id' | 'query' | 'moved' | 'tau'>;

/** Intervals of a system's means: `[metric]`, null where there was nothing to resample. */
export type MeanIntervals = Readonly<Record<string, readonly [low: number, high: number] | null>>;

export interface EvaluationResults {
  /** Null where nothing says what is relevant. */
  readonly comparison: RankingComparison | null;
  /** By system, in the order of `comparison.systems`. */
  readonly intervals: readonly MeanIntervals[];
  /** Queries of two or more rankings, those that moved most first. */
  readonly moved: readonly MovedQuery[];
  readonly confusions: readonly ConfusionView[];
  readonly calibrations: readonly Calibration[];
  readonly rationales: readonly RationaleStatistics[];
}

export interface EvaluationView {
  readonly sources: readonly EvaluationSource[];
  readonly reference: { readonly kind: ReferenceKind; readonly name: string } | null;
  readonly state:
    | { readonly kind: 'ready' }
    | { readonly kind: 'loading'; readonly message: string }
    /** What went wrong and what to try. What was found before is kept. */
    | { readonly kind: 'failed'; readonly message: string };
  readonly notices: readonly string[];
  /** Null before the first evaluation. */
  readonly results: EvaluationResults | null;
}

export type ToEvaluation =
  | { readonly type: 'view'; readonly view: EvaluationView }
  /** The query asked for last, or null where no ranking has it. */
  | { readonly type: 'movement'; readonly movement: QueryMovement | null }
  | { readonly type: 'announce'; readonly text: string };

export type FromEvaluation =
  | { readonly type: 'ready' }
  | { readonly type: 'addSources' }
  | { readonly type: 'removeSource'; readonly source: number }
  | { readonly type: 'chooseReference' }
  | { readonly type: 'setMetric'; readonly metric: string }
  | { readonly type: 'refresh' }
  | { readonly type: 'cancel' }
  | { readonly type: 'selectQuery'; readonly queryId: string }
  /** Opens a source in the Rationale editor: at an answer, or with the rows of a query only. */
  | { readonly type: 'openAnswer'; readonly source: number; readonly key: RowKey }
  | { readonly type: 'openQuery'; readonly source: number; readonly queryId: string }
  | { readonly type: 'openCell'; readonly matrix: number; readonly reference: number; readonly prediction: number }
  /** A picture made in the page, to be saved where the person says: SVG as text, PNG in base64. */
  | { readonly type: 'savePicture'; readonly name: string; readonly format: 'svg' | 'png'; readonly content: string }
  | { readonly type: 'writeReport' }
  | { readonly type: 'problem'; readonly message: string };
