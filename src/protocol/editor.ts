/**
 * Messages between the extension host and the Rationale editor's webview. Both ends import this file, so they cannot
 * drift apart. The host owns all state but scroll position and focus; what it sends is always a whole snapshot of
 * something, never a delta, because messages to a hidden webview are lost.
 */
import type { JudgementStatus, Mode } from '../domain/judgement.js';
import type { Annotation, ReviewState } from '../domain/review.js';
import type { RowKey } from '../domain/row-key.js';
import type { LabelScale } from '../domain/scale.js';
import type { ActionId } from './actions.js';

export type { RowKey };

export const orders = ['file', 'rank', 'first-stage', 'margin'] as const;
/** `rank`: by query, then by the new rank; `margin`: the least certain label first. */
export type Order = (typeof orders)[number];

export interface Filter {
  /** Only this query; null is all. */
  readonly queryId: string | null;
  readonly review: readonly ReviewState[];
  readonly labels: readonly number[];
  /** Case-insensitive text looked for in query, title, document and explanation. */
  readonly text: string;
}
export const noFilter: Filter = { queryId: null, review: [], labels: [], text: '' };

/** What the header and the list's frame show. */
export interface EditorView {
  /** Grows whenever rows, order or filter change; answers to `rows` carry the revision they belong to. */
  readonly revision: number;
  readonly fileName: string;
  readonly kind: 'run' | 'judgements';
  /** Why nothing can be changed (a git revision, say), or null. */
  readonly readonly: string | null;
  readonly run: RunView | null;
  /** Plain sentences the user must know: experimental rationales, malformed lines, a file changed on disk. */
  readonly notices: readonly Notice[];
  readonly queries: readonly { readonly queryId: string; readonly query: string; readonly rows: number }[];
  readonly scales: readonly LabelScale[];
  /** Rows that pass the filter. */
  readonly count: number;
  readonly total: number;
  readonly reviewCounts: Readonly<Record<ReviewState, number>>;
  readonly order: Order;
  readonly filter: Filter;
  /** Rows that another view asked for (a cell of a confusion matrix): only these are shown, and the filter chooses among them. */
  readonly subset: { readonly title: string; readonly rows: number } | null;
  readonly selected: { readonly key: RowKey; /** place among the filtered rows */ readonly position: number } | null;
  readonly unsaved: number;
  readonly annotator: string;
}

export interface Notice {
  readonly severity: 'info' | 'warning' | 'error';
  readonly text: string;
  /** Offered as a button beside the text. */
  readonly action?: { readonly id: ActionId; readonly title: string };
}

export interface RunView {
  readonly state: 'loading' | 'scoring' | 'explaining' | 'complete' | 'cancelled' | 'interrupted' | 'failed';
  readonly done: number;
  readonly total: number;
  /** e.g. `Scored 12 of 30 · 4.1 documents/s`. */
  readonly message: string;
}

/** One line of the list. */
export type RowSummary =
  | {
      readonly kind: 'judgement';
      readonly key: RowKey;
      readonly queryId: string;
      readonly query: string;
      /** True where the list shows the query as a heading above this row. */
      readonly startsQuery: boolean;
      /** File name, title or id: what a person calls the document. */
      readonly name: string;
      /** The start of the document on one line. */
      readonly snippet: string;
      readonly rank: number | null;
      readonly firstStageRank: number | null;
      readonly score: number | null;
      readonly status: JudgementStatus;
      readonly label: LabelView | null;
      /** The annotator's label where it differs from the model's. */
      readonly correctedLabel: LabelView | null;
      readonly review: ReviewState;
      readonly flagged: boolean;
      readonly draft: boolean;
      /** False while the decision is not yet in the log on disk. */
      readonly saved: boolean;
      readonly hasExplanation: boolean;
      /** The rationale is being written right now. */
      readonly streaming: boolean;
    }
  | {
      readonly kind: 'malformed';
      readonly key: RowKey;
      /** from 1 */ readonly line: number;
      readonly reason: string;
      readonly text: string;
    };

export interface LabelView {
  readonly value: number;
  readonly name: string;
  /** In [0, 1], or null where the file has no probabilities. */
  readonly probability: number | null;
  /** Place on its scale in [0, 1]: 0 the least relevant, 1 the most. For the label's look only. */
  readonly grade: number;
}

