/** The preview of an export as Markdown (how many rows go in, which do not and why, what is worth a look), and its words. Pure. */
import path from 'node:path';
import type { ExportPlan } from '../interchange/export.js';
import { formatTitle, type ExportFormat } from '../interchange/exporters.js';
import type { ExportPolicy } from '../interchange/policy.js';

export const formatGroups = ['TRL', 'InteRank', 'Other trainers', 'Rerankers and evaluation'] as const;

/** The heading under which a format stands in a menu. */
export function formatGroup(format: ExportFormat): (typeof formatGroups)[number] {
  if (format.startsWith('trl-')) return 'TRL';
  if (format.startsWith('interank')) return 'InteRank';
  return /^(trec|beir|rank-llm)/.test(format) ? 'Rerankers and evaluation' : 'Other trainers';
}

/** The choices of a policy in words, in the order in which they are offered. */
export function policyLines(policy: ExportPolicy): readonly {
  readonly key:
    'include' | 'annotators' | 'labelOnly' | 'contradictions' | 'prompts' | 'validation' | 'container' | 'hubLayout';
  readonly name: string;
  readonly value: string;
}[] {
  const share = Math.round(policy.validation * 1000) / 10;
  const values = {
    include: [
      'Rows',
      policy.include === 'human' ? 'only what people decided' : 'also what nobody reviewed, as the model wrote it',
    ],
    annotators: [
      'Several annotators',
      policy.annotators === 'adjudicated' ? `${policy.adjudicator ?? 'nobody'} decides` : policy.annotators,
    ],
    labelOnly: [
      'Label corrected, explanation kept',
      policy.labelOnly === 'kept' ? 'goes in with the model’s explanation' : 'held back',
    ],
    contradictions: ['Label and explanation contradict', policy.contradictions === 'include' ? 'goes in' : 'held back'],
    prompts: ['Prompts', policy.prompts],
    validation: ['Validation data', share === 0 ? 'none' : `${share} % of the queries (seed ${policy.seed})`],
    container: ['Container', policy.container === 'jsonl' ? 'JSON Lines' : 'Parquet'],
    hubLayout: ['Hugging Face hub layout', policy.hubLayout ? 'yes' : 'no'],
  } as const;
  return (Object.keys(values) as (keyof typeof values)[]).map((key) => {
    const [name, value] = values[key];
    return { key, name, value };
  });
}

/** `unsaved`: decisions of open editors that are not in a log yet and therefore not in the plan. */
export function exportPreview(plan: ExportPlan, unsaved: number): string {
  const counts = [
    `${plan.accepted} accepted`,
    `${plan.corrected} corrected`,
    ...(plan.prefilled > 0 ? [`${plan.prefilled} reviewed by nobody`] : []),
  ];
  const leaks = plan.leakage.filter(({ queries }) => queries > 0);
  const made = plan.lines === plan.included ? '' : ` They become ${plan.lines} lines.`;
  const lines = [
    '# Export preview',
    '',
    `**${plan.included} of ${plan.total} rows** go in as ${formatTitle(plan.format)}: ${counts.join(', ')}.${made}`,
    '',
    ...(unsaved === 0
      ? []
      : [
          `**${unsaved} decisions are not saved** and do not go in. Save the file and export again to include them.`,
          '',
        ]),
    ...leaks.flatMap(({ name, queries, ids }) => [
      `**Leakage: ${queries} queries are also in the evaluation set ${escaped(name)}** (${ids.map(escaped).join(', ')}). A model trained on them says nothing about that set any more.`,
      '',
    ]),
    ...(plan.rewards === null ? [] : [escaped(plan.rewards), '']),
    ...table('Left out', plan.reasons),
    ...table('Included, but worth a look', plan.warnings),
    ...(plan.splits.length > 1
      ? table(
          'Split by query',
          plan.splits.map(({ split, lines: rows, queries }) => ({ text: `${split} (${queries} queries)`, rows })),
        )
      : []),
    '| choice | |',
    '| --- | --- |',
    ...policyLines(plan.policy).map(({ name, value }) => `| ${name} | ${escaped(value)} |`),
    '',
    '| file | rows |',
    '| --- | ---: |',
    ...plan.sources.map((source) => `| ${path.basename(source.path)} | ${source.rows} |`),
    '',
  ];
  const notices = plan.sources.flatMap((source) => source.notices);
  if (notices.length > 0) lines.push(...notices.map((notice) => `- ${notice}`), '');
  const [first] = plan.sample;
  if (first !== undefined) {
    // Indented, because a fence could be closed by what the row holds.
    const sample = JSON.stringify(first, null, 2).split('\n');
    lines.push('The first row:', '', ...sample.map((line) => `    ${line}`), '');
  }
  return lines.join('\n');
}

function table(title: string, counts: readonly { readonly text: string; readonly rows: number }[]): string[] {
  if (counts.length === 0) return [];
  return [`| ${title} | rows |`, '| --- | ---: |', ...counts.map(({ text, rows }) => `| ${text} | ${rows} |`), ''];
}

/** Ids and names come from files and must not become links, images or HTML. */
function escaped(text: string): string {
  return text.replace(/\s+/g, ' ').replace(/[\\`*_[\]<>#|~!&]/g, (c) => `\\${c}`);
}
