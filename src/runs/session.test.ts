import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { hostname, tmpdir } from 'node:os';
import * as path from 'node:path';
import { createHash } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Candidate } from '../domain/candidate.js';
import { RationaleError } from '../domain/failure.js';
import type { ModelIdentity } from '../domain/judgement.js';
import type { RerankEngine } from '../inference/engine.js';
import { parseProfile } from '../profiles/profile.js';
import type { JudgementEvent, RerankRequest, ScoredPair } from '../protocol/inference.js';
import { readRunFile } from './run-file.js';
import { RunSession, type RunOptions } from './session.js';

// A scripted engine: what a run does with scores, cancellation and crashes is its own affair. The real model runs in
// engine.test.ts and in the suites under test/.
const profile = parseProfile(
  JSON.stringify({
    id: 'scripted',
    version: 1,
    kind: 'decoder',
    max_tokens: 100,
    label_scale: {
      name: 'binary',
      labels: [
        { value: 0, name: 'no', description: '' },
        { value: 1, name: 'yes', description: '' },
      ],
    },
    prompts: {
      score: { raw: '{query} {document} ', answer: '{label}' },
      label_first: { raw: '{query} {document} ', answer: '{label} {explanation}' },
      explain_first: { raw: '{query} {document} ', answer: '{explanation} Label: {label}' },
    },
    score: { expected: 1 },
  }),
  'profile.json',
);
const identity: ModelIdentity = {
  id: 'scripted',
  sha256: 'a',
  profile: 'p',
  profile_sha256: 'b',
  engine: 'script',
  engine_version: '1',
  device: 'cpu',
  precision: 'fp32',
};

function stopIfAborted(signal: AbortSignal): void {
  if (signal.aborted) throw new DOMException('cancelled', 'AbortError');
}

class ScriptedEngine implements RerankEngine {
  readonly profile = profile;
  readonly asked: string[] = [];
  constructor(
    private readonly expected: Readonly<Record<string, number>>,
    private readonly options: {
      readonly dieAfter?: number;
      readonly onEvent?: (n: number) => void;
      readonly onAnswer?: (sample: number) => void;
      readonly model?: ModelIdentity;
    } = {},
  ) {}
  private events = 0;
  load(): Promise<ModelIdentity> {
    return Promise.resolve(this.options.model ?? identity);
  }
  async *judge(request: RerankRequest, signal: AbortSignal): AsyncIterable<JudgementEvent> {
    for (const pair of request.pairs) {
      await new Promise((resolve) => setImmediate(resolve));
      stopIfAborted(signal);
      if (this.events === this.options.dieAfter)
        throw new RationaleError('environment', 'The inference process ended unexpectedly (signal SIGKILL).');
      this.events++;
      this.asked.push(`${request.mode} ${pair.document}`);
      const value = this.expected[pair.document];
      if (value === undefined) yield { type: 'failed', key: pair.key, message: 'no such document' };
      else {
        const result: ScoredPair = {
          label: value > 0.5 ? 1 : 0,
          label_probabilities: [1 - value, value],
          reads: { expected: value },
          document_end: pair.document.length,
          prompt_sha256: 's',
          prompt_tokens: 3,
          elapsed_ms: 1,
        };
        if (request.mode !== 'explain-first') yield { type: 'scored', key: pair.key, result };
        const samples = request.mode === 'score' ? 0 : (request.sampling?.samples ?? 1);
        for (let sample = 0; sample < samples; sample++) {
          stopIfAborted(signal);
          yield { type: 'token', key: pair.key, sample, explanation: 'because' };
          // Each explanation leads to a label of its own.
          const after =
            request.mode === 'explain-first' ? { ...result, reads: { expected: value - sample / 10 } } : result;
          const explanation = sample === 0 ? `because ${pair.document}` : `because ${pair.document}, ${sample}`;
          yield {
            type: 'judged',
            key: pair.key,
            result: { ...after, sample, explanation, raw_response: 'r', status: 'ok', completion_tokens: 2 },
          };
          this.options.onAnswer?.(sample);
        }
      }
      this.options.onEvent?.(this.events);
    }
  }
  dispose(): Promise<void> {
    return Promise.resolve();
  }
}