/** Everything about the selected row. */
export interface RowDetail {
  readonly key: RowKey;
  /** From 1, in the judgement file. */
  readonly line: number;
  readonly query: string;
  readonly name: string;
  readonly docId: string;
  /** `folder/file.md:12-40`, or null where the row came from no file. */
  readonly place: string | null;
  readonly otherPlaces: readonly string[];
  readonly canOpen: boolean;
  readonly document: string;
  /** UTF-16 ranges of `document`, ascending, disjoint. */
  readonly marks: readonly { readonly start: number; readonly end: number; readonly kind: 'term' | 'evidence' }[];
  /** UTF-16 length of what the model saw, when it did not see all. */
  readonly seen: number | null;
  readonly status: JudgementStatus;
  readonly error: string | null;
  readonly mode: Mode;
  readonly rank: number | null;
  readonly firstStageRank: number | null;
  readonly firstStageScore: number | null;
  readonly score: number | null;
  readonly scoreParts: readonly { readonly name: string; readonly value: number }[];
  readonly scale: LabelScale | null;
  readonly label: LabelView | null;
  /** One entry per label of the scale, in its order; empty where the file has none. */
  readonly probabilities: readonly LabelView[];
  /** What the model wrote. */
  readonly explanation: string | null;
  /** Said under the rationale: written after the label, experimental, truncated … */
  readonly explanationNotes: readonly string[];
  readonly streaming: boolean;
  readonly annotation: Annotation;
  readonly review: ReviewState;
  readonly saved: boolean;
  /** Text of an edit not yet committed, restored after a crash too. */
  readonly draft: string | null;
  readonly rawResponse: string | null;
  readonly prompt: { readonly text: string; readonly exact: boolean; readonly why: string | null } | null;
  /** Facts in reading order: tokens, time, model, device, … */
  readonly facts: readonly { readonly name: string; readonly value: string }[];
}

/** What each sentence does to a row's label: the document without it, scored again. */
export interface CarriesView {
  readonly key: RowKey;
  readonly state: 'running' | 'done' | 'cancelled' | 'failed';
  /** `Scored 4 of 12 sentences`, or why it failed. */
  readonly message: string;
  /** Of the whole pair, null until it is scored. Names of the labels in the order of the probabilities. */
  readonly whole: {
    readonly labels: readonly string[];
    readonly label: string;
    readonly probabilities: readonly number[];
    /** Σ label · p. */
    readonly expected: number;
  } | null;
  /** The sentences scored so far, those that matter most first. */
  readonly parts: readonly {
    /** UTF-16 range of the document. */
    readonly start: number;
    readonly end: number;
    readonly text: string;
    /** Without the sentence. */
    readonly label: string;
    readonly probabilities: readonly number[];
    /** Expected label of the whole − without it: above 0 the sentence speaks for relevance. */
    readonly effect: number;
  }[];
}

export type ToWebview =
  | { readonly type: 'view'; readonly view: EditorView }
  | { readonly type: 'rows'; readonly revision: number; readonly start: number; readonly rows: readonly RowSummary[] }
  | { readonly type: 'detail'; readonly detail: RowDetail | null }
  /** Null takes it off the screen. */
  | { readonly type: 'carries'; readonly carries: CarriesView | null }
  /** A VS Code command (perhaps rebound by the user) asks the webview to do what its key would do. */
  | { readonly type: 'perform'; readonly action: ActionId }
  /** Said once in the live region. */
  | { readonly type: 'announce'; readonly text: string };

/** A decision on one row, as the person made it; the host turns it into an edit. */
export type DecisionRequest =
  | { readonly kind: 'accept' }
  | { readonly kind: 'label'; readonly label: number }
  | { readonly kind: 'explanation'; readonly text: string }
  | { readonly kind: 'skip' }
  | { readonly kind: 'cannot_judge' }
  | { readonly kind: 'flag'; readonly flagged: boolean }
  | { readonly kind: 'comment'; readonly text: string | null }
  /** Back to undecided. */
  | { readonly kind: 'clear' };

export type FromWebview =
  | { readonly type: 'ready' }
  | { readonly type: 'getRows'; readonly revision: number; readonly start: number; readonly count: number }
  | { readonly type: 'select'; readonly key: RowKey }
  /** Selects relative to the current row in the filtered order. */
  | { readonly type: 'move'; readonly to: 'next' | 'previous' | 'first' | 'last' | 'next-undecided' }
  | { readonly type: 'setFilter'; readonly filter: Filter }
  | { readonly type: 'setOrder'; readonly order: Order }
  /** Shows all rows again. */
  | { readonly type: 'clearSubset' }
  /** Ends the scoring of sentences; what was scored stays. */
  | { readonly type: 'cancelCarries' }
  | { readonly type: 'closeCarries' }
  | {
      readonly type: 'decide';
      readonly key: RowKey;
      readonly decision: DecisionRequest;
      /** select the next undecided row afterwards */ readonly advance: boolean;
    }
  | { readonly type: 'draft'; readonly key: RowKey; readonly text: string | null }
  | { readonly type: 'run'; readonly action: ActionId; readonly key: RowKey | null }
  | { readonly type: 'problem'; readonly message: string };
