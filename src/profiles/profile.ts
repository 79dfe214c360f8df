/** Profiles: what a reranker is told and how its answer is read (docs/formats/profile.md). */
import * as v from 'valibot';
import { RationaleError } from '../domain/failure.js';
import type { Mode } from '../domain/judgement.js';
import type { LabelScale } from '../domain/scale.js';

const read = v.variant('as', [
  v.strictObject({
    name: v.string(),
    /** The text that ends right before the label; must close the prompt (score, label-first) or stand in the answer. */
    after: v.string(),
    /** Text of each label token and its value. */
    tokens: v.record(v.string(), v.number()),
    /** Σ value · p over the label tokens alone. */
    as: v.literal('expected'),
    /**
     * p = softmax(logits / temperature): the calibration of these weights on data of its own (Guo et al. 2017, "On
     * Calibration of Modern Neural Networks"). It never changes which label is the most probable.
     */
    temperature: v.optional(v.pipe(v.number(), v.finite(), v.gtValue(0)), 1),
  }),
  v.strictObject({
    name: v.string(),
    of: v.literal('query'),
    /** Mean log-probability of the query's tokens, each at its own position, over the whole vocabulary. */
    as: v.literal('mean_log_probability'),
  }),
]);

const prompt = v.pipe(
  v.strictObject({
    raw: v.optional(v.string()),
    messages: v.optional(v.array(v.strictObject({ role: v.string(), content: v.string() }))),
    add_generation_prompt: v.optional(v.boolean(), true),
    /** Template from which parser, forced anchor, stop and training target derive. */
    answer: v.string(),
    stop: v.optional(v.array(v.string()), []),
    max_new_tokens: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1)), 1),
    reads: v.optional(v.array(read), []),
  }),
  v.check((p) => (p.raw === undefined) !== (p.messages === undefined), 'a prompt has either "raw" or "messages"'),
);

const schema = v.strictObject({
  id: v.string(),
  version: v.number(),
  kind: v.literal('decoder'),
  label_scale: v.strictObject({
    name: v.string(),
    labels: v.pipe(
      v.array(v.strictObject({ value: v.pipe(v.number(), v.integer()), name: v.string(), description: v.string() })),
      v.minLength(2),
    ),
  }),
  /** Of the weights, as shown beside every score: fp32, fp16, int8 … */
  precision: v.optional(v.string(), 'unknown'),
  max_tokens: v.pipe(v.number(), v.integer(), v.minValue(16)),
  /** Jinja template that turns messages into text, as in a tokenizer_config.json; needed by prompts with `messages`. */
  chat_template: v.optional(v.string()),
  /** Values of the template's `bos_token` and `eos_token`. */
  special_tokens: v.optional(
    v.strictObject({ bos_token: v.optional(v.string(), ''), eos_token: v.optional(v.string(), '') }),
  ),
  prompts: v.strictObject({
    score: v.optional(prompt),
    label_first: v.optional(prompt),
    explain_first: v.optional(prompt),
  }),
  /** Weight of each read in the score; `z(name)` normalises it over a query's candidates first. */
  score: v.record(v.string(), v.number()),
  /** Weight of z(first-stage score) added to the score; absent: not fused. */
  fusion: v.optional(v.strictObject({ first_stage: v.number() })),
  /** Shown beside every rationale. */
  rationale_notice: v.optional(v.string()),
});

export type Profile = v.InferOutput<typeof schema>;
export type Prompt = v.InferOutput<typeof prompt>;
export type Read = v.InferOutput<typeof read>;

const promptOfMode = {
  score: 'score',
  'label-first': 'label_first',
  'explain-first': 'explain_first',
} as const satisfies Record<Mode, keyof Profile['prompts']>;

/** Reads a profile.json. Throws RationaleError (user) naming `file` and the field. */
export function parseProfile(text: string, file: string): Profile {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new RationaleError('user', `${file} is not valid JSON.`, { cause: error });
  }
  const result = v.safeParse(schema, value);
  if (!result.success) {
    const issue = result.issues[0];
    throw new RationaleError(
      'user',
      `${file}: ${issue.path?.map((p) => String(p.key)).join('.') ?? 'profile'}: ${issue.message}`,
    );
  }
  return result.output;
}

/** The prompt of a mode, or undefined: a mode without a prompt is not offered. */
export function promptFor(profile: Profile, mode: Mode): Prompt | undefined {
  return profile.prompts[promptOfMode[mode]];
}

/** The modes a profile offers. */
export function modesOf(profile: Profile): Mode[] {
  return (Object.keys(promptOfMode) as Mode[]).filter((mode) => promptFor(profile, mode) !== undefined);
}

/** The scale the profile's labels are on. */
export function scaleOf(profile: Profile): LabelScale {
  return profile.label_scale;
}
