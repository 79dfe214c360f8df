/** The dataset card of an export: README.md with the front matter by which `datasets` and the hub find the data. */
import { checksVersion } from '../annotation/checks.js';
import { exporterOf } from './exporters.js';
import type { ExportPlan } from './export.js';
import type { Split } from './exporter.js';
import type { ExportPolicy } from './policy.js';

/** Texts of what the policy decides, one line a choice. */
function policyLines(policy: ExportPolicy): string[] {
  const { include, annotators, adjudicator, labelOnly, contradictions, validation, seed } = policy;
  const settled = {
    agreeing: 'an answer on which annotators differ stays out',
    majority: 'the label that more than half of the annotators gave, with the explanation most of them share',
    adjudicated: `the decision of ${code(adjudicator ?? '')} wins; without one, annotators must agree`,
    all: 'the answer of each annotator stands for itself',
  }[annotators];
  return [
    include === 'human'
      ? 'Only answers that people accepted or corrected'
      : 'Answers that people accepted or corrected, and answers that nobody has reviewed, **as the teacher or model wrote them** (`review` is `prefilled`)',
    `Several annotators: ${settled}`,
    labelOnly === 'kept'
      ? 'A corrected label keeps the explanation that its annotator saw and left as it was'
      : 'A corrected label without a corrected explanation stays out',
    contradictions === 'hold_back'
      ? 'An explanation that contradicts its label stays out'
      : 'Explanations that contradict their label are included',
    validation === 0
      ? 'No validation split'
      : `Validation: a share of ${validation} of the queries, by SHA-256 of seed ${seed} and query id`,
  ];
}

/** The card; `dataFiles`: where the splits lie. Same plan, same text. */
export function cardOf(
  plan: ExportPlan,
  dataFiles: readonly { readonly split: Split; readonly name: string }[],
): string {
  const { length, policy } = plan;
  const exporter = exporterOf(plan.format);
  const list = (values: readonly string[]): string =>
    values.length === 0 ? 'none named' : values.map(code).join(', ');
  const table = (title: string, rows: readonly { readonly text: string; readonly rows: number }[]): string[] => [
    '',
    `| ${title} | rows |`,
    '| --- | ---: |',
    ...rows.map(({ text, rows: n }) => `| ${text} | ${n} |`),
  ];
  const bound =
    length.maxLength === null
      ? 'The token count is not known for every row; count it with your tokenizer.'
      : `\`max_length\` of ${length.maxLength} tokens is enough for every row (an upper bound, without the tokens a chat template adds).`;
  const origins = [...new Set(plan.sources.flatMap(({ origin }) => origin ?? []))];
  const { shared, agreed, reviewed, kept } = plan.agreement;
  const training = (exporter.needs ?? 'answer') === 'answer' || length.promptCharacters > 0;
  return [
    ...frontMatter(exporter.text === undefined, dataFiles),
    '# Refinement data',
    '',
    `Answers of a reasoning reranker, ${whoReviewed(plan)}, exported by Rationale as \`${plan.format}\`.`,
    '',
    exporter.card,
    ...(plan.rewards === null ? [] : ['', `${plan.rewards}.`]),
    '',
    `- Rows: ${plan.included} (${plan.accepted} accepted, ${plan.corrected} corrected${plan.prefilled === 0 ? '' : `, ${plan.prefilled} not reviewed`}) of ${plan.total}`,
    ...plan.splits.map(({ split, lines, queries }) => `- ${split}: ${lines} lines of ${queries} queries`),
    `- Annotators: ${list(plan.annotators)}`,
    shared === 0
      ? '- Agreement: no answer was decided on by two people'
      : `- Agreement: on ${agreed} of ${shared} answers that several people decided on, all gave one label (${percent(agreed, shared)})`,
    ...(reviewed === 0
      ? []
      : [`- The model's label was kept on ${kept} of ${reviewed} reviewed rows (${percent(kept, reviewed)})`]),
    `- Models that answered: ${list(plan.models)}`,
    ...(training
      ? [
          `- Prompt templates: ${list(plan.templates)}; each prompt is exactly what was asked, proven by its SHA-256, or, for imported answers that record no prompt, what the named template asks`,
          `- Longest prompt: ${length.promptCharacters} characters${length.promptTokens === null ? '' : `, ${length.promptTokens} tokens`}; longest answer: ${length.answerCharacters} characters`,
        ]
      : []),
    origins.length === 0
      ? '- Licence of the source: not stated. Clear the rights in queries and documents before you publish them.'
      : `- Source: ${origins.join('; ')}`,
    '',
    'What became what:',
    '',
    ...policyLines(policy).map((line) => `- ${line}`),
    ...(training
      ? ['', `TRL's trainers cut or drop what is longer than \`max_length\`, 1024 tokens unless set. ${bound}`]
      : []),
    ...(plan.format.startsWith('trl-')
      ? [
          '',
          'The relevance label stands in `relevance` (in pairs: `chosen_relevance`, `rejected_relevance`; as gold: `gold_label`), never in a column called `label`, which some trainers read as a boolean.',
        ]
      : []),
    ...leakageLines(plan),
    ...(plan.reasons.length === 0 ? [] : ['', 'Left out:', ...table('reason', plan.reasons)]),
    ...(plan.warnings.length === 0
      ? []
      : ['', `Included, but worth a look (checks version ${checksVersion}):`, ...table('finding', plan.warnings)]),
    '',
  ].join('\n');
}

function frontMatter(readable: boolean, files: readonly { readonly split: Split; readonly name: string }[]): string[] {
  // The hub reads JSON Lines and Parquet; a TREC file has no columns to show.
  if (!readable) return ['---', 'tags:', '  - reranking', '  - relevance', '---', ''];
  return [
    '---',
    'configs:',
    '  - config_name: default',
    '    data_files:',
    ...files.flatMap(({ split, name }) => [`      - split: ${split}`, `        path: ${name}`]),
    'tags:',
    '  - reranking',
    '  - relevance',
    '---',
    '',
  ];
}

function whoReviewed({ accepted, corrected, prefilled }: ExportPlan): string {
  if (prefilled === 0) return 'accepted or corrected by people';
  return accepted + corrected === 0
    ? 'as a teacher or model wrote them: **no person has reviewed them**'
    : 'partly accepted or corrected by people, partly as a teacher or model wrote them';
}

function leakageLines({ leakage }: ExportPlan): string[] {
  if (leakage.length === 0) return [];
  return [
    '',
    'Overlap with evaluation sets:',
    '',
    ...leakage.map(({ name, queries, ids }) =>
      queries === 0
        ? `- ${code(name)}: no query of this export is in it`
        : `- ${code(name)}: **${queries} queries of this export are also in it** (${ids.map(code).join(', ')}${queries > ids.length ? ', …' : ''}). A model trained on them must not be evaluated there.`,
    ),
  ];
}

function percent(part: number, whole: number): string {
  return `${((100 * part) / whole).toFixed(1)} %`;
}

/** A name of somebody else's making as inline code: no backtick and no line feed can end it. */
function code(text: string): string {
  return `\`${text.toWellFormed().replaceAll('`', "'").replace(/\s+/g, ' ')}\``;
}
