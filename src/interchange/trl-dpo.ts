/** TRL DPOTrainer and RewardTrainer: preference pairs, the correction chosen over what the model had answered. */
import type { JsonObject } from '../domain/json.js';
import type { CanonicalRow } from './canonical.js';
import { assistant, conversation, provenance, type Converted, type Exporter } from './exporter.js';

export const trlDpo: Exporter = {
  title: 'TRL preference pairs, conversational',
  card: 'TRL `DPOTrainer` or `RewardTrainer`, conversational preference pairs: `chosen` is the correction, `rejected` what the model had answered. A model that was trained on raw prompts (no chat template) needs the plain-string variant `trl-dpo-text`.',
  convert: (row) => convert(row, conversation(row), assistant),
};

export const trlDpoText: Exporter = {
  title: 'TRL preference pairs, plain strings',
  card: 'TRL `DPOTrainer` or `RewardTrainer`, plain preference pairs, for models that read raw prompts without a chat template: `chosen` is the correction, `rejected` what the model had answered.',
  convert: (row) =>
    row.prompt.kind === 'messages'
      ? { ok: false, reason: 'chat_prompt' }
      : convert(row, row.prompt.text, (text) => text),
};

/** TRL accepts a pair of equal answers silently and learns nothing from it, so equal pairs are left out here. */
function convert(
  row: CanonicalRow,
  prompt: string | readonly JsonObject[],
  answer: (text: string) => string | readonly JsonObject[],
): Converted {
  if (row.review === 'accepted') return { ok: false, reason: 'accepted' };
  if (row.original === null) return { ok: false, reason: 'nothing_rejected' };
  if (row.original.text === row.completion) return { ok: false, reason: 'equal_pair' };
  return {
    ok: true,
    line: {
      prompt,
      chosen: answer(row.completion),
      rejected: answer(row.original.text),
      chosen_relevance: row.human.label,
      rejected_relevance: row.original.label,
      ...provenance(row),
    },
  };
}
