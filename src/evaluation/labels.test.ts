import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { uuidv7 } from '../domain/identity.js';
import { calibrationOf } from './calibration.js';
import { agreementOf } from './file-agreement.js';
import { humanQrels, readLabelledFile } from './labelled-file.js';
import { rationaleStatistics, wordDistance } from './rationales.js';
import { firstStageOf, readRanking, readRelevance } from './rankings.js';
import { movements } from './movement.js';

let folder: string;
beforeEach(async () => (folder = await mkdtemp(join(tmpdir(), 'rationale-labels-'))));
afterEach(() => rm(folder, { recursive: true }));

const row = (query_id: string, doc_id: string, label: number | null, more: object = {}) => ({
  query_id,
  query: `what is ${query_id}`,
  doc_id,
  document: `Seals eat fish. ${doc_id} sleeps on ice.`,
  label,
  scale: 'interank',
  explanation: 'Seals eat fish.',
  run_id: 'r',
  model: { id: 'small' },
  ...more,
});

/** A judgement file with the decisions of annotators: `[annotator, query, document, label]`. */
async function fileOf(
  name: string,
  rows: readonly (object | string)[],
  decisions: readonly (readonly [string, string, string, number])[] = [],
): Promise<string> {
  const path = join(folder, `${name}.judgements.jsonl`);
  await writeFile(path, rows.map((one) => `${typeof one === 'string' ? one : JSON.stringify(one)}\n`).join(''));
  const logs = join(folder, `${name}.judgements.corrections`);
  await mkdir(logs);
  const events = decisions.map(([annotator, query_id, doc_id, label]) => ({
    id: uuidv7(),
    at: '2026-01-01T00:00:00Z',
    annotator,
    query_id,
    doc_id,
    action: 'correct',
    label,
    seconds: 1,
  }));
  await writeFile(join(logs, 'x-00000000.jsonl'), events.map((event) => `${JSON.stringify(event)}\n`).join(''));
  return path;
}

describe('human labels', () => {
  it('are only those that somebody decided on, settled by agreement or majority', async () => {
    const path = await fileOf(
      'a',
      [row('q', 'd1', 2), row('q', 'd2', 1), row('q', 'd3', 0), 'no json'],
      [
        ['ada', 'q', 'd1', 0],
        ['ben', 'q', 'd1', 0],
        ['ada', 'q', 'd2', 2],
        ['ben', 'q', 'd2', 0],
        ['eve', 'q', 'd2', 2],
      ],
    );
    const file = await readLabelledFile(path);
    expect(file.rows.map(({ human }) => human)).toEqual([0, null, null]);
    expect(file.notices).toEqual([expect.stringMatching(/a\.judgements\.jsonl, line 4: not valid JSON/)]);
    expect((await readLabelledFile(path, 'majority')).rows.map(({ human }) => human)).toEqual([0, 2, null]);
    expect(humanQrels(file, 'decided').qrels).toEqual(new Map([['q', new Map([['d1', 0]])]]));
    expect(() => humanQrels(file, 'accepted')).toThrow(/has no accepted label/);
  });

  it('count where the corrected label is the one that the answer has already', async () => {
    const path = await fileOf('same', [row('q', 'd1', 2)], [['ada', 'q', 'd1', 2]]);
    expect((await readLabelledFile(path)).rows[0]).toMatchObject({ human: 2, reviews: [{ kind: 'accepted' }] });
  });

  it('refuse a file without judgements and qrels of two scales, naming lines', async () => {
    const empty = await fileOf('empty', ['{']);
    await expect(readLabelledFile(empty)).rejects.toThrow(/empty\.judgements\.jsonl holds no judgement .*line 1/);
    const mixed = await fileOf(
      'mixed',
      [row('q', 'd1', 2), row('q', 'd2', 3, { scale: 'four-grades' })],
      [
        ['ada', 'q', 'd1', 1],
        ['ada', 'q', 'd2', 1],
      ],
    );
    await expect(readRelevance(mixed)).rejects.toThrow(/"interank" \(line 1\) and of "four-grades" \(line 2\)/);
  });
});

