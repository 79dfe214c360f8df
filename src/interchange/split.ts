/** Train or validation, by query: rows of one query never stand on both sides, and a query stays where it is when rows are added. */
import { createHash } from 'node:crypto';
import type { Split } from './exporter.js';
import type { ExportPolicy } from './policy.js';

/**
 * The side of a query: validation where the first 48 bits of SHA-256(seed, line feed, query id), as a fraction, are below
 * the validation share. A greater share only moves queries from train to validation.
 */
export function splitOf(queryId: string, { validation, seed }: Pick<ExportPolicy, 'validation' | 'seed'>): Split {
  if (validation === 0) return 'train';
  const hash = createHash('sha256').update(`${seed}\n${queryId.toWellFormed()}`, 'utf8').digest();
  return hash.readUIntBE(0, 6) / 2 ** 48 < validation ? 'validation' : 'train';
}
