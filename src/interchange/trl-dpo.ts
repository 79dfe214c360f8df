/** TRL DPOTrainer: preference pairs, the correction chosen over what the model had answered. */
import type { CanonicalRow } from './canonical.js';
import {
  answerOf,
  promptOf,
  provenance,
  type AnswerExporter,
  type ConvertContext,
  type Converted,
} from './exporter.js';
import { rejectedOf } from './preference.js';

export const trlDpo: AnswerExporter = {
  id: 'trl-dpo',
  title: 'TRL preference pairs, conversational',
  card: 'TRL `DPOTrainer` or `RewardTrainer`, conversational preference pairs: `chosen` is the correction, `rejected` what the model had answered. A model that was trained on raw prompts (no chat template) needs the plain-string variant `trl-dpo-text`.',
  prompts: 'messages',
  convert,
};

export const trlDpoText: AnswerExporter = {
  id: 'trl-dpo-text',
  title: 'TRL preference pairs, plain strings',
  card: 'TRL `DPOTrainer` or `RewardTrainer`, plain preference pairs, for models that read raw prompts without a chat template: `chosen` is the correction, `rejected` what the model had answered.',
  prompts: 'strings',
  convert,
};

function convert(row: CanonicalRow, context: ConvertContext): Converted {
  const rejected = rejectedOf(row);
  if (typeof rejected === 'string') return { ok: false, reason: rejected };
  const line = {
    prompt: promptOf(row, context),
    chosen: answerOf(row.completion, context),
    rejected: answerOf(rejected.text, context),
    chosen_relevance: row.human.label,
    rejected_relevance: rejected.label,
    ...provenance(row),
  };
  return { ok: true, lines: [line] };
}
