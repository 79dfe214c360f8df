/** What the unpaired-preference formats (KTO) share: which answers of a row are good, and which are not. */
import type { CanonicalRow, Exclusion } from './canonical.js';
import { rejectedOf } from './preference.js';

interface Verdict {
  readonly text: string;
  readonly relevance: number;
  readonly good: boolean;
}

/** An accepted answer is good; a corrected one is bad where it was complete and differs, and the correction is good. */
export function verdictsOf(row: CanonicalRow): readonly Verdict[] | Exclusion {
  if (row.review === 'prefilled') return 'prefilled';
  const good: Verdict = { text: row.completion, relevance: row.human.label, good: true };
  const rejected = rejectedOf(row);
  if (typeof rejected === 'string') return [good];
  return [{ text: rejected.text, relevance: rejected.label, good: false }, good];
}
