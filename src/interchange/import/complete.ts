/**
 * Makes a row of a judgement file from what an importer found: ids from texts, nulls for what the source does not say,
 * unknown fields beside ours. Refuses what the readers of judgement files would refuse, so that every row written opens.
 */
import { idOfText } from '../../domain/identity.js';
import type { Json, JsonObject } from '../../domain/json.js';
import type { Judgement } from '../../domain/judgement.js';
import { interankScale } from '../../domain/scale.js';
import type { ImportedJudgement } from './importer.js';

type Completed = { readonly ok: true; readonly judgement: Judgement } | { readonly ok: false; readonly reason: string };

const nothing: JsonObject = {};

/** Completes the rows of one import. Holds only the last query's id: rows of a query usually stand together. */
export class RowCompleter {
  private lastQuery: string | undefined;
  private lastQueryId = '';

  constructor(
    private readonly runId: string,
    private readonly scale: string | undefined,
  ) {}

  /** The row, or the reason why it cannot stand in a judgement file. */
  complete(imported: ImportedJudgement): Completed {
    const { query, document } = imported;
    if (query.trim() === '') return { ok: false, reason: 'the query is empty' };
    const label = imported.label ?? null;
    const judgement: Judgement = {
      query_id: imported.query_id ?? this.queryId(query),
      query,
      doc_id: imported.doc_id ?? idOfText('d', document),
      title: imported.title ?? null,
      document,
      uri: imported.uri ?? null,
      range: imported.range ?? null,
      document_end: imported.document_end ?? null,
      label,
      scale: imported.scale ?? this.scale ?? interankScale.name,
      explanation: imported.explanation ?? null,
      raw_response: imported.raw_response ?? null,
      score: imported.score ?? null,
      score_parts: imported.score_parts ?? null,
      label_probabilities: imported.label_probabilities ?? null,
      rank: imported.rank ?? null,
      first_stage_rank: imported.first_stage_rank ?? null,
      first_stage_score: imported.first_stage_score ?? null,
      status: imported.status ?? (label === null ? 'unparsed' : 'ok'),
      run_id: imported.run_id ?? this.runId,
      mode: imported.mode ?? 'explain-first',
      sample: imported.sample ?? 0,
      prompt_sha256: imported.prompt_sha256 ?? null,
      model: imported.model ?? null,
      sampling: imported.sampling ?? null,
      prompt_tokens: imported.prompt_tokens ?? null,
      completion_tokens: imported.completion_tokens ?? null,
      elapsed_ms: imported.elapsed_ms ?? null,
      error: imported.error ?? null,
      extra: nothing,
    };
    for (const field of integers) {
      const value = judgement[field];
      if (value !== null && !Number.isSafeInteger(value)) return { ok: false, reason: `"${field}" is not an integer` };
    }
    for (const field of numbers) {
      const value = judgement[field];
      if (value !== null && !Number.isFinite(value)) return { ok: false, reason: `"${field}" is not a finite number` };
    }
    if (imported.extra === undefined) return { ok: true, judgement };
    return { ok: true, judgement: { ...judgement, extra: withoutClashes(imported.extra, judgement) } };
  }

  private queryId(query: string): string {
    if (query !== this.lastQuery) {
      this.lastQuery = query;
      this.lastQueryId = idOfText('q', query);
    }
    return this.lastQueryId;
  }
}

const integers = [
  'label',
  'document_end',
  'rank',
  'first_stage_rank',
  'sample',
  'prompt_tokens',
  'completion_tokens',
] as const satisfies readonly (keyof Judgement)[];
const numbers = ['score', 'first_stage_score', 'elapsed_ms'] as const satisfies readonly (keyof Judgement)[];

/** A field of the source that has the name of one of ours is kept as `source_NAME`. */
function withoutClashes(extra: JsonObject, row: Judgement): JsonObject {
  let clashes = false;
  // `__proto__` counts as a clash: as a name it would not survive being copied.
  for (const key in extra) clashes ||= key in row;
  if (!clashes) return extra;
  const kept = new Map<string, Json>();
  for (const [key, value] of Object.entries(extra)) {
    let name = key;
    while (name in row || (name !== key && Object.hasOwn(extra, name))) name = `source_${name}`;
    kept.set(name, value);
  }
  return Object.fromEntries(kept);
}
