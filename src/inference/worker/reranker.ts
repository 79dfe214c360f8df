/** Judges the pairs of a request one document at a time on a shared prefix: `score`, and `label-first` with its rationale. */
import { RationaleError, messageOf } from '../../domain/failure.js';
import { modesOf, type Profile } from '../../profiles/profile.js';
import { textAfterLabel } from '../../profiles/template.js';
import type { JudgedPair, JudgementEvent, PairRequest, RerankRequest, ScoredPair } from '../../protocol/inference.js';
import type { Decoder } from './decoder.js';
import { argmax, commonPrefix, expectedLabel, labelProbabilities, logProbability } from './logits.js';
import { BoundPrompt, QuestionTooLong, type PreparedPrompt } from './prompts.js';
import type { PromptTokenizer } from './tokenizer.js';

/** Thrown between forwards when the request was cancelled. */
export class Cancelled extends Error {
  override readonly name = 'AbortError';
}

interface Prepared {
  readonly pair: PairRequest;
  readonly prompt: PreparedPrompt;
}

export class Reranker {
  constructor(
    private readonly decoder: Decoder,
    private readonly tokenizer: PromptTokenizer,
    private readonly profile: Profile,
  ) {
    // A profile that cannot be read is refused at load, not at the first document.
    for (const mode of modesOf(profile)) if (mode !== 'explain-first') new BoundPrompt(profile, mode, tokenizer);
  }

  /**
   * Judges the request's pairs in order. `checkpoint` runs between forwards: it lets messages in and throws Cancelled.
   * A pair that fails is reported as `failed`; a question that does not fit throws.
   */
  async judge(
    request: RerankRequest,
    emit: (event: JudgementEvent) => void,
    checkpoint: () => Promise<void>,
  ): Promise<void> {
    if (request.mode === 'explain-first')
      throw new RationaleError('user', `profile ${this.profile.id} offers no explain-first mode.`);
    const bound = new BoundPrompt(this.profile, request.mode, this.tokenizer);
    const prepared: Prepared[] = [];
    for (const pair of request.pairs) {
      try {
        prepared.push({
          pair,
          prompt: bound.prepare({ query: request.query, title: pair.title, document: pair.document }),
        });
      } catch (error) {
        if (error instanceof QuestionTooLong) throw error;
        emit({ type: 'failed', key: pair.key, message: messageOf(error) });
      }
      await checkpoint();
    }
    // The likelihood of the query's first token is read at the token before it, so that one is never shared.
    const likelihood = bound.prompt.reads.some((r) => r.as === 'mean_log_probability');
    const sharable = likelihood ? Math.min(...prepared.map((p) => p.prompt.query[0] - 1)) : Number.POSITIVE_INFINITY;
    const shared =
      prepared.length > 1 ? Math.max(0, Math.min(sharable, commonPrefix(prepared.map((p) => p.prompt.ids)))) : 0;
    const longest = Math.max(0, ...prepared.map((p) => p.prompt.ids.length));
    this.decoder.reserve(longest + (request.mode === 'score' ? 0 : bound.prompt.max_new_tokens + 16), 0);
    if (shared > 0) await this.decoder.forward(prepared[0]?.prompt.ids.slice(0, shared) ?? [], 0, [], checkpoint);
    for (const { pair, prompt } of prepared) {
      await checkpoint();
      try {
        const scored = await this.score(bound, prompt, shared, checkpoint);
        emit({ type: 'scored', key: pair.key, result: scored });
        if (request.mode === 'label-first') {
          const result = await this.explain(bound, prompt, pair, scored, emit, checkpoint);
          emit({ type: 'judged', key: pair.key, result });
        }
      } catch (error) {
        if (error instanceof Cancelled) throw error;
        emit({ type: 'failed', key: pair.key, message: messageOf(error) });
      }
    }
  }

