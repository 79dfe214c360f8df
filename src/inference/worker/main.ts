/** Entry of the inference child process: the only place that loads onnxruntime-node. It lives as long as its host does. */
import { env } from 'onnxruntime-node';
import { messageOf } from '../../domain/failure.js';
import type { FromChild, ToChild } from '../../protocol/inference.js';
import { Decoder } from './decoder.js';
import { openModelFolder } from '../model-folder.js';
import { Cancelled, Reranker } from './reranker.js';
import { PromptTokenizer } from './tokenizer.js';

let reranker: Reranker | undefined;
const cancelled = new Set<number>();
/** Requests run one after the other, in the order they came. */
let queue: Promise<void> = Promise.resolve();

function send(message: FromChild): void {
  // A host that is gone takes its child with it (see `disconnect`).
  if (process.connected) process.send?.(message);
}

async function load(modelDir: string, threads: number | null): Promise<void> {
  const started = performance.now();
  try {
    const folder = await openModelFolder(modelDir);
    reranker = new Reranker(
      await Decoder.load(modelDir, threads),
      PromptTokenizer.load(folder.tokenizerJson),
      folder.profile,
    );
    send({
      type: 'loaded',
      loadMs: performance.now() - started,
      model: {
        id: folder.profile.id,
        sha256: folder.sha256,
        profile: `${folder.profile.id}@${folder.profile.version}`,
        profile_sha256: folder.profileSha256,
        engine: 'onnxruntime-node',
        engine_version: env.versions.node ?? env.versions.common,
        device: 'cpu',
        precision: folder.profile.precision,
      },
    });
  } catch (error) {
    send({ type: 'loadFailed', message: messageOf(error) });
  }
}

async function judge({ id, request }: Extract<ToChild, { type: 'judge' }>): Promise<void> {
  if (reranker === undefined) {
    send({ type: 'error', id, message: 'no model is loaded' });
    return;
  }
  const checkpoint = async (): Promise<void> => {
    // session.run blocks this thread, so messages are only seen when we let the event loop turn.
    await new Promise((resolve) => setImmediate(resolve));
    if (cancelled.has(id)) throw new Cancelled();
  };
  try {
    await checkpoint();
    await reranker.judge(request, (event) => send({ type: 'event', id, event }), checkpoint);
    send({ type: 'done', id, outcome: 'finished' });
  } catch (error) {
    if (error instanceof Cancelled) send({ type: 'done', id, outcome: 'cancelled' });
    else send({ type: 'error', id, message: messageOf(error) });
  } finally {
    cancelled.delete(id);
  }
}

process.on('message', (message: ToChild) => {
  switch (message.type) {
    case 'load':
      queue = queue.then(() => load(message.modelDir, message.threads));
      break;
    case 'judge':
      queue = queue.then(() => judge(message));
      break;
    case 'cancel':
      cancelled.add(message.id);
      break;
  }
});
process.on('disconnect', () => process.exit(0));
