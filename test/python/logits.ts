/**
 * Computes the logits of real pairs for logits.py as the engine does: the tokens that a query's prompts share are
 * computed once, each prompt's own tokens then overwrite the positions after them. `fault` does one thing wrong on
 * purpose, so that the comparison can be shown to notice.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Decoder } from '../../src/inference/worker/decoder.js';
import { commonPrefix } from '../../src/inference/worker/logits.js';
import { BoundPrompt } from '../../src/inference/worker/prompts.js';
import { Reranker } from '../../src/inference/worker/reranker.js';
import { PromptTokenizer } from '../../src/inference/worker/tokenizer.js';
import { parseProfile, type Profile } from '../../src/profiles/profile.js';
import type { ScoredPair } from '../../src/protocol/inference.js';
import { received, send } from './exchange.js';

type Fault = 'none' | 'no-prefix' | 'read-one-early' | 'written-one-early';

interface Job {
  readonly name: string;
  /** Replaces the profile's prompt text: another order of query and document gives another shared prefix. */
  readonly template: string | null;
  readonly fault: Fault;
  readonly groups: readonly { readonly query: string; readonly documents: readonly string[] }[];
}

const { model, scratch, jobs } = received() as {
  readonly model: string;
  /** Folder for the logits: float32, little-endian, one row of the vocabulary after the other. */
  readonly scratch: string;
  readonly jobs: readonly Job[];
};
const goOn = (): Promise<void> => Promise.resolve();
const tokenizer = PromptTokenizer.load(readFileSync(join(model, 'tokenizer.json'), 'utf8'));
const profile = parseProfile(readFileSync(join(model, 'profile.json'), 'utf8'), 'profile.json');
const decoder = await Decoder.load(model, null);

const results = [];
for (const job of jobs) {
  const bound = new BoundPrompt(withTemplate(profile, job.template), 'score', tokenizer);
  const pairs = [];
  const rows: Float32Array[] = [];
  for (const { query, documents } of job.groups) {
    const prompts = documents.map((document) => bound.prepare({ query, title: null, document }));
    const shared = commonPrefix(prompts.map((p) => p.ids));
    decoder.reserve(Math.max(...prompts.map((p) => p.ids.length)), 0);
    await decoder.forward(prompts[0]?.ids.slice(0, shared) ?? [], 0, [], goOn);
    for (const prompt of prompts) {
      const own = prompt.ids.slice(shared);
      const early = job.fault === 'read-one-early' ? 1 : 0;
      // A query token's logits stand one position before it; the label's at the last.
      const wanted: number[] = [];
      for (let i = Math.max(prompt.query[0], shared + 1); i < prompt.query[1]; i++) wanted.push(i - 1 - shared);
      wanted.push(own.length - 1);
      const past = job.fault === 'no-prefix' ? 0 : job.fault === 'written-one-early' ? shared - 1 : shared;
      const logits = await decoder.forward(
        own,
        past,
        wanted.map((at) => Math.max(0, at - early)),
        goOn,
      );
      for (const row of logits) rows.push(row.slice());
      pairs.push({ ids: prompt.ids, positions: wanted.map((at) => at + shared), shared });
    }
  }
  const file = join(scratch, `${job.name}.f32`);
  writeFileSync(file, Buffer.concat(rows.map((row) => Buffer.from(row.buffer, row.byteOffset, row.byteLength))));
  results.push({ name: job.name, file, vocabulary: decoder.vocabulary, pairs });
}
send({ results, scored: await scoreWithReranker(jobs[0]?.groups.slice(0, 2) ?? []) });
await decoder.release();

/** What the engine itself reads from those logits, pair by pair. */
async function scoreWithReranker(groups: Job['groups']): Promise<ScoredPair[]> {
  const reranker = new Reranker(decoder, tokenizer, profile);
  const scored: ScoredPair[] = [];
  for (const { query, documents } of groups) {
    const pairs = documents.map((document, key) => ({ key, title: null, document }));
    await reranker.judge(
      { query, pairs, mode: 'score' },
      (event) => {
        if (event.type === 'scored') scored.push(event.result);
        if (event.type === 'failed') throw new Error(event.message);
      },
      goOn,
    );
  }
  return scored;
}

function withTemplate(of: Profile, template: string | null): Profile {
  const score = of.prompts.score;
  if (template === null || score === undefined) return of;
  return { ...of, prompts: { ...of.prompts, score: { ...score, raw: template } } };
}
