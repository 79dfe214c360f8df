/** TRL GRPOTrainer and RLOOTrainer: prompts alone, with the human's answer in columns that the reward function gets. */
import { sliceCodePoints } from '../domain/text.js';
import { promptOf, provenance, type AnswerExporter } from './exporter.js';

export const trlGrpo: AnswerExporter = {
  id: 'trl-grpo',
  title: 'TRL GRPO and RLOO, prompts with gold columns',
  card: 'TRL `GRPOTrainer` or `RLOOTrainer`: prompts alone. Every other column arrives in the reward function as a list: `gold_label`, `gold_explanation` (null where the prompt asks for a label alone), `gold_answer` (both in the words of the answer template), `gold_evidence` (what annotators marked in the document), `scale`. Set `max_completion_length` (512 unless set) to the longest answer.',
  convert: (row, context) => ({
    ok: true,
    lines: [
      {
        prompt: promptOf(row, context),
        gold_label: row.human.label,
        gold_explanation: row.human.explanation,
        gold_answer: row.completion,
        gold_evidence: row.evidence.map(([start, end]) => sliceCodePoints(row.judgement.document, start, end)),
        scale: row.judgement.scale,
        ...provenance(row),
      },
    ],
  }),
};
