/** TRL SFTTrainer: prompt-completion, conversational or plain strings (loss on the completion only, TRL's default). */
import { assistant, conversation, provenance, type Exporter } from './exporter.js';

export const trlSft: Exporter = {
  title: 'TRL supervised fine-tuning, conversational',
  card: 'TRL `SFTTrainer`, conversational prompt-completion: the loss is taken on `completion` alone. A model that was trained on raw prompts (no chat template) needs the plain-string variant `trl-sft-text`.',
  convert: (row) => ({
    ok: true,
    line: {
      prompt: conversation(row),
      completion: assistant(row.completion),
      relevance: row.human.label,
      ...provenance(row),
    },
  }),
};

export const trlSftText: Exporter = {
  title: 'TRL supervised fine-tuning, plain strings',
  card: 'TRL `SFTTrainer`, plain prompt-completion strings, which TRL concatenates without a chat template: for models that read raw prompts. The loss is taken on `completion` alone.',
  convert: (row) =>
    row.prompt.kind === 'messages'
      ? { ok: false, reason: 'chat_prompt' }
      : {
          ok: true,
          line: { prompt: row.prompt.text, completion: row.completion, relevance: row.human.label, ...provenance(row) },
        },
};
