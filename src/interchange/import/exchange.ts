/**
 * One exchange (what was asked, what was answered) as a judgement: shared by the formats that keep prompts and answers,
 * however they lay them out.
 */
import { isJsonObject, type Json, type JsonObject } from '../../domain/json.js';
import type { ChatMessage } from '../../profiles/template.js';
import { otherFields, readText } from './fields.js';
import type { ImportedJudgement } from './importer.js';
import { interankTemplate, parsePrompt, type PromptTemplate } from './prompts.js';

/** What a record asked, and what it says about the pair beside its answers. */
export interface Question {
  readonly template: PromptTemplate;
  /** Query, document, ids, scale, model and the record's unknown fields. */
  readonly base: ImportedJudgement;
  readonly notes: readonly string[];
}

/** Fields that every exporter of ours writes, and many others use, with our meaning. */
const ownFields = ['query_id', 'doc_id', 'title'] as const;

/**
 * Finds query and document: in the prompt if its template is known, else in fields of their own. `used` names the fields
 * that the caller reads itself; all others are kept. A string instead of a question is the reason why there is none.
 */
export function questionOf(
  record: JsonObject,
  messages: readonly ChatMessage[] | null,
  used: readonly string[],
): Question | string {
  const asked = messages === null ? undefined : parsePrompt(messages);
  const query = asked?.query ?? record['query'];
  const document = asked?.document ?? record['document'];
  if (typeof query !== 'string' || typeof document !== 'string') {
    return messages === null
      ? 'no prompt that could be read'
      : 'a prompt whose template is not known, and no "query" and "document" beside it';
  }
  const taken = new Set<string>(asked === undefined ? ['query', 'document', ...used] : used);
  let ids: Pick<ImportedJudgement, (typeof ownFields)[number]> = {};
  for (const field of ownFields) {
    const value = readText(record[field]);
    if (value === null) continue;
    ids = { ...ids, [field]: value };
    taken.add(field);
  }
  const model = record['model'];
  if (typeof model === 'string' || isJsonObject(model)) taken.add('model');
  const template = asked?.template ?? interankTemplate;
  const rest = {
    ...otherFields(record, taken),
    // The prompt itself is rebuilt from the template; one that is not known has to be kept.
    ...(asked === undefined && messages !== null
      ? { prompt: messages.map(({ role, content }) => ({ role, content })) }
      : {}),
    ...(asked === undefined || asked.template.id === 'interank' ? {} : { prompt_template: asked.template.id }),
    ...asked?.rest,
  };
  return {
    template,
    base: {
      query,
      document,
      ...ids,
      scale: template.scale.name,
      ...(typeof model === 'string' ? { model: { id: model } } : isJsonObject(model) ? { model } : {}),
      ...(Object.keys(rest).length === 0 ? {} : { extra: rest }),
    },
    notes:
      asked?.ambiguous === true
        ? ['a prompt that can be split in several ways: the text between query and document occurs more than once']
        : [],
  };
}

/** The judgement that an answer's text makes: label and explanation as the template has them, the text verbatim. */
export function answered(question: Question, text: string, extra: JsonObject = {}): ImportedJudgement {
  const read = question.template.read(text);
  return {
    ...question.base,
    label: read.label,
    explanation: read.explanation,
    raw_response: text,
    ...(Object.keys(extra).length === 0 ? {} : { extra: { ...question.base.extra, ...extra } }),
  };
}

/**
 * A conversation from JSON: a list of messages, one message, or a string, which counts as one message of `role`. Content in
 * parts is joined; an answer's reasoning in a field of its own is put before it as a think block. Null where it is none.
 */
export function messagesOf(value: Json | undefined, role: 'user' | 'assistant'): ChatMessage[] | null {
  if (typeof value === 'string') return [{ role, content: value }];
  if (isJsonObject(value)) return messagesOf([value], role);
  if (!Array.isArray(value)) return null;
  const messages: ChatMessage[] = [];
  for (const item of value as readonly Json[]) {
    if (!isJsonObject(item)) return null;
    const who = typeof item['role'] === 'string' ? item['role'] : item['from'];
    const content = contentOf(item['content'] ?? item['value']);
    if (typeof who !== 'string' || content === null) return null;
    const reasoning = item['reasoning_content'] ?? item['reasoning'] ?? item['thinking'];
    const thought = typeof reasoning === 'string' && reasoning !== '' ? `<think>\n${reasoning}\n</think>\n\n` : '';
    messages.push({ role: roles.get(who) ?? who, content: thought + content });
  }
  return messages.length === 0 ? null : messages;
}

/** The names ShareGPT uses. */
const roles = new Map([
  ['human', 'user'],
  ['gpt', 'assistant'],
]);

function contentOf(value: Json | undefined): string | null {
  if (typeof value === 'string') return value;
  if (!Array.isArray(value)) return null;
  const parts = (value as readonly Json[]).map((part) => (isJsonObject(part) ? part['text'] : part));
  return parts.every((part) => typeof part === 'string') ? parts.join('') : null;
}

/** The text of an answer that consists of one assistant message, or null. */
export function answerTextOf(value: Json | undefined): string | null {
  const messages = messagesOf(value, 'assistant');
  const [only] = messages ?? [];
  return messages?.length === 1 && only?.role === 'assistant' ? only.content : null;
}

/** Splits a conversation into what was asked and the one answer at its end, if it has that form. */
export function splitExchange(
  messages: readonly ChatMessage[],
): { readonly prompt: readonly ChatMessage[]; readonly answer: string | null } | string {
  const last = messages.at(-1);
  const answer = last?.role === 'assistant' ? last.content : null;
  const prompt = answer === null ? messages : messages.slice(0, -1);
  if (prompt.filter(({ role }) => role === 'user').length !== 1 || prompt.at(-1)?.role !== 'user') {
    return 'a conversation that is not one question and one answer';
  }
  return { prompt, answer };
}
