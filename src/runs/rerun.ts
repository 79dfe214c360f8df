/** The queries and candidates of a judgement file, to judge the same pairs again with another model. Pure. */
import type { Candidate } from '../domain/candidate.js';
import type { Judgement } from '../domain/judgement.js';
import type { QueryCandidates } from './run.js';

/**
 * Queries in the order of the rows, each with its documents once, in first-stage order; documents of a file that has no
 * first stage (a teacher's) keep the file's order, and their first-stage score says no more than that.
 */
export function candidatesOf(rows: readonly Judgement[]): QueryCandidates[] {
  const queries = new Map<string, { readonly query: string; readonly documents: Map<string, Judgement> }>();
  for (const row of rows) {
    const known = queries.get(row.query_id) ?? { query: row.query, documents: new Map<string, Judgement>() };
    queries.set(row.query_id, known);
    if (!known.documents.has(row.doc_id)) known.documents.set(row.doc_id, row);
  }
  return [...queries].map(([query_id, { query, documents }]) => {
    const ordered = [...documents.values()].sort(
      (a, b) => (a.first_stage_rank ?? documents.size + 1) - (b.first_stage_rank ?? documents.size + 1),
    );
    return { query: { query_id, query }, candidates: ordered.map((row, i) => candidate(row, i, ordered.length)) };
  });
}

function candidate(row: Judgement, place: number, count: number): Candidate {
  return {
    doc_id: row.doc_id,
    title: row.title,
    document: row.document,
    uri: row.uri,
    range: row.range,
    first_stage_rank: place + 1,
    first_stage_score: row.first_stage_score ?? count - place,
  };
}
