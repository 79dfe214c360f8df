/** What every preference format shares: when an answer has a worse one to be preferred to, and which. */
import type { CanonicalRow, Exclusion } from './canonical.js';

/**
 * The model's answer that the correction is preferred to, or the reason why there is none. Trainers accept a pair of equal
 * answers silently and learn nothing from it, so equal pairs are left out.
 */
export function rejectedOf(row: CanonicalRow): NonNullable<CanonicalRow['original']> | Exclusion {
  if (row.review !== 'corrected') return row.review;
  if (row.original === null) return 'nothing_rejected';
  return row.original.text === row.completion ? 'equal_pair' : row.original;
}
