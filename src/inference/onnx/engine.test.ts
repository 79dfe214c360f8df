import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { buildSync } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sliceCodePoints } from '../../domain/text.js';
import { promptFor, type Profile, type Prompt } from '../../profiles/profile.js';
import { parseAnswer } from '../../profiles/template.js';
import type { JudgedPair, JudgementEvent, RerankRequest, ScoredPair } from '../../protocol/inference.js';
import { changedModel, withExplainFirst } from '../../../test/unit/changed-model.js';
import { createOnnxEngine, type OnnxEngine } from './engine.js';

const root = path.resolve(import.meta.dirname, '../../..');
const model = path.join(root, 'models/rationale-135m');
const files = ['model.onnx', 'model.onnx.data.0', 'model.onnx.data.1', 'tokenizer.json', 'profile.json', 'SHA256SUMS'];
// Inside the project, so that it finds onnxruntime-node.
const workerPath = path.join(root, '.cache', `engine-test-${process.pid}`, 'worker.js');
const folders: string[] = [];
const engines: OnnxEngine[] = [];

beforeAll(() => {
  buildSync({
    entryPoints: [path.join(root, 'src/inference/worker/main.ts')],
    bundle: true,
    platform: 'node',
    format: 'cjs',
    external: ['onnxruntime-node'],
    outfile: workerPath,
  });
});
afterAll(async () => {
  await Promise.all(engines.map((engine) => engine.dispose()));
  for (const folder of [...folders, path.dirname(workerPath)]) rmSync(folder, { recursive: true, force: true });
});

function engineOn(modelDir = model): OnnxEngine {
  const engine = createOnnxEngine({ modelDir, workerPath, nodePath: null, threads: 1, log: () => undefined });
  engines.push(engine);
  return engine;
}

/** A folder with the real weights, and `change` applied to it. Files are links until `own` makes them copies. */
function modelFolder(change: (own: (name: string) => string) => void, options: { readonly resum: boolean }): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'rationale-model-'));
  folders.push(folder);
  for (const name of files) symlinkSync(path.join(model, name), path.join(folder, name));
  const own = (name: string): string => {
    rmSync(path.join(folder, name));
    copyFileSync(path.join(model, name), path.join(folder, name));
    return path.join(folder, name);
  };
  change(own);
  if (options.resum) {
    const sum = (name: string): string =>
      createHash('sha256')
        .update(readFileSync(path.join(folder, name)))
        .digest('hex');
    writeFileSync(
      own('SHA256SUMS'),
      files
        .filter((f) => f !== 'SHA256SUMS')
        .map((f) => `${sum(f)}  ${f}\n`)
        .join(''),
    );
  }
  return folder;
}

async function collect(
  engine: OnnxEngine,
  request: RerankRequest,
  signal = new AbortController().signal,
): Promise<JudgementEvent[]> {
  const events: JudgementEvent[] = [];
  for await (const event of engine.judge(request, signal)) events.push(event);
  return events;
}

const query = 'Do mitochondria take part in programmed cell death of leaves?';
const documents = [
  'Programmed cell death is the regulated death of cells. The role of mitochondria during programmed cell death in lace plant leaves was examined.',
  'Assessment of visual acuity depends on the optotypes used for measurement.',
  'The lace plant produces perforations in its leaves.',
];
const pairs = documents.map((document, key) => ({ key, title: null, document }));
const scored = (events: readonly JudgementEvent[]): ScoredPair[] =>
  events.flatMap((e) => (e.type === 'scored' ? [e.result] : []));

