import { describe, expect, it } from 'vitest';
import type { ImportReport } from '../interchange/import/import.js';
import { importReport } from './import-report.js';

const report: ImportReport = {
  importer: 'table',
  records: 12,
  read: 12,
  taken: 3,
  corrections: 0,
  skipped: [
    { line: 2, reason: 'not valid JSON (Unexpected end)' },
    { line: 4, reason: '"label" is not an integer: "<img src=x>"' },
    ...Array.from({ length: 7 }, (_, i) => ({ line: 5 + i, reason: '"label" is not an integer: "a"' })),
  ],
  skippedCounts: new Map([
    ['not valid JSON', 1],
    ['"label" is not an integer', 8],
  ]),
  notes: [{ line: 1, reason: '"label" is a string that holds an integer' }],
  noteCounts: new Map([['"label" is a string that holds an integer', 1]]),
  out: 'a.judgements.jsonl',
};

describe('importReport', () => {
  it('groups reasons, the most frequent first, with the first lines of each', () => {
    const lines = importReport('teacher.csv', report).split('\n');
    expect(lines).toContain('**3 of 12 rows** of teacher.csv were taken as `table`.');
    const rows = lines.filter((line) => line.startsWith('| ') && !line.includes('---'));
    expect(rows).toEqual([
      '| Skipped | rows | where |',
      '| "label" is not an integer: "\\<img src=x\\>" | 8 | lines 4, 5, 6, 7, 8 … |',
      '| not valid JSON (Unexpected end) | 1 | line 2 |',
      '| Taken with a change | rows | where |',
      '| "label" is a string that holds an integer | 1 | line 1 |',
    ]);
    expect(lines.filter((line) => line.startsWith('- line '))).toHaveLength(9);
  });
});
