/**
 * TRL's data sets (SFT, preference, KTO, prompt-only with gold columns), conversational or as strings. Of a preference both
 * answers are kept, the chosen one as sample 0 and the rejected one as sample 1: which a person preferred stands in the
 * unknown field `preference`, for the file does not say that anybody corrected anything.
 */
import type { JsonObject } from '../../domain/json.js';
import type { ChatMessage } from '../../profiles/template.js';
import { answered, answerTextOf, messagesOf, questionOf, splitExchange } from './exchange.js';
import { readLabel } from './fields.js';
import type { ImportedRecord, RecordImporter } from './importer.js';
import { binaryScale, parsePrompt, tfrankScale } from './prompts.js';

export const trlImporter: RecordImporter = {
  kind: 'records',
  id: 'trl',
  title: 'TRL data sets (SFT, preference, KTO, prompt-only), conversational or strings',
  scales: [tfrankScale, binaryScale],
  detect(sample) {
    const sure = sample.map((record): number => {
      const known = parsePrompt(messagesOf(record['prompt'], 'user') ?? []) !== undefined;
      const readable = known || (typeof record['query'] === 'string' && typeof record['document'] === 'string');
      if ('chosen' in record && 'rejected' in record)
        return known || !('prompt' in record) ? 0.9 : readable ? 0.6 : 0.1;
      if ('prompt' in record && 'completion' in record) return known ? 0.9 : readable ? 0.6 : 0.1;
      return known && ('gold_label' in record || 'relevance' in record) ? 0.8 : 0;
    });
    return sure.reduce((a, b) => a + b, 0) / Math.max(1, sure.length);
  },
  convert(record) {
    if ('chosen' in record || 'rejected' in record) return preferenceRows(record);
    if ('messages' in record && !('prompt' in record)) return conversationRows(record);
    return completionRows(record);
  },
};

/**
 * The two answers of a preference row (`prompt`, `chosen`, `rejected`; without `prompt` both hold the whole conversation).
 * `…_score` and `…_relevance` go with the answer they are about.
 */
export function preferenceRows(record: JsonObject): ImportedRecord[] {
  const sides = preferenceSides(record);
  if (typeof sides === 'string') return [{ kind: 'skipped', reason: sides }];
  const { prompt, chosen, rejected } = sides;
  const own = {
    chosen: Object.keys(record).filter((key) => key.startsWith('chosen_')),
    rejected: Object.keys(record).filter((key) => key.startsWith('rejected_')),
  };
  const question = questionOf(record, prompt, ['prompt', 'chosen', 'rejected', ...own.chosen, ...own.rejected]);
  if (typeof question === 'string') return [{ kind: 'skipped', reason: question }];
  const row = (side: 'chosen' | 'rejected', text: string, sample: number): ImportedRecord => {
    const fields = Object.fromEntries(own[side].map((key) => [key, record[key] ?? null]));
    return {
      kind: 'judgement',
      judgement: { ...answered(question, text, { ...fields, preference: side }), sample },
      notes: question.notes,
    };
  };
  return [row('chosen', chosen, 0), row('rejected', rejected, 1)];
}

function preferenceSides(
  record: JsonObject,
): { readonly prompt: readonly ChatMessage[]; readonly chosen: string; readonly rejected: string } | string {
  const prompt = messagesOf(record['prompt'], 'user');
  if (prompt !== null) {
    const chosen = answerTextOf(record['chosen']);
    const rejected = answerTextOf(record['rejected']);
    if (chosen === null || rejected === null) return 'a preference without both answers as text';
    return { prompt, chosen, rejected };
  }
  const whole = (['chosen', 'rejected'] as const).map((side) => {
    const messages = Array.isArray(record[side]) ? messagesOf(record[side], 'user') : null;
    const split = messages === null ? null : splitExchange(messages);
    return split === null || typeof split === 'string' || split.answer === null
      ? null
      : { prompt: split.prompt, answer: split.answer };
  });
  const [chosen, rejected] = whole;
  if (chosen == null || rejected == null) return 'a preference without a prompt and both answers as text';
  if (JSON.stringify(chosen.prompt) !== JSON.stringify(rejected.prompt)) {
    return 'a preference whose two conversations ask different things';
  }
  return { prompt: chosen.prompt, chosen: chosen.answer, rejected: rejected.answer };
}

function conversationRows(record: JsonObject): ImportedRecord[] {
  const messages = messagesOf(record['messages'], 'user');
  const split = messages === null ? 'no messages that could be read' : splitExchange(messages);
  if (typeof split === 'string') return [{ kind: 'skipped', reason: split }];
  if (split.answer === null) return [{ kind: 'skipped', reason: 'a conversation without an answer' }];
  const question = questionOf(record, split.prompt, ['messages']);
  if (typeof question === 'string') return [{ kind: 'skipped', reason: question }];
  return [{ kind: 'judgement', judgement: answered(question, split.answer), notes: question.notes }];
}

/** SFT and KTO (`label` true or false: kept as `source_label`, it is no relevance), or a prompt with its gold columns. */
function completionRows(record: JsonObject): ImportedRecord[] {
  const prompt = messagesOf(record['prompt'], 'user');
  if (prompt === null) return [{ kind: 'skipped', reason: 'no prompt that could be read' }];
  if ('completion' in record) {
    const answer = answerTextOf(record['completion']);
    if (answer === null) return [{ kind: 'skipped', reason: 'a completion that is not one answer as text' }];
    const question = questionOf(record, prompt, ['prompt', 'completion']);
    if (typeof question === 'string') return [{ kind: 'skipped', reason: question }];
    return [{ kind: 'judgement', judgement: answered(question, answer), notes: question.notes }];
  }
  const goldField = 'gold_label' in record ? 'gold_label' : 'relevance';
  const question = questionOf(record, prompt, ['prompt', goldField, 'reference_explanation']);
  if (typeof question === 'string') return [{ kind: 'skipped', reason: question }];
  const gold = readLabel(record[goldField], goldField);
  if (!gold.ok) return [{ kind: 'skipped', reason: gold.reason }];
  const reference = record['reference_explanation'];
  const text = typeof reference === 'string' && reference.trim() !== '' ? reference : null;
  const read = text === null ? null : question.template.read(text);
  const explanation = read?.label == null ? text : read.explanation;
  const pending = gold.label === null && explanation === null;
  return [
    {
      kind: 'judgement',
      judgement: { ...question.base, label: gold.label, explanation, ...(pending ? { status: 'pending' } : {}) },
      notes: [...question.notes, ...gold.notes],
    },
  ];
}
