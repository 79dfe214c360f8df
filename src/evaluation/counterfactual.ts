/**
 * Which parts of a pair carry its label? Each sentence of the document and each term of the query is left out in turn and
 * the pair is scored again. The parts most likely to matter come first, so that a reader who stops early saw them.
 */
import type { Counterfactual, CounterfactualChange } from '../domain/evaluation.js';
import { RationaleError } from '../domain/failure.js';
import type { Judgement } from '../domain/judgement.js';
import { codePointLength, sliceCodePoints } from '../domain/text.js';
import type { RerankEngine } from '../inference/engine.js';
import { scaleOf } from '../profiles/profile.js';
import type { PairRequest, ScoredPair } from '../protocol/inference.js';
import { matchRanges, termsOf } from '../retrieval/analyzer.js';
import { sentencesOf } from './sentences.js';

/** One part to leave out, and what is then asked. */
export interface PlannedChange {
  readonly kind: CounterfactualChange['kind'];
  /** Code points of the document (sentence) or the query (term), end exclusive. */
  readonly start: number;
  readonly end: number;
  readonly text: string;
  readonly query: string;
  readonly document: string;
}

type Pair = Pick<Judgement, 'query_id' | 'query' | 'doc_id' | 'title' | 'document' | 'document_end'>;

/**
 * The changes to a pair, first those that share most terms with the query. Text that the model did not see is not
 * planned, nor is a change that would leave nothing. Terms of the query are its words that count in retrieval.
 */
export function planCounterfactuals(
  pair: Pair,
  { limit = Infinity }: { readonly limit?: number } = {},
): PlannedChange[] {
  const wanted = new Set(termsOf(pair.query));
  const seen = seenOf(pair);
  const sentences = sentencesOf(seen).map((sentence) => ({
    ...sentence,
    shared: new Set(termsOf(sentence.text).filter((term) => wanted.has(term))).size,
  }));
  const ofSentences = sentences
    .toSorted((a, b) => b.shared - a.shared || a.start - b.start)
    .map(({ start, end }) => change('sentence', seen, start, end, (document) => ({ query: pair.query, document })))
    .filter(({ document }) => document.trim() !== '');
  const ofTerms = termRanges(pair.query)
    .map(({ start, end }) => change('term', pair.query, start, end, (query) => ({ query, document: seen })))
    .filter(({ query }) => query.trim() !== '');
  // Terms are few and say at once what the model looks for; among sentences the promising ones are first.
  return [...ofSentences.slice(0, 3), ...ofTerms, ...ofSentences.slice(3)].slice(0, limit);
}

/** What the model saw. Only that is changed: leaving out a sentence must not bring text in that was cut off before. */
function seenOf(pair: Pair): string {
  return sliceCodePoints(pair.document, 0, pair.document_end ?? Infinity);
}

/** Where each term of the query stands: its words, one by one. */
function termRanges(query: string): readonly { readonly start: number; readonly end: number }[] {
  return matchRanges(query, query);
}

function change(
  kind: PlannedChange['kind'],
  text: string,
  start: number,
  end: number,
  rest: (without: string) => { readonly query: string; readonly document: string },
): PlannedChange {
  const [before, after] = [text.slice(0, start), text.slice(end)];
  // One space where the part was, not two.
  const without = before === '' || /\s$/.test(before) ? before + after.replace(/^[^\S\n]+/, '') : before + after;
  const from = codePointLength(text.slice(0, start));
  const part = text.slice(start, end);
  return { kind, start: from, end: from + codePointLength(part), text: part, ...rest(without) };
}

/** Answers kept by what was asked, so that a pair opened again, or another reader of it, costs nothing. */
export class CounterfactualCache {
  private readonly scored = new Map<string, ScoredPair>();
  constructor(private readonly capacity = 10_000) {}

  get(key: string): ScoredPair | undefined {
    return this.scored.get(key);
  }

  set(key: string, value: ScoredPair): void {
    const [oldest] = this.scored.keys();
    if (this.scored.size >= this.capacity && oldest !== undefined) this.scored.delete(oldest);
    this.scored.set(key, value);
  }
}

