/**
 * Judges the pairs of a request one document at a time on a shared prefix: `score`, `label-first` (label, then its
 * rationale) and `explain-first` (rationale, then the label that it leads to).
 */
import { RationaleError, messageOf } from '../../domain/failure.js';
import { modesOf, type Profile } from '../../profiles/profile.js';
import type {
  JudgedPair,
  JudgementEvent,
  PairRequest,
  RerankRequest,
  Sampling,
  ScoredPair,
} from '../../protocol/inference.js';
import type { Decoder } from './decoder.js';
import { explanationOf, generate, type Generated, type Opening } from './generation.js';
import { argmax, commonPrefix, expectedLabel, labelProbabilities, logProbability } from './logits.js';
import { BoundPrompt, QuestionTooLong, type PreparedPrompt } from './prompts.js';
import { tokenPicker } from './sampler.js';
import type { PromptTokenizer } from './tokenizer.js';

/** Thrown between forwards when the request was cancelled. */
export class Cancelled extends Error {
  override readonly name = 'AbortError';
}

interface Prepared {
  readonly pair: PairRequest;
  readonly prompt: PreparedPrompt;
}

/** One pair's turn. */
interface Turn {
  readonly bound: BoundPrompt;
  readonly prompt: PreparedPrompt;
  readonly pair: PairRequest;
  readonly sampling: Sampling | undefined;
  readonly emit: (event: JudgementEvent) => void;
  readonly checkpoint: () => Promise<void>;
}

/** What the prompt alone says: the logits after its last token, and the reads that need no label. */
interface PromptRead {
  readonly logits: Float32Array;
  readonly queryLikelihood: number | null;
  readonly started: number;
}

export class Reranker {
  constructor(
    private readonly decoder: Decoder,
    private readonly tokenizer: PromptTokenizer,
    private readonly profile: Profile,
  ) {
    // A profile that cannot be read is refused at load, not at the first document.
    for (const mode of modesOf(profile)) new BoundPrompt(profile, mode, tokenizer);
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
    this.decoder.reserve(longest + bound.answerTokens, 0);
    if (shared > 0) await this.decoder.forward(prepared[0]?.prompt.ids.slice(0, shared) ?? [], 0, [], checkpoint);
    for (const { pair, prompt } of prepared) {
      await checkpoint();
      try {
        const turn: Turn = { bound, prompt, pair, sampling: request.sampling, emit, checkpoint };
        const read = await this.prefill(turn, shared);
        if (request.mode === 'explain-first') await this.explainThenLabel(turn, read);
        else {
          const scored = this.scored(turn, read, read.logits, performance.now() - read.started);
          emit({ type: 'scored', key: pair.key, result: scored });
          if (request.mode === 'label-first') await this.labelThenExplain(turn, scored);
        }
      } catch (error) {
        if (error instanceof Cancelled) throw error;
        emit({ type: 'failed', key: pair.key, message: messageOf(error) });
      }
    }
  }

  /** One forward over what follows the shared prefix, reading the logits after the prompt and before each query token. */
  private async prefill({ bound, prompt, checkpoint }: Turn, shared: number): Promise<PromptRead> {
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
    if (last === undefined) throw new RationaleError('bug', 'no logits after the prompt');
    const sum = wanted.reduce(
      (total, at, i) => total + logProbability(logits[i] ?? last, ids[at + 1 + shared] ?? -1),
      0,
    );
    return { logits: last, queryLikelihood: wanted.length === 0 ? null : sum / wanted.length, started };
  }

  /** The judgement by the logits at the label's position. */
  private scored({ bound, prompt }: Turn, read: PromptRead, atLabel: Float32Array, elapsedMs: number): ScoredPair {
    const probabilities = labelProbabilities(atLabel, bound.labels, bound.temperature);
    const reads = bound.prompt.reads.map((r): [string, number] => [
      r.name,
      r.as === 'expected' ? expectedLabel(probabilities, bound.labels) : (read.queryLikelihood ?? 0),
    ]);
    return {
      label: bound.labels[argmax(probabilities)]?.value ?? 0,
      label_probabilities: probabilities,
      reads: Object.fromEntries(reads),
      document_end: prompt.documentEnd,
      prompt_sha256: prompt.sha256,
      prompt_tokens: prompt.ids.length,
      elapsed_ms: elapsedMs,
    };
  }