describe('scoring', () => {
  it('reports every pair in order, with probabilities that sum to 1, and the same again', async () => {
    const engine = engineOn();
    const events = await collect(engine, { query, mode: 'score', pairs });
    expect(events.map((e) => [e.type, e.key])).toEqual([
      ['scored', 0],
      ['scored', 1],
      ['scored', 2],
    ]);
    for (const result of scored(events))
      expect(result.label_probabilities.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 6);
    const [first, second] = scored(events).map((r) => r.reads['expected'] ?? 0);
    expect(first).toBeGreaterThan((second ?? 0) + 1);
    const again = scored(await collect(engine, { query, mode: 'score', pairs }));
    expect(again.map((r) => r.reads)).toEqual(scored(events).map((r) => r.reads));
  });

  it('shares the prefix of a query-first prompt without changing what each pair alone would get', async () => {
    const queryFirst = modelFolder(
      (own) => {
        const file = own('profile.json');
        const profile = readFileSync(file, 'utf8').replaceAll(
          'Document: {document}\\nQuestion: {query}',
          'Question: {query}\\nDocument: {document}',
        );
        writeFileSync(file, profile);
      },
      { resum: true },
    );
    const engine = engineOn(queryFirst);
    const together = scored(await collect(engine, { query, mode: 'score', pairs }));
    for (const [i, pair] of pairs.entries()) {
      const [alone] = scored(await collect(engine, { query, mode: 'score', pairs: [pair] }));
      // int8 activations are quantised per forward, so a split forward differs in the last digits.
      expect(together[i]?.reads['expected']).toBeCloseTo(alone?.reads['expected'] ?? Number.NaN, 1);
      expect(together[i]?.prompt_sha256).toBe(alone?.prompt_sha256);
    }
    expect(Math.abs((together[0]?.reads['expected'] ?? 0) - (together[1]?.reads['expected'] ?? 0))).toBeGreaterThan(
      0.2,
    );
  });

  it("divides the label's logits by the profile's temperature, and nothing else", async () => {
    const hot = modelFolder(
      (own) => {
        const file = own('profile.json');
        writeFileSync(
          file,
          readFileSync(file, 'utf8').replaceAll('"as": "expected"', '"as": "expected", "temperature": 2'),
        );
      },
      { resum: true },
    );
    const plain = scored(await collect(engineOn(), { query, mode: 'score', pairs }));
    const cooled = scored(await collect(engineOn(hot), { query, mode: 'score', pairs }));
    plain.forEach((one, i) => {
      const two = cooled[i];
      expect(two?.label).toBe(one.label);
      expect(two?.reads['query_likelihood']).toBe(one.reads['query_likelihood']);
      const logOdds = (p: readonly number[] | undefined): number => Math.log((p?.[1] ?? 0) / (p?.[0] ?? 0));
      expect(logOdds(two?.label_probabilities)).toBeCloseTo(logOdds(one.label_probabilities) / 2, 4);
      const expected = (two?.label_probabilities ?? []).reduce((sum, p, label) => sum + p * label, 0);
      expect(two?.reads['expected']).toBeCloseTo(expected, 6);
    });
  });

  it('cuts a long document on a code point and says how much it saw', async () => {
    const document = '👍🏽 mitochondria '.repeat(3_000);
    const [result] = scored(
      await collect(engineOn(), { query, mode: 'score', pairs: [{ key: 0, title: null, document }] }),
    );
    expect(result?.prompt_tokens).toBeLessThanOrEqual(2048);
    expect(result?.prompt_tokens).toBeGreaterThan(2000);
    const seen = sliceCodePoints(document, 0, result?.document_end ?? 0);
    expect(seen.length).toBeGreaterThan(1000);
    expect(seen.isWellFormed()).toBe(true);
  });

  it('refuses a question that leaves no room for a document, and an engine mode that is not offered', async () => {
    await expect(collect(engineOn(), { query: 'mitochondria '.repeat(3_000), mode: 'score', pairs })).rejects.toThrow(
      /question is too long/,
    );
    const scoreOnly = profileChanged(({ prompts, ...profile }) => ({
      ...profile,
      prompts: { score: prompts.score },
    }));
    await expect(collect(engineOn(scoreOnly), { query, mode: 'label-first', pairs })).rejects.toThrow(
      /offers no label-first mode/,
    );
  });
});