  /** One forward over what follows the shared prefix, reading the logits at the label and before each query token. */
  private async score(
    bound: BoundPrompt,
    prompt: PreparedPrompt,
    shared: number,
    checkpoint: () => Promise<void>,
  ): Promise<ScoredPair> {
    const started = performance.now();
    const { ids } = prompt;
    const [queryStart, queryEnd] = prompt.query;
    const likelihood = bound.prompt.reads.some((r) => r.as === 'mean_log_probability');
    const wanted: number[] = [];
    if (likelihood) for (let i = Math.max(queryStart, 1); i < queryEnd; i++) wanted.push(i - 1 - shared);
    const logits = await this.decoder.forward(
      ids.slice(shared),
      shared,
      [...wanted, ids.length - 1 - shared],
      checkpoint,
    );
    const last = logits.at(-1);
    if (last === undefined) throw new RationaleError('bug', 'no logits at the label position');
    const probabilities = labelProbabilities(last, bound.labels, bound.temperature);
    const reads: Record<string, number> = {};
    for (const read of bound.prompt.reads) {
      if (read.as === 'expected') reads[read.name] = expectedLabel(probabilities, bound.labels);
      else {
        const sum = wanted.reduce(
          (total, at, i) => total + logProbability(logits[i] ?? last, ids[at + 1 + shared] ?? -1),
          0,
        );
        reads[read.name] = wanted.length === 0 ? 0 : sum / wanted.length;
      }
    }
    return {
      label: bound.labels[argmax(probabilities)]?.value ?? 0,
      label_probabilities: probabilities,
      reads,
      document_end: prompt.documentEnd,
      prompt_sha256: prompt.sha256,
      prompt_tokens: ids.length,
      elapsed_ms: performance.now() - started,
    };
  }

  /** The rationale after the label: label and template text are forced, then greedy decoding until a stop string or a special token. */
  private async explain(
    bound: BoundPrompt,
    prompt: PreparedPrompt,
    pair: PairRequest,
    scored: ScoredPair,
    emit: (event: JudgementEvent) => void,
    checkpoint: () => Promise<void>,
  ): Promise<JudgedPair> {
    const started = performance.now();
    const between = textAfterLabel(bound.prompt);
    if (between === undefined)
      throw new RationaleError(
        'user',
        `profile ${this.profile.id}: label_first's answer has no {explanation} after {label}.`,
      );
    const label = pair.label ?? scored.label;
    const labelToken = bound.labels.find((l) => l.value === label);
    if (labelToken === undefined)
      throw new RationaleError('user', `label ${label} is not on the scale ${this.profile.label_scale.name}.`);
    // The space before a word belongs to the word's own token.
    const forced = [labelToken.id, ...this.tokenizer.encode(between.trimEnd())];
    const stops = bound.prompt.stop.filter((s) => this.tokenizer.specialId(s) === undefined);
    let past = prompt.ids.length;
    let logits = (await this.decoder.forward(forced, past, [forced.length - 1], checkpoint)).at(-1);
    past += forced.length;
    const generated: number[] = [];
    let text = '';
    let stopped = false;
    while (logits !== undefined && generated.length < bound.prompt.max_new_tokens) {
      await checkpoint();
      const next = argmax(logits);
      if (this.tokenizer.isSpecial(next)) {
        stopped = true;
        break;
      }
      generated.push(next);
      text = this.tokenizer.decode(generated);
      const cut = firstStop(text, stops);
      if (cut >= 0) {
        text = text.slice(0, cut);
        stopped = true;
        break;
      }
      emit({ type: 'token', key: pair.key, explanation: text.trim() });
      logits = (await this.decoder.forward([next], past, [0], checkpoint)).at(-1);
      past++;
    }
    const explanation = text.trim();
    return {
      ...scored,
      label,
      explanation: explanation === '' ? null : explanation,
      raw_response: this.tokenizer.decode(forced) + text,
      status: stopped ? 'ok' : 'truncated',
      completion_tokens: forced.length + generated.length,
      elapsed_ms: scored.elapsed_ms + performance.now() - started,
    };
  }
}

/** Where the earliest stop string begins, or -1. A stop that opens the text is ignored: a rationale may begin on a new line. */
function firstStop(text: string, stops: readonly string[]): number {
  const lead = text.length - text.trimStart().length;
  const found = stops.map((stop) => text.indexOf(stop, lead)).filter((at) => at >= 0);
  return found.length === 0 ? -1 : Math.min(...found);
}
