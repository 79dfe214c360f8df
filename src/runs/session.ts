/**
 * A run session: scores every candidate, orders each query, then writes rationales from the top (explain-first: writes
 * them all, and the order comes of their labels), and keeps the judgement file on disk a few seconds behind. What was computed is never lost: cancelling seals the file with what there is, a
 * crash of the engine leaves it unsealed, to be resumed.
 */
import { randomBytes } from 'node:crypto';
import { RationaleError, isAbort, messageOf } from '../domain/failure.js';
import { isFinal, type Judgement, type Mode, type ModelIdentity } from '../domain/judgement.js';
import { rankCandidates } from '../domain/ranking.js';
import type { RerankEngine } from '../inference/engine.js';
import { modesOf, scaleOf } from '../profiles/profile.js';
import type { JudgedPair, JudgementEvent, Sampling, ScoredPair } from '../protocol/inference.js';
import type { QueryCandidates, Run, RunChange, RunRecord, RunSettings, RunState } from './run.js';
import { claimRunFile, readRunFile, writeRunFile } from './run-file.js';
import { lockRun } from './run-lock.js';

/** The file on disk is replaced at most this often while the run goes on. */
const flushEveryMs = 3_000;

export interface RunOptions extends RunLimits {
  /** NAME.judgements.jsonl; must not exist yet. */
  readonly path: string;
  readonly queries: readonly QueryCandidates[];
  readonly settings: RunSettings;
  readonly engine: RerankEngine;
  readonly toolVersion: string;
}

export interface RunLimits {
  /** False for a row that somebody has decided on: its answer stays as it is. Asked right before a rationale is written. */
  readonly mayChange?: (index: number) => boolean;
}

interface Group {
  readonly query: string;
  /** Rows of this query, as indexes into `rows`. */
  readonly indexes: readonly number[];
  /** The first row of each document: the rows of its other samples follow it. */
  readonly documents: readonly number[];
}

export class RunSession implements Run {
  private readonly listeners = new Set<(change: RunChange) => void>();
  private readonly abort = new AbortController();
  private readonly groups: Group[] = [];
  /** Rows asked for by hand, next first. */
  private readonly wanted: number[] = [];
  /** Rows scored or failed, and rows with a rationale: counted along, for a run may have many more rows than a query. */
  private scored: number;
  private explained: number;
  private flushed = 0;
  private writing: Promise<void> = Promise.resolve();
  private current: RunState = { phase: 'loading' };
  private timing = { since: 0, done: 0 };
  /** Answers, and so rows, a document. */
  private readonly samples: number;
  finished: Promise<RunState>;

  private constructor(
    readonly path: string,
    private readonly engine: RerankEngine,
    public record: RunRecord,
    public rows: Judgement[],
    private readonly mayChange: (index: number) => boolean,
    private readonly release: () => Promise<void>,
  ) {
    this.samples = record.settings.sampling?.samples ?? 1;
    let from = 0;
    for (const query of record.queries) {
      const indexes = Array.from({ length: query.rows }, (_, i) => from + i);
      this.groups.push({ query: query.query, indexes, documents: indexes.filter((_, i) => i % this.samples === 0) });
      from += query.rows;
    }
    this.scored = rows.filter((r) => r.score_parts !== null || r.status === 'failed').length;
    this.explained = rows.filter((r) => r.mode === 'label-first').length;
    this.finished = Promise.resolve(this.current);
  }

  /** Writes the first-stage rows and starts. Throws RationaleError when the file exists or the mode is not offered. */
  static async start(options: RunOptions): Promise<RunSession> {
    const { engine, settings } = options;
    if (!modesOf(engine.profile).includes(settings.mode)) {
      throw new RationaleError(
        'user',
        `The model ${engine.profile.id} offers no ${settings.mode} mode, only ${modesOf(engine.profile).join(' and ')}.`,
      );
    }
    await claimRunFile(options.path);
    const samples = settings.sampling?.samples ?? 1;
    const now = new Date().toISOString();
    const record: RunRecord = {
      version: 1,
      run_id: `run-${now.slice(0, 19).replace(/[-:]/g, '')}-${randomBytes(4).toString('hex')}`,
      started_at: now,
      tool: { name: 'rationale', version: options.toolVersion },
      settings: {
        mode: settings.mode,
        explain: explainCount(options, samples),
        ...(settings.sampling === undefined ? {} : { sampling: settings.sampling }),
      },
      queries: options.queries.map((q) => ({ ...q.query, rows: q.candidates.length * samples })),
      first_stage: settings.firstStage,
      model: null,
      profile: engine.profile,
      scales: [scaleOf(engine.profile)],
    };
    const release = await lockRun(options.path);
    const rows = firstStageRows(options.queries, record);
    const session = new RunSession(options.path, engine, record, rows, options.mayChange ?? always, release);
    try {
      await session.flush();
    } catch (error) {
      await release();
      throw error;
    }
    session.go();
    return session;
  }