describe('label-first rationales', () => {
  it('stream, end at the line, and continue from the label given', async () => {
    const events = await collect(engineOn(), {
      query,
      mode: 'label-first',
      pairs: [{ key: 7, title: null, document: documents[0] ?? '', label: 0 }],
    });
    const types = events.map((e) => e.type);
    expect(types[0]).toBe('scored');
    expect(types.at(-1)).toBe('judged');
    expect(types.slice(1, -1).every((type) => type === 'token')).toBe(true);
    const last = events.at(-1);
    if (last?.type !== 'judged') throw new Error('no judgement');
    expect(last.result.label).toBe(0);
    expect(last.result.raw_response.startsWith('0\nExplanation:')).toBe(true);
    expect(last.result.explanation).toMatch(/\w+ \w+/);
    expect(last.result.explanation).not.toContain('\n');
    expect(last.result.explanation).not.toContain('<|');
  });
});

/** A folder with the real weights and the profile as `change` returns it. */
function profileChanged(change: (profile: Profile) => Profile): string {
  const folder = path.join(mkdtempSync(path.join(tmpdir(), 'rationale-model-')), 'model');
  folders.push(path.dirname(folder));
  changedModel(model, folder, change);
  return folder;
}
const explainFirst = (change: Partial<Prompt> = {}): string =>
  profileChanged((profile) => withExplainFirst(profile, change));
const judged = (events: readonly JudgementEvent[]): JudgedPair[] =>
  events.flatMap((e) => (e.type === 'judged' ? [e.result] : []));

describe('explain-first judgements', () => {
  it('stream their explanation, and each ends in a label read after it that the answer template reads back', async () => {
    const engine = engineOn(explainFirst());
    const events = await collect(engine, { query, mode: 'explain-first', pairs });
    const results = judged(events);
    expect(results).toHaveLength(3);
    expect(events.some((e) => e.type === 'scored')).toBe(false);
    const prompt = promptFor(engine.profile, 'explain-first');
    const labels = engine.profile.label_scale.labels.map(({ value }) => value);
    if (prompt === undefined) throw new Error('no explain-first prompt');
    for (const [key, result] of results.entries()) {
      expect(result.label_probabilities.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 6);
      expect(result.label_probabilities[result.label]).toBe(Math.max(...result.label_probabilities));
      expect(parseAnswer(prompt, result.raw_response, labels)).toEqual({
        label: result.label,
        explanation: result.explanation,
      });
      expect(['ok', 'truncated']).toContain(result.status);
      const texts = events.flatMap((e) => (e.type === 'token' && e.key === key ? [e.explanation] : []));
      expect(texts.length).toBeGreaterThan(3);
      texts.forEach((text, i) => expect(text.startsWith(texts[i - 1] ?? '')).toBe(true));
      expect(result.explanation?.startsWith(texts.at(-1) ?? '?')).toBe(true);
    }
    expect(judged(await collect(engine, { query, mode: 'explain-first', pairs })).map((r) => r.raw_response)).toEqual(
      results.map((r) => r.raw_response),
    );
  });

  it('read the label as a prompt that holds the same text would, and the query before the explanation', async () => {
    const [result] = judged(await collect(engineOn(explainFirst()), { query, mode: 'explain-first', pairs }));
    const text = result?.raw_response.slice(0, -1) ?? '';
    const asScored = profileChanged((profile) => ({
      ...profile,
      prompts: {
        score: {
          ...(profile.prompts.score as Prompt),
          raw: `Document: {document}\nQuestion: {query}\nExplanation:${text}`,
        },
      },
    }));
    const [read] = scored(await collect(engineOn(asScored), { query, mode: 'score', pairs: pairs.slice(0, 1) }));
    expect(read?.label).toBe(result?.label);
    // int8 activations are quantised per forward, and here one forward does what took a token each there.
    read?.label_probabilities.forEach((p, i) => expect(result?.label_probabilities[i]).toBeCloseTo(p, 1));
    expect(result?.reads['query_likelihood']).toBeCloseTo(read?.reads['query_likelihood'] ?? Number.NaN, 1);
  });

  it('are truncated at the cap, and have a label all the same', async () => {
    const folder = explainFirst({ max_new_tokens: 5 });
    const results = judged(await collect(engineOn(folder), { query, mode: 'explain-first', pairs }));
    expect(results.map((r) => r.status)).toEqual(['truncated', 'truncated', 'truncated']);
    for (const result of results) {
      expect(result.raw_response).toMatch(/\nRelevance Label: \d$/);
      expect(result.explanation?.split(' ').length).toBeLessThanOrEqual(5);
    }
  });

  it('end at a stop string that straddles tokens', async () => {
    const pair = pairs.slice(0, 1);
    const [free] = judged(await collect(engineOn(explainFirst()), { query, mode: 'explain-first', pairs: pair }));
    const words = (free?.explanation ?? '').split(' ');
    // The end of one word and the start of the next are never one token.
    const stop = `${words[2]?.slice(-2) ?? ''} ${words[3]?.slice(0, 2) ?? ''}`;
    const at = free?.explanation?.indexOf(stop) ?? -1;
    expect(at).toBeGreaterThan(0);
    const stopped = explainFirst({ stop: [stop] });
    const events = await collect(engineOn(stopped), { query, mode: 'explain-first', pairs: pair });
    const [result] = judged(events);
    expect(result?.explanation).toBe(free?.explanation?.slice(0, at));
    expect(result?.status).toBe('ok');
    expect(result?.raw_response).toMatch(/\nRelevance Label: \d$/);
  });

  it('are cancelled while they are written, and the next request is served', async () => {
    const engine = engineOn(explainFirst());
    const abort = new AbortController();
    const seen: string[] = [];
    const run = (async () => {
      for await (const event of engine.judge({ query, mode: 'explain-first', pairs }, abort.signal)) {
        seen.push(event.type);
        if (seen.length === 2) abort.abort();
      }
    })();
    await expect(run).rejects.toMatchObject({ name: 'AbortError' });
    expect(seen).not.toContain('judged');
    expect(scored(await collect(engine, { query, mode: 'score', pairs }))).toHaveLength(3);
  });

  it('are refused with a template that does not say where the explanation ends or where the label is read', async () => {
    const folder = (answer: string): string =>
      profileChanged((profile) => ({
        ...profile,
        prompts: { explain_first: { ...(profile.prompts.score as Prompt), answer } },
      }));
    await expect(engineOn(folder('{label}: {explanation}')).load()).rejects.toThrow(/must be \{explanation\}, text/);
    await expect(engineOn(folder('{explanation}\n{label}')).load()).rejects.toThrow(/must be \{explanation\}, text/);
    await expect(engineOn(folder('{explanation}\nLabel: {label}')).load()).rejects.toThrow(
      /must have "Relevance Label: ", where the label is read/,
    );
  });
});