export interface InspectOptions {
  readonly signal: AbortSignal;
  readonly cache?: CounterfactualCache;
  /** At most so many changes, the most promising (default all). */
  readonly limit?: number;
}

/**
 * Scores the pair and then each change of it, and yields the finding after each, so that a view fills up. Aborting ends it
 * with an AbortError after the forward in progress. @throws RationaleError when the pair itself cannot be scored.
 */
export async function* inspectPair(
  engine: RerankEngine,
  pair: Pair,
  { signal, cache = new CounterfactualCache(), limit = Infinity }: InspectOptions,
): AsyncGenerator<Counterfactual, Counterfactual, undefined> {
  const model = await engine.load(signal);
  const scale = scaleOf(engine.profile);
  const labels = scale.labels.map(({ value }) => value);
  const expected = ({ label_probabilities: p }: ScoredPair) =>
    labels.reduce((sum, label, i) => sum + label * (p[i] ?? 0), 0);
  const key = (query: string, document: string) =>
    JSON.stringify([model.sha256, model.profile_sha256, query, pair.title, document]);
  const planned = planCounterfactuals(pair, { limit });
  const document = seenOf(pair);
  const whole =
    cache.get(key(pair.query, document)) ??
    (await scoreOne(engine, pair.query, { key: 0, title: pair.title, document }, signal));
  cache.set(key(pair.query, document), whole);
  const changes: CounterfactualChange[] = [];
  const finding = (): Counterfactual => ({
    query_id: pair.query_id,
    doc_id: pair.doc_id,
    scale: scale.name,
    labels,
    label: whole.label,
    label_probabilities: whole.label_probabilities,
    expected: expected(whole),
    changes: [...changes],
    planned: planned.length,
  });
  yield finding();
  for await (const { change: done, result } of scoreAll(engine, pair, planned, { signal, cache, key })) {
    const { kind, start, end, text } = done;
    changes.push({
      kind,
      start,
      end,
      text,
      label: result.label,
      label_probabilities: result.label_probabilities,
      expected: expected(result),
      effect: expected(whole) - expected(result),
    });
    yield finding();
  }
  return finding();
}

interface ScoredChange {
  readonly change: PlannedChange;
  readonly result: ScoredPair;
}

/** Neighbours in the plan with the same query are one request: the engine computes what their prompts share once. */
async function* scoreAll(
  engine: RerankEngine,
  pair: Pair,
  planned: readonly PlannedChange[],
  {
    signal,
    cache,
    key,
  }: {
    readonly signal: AbortSignal;
    readonly cache: CounterfactualCache;
    readonly key: (query: string, document: string) => string;
  },
): AsyncGenerator<ScoredChange> {
  for (let at = 0; at < planned.length;) {
    signal.throwIfAborted();
    const query = planned[at]?.query ?? '';
    let end = at + 1;
    while (planned[end]?.query === query) end++;
    const asked: PlannedChange[] = [];
    for (const change of planned.slice(at, end)) {
      const known = cache.get(key(query, change.document));
      if (known === undefined) asked.push(change);
      else yield { change, result: known };
    }
    at = end;
    if (asked.length === 0) continue;
    const pairs = asked.map(({ document }, i): PairRequest => ({ key: i, title: pair.title, document }));
    let scored = 0;
    for await (const event of engine.judge({ query, pairs, mode: 'score' }, signal)) {
      const change = asked[event.key];
      if (event.type === 'failed') throw failed(event.message);
      if (event.type !== 'scored' || change === undefined) continue;
      scored++;
      cache.set(key(query, change.document), event.result);
      yield { change, result: event.result };
    }
    if (scored < asked.length) throw failed('the engine ended early');
  }
}

async function scoreOne(
  engine: RerankEngine,
  query: string,
  pair: PairRequest,
  signal: AbortSignal,
): Promise<ScoredPair> {
  for await (const event of engine.judge({ query, pairs: [pair], mode: 'score' }, signal)) {
    if (event.type === 'scored') return event.result;
    if (event.type === 'failed') throw failed(event.message);
  }
  throw failed('the engine gave no answer');
}

function failed(message: string): RationaleError {
  return new RationaleError('environment', `The pair could not be scored: ${message}. Nothing was changed; try again.`);
}
