/** Speed of the embedded model: documents and prompt tokens a second in score mode, generated tokens a second of rationale. */
import * as path from 'node:path';
import { parseArgs } from 'node:util';
import type { RerankRequest } from '../src/protocol/inference.js';
import { createOnnxEngine, type OnnxEngine } from '../src/inference/onnx/engine.js';
import { documentText, readCorpus, readQueries } from '../src/retrieval/beir.js';

interface Measured {
  readonly documents: number;
  readonly promptTokens: number;
  readonly generatedTokens: number;
  readonly seconds: number;
}

/** Prints minimum, median and maximum over the rounds. Options: --beir DIR, --documents N, --rationales N, --rounds N, --threads N, --model DIR. */
export async function main(args: string[]): Promise<void> {
  const root = process.env['RATIONALE_ROOT'] ?? process.cwd();
  const { values } = parseArgs({
    args,
    options: {
      beir: { type: 'string', default: path.join(root, 'test/fixtures/pubmedqa') },
      model: { type: 'string', default: path.join(root, 'models/rationale-135m') },
      documents: { type: 'string', default: '40' },
      rationales: { type: 'string', default: '8' },
      rounds: { type: 'string', default: '3' },
      threads: { type: 'string' },
    },
  });
  const corpus = [...(await readCorpus(values.beir)).values()];
  const query = (await readQueries(values.beir))[0]?.query ?? '';
  const engine = createOnnxEngine({
    modelDir: values.model,
    workerPath: path.join(root, 'dist/worker.js'),
    nodePath: null,
    threads: values.threads === undefined ? null : Number(values.threads),
    log: () => undefined,
  });
  const pairs = corpus
    .slice(0, Number(values.documents))
    .map((document, key) => ({ key, title: null, document: documentText(document) }));
  const started = performance.now();
  const model = await engine.load();
  console.log(
    `${model.id} · ${model.engine} ${model.engine_version} · ${model.device} · ${model.precision} · loaded in ${((performance.now() - started) / 1000).toFixed(2)} s (files hashed)`,
  );
  try {
    const scores: Measured[] = [];
    const rationales: Measured[] = [];
    await measure(engine, { query, mode: 'score', pairs: pairs.slice(0, 4) });
    for (let round = 0; round < Number(values.rounds); round++) {
      scores.push(await measure(engine, { query, mode: 'score', pairs }));
      rationales.push(
        await measure(engine, { query, mode: 'label-first', pairs: pairs.slice(0, Number(values.rationales)) }),
      );
    }
    const lengths = scores[0] === undefined ? 0 : scores[0].promptTokens / scores[0].documents;
    console.log(
      `score        ${spread(scores, (m) => m.documents / m.seconds)} documents/s · ${spread(scores, (m) => m.promptTokens / m.seconds)} prompt tokens/s (${lengths.toFixed(0)} tokens a prompt)`,
    );
    // A label-first request prefills its prompt again: that time is taken off by the score rounds' own rate.
    const rate = median(scores.map((m) => m.promptTokens / m.seconds));
    console.log(
      `label-first  ${spread(rationales, (m) => m.generatedTokens / (m.seconds - m.promptTokens / rate))} generated tokens/s · ${spread(rationales, (m) => m.documents / m.seconds)} documents/s`,
    );
  } finally {
    await engine.dispose();
  }
}

async function measure(engine: OnnxEngine, request: RerankRequest): Promise<Measured> {
  const started = performance.now();
  let promptTokens = 0;
  let generatedTokens = 0;
  for await (const event of engine.judge(request, new AbortController().signal)) {
    if (event.type === 'scored') promptTokens += event.result.prompt_tokens;
    if (event.type === 'judged') generatedTokens += event.result.completion_tokens;
    if (event.type === 'failed') throw new Error(event.message);
  }
  return {
    documents: request.pairs.length,
    promptTokens,
    generatedTokens,
    seconds: (performance.now() - started) / 1000,
  };
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

function spread(rounds: readonly Measured[], of: (m: Measured) => number): string {
  const values = rounds.map(of);
  const digits = median(values) < 20 ? 2 : 0;
  return `${median(values).toFixed(digits)} (${Math.min(...values).toFixed(digits)}–${Math.max(...values).toFixed(digits)})`;
}
