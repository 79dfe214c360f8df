/** TRL KTOTrainer: single answers with a verdict; `label` is the one column of that name, and a boolean. */
import { answerOf, promptOf, provenance, type AnswerExporter } from './exporter.js';
import { verdictsOf } from './verdicts.js';

export const trlKto: AnswerExporter = {
  id: 'trl-kto',
  title: 'TRL KTO, single answers with a verdict',
  card: "TRL `KTOTrainer`, unpaired preferences: an accepted answer is `true`; a correction gives two rows, the model's answer as `false` and the correction as `true`. `label` is the verdict, a boolean; the relevance label is `relevance`. Strings for models that read raw prompts, conversations for chat models.",
  convert(row, context) {
    const verdicts = verdictsOf(row);
    if (typeof verdicts === 'string') return { ok: false, reason: verdicts };
    const lines = verdicts.map(({ text, relevance, good }) => ({
      prompt: promptOf(row, context),
      completion: answerOf(text, context),
      label: good,
      relevance,
      ...provenance(row),
    }));
    return { ok: true, lines };
  },
};
