/** Cuts a document into the stretches that look different: marked terms, evidence, and the end of what the model saw. */
import type { RowDetail } from '../src/protocol/editor.js';

export interface Segment {
  readonly text: string;
  readonly mark: 'term' | 'evidence' | null;
  /** False behind the point where the model's view of the document ends. */
  readonly seen: boolean;
}

/**
 * The segments of `document` in order; joined they are the document again. `marks` are UTF-16 ranges; those that
 * overlap an earlier one or lie outside are ignored. `seen` is a UTF-16 length, or null when the model saw everything.
 */
export function segmentsOf(document: string, marks: RowDetail['marks'], seen: number | null): Segment[] {
  const out: Segment[] = [];
  const cut = seen === null ? document.length : Math.max(0, Math.min(seen, document.length));
  const push = (from: number, to: number, mark: Segment['mark']): void => {
    if (from < Math.min(to, cut)) out.push({ text: document.slice(from, Math.min(to, cut)), mark, seen: true });
    if (Math.max(from, cut) < to) out.push({ text: document.slice(Math.max(from, cut), to), mark, seen: false });
  };
  let at = 0;
  for (const { start, end, kind } of marks) {
    if (start < at || end <= start || end > document.length) continue;
    push(at, start, null);
    push(start, end, kind);
    at = end;
  }
  push(at, document.length, null);
  return out;
}

/**
 * Cuts a document at the ends of its scored sentences: `place` is the sentence's place in `parts`, or null between them.
 * Joined, the texts are the document again. Parts that overlap an earlier one are left out.
 */
export function carriedSegments(
  document: string,
  parts: readonly { readonly start: number; readonly end: number }[],
): { readonly text: string; readonly place: number | null }[] {
  const sorted = parts.map((part, place) => ({ ...part, place })).sort((a, b) => a.start - b.start);
  const out: { text: string; place: number | null }[] = [];
  let at = 0;
  for (const { start, end, place } of sorted) {
    if (start < at || end <= start || end > document.length) continue;
    if (start > at) out.push({ text: document.slice(at, start), place: null });
    out.push({ text: document.slice(start, end), place });
    at = end;
  }
  if (at < document.length) out.push({ text: document.slice(at), place: null });
  return out;
}
