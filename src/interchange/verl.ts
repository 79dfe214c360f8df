/**
 * verl (0.9): RLHFDataset for GRPO and PPO, MultiTurnSFTDataset and RMDataset. The first reads JSON whose name ends in
 * `.json` in every version; the other two read Parquet only.
 */
import { conversation, provenance, type AnswerExporter } from './exporter.js';
import { rejectedOf } from './preference.js';

const rawPrompts =
  "verl always applies a chat template: for a model that reads raw prompts set `actor_rollout_ref.model.custom_chat_template` to `{% for m in messages %}{{ m['content'] }}{% endfor %}`.";

export const verlRl: AnswerExporter = {
  id: 'verl-rl',
  title: 'verl GRPO and PPO prompts, gold label as ground truth',
  card: `verl \`RLHFDataset\` (\`data.train_files\`): \`reward_model.ground_truth\` is the human's label as text, \`extra_info\` holds the human's explanation and where the row comes from. \`data_source\` is \`rationale\`, which verl's own rewards do not know: give \`custom_reward_function.path\`, a file with \`compute_score(data_source, solution_str, ground_truth, extra_info)\`. verl drops prompts longer than \`data.max_prompt_length\` without a word (1024 unless set). ${rawPrompts}`,
  prompts: 'messages',
  dataFile: (split) => `${split}.json`,
  convert: (row) => ({
    ok: true,
    lines: [
      {
        data_source: 'rationale',
        prompt: conversation(row),
        ability: 'reranking',
        reward_model: { style: 'rule', ground_truth: String(row.human.label) },
        extra_info: {
          // verl wants a number here: 48 bits of the answer's identity stay the same whatever else is exported.
          index: Number.parseInt(row.id.slice(0, 12), 16),
          explanation: row.human.explanation,
          reference: row.completion,
          ...provenance(row),
        },
      },
    ],
  }),
};

export const verlSft: AnswerExporter = {
  id: 'verl-sft',
  title: 'verl supervised fine-tuning, messages',
  card: `verl \`MultiTurnSFTDataset\`: reads Parquet only, so export with the Parquet container; rows longer than \`data.max_length\` (1024 unless set) stop the run. ${rawPrompts}`,
  prompts: 'messages',
  convert: (row) => ({
    ok: true,
    lines: [
      {
        messages: [...conversation(row), { role: 'assistant', content: row.completion }],
        relevance: row.human.label,
        ...provenance(row),
      },
    ],
  }),
};

export const verlRm: AnswerExporter = {
  id: 'verl-rm',
  title: 'verl reward model, preference pairs as strings',
  card: 'verl `RMDataset`: `prompt`, `chosen` and `rejected` as plain strings, joined without a chat template and cut at `max_length` (1024 unless set). Reads Parquet only, so export with the Parquet container.',
  prompts: 'strings',
  convert: (row) => {
    const rejected = rejectedOf(row);
    if (typeof rejected === 'string') return { ok: false, reason: rejected };
    if (row.prompt.kind === 'messages') return { ok: false, reason: 'chat_prompt' };
    return {
      ok: true,
      lines: [
        {
          prompt: row.prompt.text,
          chosen: row.completion,
          rejected: rejected.text,
          chosen_relevance: row.human.label,
          rejected_relevance: rejected.label,
          ...provenance(row),
        },
      ],
    };
  },
};
