/** The options that say what becomes what in an export, shared by `export` and `convert`, and the preview both print. */
import { RationaleError } from '../domain/failure.js';
import type { ExportPlan } from '../interchange/export.js';
import { exportFormats, formatTitle } from '../interchange/exporters.js';
import { annotatorPolicies, containers, defaultPolicy, promptForms, type ExportPolicy } from '../interchange/policy.js';
import { choice, flag, text, texts, wholeNumber, type OptionTable, type ParsedArguments } from './command.js';

export const formatHelp = exportFormats.map((format) => `      ${format.padEnd(20)} ${formatTitle(format)}`).join('\n');

export const policyHelp = `  --annotators HOW  where several people decided on one answer: agreeing (default; others are left out), majority,
                    all (everybody's answer is a row), adjudicated:NAME (what NAME says wins)
  --label-only kept|hold-back        a corrected label over the model's own explanation (default kept)
  --contradictions hold-back|include answers whose explanation contradicts their label (default hold-back)
  --prompts FORM    ${promptForms.join(', ')}: how prompts stand in formats that can hold both (default auto)
  --explanation-weight W, --minimum-reward R   for rewards, 0 to 1 (docs/formats/exports.md has the formula)
  --validation F    the share of queries, 0 to 1, that goes to a validation file (default 0); --seed N draws others
  --container jsonl|parquet
  --hub-layout      files and card as the Hugging Face hub and datasets.load_dataset(DIR) take them
  --evaluation-set PATH   a BEIR folder or qrels: queries that are also there are reported; may be given again
  --dry-run         print how many rows would go in and why others do not; write nothing`;

const holdBack = { 'hold-back': 'hold_back', kept: 'kept', include: 'include' } as const;

export const policyOptions: OptionTable = {
  annotators: { type: 'string' },
  'label-only': { type: 'string' },
  contradictions: { type: 'string' },
  prompts: { type: 'string' },
  'explanation-weight': { type: 'string' },
  'minimum-reward': { type: 'string' },
  validation: { type: 'string' },
  seed: { type: 'string' },
  container: { type: 'string' },
  'hub-layout': { type: 'boolean' },
  'evaluation-set': { type: 'string', multiple: true },
  'dry-run': { type: 'boolean' },
};

/** The policy that the options name. Throws RationaleError naming the option that is wrong. */
export function policyOf(args: ParsedArguments, include: ExportPolicy['include']): Partial<ExportPolicy> {
  const labelOnly = choice(args, 'label-only', ['kept', 'hold-back'] as const) ?? 'kept';
  const contradictions = choice(args, 'contradictions', ['hold-back', 'include'] as const) ?? 'hold-back';
  return {
    include,
    ...annotatorsOf(text(args, 'annotators')),
    labelOnly: holdBack[labelOnly],
    contradictions: holdBack[contradictions],
    prompts: choice(args, 'prompts', promptForms) ?? defaultPolicy.prompts,
    rewards: {
      explanationWeight: share(args, 'explanation-weight') ?? defaultPolicy.rewards.explanationWeight,
      minimum: share(args, 'minimum-reward') ?? defaultPolicy.rewards.minimum,
    },
    validation: share(args, 'validation') ?? defaultPolicy.validation,
    seed: wholeNumber(args, 'seed', 0) ?? defaultPolicy.seed,
    container: choice(args, 'container', containers) ?? defaultPolicy.container,
    hubLayout: flag(args, 'hub-layout'),
    evaluationSets: texts(args, 'evaluation-set'),
  };
}

function annotatorsOf(given: string | undefined): Partial<ExportPolicy> {
  if (given === undefined) return {};
  const [how, ...name] = given.split(':');
  const annotators = annotatorPolicies.find((policy) => policy === how);
  const adjudicator = name.join(':').trim();
  if (annotators === undefined || (annotators === 'adjudicated') !== (adjudicator !== '')) {
    throw new RationaleError('user', `--annotators takes agreeing, majority, all or adjudicated:NAME, not "${given}".`);
  }
  return annotators === 'adjudicated' ? { annotators, adjudicator } : { annotators };
}

function share(args: ParsedArguments, name: string): number | undefined {
  const value = text(args, name);
  if (value === undefined) return undefined;
  const number = Number(value);
  if (value.trim() === '' || !(number >= 0 && number <= 1))
    throw new RationaleError('user', `--${name} takes a number from 0 to 1, not "${value}".`);
  return number;
}

/** What goes in, what does not and why, and what deserves a look, a line each. */
export function preview(plan: ExportPlan): string {
  const made = plan.lines === plan.included ? '' : ` and become ${plan.lines} lines`;
  const lines = [
    `${plan.included} rows go in${made}`,
    ...(plan.splits.length > 1
      ? plan.splits.map(({ split, lines: n, queries }) => `${n} lines of ${queries} queries: ${split}`)
      : []),
    ...(plan.prefilled > 0
      ? [`${plan.prefilled} of them are a model's or teacher's answers that nobody reviewed`]
      : []),
    ...(plan.rewards === null ? [] : [plan.rewards]),
    ...plan.reasons.map(({ text: why, rows }) => `${rows} left out: ${why}`),
    ...plan.warnings.map(({ text: why, rows }) => `${rows} worth a look: ${why}`),
    ...plan.leakage
      .filter(({ queries }) => queries > 0)
      .map(({ name, queries, ids }) => `LEAKAGE: ${queries} queries are also in ${name} (${ids.join(', ')})`),
  ];
  return `${lines.join('\n')}\n`;
}