describe('rankings of judgement files', () => {
  it('follow the rank, then the score, and name what is not ranked or repeated', async () => {
    const path = await fileOf('r', [
      row('q', 'd1', 2, { rank: 2, first_stage_rank: 1 }),
      row('q', 'd2', 1, { rank: 1, first_stage_rank: 2 }),
      row('q', 'd3', 0, { score: 5 }),
      row('q', 'd4', 0),
      row('q', 'd1', 1, { rank: 7, sample: 1 }),
    ]);
    const ranking = await readRanking(path, 'r');
    const order = [...(ranking.run.get('q') ?? [])].sort((a, b) => b[1] - a[1]).map(([id]) => id);
    expect(order).toEqual(['d2', 'd1', 'd3']);
    expect(ranking.notices.join('\n')).toMatch(/1 rows have neither rank nor score[^]*1 rows judge a pair/);
    const first = firstStageOf(ranking);
    expect([...(first.run.get('q')?.keys() ?? [])]).toEqual(['d1', 'd2']);
    const [moved] = movements([first, ranking]);
    expect(moved?.documents.map(({ doc_id, ranks }) => [doc_id, ...ranks])).toEqual([
      ['d2', 2, 1],
      ['d1', 1, 2],
      ['d3', null, 3],
    ]);
    expect(moved?.documents[0]?.answers).toEqual([null, expect.objectContaining({ label: 1, line: 2 })]);
    expect(moved?.tau).toBe(-1);
  });
});

describe('agreementOf', () => {
  it('sets model, teacher and people against each other, with the rows behind each cell', async () => {
    const decided = [
      ['ada', 'q', 'd1', 2],
      ['ben', 'q', 'd1', 2],
      ['ada', 'p', 'd2', 0],
    ] as const;
    const model = await readLabelledFile(await fileOf('m', [row('q', 'd1', 2), row('p', 'd2', 1)], decided));
    const teacher = await readLabelledFile(
      await fileOf('t', [row('q', 'd1', 2, { model: { id: 'large' } }), row('p', 'd2', 0, { model: { id: 'large' } })]),
    );
    const [only, ...others] = agreementOf(model, teacher);
    expect(others).toEqual([]);
    expect(only?.annotators).toMatchObject({ raters: ['ada', 'ben'], items: 1, ratings: 2 });
    expect(only?.matrices.map((m) => [m.reference, m.prediction, m.accuracy.value])).toEqual([
      ['human', 'small', 0.5],
      ['human', 'large', 1],
      ['large', 'small', 0.5],
    ]);
    expect(only?.matrices[0]?.counts).toEqual([
      [0, 1, 0],
      [0, 0, 0],
      [0, 0, 1],
    ]);
    expect(only?.matrices[0]?.keys[0]?.[1]).toEqual([1]);
    const nobody = await readLabelledFile(await fileOf('n', [row('q', 'd1', 2)]));
    expect(() => agreementOf(nobody)).toThrow(/no answer with a label that anybody/);
  });
});

describe('calibrationOf', () => {
  it('fits the temperature on some queries and shows it on others', async () => {
    const rows = Array.from({ length: 60 }, (_, i) =>
      row(`q${i}`, 'd', 2, { label_probabilities: [0.005, 0.005, 0.99], score: 1 + (i % 3) }),
    );
    // Right six times of ten although the model is nearly certain.
    const decisions = rows.map(({ query_id }, i) => ['ada', query_id, 'd', i % 5 < 3 ? 2 : 0] as const);
    const [calibration] = calibrationOf(await readLabelledFile(await fileOf('c', rows, decisions)));
    expect(calibration?.all.ece.value).toBeCloseTo(0.99 - 0.6, 10);
    expect(calibration?.temperature?.value).toBeGreaterThan(1.5);
    const { before, after, fitted_queries = 0, held_out_queries = 0 } = calibration?.temperature ?? {};
    expect(fitted_queries + held_out_queries).toBe(60);
    expect(after?.nll).toBeLessThan(before?.nll ?? 0);
    expect(calibration?.scores.map(({ count }) => count)).toEqual([24, 0, 36]);
    expect(calibration?.scores[2]?.histogram.reduce((a, b) => a + b)).toBe(36);
  });
});

describe('rationaleStatistics', () => {
  it('counts support by words, failures by status, and what people rewrote', async () => {
    const path = await fileOf('x', [
      row('q', 'd1', 2),
      row('q', 'd2', 2, { explanation: 'Penguins build submarines. Seals eat fish.' }),
      row('q', 'd3', null, { explanation: null, status: 'unparsed' }),
    ]);
    const [all, ofTwo] = rationaleStatistics(await readLabelledFile(path));
    expect(all).toMatchObject({ label: null, answers: 3, with_explanation: 2, sentences: 3, unparsed: 1 });
    expect(all?.supported_share).toBeCloseTo(2 / 3, 12);
    expect(ofTwo).toMatchObject({ label: 2, label_name: 'relevant', answers: 2, unparsed: 0 });
  });

  it('measures how far a text was rewritten', () => {
    expect(wordDistance('a b c', 'a b c')).toBe(0);
    expect(wordDistance('a b c', 'x y')).toBe(1);
    expect(wordDistance('a b c d', 'a b x d')).toBeCloseTo(2 / 8, 12);
    expect(wordDistance('', '')).toBe(0);
  });
});
