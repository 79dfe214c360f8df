import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { comparisonReport, defaultMetric, runEvaluation } from './evaluation-job.js';

const quiet = { signal: new AbortController().signal, report: () => undefined };

async function folderOf(files: Readonly<Record<string, string>>): Promise<(name: string) => string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'evaluation-'));
  for (const [name, content] of Object.entries(files)) await writeFile(path.join(folder, name), content);
  return (name) => path.join(folder, name);
}

const run = (...orders: readonly (readonly string[])[]) =>
  orders.flatMap((order, q) => order.map((doc, i) => `q${q + 1} Q0 ${doc} ${i + 1} ${10 - i} t\n`)).join('');
const qrels = 'q1 0 good 1\nq1 0 bad 0\nq2 0 good 1\nq2 0 bad 0\n';

describe('an evaluation for the panel', () => {
  it('evaluates one ranking with intervals that hold the mean, and compares nothing', async () => {
    const at = await folderOf({ 'a.run': run(['good', 'bad'], ['bad', 'good']), q: qrels });
    const input = { paths: [at('a.run')], reference: { kind: 'file', path: at('q') }, metric: defaultMetric } as const;
    const { results, movement } = await runEvaluation(input, quiet);
    expect(results.comparison?.pairs).toEqual([]);
    const mean = results.comparison?.systems[0]?.table.metrics['RR@10'];
    const [low, high] = results.intervals[0]?.['RR@10'] ?? [];
    expect(mean).toBe(0.75);
    expect(low).toBe(0.5);
    expect(high).toBe(1);
    expect(results.moved).toEqual([]);
    expect(movement('q1')).toBeNull();
  });

  it('changes the metric without reading the files again, and keeps the columns in their places', async () => {
    const at = await folderOf({
      'a.run': run(['good', 'bad'], ['bad', 'good']),
      'b.run': run(['good', 'bad'], ['good', 'bad']),
      q: qrels,
    });
    const evaluated = await runEvaluation(
      { paths: [at('a.run'), at('b.run')], reference: { kind: 'file', path: at('q') }, metric: defaultMetric },
      quiet,
    );
    await writeFile(at('a.run'), 'no run\n');
    const { comparison } = evaluated.withMetric('RR@10').results;
    expect(comparison?.metric).toBe('RR@10');
    expect(comparison?.metric_names).toEqual(evaluated.results.comparison?.metric_names);
    expect(comparison?.pairs[0]?.per_query[0]).toMatchObject({ query_id: 'q2', difference: 0.5 });
    expect(evaluated.movement('q2')?.documents.map((d) => [d.doc_id, ...d.ranks])).toEqual([
      ['good', 2, 1],
      ['bad', 1, 2],
    ]);
  });

  it('shows what moved where nothing says what is relevant', async () => {
    const at = await folderOf({ 'a.run': run(['x', 'y']), 'b.run': run(['y', 'x']) });
    const { results } = await runEvaluation(
      { paths: [at('a.run'), at('b.run')], reference: null, metric: defaultMetric },
      quiet,
    );
    expect(results.comparison).toBeNull();
    expect(results.moved[0]?.tau).toBe(-1);
  });

  it('takes no decisions from a TREC run, and says what to choose instead', async () => {
    const at = await folderOf({ 'a.run': run(['x', 'y']) });
    const evaluation = runEvaluation(
      { paths: [at('a.run')], reference: { kind: 'decided' }, metric: defaultMetric },
      quiet,
    );
    await expect(evaluation).rejects.toThrow(/A TREC run holds no decisions\. Choose a qrels file/);
  });

  it('stops between two steps when it is cancelled', async () => {
    const at = await folderOf({ 'a.run': run(['x', 'y']) });
    const abort = new AbortController();
    const evaluation = runEvaluation(
      { paths: [at('a.run')], reference: null, metric: defaultMetric },
      { signal: abort.signal, report: () => abort.abort() },
    );
    await expect(evaluation).rejects.toMatchObject({ name: 'AbortError' });
  });

  it('writes a report with the hashes of its files and the command that prints the same numbers', async () => {
    const at = await folderOf({
      'a.run': run(['good', 'bad'], ['bad', 'good']),
      'b.run': run(['good', 'bad'], ['good', 'bad']),
      q: qrels,
    });
    const paths = [at('a.run'), at('b.run')];
    const reference = { kind: 'file', path: at('q') } as const;
    const evaluated = await runEvaluation({ paths, reference, metric: defaultMetric }, quiet);
    const { comparison } = evaluated.results;
    if (comparison === null) throw new Error('there is a comparison');
    const what = { paths, reference, version: '1.2.3' };
    const html = await comparisonReport(evaluated, comparison, { ...what, markdown: false });
    expect(html).toContain('<svg');
    expect(html).toMatch(/rationale compare .*a\.run .*b\.run --qrels/);
    expect(html.match(/\b[0-9a-f]{64}\b/g)?.length).toBeGreaterThanOrEqual(3);
    expect(await comparisonReport(evaluated, comparison, { ...what, markdown: true })).toMatch(/^# /);
  });
});
