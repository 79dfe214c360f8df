/**
 * Chats of one question and one answer, as teachers' data sets keep them: TFRank (`messages` and a gold `solution`),
 * Rank1 (a think block, then true or false), and any OpenAI-style `messages` whose prompt is of a known template.
 */
import type { JsonObject } from '../../domain/json.js';
import type { ChatMessage } from '../../profiles/template.js';
import { answered, answerTextOf, messagesOf, questionOf, splitExchange } from './exchange.js';
import type { ImportedRecord, RecordImporter } from './importer.js';
import { binaryScale, parsePrompt, tfrankScale, type PromptTemplate } from './prompts.js';

/** Where data sets keep a chat; ShareGPT calls it `conversations`. */
const chatFields = ['messages', 'conversations'] as const;
/** Where they keep an answer that is not in the chat, for a prompt that is not either. */
const answerFields = ['completion', 'response', 'output', 'model_output', 'solution'] as const;
const promptFields = ['prompt', 'input', 'model_input'] as const;
const scales = [tfrankScale, binaryScale];

export const tfrankImporter: RecordImporter = chatLike(
  'tfrank',
  'TFRank training rows (pointwise chats, think block, yes/no with a grade)',
  ['tfrank'],
);

export const rank1Importer: RecordImporter = chatLike('rank1', 'Rank1 outputs (think block, then true or false)', [
  'rank1',
]);

export const chatImporter: RecordImporter = {
  kind: 'records',
  id: 'chat',
  title: 'Chat messages (OpenAI or ShareGPT form) of a known prompt',
  scales,
  detect: (sample) =>
    share(sample, (record) => {
      const found = exchangeOf(record);
      if (found === null || found.from !== 'chat') return 0;
      return parsePrompt(found.prompt) === undefined ? 0.1 : 0.7;
    }),
  convert: convertChat,
};

function chatLike(id: string, title: string, templates: readonly PromptTemplate['id'][]): RecordImporter {
  return {
    kind: 'records',
    id,
    title,
    scales,
    detect: (sample) =>
      share(sample, (record) => {
        const template = parsePrompt(exchangeOf(record)?.prompt ?? [])?.template;
        return template !== undefined && templates.includes(template.id) ? 1 : 0;
      }),
    convert: convertChat,
  };
}

interface Exchange {
  readonly from: 'chat' | 'fields';
  readonly prompt: readonly ChatMessage[];
  readonly answer: string | null;
  /** Fields that hold nothing beyond prompt and answer. */
  readonly used: readonly string[];
  readonly fault?: string;
}

/** The chat of a record, wherever it stands, or null. */
function exchangeOf(record: JsonObject): Exchange | null {
  for (const field of chatFields) {
    const messages = messagesOf(record[field], 'user');
    if (messages === null || typeof record[field] === 'string') continue;
    const split = splitExchange(messages);
    if (typeof split === 'string') return { from: 'chat', prompt: [], answer: null, used: [], fault: split };
    return { from: 'chat', ...split, used: [field] };
  }
  for (const field of promptFields) {
    const prompt = messagesOf(record[field], 'user');
    if (prompt === null) continue;
    for (const answerField of answerFields) {
      const answer = answerTextOf(record[answerField]);
      if (answer !== null) return { from: 'fields', prompt, answer, used: [field, answerField] };
    }
    return { from: 'fields', prompt, answer: null, used: [field] };
  }
  return null;
}

function convertChat(record: JsonObject): ImportedRecord[] {
  const found = exchangeOf(record);
  if (found === null) return [{ kind: 'skipped', reason: 'no messages that could be read' }];
  if (found.fault !== undefined) return [{ kind: 'skipped', reason: found.fault }];
  const question = questionOf(record, found.prompt, found.used);
  if (typeof question === 'string') return [{ kind: 'skipped', reason: question }];
  const { notes } = question;
  if (found.answer !== null) return [{ kind: 'judgement', judgement: answered(question, found.answer), notes }];
  const { solution } = record;
  if (typeof solution !== 'string') {
    return [{ kind: 'judgement', judgement: { ...question.base, status: 'pending' }, notes }];
  }
  // A gold label is not what a model wrote: no raw response. `solution` stays among the record's own fields.
  const { label, explanation } = question.template.read(solution);
  return [{ kind: 'judgement', judgement: { ...question.base, label, explanation }, notes }];
}

function share(sample: readonly JsonObject[], confidence: (record: JsonObject) => number): number {
  return sample.reduce((sum, record) => sum + confidence(record), 0) / Math.max(1, sample.length);
}
