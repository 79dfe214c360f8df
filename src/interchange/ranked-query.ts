/** The rows of one query as a ranking: each document once, best first. What runs and rank_llm files are made of. */
import type { Exclusion, SampleRow } from './canonical.js';

interface RankedDocument {
  readonly row: SampleRow;
  readonly score: number;
}

interface RankedRows {
  /** Best first. */
  readonly ranking: readonly RankedDocument[];
  readonly excluded: readonly { readonly row: SampleRow; readonly reason: Exclusion }[];
}

/**
 * Orders the rows as the run did: by rank; without one by score, then by the first stage. The score of a document is the
 * row's own where every row has one, otherwise depth − place, so that a failed row never borrows a score. A row with
 * nothing to rank by is left out, and of several answers on a document the first counts.
 */
export function rankedRows(rows: readonly SampleRow[]): RankedRows {
  const excluded: { row: SampleRow; reason: Exclusion }[] = [];
  const seen = new Set<string>();
  const kept = rows.filter((row) => {
    const { doc_id } = row.judgement;
    const reason: Exclusion | null = standing(row) === null ? 'no_score' : seen.has(doc_id) ? 'repeated_pair' : null;
    if (reason === null) seen.add(doc_id);
    else excluded.push({ row, reason });
    return reason === null;
  });
  const ordered = kept
    .map((row) => ({ row, place: standing(row) ?? [Infinity, 0] }))
    .sort((a, b) => a.place[0] - b.place[0] || a.place[1] - b.place[1])
    .map(({ row }) => row);
  const scores = ordered.map((row) => row.judgement.score ?? row.judgement.first_stage_score);
  const own =
    ordered.every((row) => row.judgement.score !== null) || ordered.every((row) => row.judgement.score === null);
  const complete = own && scores.every((score) => score !== null);
  return {
    ranking: ordered.map((row, i) => ({ row, score: (complete ? scores[i] : null) ?? ordered.length - i })),
    excluded,
  };
}

/** Where a row stands: kind of evidence, then its place by it (smaller is better); null where there is none. */
function standing({ judgement: j }: SampleRow): readonly [number, number] | null {
  if (j.rank !== null) return [0, j.rank];
  if (j.score !== null) return [1, -j.score];
  if (j.first_stage_rank !== null) return [2, j.first_stage_rank];
  if (j.first_stage_score !== null) return [3, -j.first_stage_score];
  return null;
}
