/** What the files of an export are called: needed where they are written and where another file must name them. */
import { posix } from 'node:path';
import type { Exporter, Split } from './exporter.js';
import type { ExportPolicy } from './policy.js';

/**
 * Path of a split's file relative to the export's folder, with `/`. Formats of their own text (`text`) have one form in
 * every container.
 */
export function dataFileName(
  format: Pick<Exporter, 'dataFile' | 'text'>,
  split: Split,
  { container, hubLayout }: Pick<ExportPolicy, 'container' | 'hubLayout'>,
): string {
  const name = format.dataFile?.(split) ?? `${split}.jsonl`;
  if (format.text !== undefined) return name;
  const plain = posix.extname(name);
  const extension = container === 'parquet' ? '.parquet' : plain;
  // One shard: what `datasets` and the hub's viewer recognise without a configuration.
  if (hubLayout) return `data/${split}-00000-of-00001${extension}`;
  return `${name.slice(0, name.length - plain.length)}${extension}`;
}
