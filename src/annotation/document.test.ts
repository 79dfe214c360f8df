import { spawn } from 'node:child_process';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseJudgement, type Judgement } from '../domain/judgement.js';
import type { DecisionRequest } from '../protocol/editor.js';
import { JudgementDocument, type Edit, type OpenOptions } from './document.js';
import { parseLog } from './log.js';

const installationId = '0123abcd-0000-4000-8000-000000000000';

function judgement(fields: Record<string, unknown>): Judgement {
  const parsed = parseJudgement(
    JSON.stringify({ query: 'why is the sky blue', document: 'Rayleigh scattering', ...fields }),
  );
  if (!parsed.ok) throw new Error(parsed.reason);
  return parsed.judgement;
}

function line(doc: string, fields: Record<string, unknown> = {}): string {
  return JSON.stringify({
    query_id: 'q1',
    query: 'why is the sky blue',
    doc_id: doc,
    document: `text of ${doc}`,
    label: 1,
    explanation: `because of ${doc}`,
    ...fields,
  });
}

function folder(lines: readonly string[]): OpenOptions & { readonly log: string } {
  const dir = mkdtempSync(join(tmpdir(), 'rationale-document-'));
  const path = join(dir, 'sky.judgements.jsonl');
  writeFileSync(path, lines.map((l) => `${l}\n`).join(''));
  return {
    path,
    annotator: 'Ada Lovelace',
    installationId,
    journalDir: join(dir, 'journal'),
    log: join(dir, 'sky.judgements.corrections', 'ada-lovelace-0123abcd.jsonl'),
  };
}

function logged(log: string): readonly string[] {
  if (!existsSync(log)) return [];
  return parseLog(readFileSync(log, 'utf8'), log).events.map((e) => e.action);
}

function edited(edit: Edit | undefined): Edit {
  if (edit === undefined) throw new Error('nothing changed');
  return edit;
}

describe('deciding', () => {
  it('accepts when label and explanation come back to what the model said', async () => {
    const doc = await JudgementDocument.open(folder([line('a')]));
    doc.decide(0, { kind: 'label', label: 2 });
    expect(doc.annotation(0).decision).toEqual({ kind: 'corrected', label: 2 });
    doc.decide(0, { kind: 'explanation', text: 'it answers' });
    expect(doc.annotation(0).decision).toEqual({ kind: 'corrected', label: 2, explanation: 'it answers' });
    doc.decide(0, { kind: 'label', label: 1 });
    expect(doc.annotation(0).decision).toEqual({ kind: 'corrected', explanation: 'it answers' });
    doc.decide(0, { kind: 'explanation', text: 'because of a' });
    expect(doc.annotation(0).decision).toEqual({ kind: 'accepted' });
    expect(doc.review(0)).toBe('accepted');
  });

  it('makes no edit where nothing changes', async () => {
    const doc = await JudgementDocument.open(folder([line('a')]));
    expect(doc.decide(0, { kind: 'explanation', text: 'because of a' })).toBeUndefined();
    expect(doc.decide(0, { kind: 'clear' })).toBeUndefined();
    expect(doc.decide(0, { kind: 'flag', flagged: false })).toBeUndefined();
    expect(doc.decide(0, { kind: 'label', label: 7 })).toBeUndefined();
    expect(doc.decide(0, { kind: 'accept' })).toBeDefined();
    expect(doc.decide(0, { kind: 'accept' })).toBeUndefined();
    expect(doc.unsavedCount).toBe(1);
  });

  it('keeps a correction that is then accepted', async () => {
    const doc = await JudgementDocument.open(folder([line('a')]));
    doc.decide(0, { kind: 'label', label: 0 });
    expect(doc.decide(0, { kind: 'accept' })).toBeUndefined();
    expect(doc.annotation(0).decision).toEqual({ kind: 'corrected', label: 0 });
  });

  it('keeps flag and comment apart from the decision', async () => {
    const doc = await JudgementDocument.open(folder([line('a')]));
    doc.decide(0, { kind: 'flag', flagged: true });
    expect(doc.review(0)).toBe('flagged');
    doc.decide(0, { kind: 'skip' });
    doc.decide(0, { kind: 'comment', text: 'ask Bob' });
    doc.decide(0, { kind: 'clear' });
    expect(doc.annotation(0)).toEqual({ decision: null, flagged: true, comment: 'ask Bob' });
  });

  it('takes no decision on a row that is still pending, malformed or read-only', async () => {
    const files = folder([line('a', { status: 'pending', label: null, explanation: null }), '{"half', line('c')]);
    const doc = await JudgementDocument.open(files);
    expect(doc.decide(0, { kind: 'label', label: 1 })).toBeUndefined();
    expect(doc.decide(1, { kind: 'label', label: 1 })).toBeUndefined();
    const old = await JudgementDocument.open({ ...files, text: `${line('c')}\n` });
    expect(old.readonly).toBe(true);
    expect(old.decide(0, { kind: 'label', label: 2 })).toBeUndefined();
  });

  it('has nothing to accept on an unparsed row, but takes a label', async () => {
    const doc = await JudgementDocument.open(folder([line('a', { label: null })]));
    expect(doc.decide(0, { kind: 'accept' })).toBeUndefined();
    doc.decide(0, { kind: 'label', label: 2 });
    expect(doc.annotation(0).decision).toEqual({ kind: 'corrected', label: 2 });
  });
});

