/**
 * LLaMA-Factory (0.9.5): conversations with a `dataset_info.json`. Written for its `sharegpt` reader, not `openai`: the
 * latter puts "detailed thinking off" into the system prompt of every row that has none.
 */
import type { CanonicalRow } from './canonical.js';
import { dataFileName } from './data-files.js';
import type { ExportPlan } from './export.js';
import { assistant, conversation, provenance, type AnswerExporter } from './exporter.js';
import { rejectedOf } from './preference.js';
import { verdictsOf } from './verdicts.js';

const template =
  'Choose `template` as for any other data set; a model that reads raw prompts needs `template: empty`. Rows longer than `cutoff_len` (2048 unless set) are cut.';

/** The tags must all be named: LLaMA-Factory forgets its defaults once a data set names any. */
const tags = {
  role_tag: 'role',
  content_tag: 'content',
  user_tag: 'user',
  assistant_tag: 'assistant',
  system_tag: 'system',
};

export const llamaFactorySft: AnswerExporter = {
  id: 'llama-factory-sft',
  title: 'LLaMA-Factory supervised fine-tuning, with dataset_info.json',
  card: `LLaMA-Factory \`stage: sft\`, \`dataset_dir\` this folder, \`dataset: rationale_train\`. ${template}`,
  prompts: 'messages',
  extraFiles: (plan) => datasetInfo(plan, { columns: { messages: 'messages' } }),
  convert: (row) => {
    if (!alternates(row)) return { ok: false, reason: 'chat_turns' };
    const messages = [...conversation(row), ...assistant(row.completion)];
    return { ok: true, lines: [{ messages, relevance: row.human.label, ...provenance(row) }] };
  },
};

export const llamaFactoryDpo: AnswerExporter = {
  id: 'llama-factory-dpo',
  title: 'LLaMA-Factory preference pairs (DPO, reward model), with dataset_info.json',
  card: `LLaMA-Factory \`stage: dpo\` or \`rm\`, \`dataset_dir\` this folder, \`dataset: rationale_train\`: \`chosen\` is the correction, \`rejected\` what the model had answered. ${template}`,
  prompts: 'messages',
  extraFiles: (plan) =>
    datasetInfo(plan, { ranking: true, columns: { messages: 'messages', chosen: 'chosen', rejected: 'rejected' } }),
  convert: (row) => {
    const rejected = rejectedOf(row);
    if (typeof rejected === 'string') return { ok: false, reason: rejected };
    if (!alternates(row)) return { ok: false, reason: 'chat_turns' };
    return {
      ok: true,
      lines: [
        {
          messages: conversation(row),
          chosen: { role: 'assistant', content: row.completion },
          rejected: { role: 'assistant', content: rejected.text },
          chosen_relevance: row.human.label,
          rejected_relevance: rejected.label,
          ...provenance(row),
        },
      ],
    };
  },
};

export const llamaFactoryKto: AnswerExporter = {
  id: 'llama-factory-kto',
  title: 'LLaMA-Factory KTO, with dataset_info.json',
  card: `LLaMA-Factory \`stage: kto\`, \`dataset_dir\` this folder, \`dataset: rationale_train\`: accepted answers and corrections are \`label: true\`, what was corrected \`false\`. ${template}`,
  prompts: 'messages',
  extraFiles: (plan) => datasetInfo(plan, { columns: { messages: 'messages', kto_tag: 'label' } }),
  convert: (row) => {
    if (!alternates(row)) return { ok: false, reason: 'chat_turns' };
    const verdicts = verdictsOf(row);
    if (typeof verdicts === 'string') return { ok: false, reason: verdicts };
    return {
      ok: true,
      lines: verdicts.map(({ text, relevance, good }) => ({
        messages: [...conversation(row), ...assistant(text)],
        label: good,
        relevance,
        ...provenance(row),
      })),
    };
  },
};

interface Columns {
  readonly ranking?: true;
  readonly columns: Readonly<Record<string, string>>;
}

/** `dataset_info.json`, one data set for each split, named `rationale_train` and `rationale_validation`. */
function datasetInfo({ splits, policy }: ExportPlan, columns: Columns): { name: string; text: string }[] {
  const sets = splits.map(({ split }): [string, object] => [
    `rationale_${split}`,
    { file_name: dataFileName({}, split, policy), formatting: 'sharegpt', ...columns, tags },
  ]);
  return [{ name: 'dataset_info.json', text: `${JSON.stringify(Object.fromEntries(sets), null, 2)}\n` }];
}

/** LLaMA-Factory drops a row with a warning where the turns do not go user, assistant, …, user after an optional system message. */
function alternates(row: CanonicalRow): boolean {
  if (row.prompt.kind === 'raw') return true;
  const turns = row.prompt.messages.filter((message, i) => i > 0 || message.role !== 'system');
  return turns.length % 2 === 1 && turns.every(({ role }, i) => role === (i % 2 === 0 ? 'user' : 'assistant'));
}
