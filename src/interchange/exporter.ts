/** What a training format is to the rest of the export: a name, and how one reviewed answer becomes one line. */
import type { JsonObject } from '../domain/json.js';
import type { CanonicalRow, Exclusion } from './canonical.js';

export type Converted =
  { readonly ok: true; readonly line: JsonObject } | { readonly ok: false; readonly reason: Exclusion };

export interface Exporter {
  /** One line for menus. */
  readonly title: string;
  /** What the dataset card says about the format: one paragraph of Markdown. */
  readonly card: string;
  /** The same keys and types for every row. */
  convert(row: CanonicalRow): Converted;
}

/** The columns that every format carries beside its own. The 0/1/2 label is never called `label`: KTO reads that as a boolean. */
export function provenance(row: CanonicalRow): JsonObject {
  const { judgement } = row;
  const model = judgement.model !== null && typeof judgement.model['id' as keyof typeof judgement.model] === 'string';
  return {
    id: row.id,
    query_id: judgement.query_id,
    doc_id: judgement.doc_id,
    review: row.review,
    annotators: row.annotators,
    model: model ? (judgement.model as { readonly id: string }).id : null,
    template: row.template,
  };
}

/** The prompt as a conversation: a raw prompt becomes one user message that holds exactly its text. */
export function conversation(row: CanonicalRow): JsonObject[] {
  if (row.prompt.kind === 'raw') return [{ role: 'user', content: row.prompt.text }];
  return row.prompt.messages.map(({ role, content }) => ({ role, content }));
}

export function assistant(text: string): JsonObject[] {
  return [{ role: 'assistant', content: text }];
}