let folder: string;
beforeEach(() => (folder = mkdtempSync(path.join(tmpdir(), 'rationale-run-'))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const candidates = (...names: string[]): Candidate[] =>
  names.map((name, i) => ({
    doc_id: name,
    title: null,
    document: name,
    uri: null,
    range: null,
    first_stage_rank: i + 1,
    first_stage_score: 10 - i,
  }));
const options = (engine: RerankEngine, names: string[], explain = 0): RunOptions => ({
  path: path.join(folder, 'a.judgements.jsonl'),
  engine,
  toolVersion: '0',
  queries: [{ query: { query_id: 'q', query: 'why' }, candidates: candidates(...names) }],
  settings: { mode: explain > 0 ? 'label-first' : 'score', explain, firstStage: { method: 'bm25' } },
});
const order = (run: { rows: readonly { doc_id: string; rank: number | null }[] }): string[] =>
  [...run.rows].sort((a, b) => (a.rank ?? 0) - (b.rank ?? 0)).map((r) => r.doc_id);

const explainFirst = (engine: RerankEngine, names: string[], samples = 1): RunOptions => ({
  ...options(engine, names),
  settings: {
    mode: 'explain-first',
    explain: 3,
    firstStage: { method: 'bm25' },
    ...(samples === 1 ? {} : { sampling: { temperature: 1, top_p: 0.9, seed: 7, samples } }),
  },
});

describe('an explain-first run', () => {
  it('explains every document, whose label comes of the explanation and orders it', async () => {
    const engine = new ScriptedEngine({ a: 0.1, b: 0.9 });
    const run = await RunSession.start(explainFirst(engine, ['a', 'b', 'c']));
    const tokens: number[] = [];
    run.onDidChange((change) => {
      if (change.type === 'token') tokens.push(change.index);
    });
    expect((await run.finished).phase).toBe('complete');
    expect(engine.asked).toEqual(['explain-first a', 'explain-first b', 'explain-first c']);
    expect(tokens).toEqual([0, 1]);
    expect(run.rows.map((r) => [r.doc_id, r.explanation, r.label, r.mode, r.status, r.rank])).toEqual([
      ['a', 'because a', 0, 'explain-first', 'ok', 2],
      ['b', 'because b', 1, 'explain-first', 'ok', 1],
      ['c', null, null, 'explain-first', 'failed', 3],
    ]);
    expect(run.rows[0]?.sampling).toEqual({ temperature: 0 });
  });

  it('has a row for each sample, a rank for each document by the mean of its answers, and says how it was drawn', async () => {
    const run = await RunSession.start(explainFirst(new ScriptedEngine({ a: 0.5, b: 0.6 }), ['a', 'b'], 3));
    await run.finished;
    expect(run.rows.map((r) => [r.doc_id, r.sample, r.explanation, r.rank])).toEqual([
      ['a', 0, 'because a', 2],
      ['a', 1, 'because a, 1', 2],
      ['a', 2, 'because a, 2', 2],
      ['b', 0, 'because b', 1],
      ['b', 1, 'because b, 1', 1],
      ['b', 2, 'because b, 2', 1],
    ]);
    expect(run.rows[4]?.sampling).toEqual({ temperature: 1, top_p: 0.9, seed: 7 });
    expect(run.rows[0]?.score).toBeCloseTo(0.4, 9);
    const { record } = await readRunFile(run.path);
    expect(record.settings).toEqual({
      mode: 'explain-first',
      explain: 0,
      sampling: { temperature: 1, top_p: 0.9, seed: 7, samples: 3 },
    });
    expect(record.queries[0]?.rows).toBe(6);
  });

  it('that was cancelled among the samples of a document goes on with those that are missing', async () => {
    let cancel = (): void => undefined;
    const engine = new ScriptedEngine({ a: 0.5, b: 0.6 }, { onAnswer: (sample) => sample === 1 && cancel() });
    const run = await RunSession.start(explainFirst(engine, ['a', 'b'], 3));
    cancel = () => void run.cancel();
    expect((await run.finished).phase).toBe('cancelled');
    const before = run.rows;
    expect(before.map((r) => r.status)).toEqual(['ok', 'ok', 'pending', 'pending', 'pending', 'pending']);
    const resumed = await RunSession.resume(run.path, new ScriptedEngine({ a: 0.9, b: 0.6 }));
    expect((await resumed.finished).phase).toBe('complete');
    expect(resumed.rows.map((r) => r.status)).toEqual(Array(6).fill('ok'));
    // What was written is not written again.
    expect(resumed.rows[0]?.score_parts).toEqual(before[0]?.score_parts);
    expect(resumed.rows[2]?.score_parts?.['expected']).toBeCloseTo(0.7, 9);
  });
});

describe('a label-first run with samples', () => {
  it('scores each document once and writes every sample of all of them', async () => {
    const engine = new ScriptedEngine({ a: 0.1, b: 0.9 });
    const given = options(engine, ['a', 'b'], 1);
    const run = await RunSession.start({
      ...given,
      settings: { ...given.settings, sampling: { temperature: 1, top_p: 1, seed: 0, samples: 2 } },
    });
    const states: string[] = [];
    run.onDidChange((change) => {
      if (change.type === 'state' && run.state.phase === 'explaining')
        states.push(`${run.state.done}/${run.state.total}`);
    });
    await run.finished;
    expect(engine.asked).toEqual(['score a', 'score b', 'label-first b', 'label-first a']);
    expect(states).toEqual(['1/4', '2/4', '3/4', '4/4']);
    expect(run.rows.map((r) => [r.doc_id, r.sample, r.explanation, r.mode, r.rank, r.status])).toEqual([
      ['a', 0, 'because a', 'label-first', 2, 'ok'],
      ['a', 1, 'because a, 1', 'label-first', 2, 'ok'],
      ['b', 0, 'because b', 'label-first', 1, 'ok'],
      ['b', 1, 'because b, 1', 'label-first', 1, 'ok'],
    ]);
  });
});

describe('a run', () => {
  it('has its first-stage rows on disk before the first score, and orders them when scoring ends', async () => {
    const run = await RunSession.start(options(new ScriptedEngine({ a: 0.1, b: 0.9, c: 0.5 }), ['a', 'b', 'c']));
    const before = await readRunFile(run.path);
    expect(before.rows.map((r) => [r.doc_id, r.rank, r.status])).toEqual([
      ['a', 1, 'pending'],
      ['b', 2, 'pending'],
      ['c', 3, 'pending'],
    ]);
    expect(before.record.seal).toBeUndefined();
    expect((await run.finished).phase).toBe('complete');
    expect(order(run)).toEqual(['b', 'c', 'a']);
    expect(run.rows.map((r) => r.doc_id)).toEqual(['a', 'b', 'c']);
  });

  it('keeps the first-stage ranks while scores come in', async () => {
    const ranks: unknown[] = [];
    const run = await RunSession.start(options(new ScriptedEngine({ a: 0.1, b: 0.9, c: 0.5 }), ['a', 'b', 'c']));
    run.onDidChange((change) => {
      if (change.type === 'rows' && run.state.phase === 'scoring') ranks.push(run.rows.map((r) => r.rank));
    });
    await run.finished;
    expect(ranks.slice(0, 2)).toEqual([
      [1, 2, 3],
      [1, 2, 3],
    ]);
  });

  it('is sealed with the number, length and hash of what is on disk', async () => {
    const run = await RunSession.start(options(new ScriptedEngine({ a: 0.1 }), ['a']));
    await run.finished;
    const bytes = readFileSync(run.path);
    const { record } = await readRunFile(run.path);
    expect(record.seal).toEqual({
      state: 'complete',
      rows: 1,
      bytes: bytes.length,
      sha256: createHash('sha256').update(bytes).digest('hex'),
    });
  });

  it('explains the best documents only, and a row is not final before its rationale is', async () => {
    const states: string[] = [];
    const run = await RunSession.start(options(new ScriptedEngine({ a: 0.1, b: 0.9, c: 0.5 }), ['a', 'b', 'c'], 2));
    run.onDidChange((change) => {
      if (change.type === 'token') states.push(run.rows[change.index]?.status ?? '');
    });
    await run.finished;
    expect(states).toEqual(['pending', 'pending']);
    expect(run.rows.map((r) => [r.doc_id, r.explanation, r.mode, r.status])).toEqual([
      ['a', null, 'score', 'ok'],
      ['b', 'because b', 'label-first', 'ok'],
      ['c', 'because c', 'label-first', 'ok'],
    ]);
  });

  it('reports a failed document as failed, never as label 0, and ranks it below the others', async () => {
    const run = await RunSession.start(options(new ScriptedEngine({ b: 0.2, c: 0.1 }), ['a', 'b', 'c']));
    await run.finished;
    expect(run.rows[0]).toMatchObject({
      status: 'failed',
      label: null,
      score: null,
      rank: 3,
      error: 'no such document',
    });
  });

  it('does not overwrite a file', async () => {
    writeFileSync(path.join(folder, 'a.judgements.jsonl'), 'mine\n');
    await expect(RunSession.start(options(new ScriptedEngine({}), ['a']))).rejects.toThrow(
      /exists already, and a run overwrites nothing/,
    );
    expect(readFileSync(path.join(folder, 'a.judgements.jsonl'), 'utf8')).toBe('mine\n');
  });

  it('keeps what was computed when it is cancelled, and goes on from there', async () => {
    let cancel = (): void => undefined;
    const first = new ScriptedEngine({ a: 0.1, b: 0.9, c: 0.5 }, { onEvent: (n) => n === 2 && cancel() });
    const run = await RunSession.start(options(first, ['a', 'b', 'c']));
    cancel = () => void run.cancel();
    expect((await run.finished).phase).toBe('cancelled');
    const { rows, record } = await readRunFile(run.path);
    expect(record.seal?.state).toBe('cancelled');
    expect(rows.map((r) => [r.doc_id, r.status, r.rank])).toEqual([
      ['a', 'ok', 2],
      ['b', 'ok', 1],
      ['c', 'pending', 3],
    ]);
    const second = new ScriptedEngine({ a: 0.1, b: 0.9, c: 0.5 });
    const resumed = await RunSession.resume(run.path, second);
    expect((await resumed.finished).phase).toBe('complete');
    expect(second.asked).toEqual(['score c']);
    expect(order(resumed)).toEqual(['b', 'c', 'a']);
  });

  it('stays unsealed when the engine dies, so that it opens as interrupted and can be resumed', async () => {
    const run = await RunSession.start(options(new ScriptedEngine({ a: 0.1, b: 0.9 }, { dieAfter: 1 }), ['a', 'b']));
    expect(await run.finished).toMatchObject({ phase: 'failed', done: 1, total: 2 });
    const { rows, record } = await readRunFile(run.path);
    expect(record.seal).toBeUndefined();
    expect(rows.map((r) => r.label)).toEqual([0, null]);
  });

  it('is not resumed with another model, and the rows stay as they were', async () => {
    const run = await RunSession.start(options(new ScriptedEngine({ a: 0.1, b: 0.9 }, { dieAfter: 1 }), ['a', 'b']));
    await run.finished;
    const resumed = await RunSession.resume(
      run.path,
      new ScriptedEngine({ a: 1, b: 1 }, { model: { ...identity, sha256: 'other' } }),
    );
    expect(await resumed.finished).toMatchObject({ phase: 'failed' });
    expect((await readRunFile(run.path)).rows.map((r) => r.label)).toEqual([0, null]);
  });

  it('names the line that keeps it from being resumed', async () => {
    const run = await RunSession.start(options(new ScriptedEngine({ a: 0.1, b: 0.9 }, { dieAfter: 1 }), ['a', 'b']));
    await run.finished;
    const text = readFileSync(run.path, 'utf8');
    writeFileSync(run.path, text.slice(0, -20));
    await expect(RunSession.resume(run.path, new ScriptedEngine({}))).rejects.toThrow(/a\.judgements\.jsonl, line 2: /);
  });

  it('has one writer: a second one is refused while the first lives, and a dead one does not stand in the way', async () => {
    const run = await RunSession.start(options(new ScriptedEngine({ a: 0.1, b: 0.9 }), ['a', 'b']));
    await expect(RunSession.resume(run.path, new ScriptedEngine({}))).rejects.toThrow(
      /is being written by another process/,
    );
    await run.finished;
    const { pid } = spawnSync(process.execPath, ['-e', '']);
    writeFileSync(`${run.path}.lock`, JSON.stringify({ pid, host: hostname() }));
    expect((await (await RunSession.resume(run.path, new ScriptedEngine({}))).finished).phase).toBe('complete');
  });

  it('leaves the answer of a row alone that somebody has decided on', async () => {
    const engine = new ScriptedEngine({ a: 0.1, b: 0.9 });
    const run = await RunSession.start({ ...options(engine, ['a', 'b'], 2), mayChange: (index) => index !== 1 });
    await run.finished;
    expect(run.rows.map((r) => [r.explanation, r.status])).toEqual([
      ['because a', 'ok'],
      [null, 'ok'],
    ]);
    expect(run.explain(1)).toBe(false);
  });

  it('takes no decision on a row while a rationale is asked for', async () => {
    const run = await RunSession.start(options(new ScriptedEngine({ a: 0.1, b: 0.9, c: 0.5 }), ['a', 'b', 'c'], 1));
    await run.finished;
    const resumed = await RunSession.resume(run.path, new ScriptedEngine({ a: 0.1, b: 0.9, c: 0.5 }));
    expect(resumed.explain(0)).toBe(true);
    expect(resumed.rows[0]?.status).toBe('pending');
    await resumed.finished;
    expect(resumed.rows[0]).toMatchObject({ status: 'ok', explanation: 'because a' });
  });

  it('names the field of a run record that is not one', async () => {
    const run = await RunSession.start(options(new ScriptedEngine({ a: 0.1 }), ['a']));
    await run.finished;
    writeFileSync(path.join(folder, 'a.judgements.run.json'), '{"version": 1, "run_id": "r"}');
    await expect(RunSession.resume(run.path, new ScriptedEngine({}))).rejects.toThrow(
      /a\.judgements\.run\.json: \w+: /,
    );
  });
});
