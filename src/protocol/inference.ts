/** Messages between the host and the inference child process (docs/decisions/0003-inference-child.md). */
import type { JudgementStatus, Mode, ModelIdentity } from '../domain/judgement.js';

/** One (query, document) pair to judge. `key` is the caller's and comes back with every event. */
export interface PairRequest {
  readonly key: number;
  readonly title: string | null;
  readonly document: string;
  /** The label already read at this prompt's label position: a label-first rationale continues from it. */
  readonly label?: number;
}

/** How rationales are drawn: the same seed, pair and sample give the same text, whatever else is asked for. */
export interface Sampling {
  /** Of the logits; 0 is greedy. */
  readonly temperature: number;
  /** In (0, 1]: tokens are drawn from the fewest, most probable ones that hold this much probability (nucleus). */
  readonly top_p: number;
  readonly seed: number;
  /** Answers a pair. */
  readonly samples: number;
}

export interface RerankRequest {
  readonly query: string;
  readonly pairs: readonly PairRequest[];
  readonly mode: Mode;
  /** Absent: one greedy answer a pair. Means nothing to `score`, which writes nothing. */
  readonly sampling?: Sampling;
}

/** What the engine reads of one pair, at the positions the profile names. */
export interface ScoredPair {
  /** The most probable label. */
  readonly label: number;
  /** In the order of the profile's scale. Sums to 1 over the labels. */
  readonly label_probabilities: readonly number[];
  /** Value of each of the profile's reads, before any normalisation over the candidates. */
  readonly reads: Readonly<Record<string, number>>;
  /** Code points of the document that fitted. */
  readonly document_end: number;
  readonly prompt_sha256: string;
  readonly prompt_tokens: number;
  readonly elapsed_ms: number;
}

/** A finished answer with its text. */
export interface JudgedPair extends ScoredPair {
  /** Which of the pair's samples, from 0. */
  readonly sample: number;
  readonly explanation: string | null;
  readonly raw_response: string;
  readonly status: Extract<JudgementStatus, 'ok' | 'truncated' | 'unparsed'>;
  readonly completion_tokens: number;
}

export type JudgementEvent =
  | { readonly type: 'scored'; readonly key: number; readonly result: ScoredPair }
  /** The whole explanation so far. */
  | { readonly type: 'token'; readonly key: number; readonly sample: number; readonly explanation: string }
  | { readonly type: 'judged'; readonly key: number; readonly result: JudgedPair }
  | { readonly type: 'failed'; readonly key: number; readonly message: string };

export type ToChild =
  | { readonly type: 'load'; readonly modelDir: string; readonly threads: number | null }
  | { readonly type: 'judge'; readonly id: number; readonly request: RerankRequest }
  | { readonly type: 'cancel'; readonly id: number };

export type FromChild =
  | { readonly type: 'loaded'; readonly model: ModelIdentity; readonly loadMs: number }
  | { readonly type: 'loadFailed'; readonly message: string }
  | { readonly type: 'event'; readonly id: number; readonly event: JudgementEvent }
  | { readonly type: 'done'; readonly id: number; readonly outcome: 'finished' | 'cancelled' }
  | { readonly type: 'error'; readonly id: number; readonly message: string };
