/** A candidate: a document that the first stage found for a query, before any reranking. */
export interface Candidate {
  readonly doc_id: string;
  readonly title: string | null;
  readonly document: string;
  readonly uri: string | null;
  /** Code points of the file at `uri`, end exclusive. */
  readonly range: readonly [number, number] | null;
  /** 1 is best. */
  readonly first_stage_rank: number;
  readonly first_stage_score: number;
  /** Other places in the workspace that hold the same text: judged once, listed all. */
  readonly places?: readonly { readonly uri: string; readonly range: readonly [number, number] }[];
}

export interface Query {
  readonly query_id: string;
  readonly query: string;
}
