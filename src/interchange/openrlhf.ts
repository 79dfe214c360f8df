/** OpenRLHF (0.11): SFT, preference pairs (DPO and reward model), and prompts for PPO and GRPO. */
import { answerOf, promptOf, provenance, type AnswerExporter } from './exporter.js';
import { rejectedOf } from './preference.js';

const form =
  'Where the answers are lists of messages, add `--data.apply_chat_template`; where they are strings (models that read raw prompts), leave it out.';

export const openrlhfSft: AnswerExporter = {
  id: 'openrlhf-sft',
  title: 'OpenRLHF supervised fine-tuning',
  card: `OpenRLHF \`train_sft\`: \`--data.input_key input --data.output_key output\`. ${form} Rows longer than \`--data.max_len\` are cut or dropped.`,
  convert: (row, context) => ({
    ok: true,
    lines: [
      {
        input: promptOf(row, context),
        output: answerOf(row.completion, context),
        relevance: row.human.label,
        ...provenance(row),
      },
    ],
  }),
};

export const openrlhfPairs: AnswerExporter = {
  id: 'openrlhf-dpo',
  title: 'OpenRLHF preference pairs (DPO, reward model)',
  card: `OpenRLHF \`train_dpo\` or \`train_rm\`: \`--data.prompt_key prompt --data.chosen_key chosen --data.rejected_key rejected\`. ${form} \`chosen\` is the correction, \`rejected\` what the model had answered.`,
  convert: (row, context) => {
    const rejected = rejectedOf(row);
    if (typeof rejected === 'string') return { ok: false, reason: rejected };
    return {
      ok: true,
      lines: [
        {
          prompt: promptOf(row, context),
          chosen: answerOf(row.completion, context),
          rejected: answerOf(rejected.text, context),
          chosen_relevance: row.human.label,
          rejected_relevance: rejected.label,
          ...provenance(row),
        },
      ],
    };
  },
};

export const openrlhfRl: AnswerExporter = {
  id: 'openrlhf-rl',
  title: 'OpenRLHF PPO and GRPO prompts with the gold label',
  card: `OpenRLHF \`train_ppo_ray\`: \`--data.input_key input --data.label_key gold_label\`; the reward function \`reward_func(queries, prompts, labels)\` gets the human's label as text. ${form}`,
  convert: (row, context) => {
    const prompt = promptOf(row, context);
    // PromptDataset turns "<image>" inside a message into a picture that is not there (openrlhf/datasets/prompts_dataset.py).
    if (typeof prompt !== 'string' && JSON.stringify(prompt).includes('<image>')) {
      return { ok: false, reason: 'image_placeholder' };
    }
    return {
      ok: true,
      lines: [
        {
          input: prompt,
          gold_label: String(row.human.label),
          datasource: 'rationale',
          reference: row.completion,
          ...provenance(row),
        },
      ],
    };
  },
};
