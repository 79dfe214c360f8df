import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { foldEvents } from '../../annotation/fold.js';
import { logFiles, readLogs } from '../../annotation/log.js';
import { answerId } from '../../domain/identity.js';
import type { AnnotationEvent } from '../../domain/event.js';
import type { Judgement } from '../../domain/judgement.js';
import { RowCompleter } from './complete.js';
import { CorrectionLogs } from './correction-logs.js';
import type { ImportedRecord } from './importer.js';

type Correction = Extract<ImportedRecord, { kind: 'correction' }>;

let folder = '';
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'rationale-corrections-'))));
afterEach(() => rmSync(folder, { recursive: true }));

const rowOf = (label: number | null, explanation: string | null): Judgement => {
  const completed = new RowCompleter('run', undefined).complete({ query: 'q', document: 'd', label, explanation });
  if (!completed.ok) throw new Error(completed.reason);
  return completed.judgement;
};
const row = rowOf(1, 'So so.');
const correction = (change: Partial<Correction>): Correction => ({
  kind: 'correction',
  judgement: row,
  annotator: 'Ada',
  at: '2024-05-01T10:00:00Z',
  action: 'correct',
  ...change,
});
/** Writes the corrections of `of` beside a judgement file called `name`; what the logs then hold, and the notes. */
const written = async (
  corrections: readonly Correction[],
  of = row,
  name = 'a',
): Promise<{ events: readonly AnnotationEvent[]; notes: string[]; bytes: string }> => {
  const logs = new CorrectionLogs(join(folder, `${name}.tmp.judgements.jsonl`), 'c0ffee00');
  const notes: string[] = [];
  for (const one of corrections) notes.push(...(await logs.add(one, of)));
  const out = join(folder, `${name}.judgements.jsonl`);
  await logs.commit(out);
  const files = await logFiles(out);
  const { events, problems } = await readLogs(out);
  expect(problems).toEqual([]);
  return { events, notes, bytes: files.map((file) => readFileSync(file, 'utf8')).join('') };
};

describe('CorrectionLogs', () => {
  it('writes what was changed, on the answer it was made on', async () => {
    const { events, notes } = await written([correction({ label: 2, explanation: 'So so.', note: 'seen twice' })]);
    expect(events).toEqual([
      {
        id: expect.stringMatching(/^018f3398-c100-7/) as string,
        at: '2024-05-01T10:00:00.000Z',
        annotator: 'Ada',
        query_id: row.query_id,
        doc_id: row.doc_id,
        answer_id: answerId(row),
        action: 'correct',
        label: 2,
        note: 'seen twice',
        seconds: 0,
      },
    ]);
    expect(notes).toEqual([]);
  });

  it('takes an answer equal to the model’s for an acceptance, and an acceptance of no label for nothing', async () => {
    const equal = await written([correction({ label: 1, explanation: 'So so.' })]);
    expect(equal.events).toMatchObject([{ action: 'accept' }]);
    expect(equal.events[0]).not.toHaveProperty('label');
    const empty = await written([correction({ action: 'accept' })], rowOf(null, null), 'b');
    expect(empty.events).toEqual([]);
    expect(empty.notes).toEqual(['a correction without effect: it accepts an answer that has no label']);
    expect(existsSync(join(folder, 'b.judgements.corrections'))).toBe(false);
  });

  it('makes the same bytes of the same corrections', async () => {
    const two = [correction({ label: 2 }), correction({ label: 0, annotator: 'Ben', at: null })];
    expect((await written(two, row, 'x')).bytes).toBe((await written(two, row, 'y')).bytes);
  });

  it('lets the later of two decisions win, by time and then by place, and any dated one over one without date', async () => {
    const winner = async (name: string, ...decisions: [string | null, number][]): Promise<number | undefined> => {
      const { events } = await written(
        decisions.map(([at, label]) => correction({ at, label })),
        row,
        name,
      );
      const cell = { slot: 'decision', query_id: row.query_id, doc_id: row.doc_id, answer_id: null } as const;
      const content = foldEvents(events).get('Ada')?.statement(cell)?.content;
      return content?.slot === 'decision' ? content.decision.label : undefined;
    };
    expect(await winner('a', ['2024-05-02T00:00:00Z', 2], ['2024-05-01T00:00:00Z', 0])).toBe(2);
    expect(await winner('b', ['2024-05-01', 2], ['2024-05-01', 0])).toBe(0);
    expect(await winner('c', ['2024-05-01', 2], [null, 0])).toBe(2);
    expect(await winner('d', [null, 2], ['never', 0])).toBe(0);
  });

  it('reads a time without a zone as UTC, wherever it runs', async () => {
    const times = ['2024-05-01 10:00:00.123456', '2024-05-01T10:00', '2024-05-01T12:00:00+02:00', '2024-05-01'];
    const { events } = await written(times.map((at, i) => correction({ at, label: 2, annotator: `a${i}` })));
    expect(events.map(({ at }) => at)).toEqual([
      '2024-05-01T10:00:00.123Z',
      '2024-05-01T10:00:00.000Z',
      '2024-05-01T10:00:00.000Z',
      '2024-05-01T00:00:00.000Z',
    ]);
  });
});