describe('saving', () => {
  it('writes the net change, once', async () => {
    const files = folder([line('a'), line('b')]);
    const doc = await JudgementDocument.open(files);
    doc.decide(0, { kind: 'label', label: 2 }, 3);
    doc.decide(0, { kind: 'label', label: 0 }, 4);
    doc.decide(1, { kind: 'accept' });
    doc.decide(1, { kind: 'clear' });
    expect(doc.unsavedCount).toBe(1);
    expect(await doc.save()).toEqual({ events: 1 });
    expect(await doc.save()).toEqual({ events: 0 });
    const [event] = parseLog(readFileSync(files.log, 'utf8'), files.log).events;
    expect(event).toMatchObject({ action: 'correct', label: 0, seconds: 7, annotator: 'Ada Lovelace' });
    expect(doc.saved(0)).toBe(true);
    expect((await JudgementDocument.open(files)).annotation(0).decision).toEqual({ kind: 'corrected', label: 0 });
  });

  it('retracts what is undone after a save, and says it again when it is done again', async () => {
    const files = folder([line('a')]);
    const doc = await JudgementDocument.open(files);
    const accept = edited(doc.decide(0, { kind: 'accept' }));
    await doc.save();
    doc.undo(accept);
    expect(doc.saved(0)).toBe(false);
    expect(doc.review(0)).toBe('prefilled');
    await doc.save();
    expect(logged(files.log)).toEqual(['accept', 'retract']);
    doc.redo(accept);
    await doc.save();
    expect(logged(files.log)).toEqual(['accept', 'retract', 'accept']);
    expect((await JudgementDocument.open(files)).review(0)).toBe('accepted');
  });

  it('writes the earlier state when the undone edit had replaced one', async () => {
    const files = folder([line('a')]);
    const doc = await JudgementDocument.open(files);
    doc.decide(0, { kind: 'skip' });
    await doc.save();
    const change = edited(doc.decide(0, { kind: 'accept' }));
    await doc.save();
    doc.undo(change);
    await doc.save();
    expect(logged(files.log)).toEqual(['skip', 'accept', 'skip']);
    expect((await JudgementDocument.open(files)).review(0)).toBe('skipped');
  });

  it('takes undo and redo twice, and out of order', async () => {
    const doc = await JudgementDocument.open(folder([line('a')]));
    const first = edited(doc.decide(0, { kind: 'accept' }));
    const second = edited(doc.decide(0, { kind: 'label', label: 2 }));
    doc.undo(first);
    doc.undo(first);
    expect(doc.annotation(0).decision).toEqual({ kind: 'corrected', label: 2 });
    doc.undo(second);
    expect(doc.annotation(0).decision).toBeNull();
    doc.redo(first);
    doc.redo(first);
    expect(doc.annotation(0).decision).toEqual({ kind: 'accepted' });
  });

  it('is the last word even after events of a clock that is ahead', async () => {
    const files = folder([line('a')]);
    const doc = await JudgementDocument.open(files);
    doc.decide(0, { kind: 'skip' });
    await doc.save();
    const text = readFileSync(files.log, 'utf8');
    const ahead = (Date.now() + 86_400_000).toString(16).padStart(12, '0');
    writeFileSync(
      files.log,
      text.replace(/"id":"[0-9a-f]{8}-[0-9a-f]{4}/, `"id":"${ahead.slice(0, 8)}-${ahead.slice(8)}`),
    );
    const again = await JudgementDocument.open(files);
    again.decide(0, { kind: 'accept' });
    await again.save();
    expect((await JudgementDocument.open(files)).review(0)).toBe('accepted');
  });

  it('keeps edits and journal when the log cannot be written', async () => {
    const files = folder([line('a')]);
    const doc = await JudgementDocument.open(files);
    doc.decide(0, { kind: 'accept' });
    mkdirSync(files.log, { recursive: true });
    await expect(doc.save()).rejects.toThrow(/Your decisions are kept/);
    expect(doc.unsavedCount).toBe(1);
    rmdirSync(files.log);
    expect((await JudgementDocument.open(files)).unsavedCount).toBe(1);
    expect(await doc.save()).toEqual({ events: 1 });
  });

  it('keeps an edit made while a save is under way unsaved', async () => {
    const files = folder([line('a'), line('b')]);
    const doc = await JudgementDocument.open(files);
    doc.decide(0, { kind: 'accept' });
    const saving = doc.save();
    await Promise.resolve();
    await Promise.resolve();
    doc.decide(1, { kind: 'skip' });
    await saving;
    const reopened = await JudgementDocument.open(files);
    expect(reopened.review(0)).toBe('accepted');
    expect(reopened.review(1)).toBe('skipped');
  });
});

describe('a file that changes', () => {
  it('keeps edits whose answer is still there and reports the others, until the answer returns', async () => {
    const files = folder([line('a'), line('b')]);
    const doc = await JudgementDocument.open(files);
    doc.decide(0, { kind: 'accept' });
    doc.decide(1, { kind: 'explanation', text: 'better' });
    doc.setDraft(1, 'even better');
    writeFileSync(files.path, `\n${line('a')}\n${line('b', { explanation: 'another answer' })}\n`);
    await doc.reload();
    expect(doc.rows.map((r) => r.key)).toEqual([1, 2]);
    expect(doc.review(1)).toBe('accepted');
    expect(doc.review(2)).toBe('prefilled');
    expect(doc.conflicts.map((c) => [c.docId, c.what])).toEqual([
      ['b', 'Edit Rationale'],
      ['b', 'draft'],
    ]);
    expect(await doc.save()).toEqual({ events: 1 });
    writeFileSync(files.path, `${line('a')}\n${line('b')}\n`);
    const later = await JudgementDocument.open(files);
    expect(later.annotation(1).decision).toEqual({ kind: 'corrected', explanation: 'better' });
    expect(later.draft(1)).toBe('even better');
    expect(later.conflicts).toEqual([]);
    expect(later.unsavedCount).toBe(1);
  });

  it('shows a decision on a changed answer as stale, and attaches it to nothing', async () => {
    const files = folder([line('a')]);
    const doc = await JudgementDocument.open(files);
    doc.decide(0, { kind: 'accept' });
    await doc.save();
    writeFileSync(files.path, `${line('a', { explanation: 'another answer' })}\n`);
    await doc.reload();
    expect(doc.review(0)).toBe('stale');
    expect(doc.annotation(0).decision).toBeNull();
  });

  it('keeps a label, which belongs to the pair, when the rationale arrives after it', async () => {
    const files = folder([line('a', { explanation: null })]);
    const doc = await JudgementDocument.open(files);
    doc.decide(0, { kind: 'label', label: 2 });
    doc.replaceRow(0, judgement({ query_id: 'q1', doc_id: 'a', label: 1, explanation: 'written later' }));
    expect(doc.annotation(0).decision).toEqual({ kind: 'corrected', label: 2 });
    expect(await doc.save()).toEqual({ events: 1 });
    doc.replaceRow(0, judgement({ query_id: 'q1', doc_id: 'a', label: 2, explanation: 'agrees at last' }));
    expect(doc.review(0)).toBe('prefilled');
  });

  it('shows a label on every answer to the pair, and lets each be decided by itself', async () => {
    const files = folder([
      line('a', { label: 0, sample: 0 }),
      line('a', { label: 1, sample: 1 }),
      line('a', { label: 2, sample: 2 }),
    ]);
    const doc = await JudgementDocument.open(files);
    doc.decide(0, { kind: 'label', label: 2 });
    expect([0, 1, 2].map((k) => doc.review(k))).toEqual(['corrected', 'corrected', 'prefilled']);
    doc.decide(1, { kind: 'accept' });
    doc.decide(1, { kind: 'clear' });
    expect(doc.review(0)).toBe('prefilled');
    doc.decide(1, { kind: 'explanation', text: 'x' });
    await doc.save();
    expect([0, 1, 2].map((k) => doc.review(k))).toEqual(['prefilled', 'corrected', 'prefilled']);
  });

  it('says a label again when only the order of two statements changed', async () => {
    const files = folder([line('a', { label: 0, sample: 0 }), line('a', { label: 1, sample: 1 })]);
    const doc = await JudgementDocument.open(files);
    doc.decide(1, { kind: 'accept' });
    await doc.save();
    doc.decide(0, { kind: 'label', label: 2 });
    await doc.save();
    expect(doc.review(1)).toBe('corrected');
    doc.decide(1, { kind: 'clear' });
    doc.decide(0, { kind: 'label', label: 2 });
    doc.decide(1, { kind: 'skip' });
    doc.decide(1, { kind: 'label', label: 2 });
    expect(doc.annotation(1).decision).toEqual({ kind: 'corrected', label: 2 });
    await doc.save();
    expect((await JudgementDocument.open(files)).annotation(1).decision).toEqual({ kind: 'corrected', label: 2 });
  });

  it('notices a sealed file that was changed', async () => {
    const files = folder([line('a')]);
    const record = { version: 1, run_id: 'r', seal: { state: 'complete', rows: 1, bytes: 1, sha256: 'other' } };
    writeFileSync(files.path.replace(/\.jsonl$/, '.run.json'), JSON.stringify(record));
    const doc = await JudgementDocument.open(files);
    expect(doc.notices.join()).toMatch(/changed after its run was sealed/);
    expect(doc.run?.run_id).toBe('r');
  });

  it('reverts to what is saved', async () => {
    const doc = await JudgementDocument.open(folder([line('a')]));
    const accept = edited(doc.decide(0, { kind: 'accept' }));
    await doc.save();
    doc.decide(0, { kind: 'skip' });
    doc.setDraft(0, 'x');
    await doc.revert();
    expect(doc.review(0)).toBe('accepted');
    expect(doc.draft(0)).toBeNull();
    doc.undo(accept);
    expect(doc.review(0)).toBe('prefilled');
    expect(doc.unsavedCount).toBe(1);
  });
});

describe('isDecided', () => {
  it('counts the annotator’s unsaved decisions and everybody else’s saved ones', async () => {
    const files = folder([line('a'), line('b'), line('c')]);
    const other = await JudgementDocument.open({ ...files, annotator: 'Grace' });
    other.decide(0, { kind: 'accept' });
    other.decide(2, { kind: 'flag', flagged: true });
    await other.save();
    const document = await JudgementDocument.open(files);
    const edit = edited(document.decide(1, { kind: 'label', label: 2 }));
    expect([0, 1, 2].map((key) => document.isDecided(key))).toEqual([true, true, false]);
    document.undo(edit);
    expect(document.isDecided(1)).toBe(false);
  });
});

describe('the journal', () => {
  it('passes over a line that a crash has torn', async () => {
    const files = folder([line('a'), line('b')]);
    const doc = await JudgementDocument.open(files);
    doc.decide(0, { kind: 'accept' });
    const [name] = readdirSync(files.journalDir);
    appendFileSync(join(files.journalDir, name ?? ''), '{"type":"edit","ed');
    doc.decide(1, { kind: 'skip' });
    const reopened = await JudgementDocument.open(files);
    expect([reopened.review(0), reopened.review(1)]).toEqual(['accepted', 'skipped']);
  });

  it('holds nothing for another annotator, and loses nothing of theirs', async () => {
    const files = folder([line('a')]);
    (await JudgementDocument.open(files)).decide(0, { kind: 'accept' });
    const bob = await JudgementDocument.open({ ...files, annotator: 'Bob' });
    expect(bob.review(0)).toBe('prefilled');
    bob.decide(0, { kind: 'skip' });
    await bob.save();
    expect((await JudgementDocument.open(files)).review(0)).toBe('accepted');
  });

  it('is left alone while the window that writes it is at work, and taken over when that is gone', async () => {
    const files = folder([line('a'), line('b')]);
    const first = await JudgementDocument.open(files);
    first.decide(0, { kind: 'accept' });
    const [name = ''] = readdirSync(files.journalDir);
    const journal = join(files.journalDir, name);
    // A process that lives is the other window.
    const window = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
    const gone = new Promise((resolve) => window.once('exit', resolve));
    const owned = readFileSync(journal, 'utf8')
      .replace(`"pid":${process.pid}`, `"pid":${window.pid}`)
      .replace(/"born":"[^"]*"/, '"born":null');
    writeFileSync(journal, owned);
    const second = await JudgementDocument.open(files);
    expect(second.unsavedCount).toBe(0);
    second.decide(1, { kind: 'skip' });
    await second.revert();
    second.dispose();
    expect(readFileSync(journal, 'utf8')).toBe(owned);
    window.kill('SIGKILL');
    await gone;
    const third = await JudgementDocument.open(files);
    expect([third.review(0), third.review(1)]).toEqual(['accepted', 'prefilled']);
  });

  it('says so when it cannot be written, and goes on', async () => {
    const files = folder([line('a')]);
    writeFileSync(files.journalDir, 'a file in the way');
    const doc = await JudgementDocument.open(files);
    doc.decide(0, { kind: 'accept' });
    expect(doc.notices.join()).toMatch(/not protected against a crash/);
    expect(await doc.save()).toEqual({ events: 1 });
  });

  const request: fc.Arbitrary<DecisionRequest> = fc.oneof(
    fc.constant({ kind: 'accept' } as const),
    fc.record({ kind: fc.constant('label' as const), label: fc.integer({ min: 0, max: 2 }) }),
    fc.record({
      kind: fc.constant('explanation' as const),
      text: fc.constantFrom('because of a', 'because of b', 'new', 'other', ''),
    }),
    fc.constant({ kind: 'skip' } as const),
    fc.constant({ kind: 'cannot_judge' } as const),
    fc.record({ kind: fc.constant('flag' as const), flagged: fc.boolean() }),
    fc.record({ kind: fc.constant('comment' as const), text: fc.constantFrom('c', null) }),
    fc.constant({ kind: 'clear' } as const),
  );
  const row = fc.integer({ min: 0, max: 3 });
  const step = fc.oneof(
    { weight: 6, arbitrary: fc.record({ op: fc.constant('decide' as const), row, request }) },
    { weight: 3, arbitrary: fc.record({ op: fc.constant('undo' as const) }) },
    { weight: 2, arbitrary: fc.record({ op: fc.constant('redo' as const) }) },
    { weight: 1, arbitrary: fc.record({ op: fc.constant('save' as const) }) },
    { weight: 1, arbitrary: fc.record({ op: fc.constant('crash' as const) }) },
    { weight: 1, arbitrary: fc.record({ op: fc.constant('revert' as const) }) },
    {
      weight: 1,
      arbitrary: fc.record({ op: fc.constant('draft' as const), row, text: fc.constantFrom('d', 'e', null) }),
    },
  );

  it('brings back every decision and draft after any sequence of work, saves and crashes', async () => {
    const keys = [0, 1, 2, 3];
    const state = (doc: JudgementDocument): unknown => keys.map((key) => doc.annotation(key));
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
        // Rows 2 and 3 answer the same pair.
        const files = folder([
          line('a'),
          line('b'),
          line('c', { label: 0, sample: 0 }),
          line('c', { label: 1, sample: 1 }),
        ]);
        let doc = await JudgementDocument.open(files);
        let undoStack: { edit: Edit; before: unknown; after: unknown }[] = [];
        let redoStack: typeof undoStack = [];
        let onDisk = state(doc);
        const drafts: (string | null)[] = [null, null, null, null];
        for (const s of steps) {
          if (s.op === 'decide') {
            const before = state(doc);
            const edit = doc.decide(s.row, s.request);
            if (s.request.kind === 'explanation') drafts[s.row] = null;
            if (edit === undefined) expect(state(doc)).toEqual(before);
            else {
              undoStack.push({ edit, before, after: state(doc) });
              redoStack = [];
            }
          } else if (s.op === 'undo') {
            const top = undoStack.pop();
            if (top === undefined) continue;
            doc.undo(top.edit);
            expect(state(doc)).toEqual(top.before);
            redoStack.push(top);
          } else if (s.op === 'redo') {
            const top = redoStack.pop();
            if (top === undefined) continue;
            doc.redo(top.edit);
            expect(state(doc)).toEqual(top.after);
            undoStack.push(top);
          } else if (s.op === 'save') {
            const before = state(doc);
            await doc.save();
            expect(doc.unsavedCount).toBe(0);
            expect(state(doc)).toEqual(before);
            onDisk = before;
            const elsewhere = await JudgementDocument.open({ ...files, journalDir: `${files.journalDir}-none` });
            expect(state(elsewhere)).toEqual(before);
          } else if (s.op === 'crash') {
            const before = state(doc);
            const unsaved = keys.map((key) => doc.saved(key));
            doc = await JudgementDocument.open(files);
            expect(state(doc)).toEqual(before);
            expect(keys.map((key) => doc.saved(key))).toEqual(unsaved);
            // What is restored can be undone down to what is saved.
            for (const edit of [...doc.restoredEdits].reverse()) doc.undo(edit);
            expect(state(doc)).toEqual(onDisk);
            expect(doc.unsavedCount).toBe(0);
            undoStack = [];
            redoStack = [];
            for (const edit of doc.restoredEdits) {
              const from = state(doc);
              doc.redo(edit);
              undoStack.push({ edit, before: from, after: state(doc) });
            }
            expect(state(doc)).toEqual(before);
          } else if (s.op === 'revert') {
            await doc.revert();
            expect(state(doc)).toEqual(onDisk);
            undoStack = [];
            redoStack = [];
            drafts.fill(null);
          } else {
            doc.setDraft(s.row, s.text);
            drafts[s.row] = s.text;
          }
          expect(keys.map((key) => doc.draft(key))).toEqual(drafts);
        }
      }),
      { numRuns: 150 },
    );
  });
});
