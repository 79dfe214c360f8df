/**
 * A decoder model in an ONNX Runtime session with one shared KV buffer: past and present are the same tensors, so a
 * forward writes its keys and values in place and nothing is copied (docs/decisions/0003-inference-child.md).
 *
 * The graph: inputs `input_ids` [1, s], `attention_mask` [1, past + s], `logits_indices` [n, 2] (row, position within the
 * input), `past_key_values.{l}.{key,value}` [1, heads, capacity, 64]; outputs `logits` [n, vocabulary] and `present.*`.
 */
import * as path from 'node:path';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { RationaleError, messageOf } from '../../domain/failure.js';

/** Longest piece of a prompt in one forward: cancellation is seen between pieces. */
const chunkTokens = 512;
/** KV buffers grow in steps of this many positions. */
const capacityStep = 256;

interface KvShape {
  readonly names: readonly string[];
  readonly heads: number;
  readonly size: number;
}

export class Decoder {
  private kv = new Map<string, Tensor>();
  private capacity = 0;

  private constructor(
    private readonly session: InferenceSession,
    private readonly shape: KvShape,
    readonly vocabulary: number,
  ) {}

  /** Loads `model.onnx` of a folder on the CPU. Throws RationaleError when the file is no decoder of the shape above. */
  static async load(modelDir: string, threads: number | null): Promise<Decoder> {
    const file = path.join(modelDir, 'model.onnx');
    let session: InferenceSession;
    try {
      session = await InferenceSession.create(file, {
        executionProviders: ['cpu'],
        graphOptimizationLevel: 'all',
        // Electron's allocator traps large aligned requests (docs/decisions/0003-inference-child.md).
        enableCpuMemArena: false,
        ...(threads === null ? {} : { intraOpNumThreads: threads }),
      });
    } catch (error) {
      throw new RationaleError('environment', `${file} could not be loaded: ${messageOf(error)}`, { cause: error });
    }
    const names = session.inputNames.filter((name) => name.startsWith('past_key_values.'));
    const past = session.inputMetadata.find((m) => m.name === names[0]);
    const logits = session.outputMetadata.find((m) => m.name === 'logits');
    const missing = ['input_ids', 'attention_mask', 'logits_indices'].filter(
      (name) => !session.inputNames.includes(name),
    );
    if (past === undefined || !past.isTensor || logits === undefined || !logits.isTensor || missing.length > 0) {
      throw new RationaleError(
        'user',
        `${file} is not a model this version can run: it lacks ${missing.join(', ') || 'past_key_values or logits'}. Export it as models/README.md says.`,
      );
    }
    const heads = past.shape[1];
    const vocabulary = logits.shape[1];
    if (typeof heads !== 'number' || typeof vocabulary !== 'number') {
      throw new RationaleError('user', `${file} does not fix its number of KV heads or its vocabulary.`);
    }
    const size = await probeHeadSize(session, names, heads);
    if (size === undefined) throw new RationaleError('user', `${file}: no known KV head size fits.`);
    return new Decoder(session, { names, heads, size }, vocabulary);
  }

  /** Makes room for `tokens` positions. Growing keeps the first `kept` positions. */
  reserve(tokens: number, kept: number): void {
    if (tokens <= this.capacity) return;
    const capacity = Math.ceil(tokens / capacityStep) * capacityStep;
    const { names, heads, size } = this.shape;
    const grown = new Map<string, Tensor>();
    for (const name of names) {
      const data = new Float32Array(heads * capacity * size);
      const old = this.kv.get(name)?.data;
      if (old instanceof Float32Array) {
        for (let head = 0; head < heads; head++) {
          const from = head * this.capacity * size;
          data.set(old.subarray(from, from + kept * size), head * capacity * size);
        }
      }
      grown.set(name, new Tensor('float32', data, [1, heads, capacity, size]));
    }
    this.kv = grown;
    this.capacity = capacity;
  }

  /**
   * One forward of `ids` at positions `past`, `past + 1`, …, overwriting whatever the buffer holds there; positions before
   * `past` must hold the sequence's earlier tokens. Returns the logits after each token index of `wanted` (relative to
   * `ids`), one row of `vocabulary` values each. `between` runs between chunks and may throw to cancel.
   */
  async forward(
    ids: readonly number[],
    past: number,
    wanted: readonly number[],
    between: () => Promise<void>,
  ): Promise<Float32Array[]> {
    const rows: Float32Array[] = [];
    this.reserve(past + ids.length, past);
    for (let start = 0; start < ids.length; start += chunkTokens) {
      if (start > 0) await between();
      const end = Math.min(start + chunkTokens, ids.length);
      const here = wanted.filter((at) => at >= start && at < end).map((at) => at - start);
      const logits = await this.run(ids.slice(start, end), past + start, here.length === 0 ? [0] : here);
      if (here.length === 0) continue;
      for (let i = 0; i < here.length; i++) rows.push(logits.subarray(i * this.vocabulary, (i + 1) * this.vocabulary));
    }
    return rows;
  }

  private async run(ids: readonly number[], past: number, positions: readonly number[]): Promise<Float32Array> {
    const total = past + ids.length;
    const feeds: Record<string, Tensor> = {
      input_ids: new Tensor('int64', BigInt64Array.from(ids, BigInt), [1, ids.length]),
      attention_mask: new Tensor('int64', new BigInt64Array(total).fill(1n), [1, total]),
      logits_indices: new Tensor('int64', BigInt64Array.from(positions.flatMap((p) => [0n, BigInt(p)])), [
        positions.length,
        2,
      ]),
    };
    const fetches: Record<string, Tensor | null> = { logits: null };
    for (const [name, tensor] of this.kv) {
      feeds[name] = tensor;
      fetches[name.replace('past_key_values', 'present')] = tensor;
    }
    const { logits } = await this.session.run(feeds, fetches);
    if (!(logits?.data instanceof Float32Array))
      throw new RationaleError('environment', 'the model returned no float32 logits');
    return logits.data;
  }

  async release(): Promise<void> {
    await this.session.release();
  }
}

/** Head sizes in use, the most common first: exports name this dimension but rarely fix it. */
const headSizes = [64, 128, 96, 80, 256, 32];

/** The KV head size that the graph accepts, found with one-token forwards. */
async function probeHeadSize(
  session: InferenceSession,
  names: readonly string[],
  heads: number,
): Promise<number | undefined> {
  for (const size of headSizes) {
    const feeds: Record<string, Tensor> = {
      input_ids: new Tensor('int64', [0n], [1, 1]),
      attention_mask: new Tensor('int64', [1n], [1, 1]),
      logits_indices: new Tensor('int64', [0n, 0n], [1, 2]),
    };
    for (const name of names) feeds[name] = new Tensor('float32', new Float32Array(0), [1, heads, 0, size]);
    const outputs = await session.run(feeds).catch(() => undefined);
    if (outputs !== undefined) return size;
  }
  return undefined;
}
