/** TRL SFTTrainer: prompt-completion (conversational or plain strings, loss on the completion only, TRL's default) and messages. */
import { assistant, conversation, promptOf, provenance, type AnswerExporter } from './exporter.js';

export const trlSft: AnswerExporter = {
  id: 'trl-sft',
  title: 'TRL supervised fine-tuning, conversational',
  card: 'TRL `SFTTrainer`, conversational prompt-completion: the loss is taken on `completion` alone. A model that was trained on raw prompts (no chat template) needs the plain-string variant `trl-sft-text`.',
  prompts: 'messages',
  convert: (row) => ({
    ok: true,
    lines: [
      {
        prompt: conversation(row),
        completion: assistant(row.completion),
        relevance: row.human.label,
        ...provenance(row),
      },
    ],
  }),
};

export const trlSftText: AnswerExporter = {
  id: 'trl-sft-text',
  title: 'TRL supervised fine-tuning, plain strings',
  card: 'TRL `SFTTrainer`, plain prompt-completion strings, which TRL concatenates without a chat template: for models that read raw prompts. The loss is taken on `completion` alone.',
  prompts: 'strings',
  convert: (row, context) => ({
    ok: true,
    lines: [
      {
        prompt: promptOf(row, context),
        completion: row.completion,
        relevance: row.human.label,
        ...provenance(row),
      },
    ],
  }),
};

export const trlMessages: AnswerExporter = {
  id: 'trl-messages',
  title: 'TRL supervised fine-tuning, messages',
  card: 'TRL `SFTTrainer` and others that read `messages`: the whole conversation in one column. The loss is taken on every token unless `assistant_only_loss` is set, so prefer `trl-sft` where the trainer can read it.',
  prompts: 'messages',
  convert: (row) => ({
    ok: true,
    lines: [
      {
        messages: [...conversation(row), ...assistant(row.completion)],
        relevance: row.human.label,
        ...provenance(row),
      },
    ],
  }),
};
