/** For training/tests/test_corrections.py: what the extension's export makes of judgement files with their logs. */
import { foldEvents } from '../../src/annotation/fold.js';
import { readLogs } from '../../src/annotation/log.js';
import { readJudgementFile } from '../../src/annotation/rows.js';
import { serialiseJudgement } from '../../src/domain/judgement.js';
import { exportPolicy } from '../../src/interchange/policy.js';
import { reviewsOf } from '../../src/interchange/reviews.js';
import { received, send } from '../python/exchange.js';

const { paths, annotators, aspects } = received() as {
  readonly paths: readonly string[];
  readonly annotators: 'agreeing' | 'majority' | 'all';
  readonly aspects: 'label' | 'answer';
};
const policy = exportPolicy({ annotators });
const files: unknown[] = [];
for (const path of paths) {
  const logs = await readLogs(path);
  const folded = foldEvents(logs.events);
  const { rows } = await readJudgementFile(path);
  const answers = new Set(rows.flatMap((row) => (row.kind === 'judgement' ? row.answerId : [])));
  files.push({
    problems: logs.problems.map(({ line }) => line),
    rows: rows.map((row) => {
      if (row.kind === 'malformed') return { line: row.line, malformed: true };
      const reviews = reviewsOf(row, folded, answers, policy, aspects);
      return {
        line: row.line,
        answer_id: row.answerId,
        judgement: JSON.parse(serialiseJudgement(row.judgement)) as unknown,
        reviews: reviews.ok ? reviews.taken : [],
      };
    }),
  });
}
send(files);
