/** What becomes what in an export: the choices the user sees and can change, in one value that the card and manifest record. */
import { RationaleError } from '../domain/failure.js';

export const annotatorPolicies = ['agreeing', 'majority', 'adjudicated', 'all'] as const;
/**
 * Several people decided on one answer. `agreeing`: only where all say the same; `majority`: the label more than half of
 * them gave; `adjudicated`: what the adjudicator says wins; `all`: everybody's answer, each as its own row.
 */
type AnnotatorPolicy = (typeof annotatorPolicies)[number];

export const containers = ['jsonl', 'parquet'] as const;
type Container = (typeof containers)[number];

export const promptForms = ['auto', 'strings', 'messages'] as const;
/**
 * How prompts and answers stand in formats that can hold both. `auto`: raw prompts as strings and chats as message lists,
 * whichever the first row is; a file cannot mix them, so rows of the other kind are held back.
 */
type PromptForm = (typeof promptForms)[number];

export interface RewardPolicy {
  /** How much of the reward hangs on explanation and evidence, 0 to 1 (rewards.ts). */
  readonly explanationWeight: number;
  /** Answers with a smaller reward are not written. */
  readonly minimum: number;
}

export interface ExportPolicy {
  /** `prefilled` also takes the rows that nobody has decided on, as the teacher or model wrote them. */
  readonly include: 'human' | 'prefilled';
  readonly annotators: AnnotatorPolicy;
  /** Whose decision wins with `adjudicated`. */
  readonly adjudicator: string | null;
  /** `hold_back` exports no corrected label over an explanation that the annotator left as the model wrote it. */
  readonly labelOnly: 'kept' | 'hold_back';
  /** Answers whose label and explanation contradict each other (annotation/checks.ts). */
  readonly contradictions: 'hold_back' | 'include';
  /** Share of the queries (not of the rows) that goes to validation, 0 (none) to below 1. */
  readonly validation: number;
  readonly seed: number;
  /** BEIR folders or qrels files: queries that are also there are counted as leakage. */
  readonly evaluationSets: readonly string[];
  readonly prompts: PromptForm;
  readonly rewards: RewardPolicy;
  readonly container: Container;
  /** `data/train-00000-of-00001.jsonl` as the Hugging Face hub lays data sets out. */
  readonly hubLayout: boolean;
}

export const defaultPolicy: ExportPolicy = {
  include: 'human',
  annotators: 'agreeing',
  adjudicator: null,
  labelOnly: 'kept',
  contradictions: 'hold_back',
  validation: 0,
  seed: 0,
  evaluationSets: [],
  prompts: 'auto',
  rewards: { explanationWeight: 0.5, minimum: 0 },
  container: 'jsonl',
  hubLayout: false,
};

/** Completes a policy with the defaults. Throws RationaleError (user) naming the value that cannot be. */
export function exportPolicy(given: Partial<ExportPolicy> = {}): ExportPolicy {
  const policy = { ...defaultPolicy, ...given };
  const refuse = (what: string): never => {
    throw new RationaleError('user', `${what} Nothing was written.`);
  };
  const share = (value: number): boolean => value >= 0 && value <= 1;
  if (!share(policy.validation) || policy.validation === 1) {
    refuse(`The validation share is ${policy.validation}; it must be at least 0 and below 1, for example 0.1.`);
  }
  if (!Number.isSafeInteger(policy.seed)) refuse(`The seed is ${policy.seed}; it must be a whole number.`);
  if (policy.annotators === 'adjudicated' && (policy.adjudicator ?? '') === '') {
    refuse('Adjudicated exports need the name of the annotator who decides.');
  }
  if (!share(policy.rewards.explanationWeight) || !share(policy.rewards.minimum)) {
    refuse('The weight of the explanation and the least reward must lie between 0 and 1.');
  }
  return policy;
}
