/**
 * What an evaluation finds, as plain serialisable values: the command line prints them as JSON, the plots draw them and
 * the editor's panel shows them. Field names are those of the JSON, so what is on the screen can be looked up in the file.
 */
import type { RowKey } from './row-key.js';

/** Values by metric name (`nDCG@10`), unrounded. */
export type MetricValues = Readonly<Record<string, number>>;

/** A number with its 95 % bootstrap interval; null where there was nothing to resample. */
export interface Estimate {
  /** Null where the measure is not defined (κ of a single label used by everybody, a mean of nothing). */
  readonly value: number | null;
  readonly interval: readonly [low: number, high: number] | null;
}

/** One ranking under the relevance judgements. */
export interface MetricTable {
  /** Queries with both judgements and a ranking: the means are over these. */
  readonly queries: number;
  /** Judged queries that the run does not rank (averaged out, as trec_eval does without `-c`). */
  readonly queries_not_in_run: number;
  /** Ranked queries without judgements: not evaluated. */
  readonly queries_not_judged: number;
  readonly metrics: MetricValues;
  /** By query id, in the order of the qrels. */
  readonly per_query: Readonly<Record<string, MetricValues>>;
}

/** One system − another on the same queries and one metric. */
export interface PairedComparison {
  /** Queries compared. */
  readonly queries: number;
  /** Mean over the queries of value − baseline. */
  readonly difference: number;
  /** 95 % interval of `difference`: 2.5th and 97.5th percentile of the means of `resamples` bootstrap samples of queries. */
  readonly confidence_interval: readonly [low: number, high: number];
  readonly wins: number;
  readonly ties: number;
  readonly losses: number;
  /** Two-sided: how often random signs give a mean at least as far from 0 (exact where the sign patterns can be counted out). */
  readonly p_value: number;
  readonly resamples: number;
  /** Cohen's d of the pairs: mean / standard deviation of the differences. Null where they are all equal or there is but one. */
  readonly effect_size: number | null;
}

/** One query of a pair of systems on one metric. */
export interface QueryDifference {
  readonly query_id: string;
  /** Text of the query, where a file at hand holds it. */
  readonly query: string | null;
  readonly baseline: number;
  readonly value: number;
  /** value − baseline. */
  readonly difference: number;
}

export interface PairComparison {
  /** Names of the systems, as in `RankingComparison.systems`. */
  readonly baseline: string;
  readonly system: string;
  readonly metrics: Readonly<
    Record<
      string,
      PairedComparison & {
        /** Holm's correction over the pairs compared on this metric. */ readonly p_adjusted: number;
      }
    >
  >;
  /** Of the main metric, greatest gain first. */
  readonly per_query: readonly QueryDifference[];
  readonly similarity: RankingSimilarity;
}

/** How alike two rankings are, whatever is relevant: means over the queries that both rank. */
export interface RankingSimilarity {
  readonly queries: number;
  /** Rank-biased overlap, extrapolated (Webber, Moffat and Zobel 2010, eq. 32); 1 is the same order. */
  readonly rbo: number | null;
  /** Persistence of the reader in `rbo`. */
  readonly rbo_p: number;
  /** Kendall's τ over the documents that both rank. */
  readonly tau: number | null;
}

/** Two or more rankings of the same queries. */
export interface RankingComparison {
  /** The metric of `per_query` and of plots. */
  readonly metric: string;
  /** Metrics in the order in which tables show them. */
  readonly metric_names: readonly string[];
  readonly systems: readonly { readonly name: string; readonly source: string; readonly table: MetricTable }[];
  /** Every later system against every earlier one. */
  readonly pairs: readonly PairComparison[];
  /** Queries that each system ranks and that are judged: what the pairs are compared on. */
  readonly common_queries: number;
}

/** What one side of a comparison says about a document. */
export interface SideAnswer {
  readonly key: RowKey;
  /** From 1, in the judgement file. */
  readonly line: number;
  readonly rank: number | null;
  readonly score: number | null;
  readonly label: number | null;
  readonly scale: string;
  readonly label_probabilities: readonly number[] | null;
  readonly explanation: string | null;
  readonly status: string;
}

/** One document in the rankings of a query. */
export interface DocumentMovement {
  readonly doc_id: string;
  readonly title: string | null;
  /** Of a human or of the qrels; null where nobody judged it. */
  readonly relevance: number | null;
  /** By system, in the order of `QueryMovement.systems`; null where the system does not rank it. From 1. */
  readonly ranks: readonly (number | null)[];
  /** By system, where its source is a judgement file; else null. */
  readonly answers: readonly (SideAnswer | null)[];
}

/** A query in two or more rankings: what the rank-movement chart draws and the side-by-side view lists. */
export interface QueryMovement {
  readonly query_id: string;
  readonly query: string | null;
  readonly systems: readonly string[];
  /** Best first in the last system; those it does not rank at the end. */
  readonly documents: readonly DocumentMovement[];
  /** 1 − RBO between the first and the last system: 0 nothing moved, 1 nothing in common. Queries are sorted by it, falling. */
  readonly moved: number;
  readonly tau: number | null;
}

