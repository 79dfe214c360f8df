/**
 * Axolotl (0.19): SFT, DPO and KTO. Messages for models with a chat template, plain strings with a format of their own
 * for models that read raw prompts; the card says which `type` of the configuration reads which.
 */
import type { CanonicalRow } from './canonical.js';
import { conversation, provenance, type AnswerExporter, type ConvertContext } from './exporter.js';
import { rejectedOf } from './preference.js';
import { verdictsOf } from './verdicts.js';

export const axolotlSft: AnswerExporter = {
  id: 'axolotl-sft',
  title: 'Axolotl supervised fine-tuning',
  card: 'Axolotl `datasets:` entry: with `messages`, `type: chat_template`; with `prompt` and `completion` strings, `type: {field_instruction: prompt, field_output: completion, format: "{instruction}", no_input_format: "{instruction}"}`. The loss is taken on the answer alone (`train_on_inputs: false`). Rows longer than `sequence_len` are dropped.',
  convert: (row, context) => ({
    ok: true,
    lines: [{ ...spoken(row, row.completion, context), relevance: row.human.label, ...provenance(row) }],
  }),
};

export const axolotlDpo: AnswerExporter = {
  id: 'axolotl-dpo',
  title: 'Axolotl preference pairs (DPO)',
  card: 'Axolotl `rl: dpo`, `datasets:` entry: with `messages`, `type: chat_template.default`; with strings, `type: {field_prompt: prompt, field_chosen: chosen, field_rejected: rejected}`. `chosen` is the correction, `rejected` what the model had answered.',
  convert: (row, context) => {
    const rejected = rejectedOf(row);
    if (typeof rejected === 'string') return { ok: false, reason: rejected };
    const strings = context.prompts === 'strings' && row.prompt.kind === 'raw';
    // One object each, not a list of one as in TRL.
    const answer = (content: string) => (strings ? content : { role: 'assistant', content });
    return {
      ok: true,
      lines: [
        {
          ...(strings ? { prompt: row.prompt.text } : { messages: conversation(row) }),
          chosen: answer(row.completion),
          rejected: answer(rejected.text),
          chosen_relevance: row.human.label,
          rejected_relevance: rejected.label,
          ...provenance(row),
        },
      ],
    };
  },
};

export const axolotlKto: AnswerExporter = {
  id: 'axolotl-kto',
  title: 'Axolotl KTO, plain strings',
  card: 'Axolotl `rl: kto`, `datasets:` entry `type: {field_prompt: prompt, field_completion: completion, field_label: label}` with `remove_unused_columns: false`: accepted answers and corrections are `label: true`, what was corrected `false`.',
  prompts: 'strings',
  convert: (row) => {
    if (row.prompt.kind === 'messages') return { ok: false, reason: 'chat_prompt' };
    const { text: prompt } = row.prompt;
    const verdicts = verdictsOf(row);
    if (typeof verdicts === 'string') return { ok: false, reason: verdicts };
    return {
      ok: true,
      lines: verdicts.map(({ text, relevance, good }) => ({
        prompt,
        completion: text,
        label: good,
        relevance,
        ...provenance(row),
      })),
    };
  },
};

function spoken(row: CanonicalRow, completion: string, { prompts }: ConvertContext) {
  if (prompts === 'strings' && row.prompt.kind === 'raw') return { prompt: row.prompt.text, completion };
  return { messages: [...conversation(row), { role: 'assistant', content: completion }] };
}
