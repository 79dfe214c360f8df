import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Judgement } from '../domain/judgement.js';
import { parseJudgement } from '../domain/judgement.js';
import type { JsonObject } from '../domain/json.js';
import { decodeId, parseQrels, parseRun } from '../retrieval/trec.js';
import type { LabelledRow, SampleRow } from './canonical.js';
import { beirQrels, trecQrels, trecRun } from './evaluation-formats.js';
import type { ConvertContext, ConvertedQuery, LabelExporter } from './exporter.js';
import { defaultPolicy } from './policy.js';

const context: ConvertContext = { prompts: 'strings', policy: defaultPolicy };

function judgement(fields: JsonObject): Judgement {
  const parsed = parseJudgement(JSON.stringify({ query: 'q?', document: 'text', query_id: 'q', ...fields }));
  if (!parsed.ok) throw new Error(parsed.reason);
  return parsed.judgement;
}

function sample(fields: JsonObject): SampleRow {
  const none = { rows: [], reasons: [], labels: [] };
  const base = { id: JSON.stringify(fields), file: 'f', line: 1, judgement: judgement(fields), scale: undefined };
  return { ...base, labels: () => none, answers: () => none };
}

function labelled(doc_id: string, label: number, query_id = 'q'): LabelledRow {
  const row = {
    id: `${doc_id} ${label}`,
    file: 'f',
    line: 1,
    judgement: judgement({ doc_id, query_id }),
    scale: undefined,
  };
  const human = { label, explanation: null };
  return { ...row, review: 'corrected', annotators: ['Ada'], human, source: 'decided', evidence: [] };
}

function runOf(rows: readonly SampleRow[]): ConvertedQuery<SampleRow> {
  if (trecRun.perQuery !== true) throw new Error('A run is made of whole queries.');
  return trecRun.convertQuery(rows, context);
}

function qrelsOf(exporter: LabelExporter, rows: readonly LabelledRow[]): ConvertedQuery<LabelledRow> {
  if (exporter.perQuery !== true) throw new Error('Qrels are made of whole queries.');
  return exporter.convertQuery(rows, context);
}

const stringOf = (value: unknown) => (typeof value === 'string' ? value : '');
const textOf = ({ lines }: ConvertedQuery<unknown>) => lines.map((line) => `${stringOf(line['text'])}\n`).join('');
const reasons = ({ excluded }: ConvertedQuery<unknown>) => excluded.map(({ reason }) => reason);

describe('a TREC run', () => {
  it('keeps the order of ranks in scores that fall, as 32-bit floats, whatever the scores are', () => {
    const scores = fc.array(fc.oneof(fc.constantFrom(0, 1, -1), fc.double({ noNaN: true, min: -1e6, max: 1e6 })), {
      minLength: 1,
      maxLength: 8,
    });
    fc.assert(
      fc.property(scores, (values) => {
        const rows = values.map((score, i) => sample({ doc_id: `d ${i}`, score, rank: i + 1 }));
        const run = parseRun(textOf(runOf(rows)), 'run').get('q') ?? new Map<string, number>();
        expect([...run.keys()]).toEqual(values.map((_, i) => `d ${i}`));
        const floats = [...run.values()].map(Math.fround);
        floats.slice(1).forEach((score, i) => expect(score).toBeLessThan(floats[i] ?? -Infinity));
      }),
    );
  });

  it('writes the score of the model where it can stand', () => {
    const rows = [sample({ doc_id: 'a', score: 0.75, rank: 1 }), sample({ doc_id: 'b', score: 0.5, rank: 2 })];
    expect(textOf(runOf(rows))).toBe('q Q0 a 1 0.75 rationale\nq Q0 b 2 0.5 rationale\n');
  });

  it('ranks by score where no rank is, and by the first stage below it', () => {
    const rows = [
      sample({ doc_id: 'first stage', first_stage_rank: 1 }),
      sample({ doc_id: 'low', score: 0.1 }),
      sample({ doc_id: 'high', score: 0.2 }),
    ];
    const run = parseRun(textOf(runOf(rows)), 'run').get('q');
    expect([...(run?.keys() ?? [])]).toEqual(['high', 'low', 'first stage']);
  });

  it('leaves out what has nothing to rank by, a second answer on a document, and an empty id, each with its reason', () => {
    const rows = [
      sample({ doc_id: 'a', score: 1 }),
      sample({ doc_id: 'a', score: 2, sample: 1 }),
      sample({ doc_id: 'b' }),
      sample({ doc_id: '', score: 3 }),
    ];
    const converted = runOf(rows);
    expect(converted.lines).toHaveLength(1);
    expect(reasons(converted).sort()).toEqual(['no_score', 'repeated_pair', 'unsafe_id']);
  });

  it('maps every encoded id back', () => {
    const rows = ['a b', '100%', 'plain'].map((doc_id, i) => sample({ doc_id, score: -i }));
    const { side = [] } = runOf(rows);
    expect(side.map(({ line }) => line['id'])).toEqual(['a b', '100%']);
    for (const { line } of side) expect(decodeId(stringOf(line['written']))).toBe(line['id']);
  });
});

describe('qrels', () => {
  const id = fc.string({ unit: fc.constantFrom('a', ' ', '%', '\t', '\n', '"', '\u2028', 'é'), maxLength: 4 });

  it('hold each pair that is written, and name the rest: TREC with any id, BEIR with what a table can hold', () => {
    fc.assert(
      fc.property(fc.uniqueArray(id, { minLength: 1, maxLength: 6 }), fc.nat(3), (ids, label) => {
        const rows = ids.map((doc_id) => labelled(doc_id, label));
        for (const [exporter, header] of [
          [trecQrels, ''],
          [beirQrels, 'query-id\tcorpus-id\tscore\n'],
        ] as const) {
          const converted = qrelsOf(exporter, rows);
          expect(converted.lines.length + converted.excluded.length).toBe(rows.length);
          const held = new Set(converted.excluded.map(({ row }) => row));
          const expected = rows.filter((row) => !held.has(row)).map((row) => [row.judgement.doc_id, label]);
          const read = parseQrels(header + textOf(converted), 'qrels').get('q') ?? new Map<string, number>();
          expect([...read]).toEqual(expected);
        }
        expect(reasons(qrelsOf(trecQrels, rows))).toEqual(ids.filter((i) => i === '').map(() => 'unsafe_id'));
      }),
    );
  });

  it('leave out a pair whose answers people labelled differently, and write a pair of one opinion once', () => {
    const rows = [labelled('a', 1), labelled('a', 2), labelled('b', 1), labelled('b', 1)];
    const converted = qrelsOf(trecQrels, rows);
    expect(textOf(converted)).toBe('q 0 b 1\n');
    expect(reasons(converted)).toEqual(['disagreement', 'disagreement', 'repeated_pair']);
  });
});