  /**
   * Goes on with a run that was interrupted or cancelled; what was judged stays. Throws RationaleError when the model is not the one
   * that began it: scores of two models do not make one ranking.
   */
  static async resume(path: string, engine: RerankEngine, limits: RunLimits = {}): Promise<RunSession> {
    const release = await lockRun(path);
    try {
      return await RunSession.reopen(path, engine, limits, release);
    } catch (error) {
      await release();
      throw error;
    }
  }

  private static async reopen(
    path: string,
    engine: RerankEngine,
    limits: RunLimits,
    release: () => Promise<void>,
  ): Promise<RunSession> {
    const { rows, record } = await readRunFile(path);
    const expected = record.queries.reduce((sum, q) => sum + q.rows, 0);
    if (rows.length !== expected) {
      throw new RationaleError(
        'user',
        `${path} holds ${rows.length} rows, its run record ${expected}: the file was changed, so the run cannot be resumed.`,
      );
    }
    const session = new RunSession(path, engine, withoutSeal(record), rows, limits.mayChange ?? always, release);
    session.go();
    return session;
  }

  get state(): RunState {
    return this.current;
  }

  onDidChange(listener: (change: RunChange) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  async cancel(): Promise<void> {
    this.abort.abort();
    await this.finished;
  }

  explain(index: number): boolean {
    const row = this.rows[index];
    const running =
      this.current.phase === 'scoring' || this.current.phase === 'explaining' || this.current.phase === 'loading';
    if (row === undefined || !running || row.explanation !== null || this.record.settings.mode !== 'label-first')
      return false;
    if (!this.mayChange(index)) return false;
    // Its answer is going to change, so it takes no decision until it has.
    if (row.status === 'ok') {
      this.rows[index] = { ...row, status: 'pending' };
      this.emit({ type: 'rows', indexes: [index] });
    }
    const document = index - row.sample;
    if (!this.wanted.includes(document)) this.wanted.unshift(document);
    return true;
  }

  private go(): void {
    this.finished = this.run().then(
      () => this.end({ phase: 'complete', ...this.progress() }),
      (error: unknown) =>
        isAbort(error) || this.abort.signal.aborted
          ? this.end({ phase: 'cancelled', ...this.progress() })
          : this.end({ phase: 'failed', ...this.progress(), message: messageOf(error), category: categoryOf(error) }),
    );
  }

  private async run(): Promise<void> {
    const model = await this.engine.load(this.abort.signal);
    const began = this.record.model;
    if (began !== null && (began.sha256 !== model.sha256 || began.profile_sha256 !== model.profile_sha256)) {
      throw new RationaleError(
        'user',
        `${this.path} was begun with the model ${began.id} (${began.sha256.slice(0, 12)}), not with ${model.id} (${model.sha256.slice(0, 12)}). Resume it with that model, or start a new run.`,
      );
    }
    this.record = { ...this.record, model };
    this.restartTiming();
    if (this.record.settings.mode === 'explain-first') {
      for (const group of this.groups) await this.explainFirst(group, model);
      return;
    }
    for (const group of this.groups) await this.scoreGroup(group, model);
    if (this.record.settings.mode === 'score') return;
    this.restartTiming();
    for (const group of this.groups) await this.explainGroup(group, model);
    for (let next = this.wanted.shift(); next !== undefined; next = this.wanted.shift())
      await this.explainDocument(next, model);
  }

  /** Every answer of a query's documents; its rows are final at once, their ranks when all are there. */
  private async explainFirst(group: Group, model: ModelIdentity): Promise<void> {
    const isOpen = (i: number): boolean => {
      const row = this.rows[i];
      return row !== undefined && row.score_parts === null && row.status !== 'failed';
    };
    const open = group.documents.filter((document) => this.rowsOf(document).some(isOpen));
    if (open.length === 0) return;
    const { sampling } = this.record.settings;
    for await (const event of this.engine.judge(
      {
        query: group.query,
        mode: 'explain-first',
        pairs: open.map((i) => this.pair(i)),
        ...(sampling === undefined ? {} : { sampling }),
      },
      this.abort.signal,
    )) {
      const index = event.type === 'judged' ? event.key + event.result.sample : event.key;
      const row = this.rows[index];
      if (row === undefined) continue;
      switch (event.type) {
        case 'scored':
          continue;
        case 'token':
          if (isOpen(event.key + event.sample))
            this.emit({ type: 'token', index: event.key + event.sample, explanation: event.explanation });
          continue;
        case 'judged':
          // Of a document begun before an interruption some samples are there already: drawn again, they are the same.
          if (!isOpen(index)) continue;
          this.rows[index] = {
            ...row,
            ...scoredFields(event.result, row),
            ...answerFields(event.result, 'explain-first', sampling),
            model,
          };
          this.scored++;
          break;
        case 'failed':
          for (const i of this.rowsOf(event.key).filter(isOpen)) {
            this.rows[i] = { ...(this.rows[i] ?? row), model, status: 'failed', error: event.message };
            this.scored++;
          }
          break;
      }
      this.rank(group);
      this.report('scoring', group.indexes);
      await this.flushIfDue();
    }
  }

  private async scoreGroup(group: Group, model: ModelIdentity): Promise<void> {
    const open = group.documents.filter((i) => {
      const row = this.rows[i];
      return row !== undefined && row.score_parts === null && row.status !== 'failed';
    });
    if (open.length === 0) return;
    const { explain } = this.record.settings;
    for await (const event of this.engine.judge(
      { query: group.query, mode: 'score', pairs: open.map((i) => this.pair(i)) },
      this.abort.signal,
    )) {
      for (const i of this.rowsOf(event.key)) {
        const row = this.rows[i];
        if (row === undefined) continue;
        if (event.type === 'scored')
          this.rows[i] = { ...row, ...scoredFields(event.result, row), model, status: 'pending' };
        else if (event.type === 'failed') this.rows[i] = { ...row, model, status: 'failed', error: event.message };
        this.scored++;
      }
      this.rank(group);
      this.report('scoring', group.indexes);
      await this.flushIfDue();
    }
    const best = new Set(
      this.inOrder(group)
        .slice(0, explain)
        .flatMap((document) => this.rowsOf(document)),
    );
    for (const i of group.indexes) {
      const row = this.rows[i];
      // A row that is to be explained is not final yet: its answer is still going to change.
      if (row === undefined || row.status !== 'pending' || row.score_parts === null || best.has(i)) continue;
      this.rows[i] = { ...row, status: 'ok' };
    }
    this.emit({ type: 'rows', indexes: group.indexes });
  }

  private async explainGroup(group: Group, model: ModelIdentity): Promise<void> {
    for (const document of this.inOrder(group).slice(0, this.record.settings.explain)) {
      for (let next = this.wanted.shift(); next !== undefined; next = this.wanted.shift())
        await this.explainDocument(next, model);
      await this.explainDocument(document, model);
    }
  }

  private async explainDocument(document: number, model: ModelIdentity): Promise<void> {
    /** The rows that are to be written, as they were before. */
    const open = new Map<number, Judgement>();
    for (const index of this.rowsOf(document)) {
      const row = this.rows[index];
      if (row === undefined || row.score_parts === null || row.explanation !== null || row.mode === 'label-first')
        continue;
      if (!this.mayChange(index)) continue;
      if (row.status === 'ok') this.rows[index] = { ...row, status: 'pending' };
      open.set(index, row);
    }
    const [first] = open.values();
    if (first === undefined) return;
    const pair = { ...this.pair(document), ...(first.label === null ? {} : { label: first.label }) };
    const { sampling } = this.record.settings;
    for await (const event of this.engine.judge(
      {
        query: first.query,
        mode: 'label-first',
        pairs: [pair],
        ...(sampling === undefined ? {} : { sampling }),
      },
      this.abort.signal,
    )) {
      this.applyExplanation(document, open, event, model);
      await this.flushIfDue();
    }
  }

  private applyExplanation(
    document: number,
    open: Map<number, Judgement>,
    event: JudgementEvent,
    model: ModelIdentity,
  ): void {
    switch (event.type) {
      case 'scored':
        break;
      case 'token':
        if (open.has(document + event.sample))
          this.emit({ type: 'token', index: document + event.sample, explanation: event.explanation });
        break;
      case 'judged': {
        const index = document + event.result.sample;
        const row = open.get(index);
        if (row === undefined) break;
        // Label, probabilities and score are those that ordered the ranking; only the text is new.
        this.rows[index] = {
          ...row,
          ...answerFields(event.result, 'label-first', this.record.settings.sampling),
          elapsed_ms: (row.elapsed_ms ?? 0) + event.result.elapsed_ms,
          model,
        };
        open.delete(index);
        this.explained++;
        this.report('explaining', [index]);
        break;
      }
      case 'failed':
        // The score stands; only the rationale could not be written.
        for (const [index, row] of open) this.rows[index] = { ...row, status: 'ok', error: event.message };
        this.report('explaining', [...open.keys()]);
        open.clear();
        break;
    }
  }

  /** Rows of a document, by its first. */
  private rowsOf(document: number): number[] {
    return Array.from({ length: this.samples }, (_, sample) => document + sample);
  }

  private pair(index: number): { key: number; title: string | null; document: string } {
    const row = this.rows[index];
    return { key: index, title: row?.title ?? null, document: row?.document ?? '' };
  }

  private partsOf(index: number): Readonly<Record<string, number>>[] {
    const parts = this.rows[index]?.score_parts ?? null;
    return parts === null ? [] : [parts];
  }

  /** The first rows of a group's documents, by rank. */
  private inOrder(group: Group): number[] {
    return [...group.documents].sort((a, b) => (this.rows[a]?.rank ?? 0) - (this.rows[b]?.rank ?? 0));
  }

  private rank(group: Group): void {
    const rows = group.indexes.flatMap((i) => this.rows[i] ?? []);
    const inputs = group.documents.map((document) => ({
      firstStageRank: this.rows[document]?.first_stage_rank ?? 0,
      firstStageScore: this.rows[document]?.first_stage_score ?? 0,
      reads: meanReads(this.rowsOf(document).flatMap((i) => this.partsOf(i))),
    }));
    const { profile } = this.record;
    const ranked = rankCandidates(inputs, profile.score, profile.fusion?.first_stage ?? 0);
    // Scores come at once; the order changes only when every document has been looked at.
    const settled =
      rows.every((row) => row.score_parts !== null || row.status === 'failed') || this.abort.signal.aborted;
    group.documents.forEach((document, i) => {
      const result = ranked[i];
      if (result === undefined) return;
      for (const index of this.rowsOf(document)) {
        const row = this.rows[index];
        if (row === undefined) continue;
        const score = row.score_parts === null ? null : result.score;
        this.rows[index] = { ...row, score, rank: settled ? result.rank : row.first_stage_rank };
      }
    });
  }

  private progress(): { done: number; total: number } {
    const explaining = this.current.phase === 'explaining';
    if (explaining) {
      const documents = this.groups.reduce((n, g) => n + Math.min(this.record.settings.explain, g.documents.length), 0);
      const total = documents * this.samples;
      return { done: Math.min(total, this.explained), total };
    }
    return { done: this.scored, total: this.rows.length };
  }

  private restartTiming(): void {
    this.timing = { since: performance.now(), done: 0 };
  }

  private report(phase: 'scoring' | 'explaining', indexes: readonly number[]): void {
    if (this.current.phase !== phase) {
      this.current = { phase, done: 0, total: 0, perSecond: null };
      // The report comes after the first one was done.
      this.timing = { since: this.timing.since, done: this.progress().done - 1 };
    }
    const { done, total } = this.progress();
    const seconds = (performance.now() - this.timing.since) / 1000;
    this.current = { phase, done, total, perSecond: seconds > 0 ? (done - this.timing.done) / seconds : null };
    this.emit({ type: 'rows', indexes });
    this.emit({ type: 'state' });
  }

  private emit(change: RunChange): void {
    for (const listener of this.listeners) listener(change);
  }

  private async end(state: RunState): Promise<RunState> {
    const touched: number[] = [];
    this.rows.forEach((row, i) => {
      if (isFinal(row) || row.score_parts === null || state.phase === 'failed') return;
      this.rows[i] = { ...row, status: 'ok' };
      touched.push(i);
    });
    if (state.phase === 'cancelled') for (const group of this.groups) this.rank(group);
    if (state.phase === 'complete' || state.phase === 'cancelled') {
      this.record = { ...this.record, seal: { state: state.phase, rows: 0, bytes: 0, sha256: '' } };
    }
    let result = state;
    try {
      await this.flush();
    } catch (error) {
      result = { phase: 'failed', ...this.progress(), message: messageOf(error), category: categoryOf(error) };
    }
    await this.release();
    this.current = result;
    this.emit({ type: 'rows', indexes: state.phase === 'cancelled' ? this.rows.map((_, i) => i) : touched });
    this.emit({ type: 'state' });
    return result;
  }

  private async flushIfDue(): Promise<void> {
    if (performance.now() - this.flushed >= flushEveryMs) await this.flush();
  }

  /** Replaces the file; calls follow one another. */
  private async flush(): Promise<void> {
    this.writing = this.writing.catch(() => undefined).then(() => writeRunFile(this.path, this.rows, this.record));
    await this.writing;
    this.flushed = performance.now();
  }
}

const always = (): boolean => true;

function categoryOf(error: unknown): RationaleError['category'] {
  return error instanceof RationaleError ? error.category : 'bug';
}

function withoutSeal(record: RunRecord): RunRecord {
  const open = { ...record };
  delete (open as { seal?: unknown }).seal;
  return open;
}

/** For how many documents of a query rationales are written after scoring. */
function explainCount({ settings, queries }: RunOptions, samples: number): number {
  if (settings.mode !== 'label-first') return 0;
  return samples === 1 ? settings.explain : Math.max(0, ...queries.map((q) => q.candidates.length));
}

/** A document's reads: the mean over its answers, null where it has none. */
function meanReads(parts: readonly Readonly<Record<string, number>>[]): Readonly<Record<string, number>> | null {
  const [first] = parts;
  if (first === undefined || parts.length === 1) return first ?? null;
  return Object.fromEntries(
    Object.keys(first).map((name) => [name, parts.reduce((sum, part) => sum + (part[name] ?? 0), 0) / parts.length]),
  );
}

/** The rows of a new run: every candidate (as often as it is sampled), pending, ranked as the first stage did. */
function firstStageRows(queries: readonly QueryCandidates[], record: RunRecord): Judgement[] {
  const { mode, sampling } = record.settings;
  const samples = Array.from({ length: sampling?.samples ?? 1 }, (_, sample) => sample);
  return queries.flatMap(({ query, candidates }) =>
    candidates.flatMap((c) =>
      samples.map((sample): Judgement => ({
        query_id: query.query_id,
        query: query.query.toWellFormed(),
        doc_id: c.doc_id,
        title: c.title,
        document: c.document.toWellFormed(),
        uri: c.uri,
        range: c.range,
        document_end: null,
        label: null,
        scale: record.profile.label_scale.name,
        explanation: null,
        raw_response: null,
        score: null,
        score_parts: null,
        label_probabilities: null,
        rank: c.first_stage_rank,
        first_stage_rank: c.first_stage_rank,
        first_stage_score: c.first_stage_score,
        status: 'pending',
        run_id: record.run_id,
        mode: mode === 'explain-first' ? mode : 'score',
        sample,
        prompt_sha256: null,
        model: record.model,
        sampling: null,
        prompt_tokens: null,
        completion_tokens: null,
        elapsed_ms: null,
        error: null,
        extra:
          c.places === undefined || c.places.length === 0
            ? {}
            : { places: c.places.map((p) => ({ uri: p.uri, range: [...p.range] })) },
      })),
    ),
  );
}

function scoredFields(result: ScoredPair, row: Judgement): Partial<Judgement> {
  return {
    label: result.label,
    label_probabilities: result.label_probabilities,
    score_parts: { ...result.reads, ...(row.first_stage_score === null ? {} : { first_stage: row.first_stage_score }) },
    document_end: result.document_end,
    prompt_sha256: result.prompt_sha256,
    prompt_tokens: result.prompt_tokens,
    elapsed_ms: result.elapsed_ms,
    error: null,
  };
}

/** What the text adds to a row. */
function answerFields(result: JudgedPair, mode: Mode, sampling: Sampling | undefined): Partial<Judgement> {
  const { temperature = 0, top_p = 1, seed = 0 } = sampling ?? {};
  return {
    explanation: result.explanation,
    raw_response: result.raw_response,
    status: result.status,
    mode,
    // Greedy text has neither nucleus nor seed.
    sampling: temperature === 0 ? { temperature } : { temperature, top_p, seed },
    document_end: result.document_end,
    prompt_sha256: result.prompt_sha256,
    prompt_tokens: result.prompt_tokens,
    completion_tokens: result.completion_tokens,
    elapsed_ms: result.elapsed_ms,
    error: null,
  };
}