/** Whose labels are counted against whose. */
export interface ConfusionMatrix {
  /** Of the rows of `counts` (reference: the human) and of its columns (prediction: the model). */
  readonly reference: string;
  readonly prediction: string;
  /** Values of the scale, ascending: rows and columns alike. */
  readonly labels: readonly number[];
  readonly label_names: readonly string[];
  /** counts[reference][prediction]. */
  readonly counts: readonly (readonly number[])[];
  /** Rows of the judgement file behind each cell, so that a cell opens them; empty where the labels come from elsewhere. */
  readonly keys: readonly (readonly (readonly RowKey[])[])[];
  readonly total: number;
  readonly accuracy: Estimate;
  /** Mean over the labels that occur on either side of 2·tp / (2·tp + fp + fn). */
  readonly macro_f1: Estimate;
  /** Cohen's κ (1960), and weighted by the distance of the labels' places on the scale (1968). */
  readonly kappa: Estimate;
  readonly kappa_linear: Estimate;
  readonly kappa_quadratic: Estimate;
}

/** How several raters agree on the same items. */
export interface Agreement {
  readonly raters: readonly string[];
  /** Items that two or more raters labelled. */
  readonly items: number;
  readonly ratings: number;
  /** Krippendorff's α (2011), for unordered and for ordered labels. */
  readonly alpha_nominal: Estimate;
  readonly alpha_ordinal: Estimate;
  readonly pairs: readonly ConfusionMatrix[];
}

export interface ReliabilityBin {
  /** (low, high], the first with its lower end. */
  readonly low: number;
  readonly high: number;
  readonly count: number;
  /** Mean probability of the predicted label; null for an empty bin. */
  readonly confidence: number | null;
  /** Share of the predicted labels that are the human's; null for an empty bin. */
  readonly accuracy: number | null;
}

export interface Reliability {
  readonly items: number;
  readonly bins: readonly ReliabilityBin[];
  /** Expected calibration error: Σ count / items · |accuracy − confidence| (Naeini et al. 2015). */
  readonly ece: Estimate;
  /** Mean of −ln p(human label). */
  readonly nll: number;
  /** Mean over the items of Σ over the labels of (p − [label is the human's])² (Brier 1950). */
  readonly brier: number;
  readonly accuracy: number;
}

export interface Calibration {
  readonly model: string;
  readonly scale: string;
  readonly labels: readonly number[];
  /** Over every row with probabilities and a human label. */
  readonly all: Reliability;
  /** Temperature fitted on half of the queries and shown on the other; null with fewer than two queries. */
  readonly temperature: {
    /** Probabilities are p^(1/value), normalised (Guo et al. 2017): above 1 they become less sure. */
    readonly value: number;
    readonly fitted_queries: number;
    readonly held_out_queries: number;
    readonly before: Reliability;
    readonly after: Reliability;
  } | null;
  readonly scores: readonly ScoreDistribution[];
}

/** Scores of the rows with one label. */
export interface ScoreDistribution {
  /** The human label. */
  readonly label: number;
  readonly label_name: string;
  readonly count: number;
  /** Minimum, quartiles and maximum; null for no row. */
  readonly quartiles: readonly [min: number, q1: number, median: number, q3: number, max: number] | null;
  /** Rows in each bin of `edges` (one fewer than edges). */
  readonly histogram: readonly number[];
  /** The same for every label. */
  readonly edges: readonly number[];
}

/** The rationales of one model with one label (null: all of them). */
export interface RationaleStatistics {
  readonly model: string;
  readonly mode: string;
  readonly label: number | null;
  readonly label_name: string | null;
  readonly answers: number;
  readonly with_explanation: number;
  /** Words, of the answers with an explanation. */
  readonly words_mean: number | null;
  readonly words_median: number | null;
  readonly sentences: number;
  /** Share of the sentences that the document supports (docs/evaluation.md says what that means); null without sentences. */
  readonly supported_share: number | null;
  readonly contradictions: number;
  readonly repetitions: number;
  /** Answers that could not be read, or were cut short. */
  readonly unparsed: number;
  readonly truncated: number;
  readonly failed: number;
  /** Explanations that people rewrote, and the mean of words changed / words of the longer text: 0 the same, 1 all new. */
  readonly corrected: number;
  readonly edit_distance_mean: number | null;
}

/** Does the explanation help? The same queries and documents in each mode. */
export interface ModeComparison {
  readonly model: string;
  readonly queries: number;
  readonly modes: readonly {
    readonly mode: string;
    /** Why there is no row: the profile does not offer the mode. Null where it was measured. */
    readonly not_offered: string | null;
    readonly metrics: MetricValues | null;
    /** Against `score`; null for `score` itself and where not offered. */
    readonly against_score: PairedComparison | null;
    readonly seconds: number | null;
    readonly completion_tokens: number | null;
  }[];
  readonly metric: string;
}

/** What one change to a pair does to its label. */
export interface CounterfactualChange {
  readonly kind: 'sentence' | 'term';
  /** Code points of `document` (sentence) or `query` (term), end exclusive. */
  readonly start: number;
  readonly end: number;
  readonly text: string;
  readonly label: number;
  readonly label_probabilities: readonly number[];
  /** Σ label · p. */
  readonly expected: number;
  /** Of the whole pair − without this part: above 0 the part speaks for relevance. */
  readonly effect: number;
}

export interface Counterfactual {
  readonly query_id: string;
  readonly doc_id: string;
  readonly scale: string;
  readonly labels: readonly number[];
  readonly label: number;
  readonly label_probabilities: readonly number[];
  readonly expected: number;
  /** In the order in which they were scored. */
  readonly changes: readonly CounterfactualChange[];
  /** Parts planned, of which `changes` are done. */
  readonly planned: number;
}
