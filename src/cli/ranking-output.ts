/** A run's ranking as a table for people and as JSON for programs. */
import type { Judgement } from '../domain/judgement.js';
import type { JsonObject } from '../domain/json.js';
import { nothingRelevant } from '../domain/relevance.js';
import { findScale, labelName } from '../domain/scale.js';
import type { Run } from '../runs/run.js';

/** The rows of one query (of the whole run when it has one), best first. */
function byRank(run: Run, queryId?: string): Judgement[] {
  const rows = queryId === undefined ? [...run.rows] : run.rows.filter((row) => row.query_id === queryId);
  return rows.sort((a, b) => (a.rank ?? 0) - (b.rank ?? 0));
}

/** The ranking's documents, best first, as plain objects. */
export function rankingResults(run: Run, queryId?: string): JsonObject[] {
  return byRank(run, queryId).map((row) => ({
    rank: row.rank,
    first_stage_rank: row.first_stage_rank,
    doc_id: row.doc_id,
    uri: row.uri,
    range: row.range,
    title: row.title,
    label: row.label,
    label_probabilities: row.label_probabilities,
    score: row.score,
    status: row.status,
    explanation: row.explanation,
  }));
}

/** The ranking as a table, one document a line with its movement, score and label, rationales below. */
export function rankingTable(run: Run, queryId?: string): string {
  const rows = byRank(run, queryId);
  const width = Math.min(60, Math.max(...rows.map((row) => row.doc_id.length)));
  const lines = rows.map((row) => {
    const scale = findScale(row.scale, run.record.scales);
    const probability =
      row.label === null
        ? undefined
        : row.label_probabilities?.[scale?.labels.findIndex((l) => l.value === row.label) ?? -1];
    const label =
      row.label === null
        ? row.status
        : `${row.label} ${labelName(scale, row.label)}${probability === undefined ? '' : ` ${Math.round(probability * 100)} %`}`;
    const moved = (row.first_stage_rank ?? 0) - (row.rank ?? 0);
    const movement = moved === 0 ? '=' : moved > 0 ? `↑${moved}` : `↓${-moved}`;
    const first = `${String(row.rank ?? '').padStart(3)} ${movement.padEnd(4)} ${row.doc_id.padEnd(width)}  ${(row.score?.toFixed(3) ?? '').padStart(7)}  ${label}`;
    return row.explanation === null ? first : `${first}\n         ${row.explanation}`;
  });
  return `${lines.join('\n')}\n`;
}

/** What the model's card says about its rationales, where the run wrote any; else nothing. */
export function rationaleNotice(run: Run): string {
  const { profile } = run.record;
  return run.rows.some((row) => row.explanation !== null) && profile.rationale_notice !== undefined
    ? `\n${profile.rationale_notice}\n`
    : '';
}

/** Says plainly when none of a query's documents looks relevant; else nothing. */
export function relevanceNotice(run: Run, queryId?: string): string {
  const sentence = nothingRelevant(byRank(run, queryId), run.record.scales);
  return sentence === null ? '' : `\n${sentence}\n`;
}
