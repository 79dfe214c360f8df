import { appendFileSync, mkdtempSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { AnnotationEvent } from '../domain/event.js';
import { uuidv7 } from '../domain/identity.js';
import { appendEvents, logFile, readLogs } from './log.js';

const event = (note: string): AnnotationEvent => ({
  id: uuidv7(),
  at: '2026-01-01T00:00:00.000Z',
  annotator: 'Ada',
  query_id: 'q',
  doc_id: 'd',
  action: 'comment',
  note,
  seconds: 1,
});

function place(): { path: string; log: string } {
  const path = join(mkdtempSync(join(tmpdir(), 'rationale-log-')), 'x.judgements.jsonl');
  return { path, log: logFile(path, 'Ada', 'ABCDEF01-9999') };
}

const notes = async (path: string): Promise<(string | undefined)[]> => (await readLogs(path)).events.map((e) => e.note);

describe('the log', () => {
  it('is named after annotator and installation', () => {
    expect(logFile('/w/x.judgements.jsonl', 'Ada Lovelace', 'ABCDEF01-9999')).toBe(
      join('/w', 'x.judgements.corrections', 'ada-lovelace-abcdef01.jsonl'),
    );
  });

  it('keeps and reports a torn last line, and goes on below it', async () => {
    const { path, log } = place();
    await appendEvents(log, [event('one')]);
    appendFileSync(log, '{"id":"0190');
    expect((await readLogs(path)).problems).toMatchObject([{ file: log, line: 2 }]);
    await appendEvents(log, [event('two')]);
    const { problems } = await readLogs(path);
    expect(await notes(path)).toEqual(['one', 'two']);
    expect(problems).toMatchObject([{ line: 2 }]);
    expect(readFileSync(log, 'utf8')).toContain('{"id":"0190\n');
  });

  it('takes a whole last line that only lacks its end', async () => {
    const { path, log } = place();
    await appendEvents(log, [event('one')]);
    writeFileSync(log, readFileSync(log, 'utf8').trimEnd());
    await appendEvents(log, [event('two')]);
    expect(await notes(path)).toEqual(['one', 'two']);
  });

  it('names the field of an event that is none', async () => {
    const { path, log } = place();
    await appendEvents(log, [event('one')]);
    appendFileSync(log, `${JSON.stringify({ ...event('two'), action: 'guess' })}\n`);
    expect((await readLogs(path)).problems[0]?.reason).toMatch(/"action"/);
  });

  it('keeps whole lines apart when many write at once, and leaves no lock', async () => {
    const { path, log } = place();
    const long = 'x'.repeat(20_000);
    await Promise.all(
      Array.from({ length: 12 }, (_, i) => appendEvents(log, [event(`${i}${long}`), event(`${i}${long}`)])),
    );
    const { events, problems } = await readLogs(path);
    expect(problems).toEqual([]);
    expect(events).toHaveLength(24);
    expect(readdirSync(dirname(log))).toHaveLength(1);
  });

  it('breaks the lock of a process that is gone, and of another machine when it is old', async () => {
    const { path, log } = place();
    await appendEvents(log, [event('one')]);
    // Beyond the greatest pid of any system, so that no process has it.
    const gone = JSON.stringify({ pid: 2 ** 30, host: (await import('node:os')).hostname(), id: 'x' });
    writeFileSync(`${log}.lock`, gone);
    await appendEvents(log, [event('two')]);
    writeFileSync(`${log}.lock`, JSON.stringify({ pid: 1, host: 'elsewhere', id: 'y' }));
    const minuteAgo = Date.now() / 1000 - 60;
    utimesSync(`${log}.lock`, minuteAgo, minuteAgo);
    await appendEvents(log, [event('three')]);
    expect(await notes(path)).toEqual(['one', 'two', 'three']);
  });

  it('writes no half character', async () => {
    const { path, log } = place();
    await appendEvents(log, [event('cut \ud83d')]);
    expect(await notes(path)).toEqual(['cut \ufffd']);
  });
});