describe('sampled answers', () => {
  const sampling = { temperature: 1, top_p: 0.95, seed: 11, samples: 3 };

  it('are as many as asked for, differ, and come again for the same seed, alone or among others', async () => {
    const engine = engineOn(explainFirst());
    const ask = async (which: typeof pairs, seed = 11): Promise<JudgedPair[]> =>
      judged(await collect(engine, { query, mode: 'explain-first', pairs: which, sampling: { ...sampling, seed } }));
    const both = await ask(pairs.slice(0, 2));
    expect(both.map((r) => r.sample)).toEqual([0, 1, 2, 0, 1, 2]);
    const texts = both.slice(0, 3).map((r) => r.explanation);
    expect(new Set(texts).size).toBeGreaterThan(1);
    const again = await ask(pairs.slice(0, 2));
    expect(again.map((r) => r.raw_response)).toEqual(both.map((r) => r.raw_response));
    const other = await ask(pairs.slice(0, 1), 12);
    expect(other.map((r) => r.explanation)).not.toEqual(texts);
  });

  it('after a label keep the label and its score', async () => {
    const events = await collect(engineOn(), {
      query,
      mode: 'label-first',
      pairs: pairs.slice(0, 1),
      sampling: { ...sampling, temperature: 1.5, samples: 2 },
    });
    const [first, second] = judged(events);
    expect(second?.label_probabilities).toEqual(first?.label_probabilities);
    expect(second?.label).toBe(first?.label);
    expect(second?.explanation).not.toBe(first?.explanation);
  });
});

