/**
 * Stepwise supervision: the model's rationale sentence by sentence, each step right or wrong, and the label as the last step.
 * The columns are those of TRL's former PRMTrainer, which TRL 1.x no longer has; Axolotl reads them as `stepwise_supervised`.
 */
import { conversation, provenance, type AnswerExporter } from './exporter.js';
import { soleMessage } from './sole-message.js';

export const trlStepwise: AnswerExporter = {
  id: 'trl-stepwise',
  title: 'TRL stepwise supervision, sentence by sentence',
  card: "Stepwise supervision in TRL's columns (TRL 1.x has no trainer for them any more; Axolotl reads them as `type: stepwise_supervised`): `completions` are the sentences of the model's explanation and, last, its label; `labels` tells which of them the human kept: a sentence that stands unchanged in the human's explanation, the label where it is the human's. The prompt is plain text, of a chat its one user message, because the trainer reads no conversations.",
  // As messages, so that raw prompts and single user messages both arrive here and become the same column of strings.
  prompts: 'messages',
  convert(row) {
    if (row.review === 'prefilled') return { ok: false, reason: 'prefilled' };
    const { original } = row;
    if (original === null) return { ok: false, reason: 'nothing_rejected' };
    const prompt = soleMessage(conversation(row));
    if (prompt === null) return { ok: false, reason: 'chat_prompt' };
    const steps = sentences(original.explanation ?? '');
    if (steps.length === 0) return { ok: false, reason: 'no_sentences' };
    const kept = new Set(sentences(row.human.explanation ?? '').map(evened));
    const line = {
      prompt,
      completions: [...steps, `Label: ${original.label}`],
      labels: [...steps.map((step) => kept.has(evened(step))), original.label === row.human.label],
      relevance: row.human.label,
      ...provenance(row),
    };
    return { ok: true, lines: [line] };
  },
};

// The locale is fixed, because the same input must give the same bytes everywhere.
const segmenter = new Intl.Segmenter('en', { granularity: 'sentence' });

function sentences(text: string): string[] {
  return [...segmenter.segment(text)].map(({ segment }) => segment.trim()).filter((sentence) => sentence !== '');
}

function evened(sentence: string): string {
  return sentence.replace(/\s+/g, ' ');
}