  /** The rationales after the label: label and template text are forced, then written until a stop string or a special token. */
  private async labelThenExplain(turn: Turn, scored: ScoredPair): Promise<void> {
    const { bound, prompt, pair, emit, checkpoint } = turn;
    let started = performance.now();
    const label = pair.label ?? scored.label;
    const labelToken = bound.labels.find((l) => l.value === label);
    if (labelToken === undefined)
      throw new RationaleError('user', `label ${label} is not on the scale ${this.profile.label_scale.name}.`);
    const forced = [labelToken.id, ...this.tokenizer.encode(bound.opening)];
    const opening = await this.force(forced, prompt.ids.length, checkpoint);
    for (const sample of samplesOf(turn)) {
      const generated = await this.write(turn, sample, opening);
      const { ending, text } = generated;
      emit({
        type: 'judged',
        key: pair.key,
        result: {
          ...scored,
          sample,
          label,
          explanation: explanationOf(generated),
          raw_response: this.tokenizer.decode(forced) + ('at' in ending ? text.slice(0, ending.at) : text),
          status: ending.kind === 'cap' ? 'truncated' : 'ok',
          completion_tokens: forced.length + generated.ids.length,
          elapsed_ms: (sample === 0 ? scored.elapsed_ms : 0) + performance.now() - started,
        },
      });
      started = performance.now();
    }
  }

  /** The rationales before the label: written until the anchor, a stop string, a special token or the cap; then the label is read. */
  private async explainThenLabel(turn: Turn, read: PromptRead): Promise<void> {
    const { bound, prompt, pair, emit, checkpoint } = turn;
    let { started } = read;
    const forced = this.tokenizer.encode(bound.opening);
    const opening =
      forced.length === 0
        ? { past: prompt.ids.length, logits: read.logits }
        : await this.force(forced, prompt.ids.length, checkpoint);
    for (const sample of samplesOf(turn)) {
      const generated = await this.write(turn, sample, opening);
      const answer = bound.opening + upToLabel(generated, bound.anchor ?? '');
      // Tokenised as a whole, as in training; what the buffer holds of it already is not computed again.
      const ids = this.tokenizer.encode(answer);
      const held = commonPrefix([ids, [...forced, ...generated.ids.slice(0, generated.computed)]]);
      const { logits } = await this.force(ids.slice(held), prompt.ids.length + held, checkpoint);
      const scored = this.scored(turn, read, logits, performance.now() - started);
      const result: JudgedPair = {
        ...scored,
        sample,
        explanation: explanationOf(generated),
        raw_response: `${answer}${scored.label}`,
        status: generated.ending.kind === 'cap' ? 'truncated' : 'ok',
        completion_tokens: ids.length + 1,
      };
      emit({ type: 'judged', key: pair.key, result });
      started = performance.now();
    }
  }

  /** Puts tokens at `past` and gives the logits after them. */
  private async force(ids: readonly number[], past: number, checkpoint: () => Promise<void>): Promise<Opening> {
    const logits = (await this.decoder.forward(ids, past, [ids.length - 1], checkpoint)).at(-1);
    if (logits === undefined) throw new RationaleError('bug', 'no logits after the forced tokens');
    return { past: past + ids.length, logits };
  }

  private write(
    { bound, prompt, pair, sampling, emit, checkpoint }: Turn,
    sample: number,
    opening: Opening,
  ): Promise<Generated> {
    const stops = bound.prompt.stop.filter((stop) => this.tokenizer.specialId(stop) === undefined);
    return generate(
      this.decoder,
      this.tokenizer,
      opening,
      {
        maxTokens: bound.prompt.max_new_tokens,
        endings: { stops, anchor: bound.anchor },
        pick: tokenPicker(sampling, prompt.sha256, sample),
      },
      (text) => emit({ type: 'token', key: pair.key, sample, explanation: text.trim() }),
      checkpoint,
    );
  }
}

/** Numbers of a pair's samples. */
function samplesOf({ sampling }: Turn): number[] {
  return Array.from({ length: sampling?.samples ?? 1 }, (_, sample) => sample);
}

/** The answer's text from the explanation to where the label is read: verbatim where the model wrote the anchor, else with it forced. */
function upToLabel({ text, ending }: Generated, anchor: string): string {
  if (ending.kind !== 'anchor') return (ending.kind === 'stop' ? text.slice(0, ending.at) : text).trimEnd() + anchor;
  return text.slice(0, ending.after) + anchor.slice(anchor.trimEnd().length);
}