describe('supervision', () => {
  it('cancels between forwards and serves the next request with the same process', async () => {
    const engine = engineOn();
    const abort = new AbortController();
    const seen: number[] = [];
    const run = (async () => {
      for await (const event of engine.judge(
        { query, mode: 'score', pairs: [...pairs, ...pairs, ...pairs] },
        abort.signal,
      )) {
        seen.push(event.key);
        abort.abort();
      }
    })();
    await expect(run).rejects.toMatchObject({ name: 'AbortError' });
    expect(seen.length).toBeLessThan(9);
    const { pid } = engine;
    expect(scored(await collect(engine, { query, mode: 'score', pairs }))).toHaveLength(3);
    expect(engine.pid).toBe(pid);
  });

  it('reports a killed child with its signal and starts another for the next request', async () => {
    const engine = engineOn();
    const run = (async () => {
      for await (const event of engine.judge(
        { query, mode: 'score', pairs: [...pairs, ...pairs] },
        new AbortController().signal,
      )) {
        if (event.type === 'scored' && engine.pid !== undefined) process.kill(engine.pid, 'SIGKILL');
      }
    })();
    await expect(run).rejects.toThrow(/signal SIGKILL/);
    expect(scored(await collect(engine, { query, mode: 'score', pairs }))).toHaveLength(3);
  });

  it('leaves no child behind when its host is killed', async () => {
    const host = spawn(
      process.execPath,
      [
        '-e',
        `
      const child = require('node:child_process').fork(${JSON.stringify(workerPath)}, { serialization: 'advanced' });
      child.on('message', () => console.log(child.pid));
      child.send({ type: 'load', modelDir: ${JSON.stringify(model)}, threads: 1 });
      setInterval(() => undefined, 1000);
    `,
      ],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    const pid = await new Promise<number>((resolve) =>
      host.stdout.once('data', (data: Buffer) => resolve(Number(data.toString()))),
    );
    host.kill('SIGKILL');
    const alive = (): boolean => {
      try {
        return process.kill(pid, 0);
      } catch {
        return false;
      }
    };
    await expect.poll(alive, { timeout: 10_000 }).toBe(false);
  });
});

describe('a model folder that is not whole', () => {
  const refused = async (
    change: (own: (name: string) => string) => void,
    message: RegExp,
    resum = false,
  ): Promise<void> => {
    const engine = createOnnxEngine({
      modelDir: modelFolder(change, { resum }),
      workerPath,
      nodePath: null,
      threads: 1,
      log: () => undefined,
    });
    await expect(engine.load()).rejects.toThrow(message);
    await engine.dispose();
  };

  it('is refused with the name of the file that is missing, cut short or altered', async () => {
    await refused((own) => rmSync(own('tokenizer.json')), /incomplete: tokenizer\.json is missing/);
    await refused(
      (own) => truncateSync(own('model.onnx'), 1000),
      /model\.onnx \(1000 bytes\) is not the file that SHA256SUMS lists/,
    );
    await refused(
      (own) => writeFileSync(own('tokenizer.json'), `${readFileSync(path.join(model, 'tokenizer.json'), 'utf8')} `),
      /tokenizer\.json .* altered/,
    );
    await refused((own) => rmSync(own('SHA256SUMS')), /no readable SHA256SUMS/);
  });

  it('is refused when a label is not one token or is read where the prompt does not end', async () => {
    const edit =
      (from: string, to: string) =>
      (own: (name: string) => string): void => {
        const file = own('profile.json');
        writeFileSync(file, readFileSync(file, 'utf8').replaceAll(from, to));
      };
    await refused(edit('"3": 3', '"three hundred": 3'), /"three hundred" is not exactly one token/, true);
    await refused(edit('"after": "Relevance Label: "', '"after": "Label is "'), /must end with "Label is "/, true);
  });

  it('is refused before a process is started when it has no profile', () => {
    expect(() =>
      createOnnxEngine({ modelDir: tmpdir(), workerPath, nodePath: null, threads: 1, log: () => undefined }),
    ).toThrow(/no readable profile\.json/);
  });
});
