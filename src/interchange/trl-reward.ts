/** TRL RewardTrainer: preference pairs with a margin, which the loss demands between the two rewards. */
import { answerOf, promptOf, provenance, type AnswerExporter } from './exporter.js';
import { rejectedOf } from './preference.js';
import { rewardOf } from './rewards.js';

export const trlReward: AnswerExporter = {
  id: 'trl-reward',
  title: 'TRL reward model, pairs with a margin',
  card: 'TRL `RewardTrainer`, preference pairs: `chosen` is the correction, `rejected` what the model had answered, `margin` how much better the correction is: 1 minus the reward of the rejected answer (see the formula below), 0 to 1. Strings for models that read raw prompts, conversations for chat models.',
  rewarded: true,
  convert(row, context) {
    const rejected = rejectedOf(row);
    if (typeof rejected === 'string') return { ok: false, reason: rejected };
    const reward = rewardOf(rejected, row, context.policy.rewards);
    const line = {
      prompt: promptOf(row, context),
      chosen: answerOf(row.completion, context),
      rejected: answerOf(rejected.text, context),
      margin: Math.round((1 - reward) * 1e6) / 1e6,
      chosen_relevance: row.human.label,
      rejected_relevance: rejected.label,
      ...provenance(row),
    };
    return { ok: true, lines: [line] };
  },
};
