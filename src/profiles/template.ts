/**
 * Prompt and answer templates: text with the slots `{query}`, `{document}`, `{title}`, `{label}` and `{explanation}`.
 * Slots are filled in one pass, so that a document holding `{query}` stays what it is.
 */
import type { Judgement } from '../domain/judgement.js';
import { sliceCodePoints } from '../domain/text.js';
import type { Prompt } from './profile.js';

type PromptSlot = 'query' | 'document' | 'title';

/** Part of a rendered prompt: the template's own text, or what filled a slot (untrusted). */
export interface Segment {
  readonly text: string;
  readonly slot: PromptSlot | null;
}

export interface PromptInput {
  readonly query: string;
  readonly title: string | null;
  /** Already cut to what the model sees. */
  readonly document: string;
}

export interface ChatMessage {
  readonly role: string;
  readonly content: string;
}

/** The rendered parts of a raw prompt or of one message's content, in order. Concatenated they are the text. */
export function renderSegments(template: string, input: PromptInput): Segment[] {
  const values: Record<PromptSlot, string> = { query: input.query, document: input.document, title: input.title ?? '' };
  return partsOf(template).map((part) =>
    part.slot === null ? part : { text: values[part.slot].toWellFormed(), slot: part.slot },
  );
}

/** Templates taken apart: there are a handful, and an export renders each of them a million times. */
const partsOf = remembered((template): readonly Segment[] =>
  template
    .split(/(\{(?:query|document|title)\})/)
    .filter((part) => part !== '')
    .map((part) => {
      const slot = /^\{(query|document|title)\}$/.exec(part)?.[1] as PromptSlot | undefined;
      return { text: slot === undefined ? part : '', slot: slot ?? null };
    }),
);

/** `compute` with its last results kept, for the few templates that a process meets. */
function remembered<T>(compute: (template: string) => T): (template: string) => T {
  const known = new Map<string, T>();
  return (template) => {
    let result = known.get(template);
    if (result === undefined) {
      result = compute(template);
      if (known.size === 64) known.clear();
      known.set(template, result);
    }
    return result;
  };
}

/** A prompt with its slots filled: the raw text, or the messages a chat template is applied to. */
export type RenderedPrompt =
  | { readonly kind: 'raw'; readonly text: string }
  | { readonly kind: 'messages'; readonly messages: readonly ChatMessage[] };

/** Fills the slots of a prompt. */
export function renderPrompt(prompt: Prompt, input: PromptInput): RenderedPrompt {
  const fill = (template: string): string =>
    renderSegments(template, input)
      .map((s) => s.text)
      .join('');
  if (prompt.messages === undefined) return { kind: 'raw', text: fill(prompt.raw ?? '') };
  return { kind: 'messages', messages: prompt.messages.map((m) => ({ role: m.role, content: fill(m.content) })) };
}

/** The input a judgement's prompt was rendered from: its document cut at `document_end`. */
export function promptInputOf(j: Judgement): PromptInput {
  return {
    query: j.query,
    title: j.title,
    document: j.document_end === null ? j.document : sliceCodePoints(j.document, 0, j.document_end),
  };
}

/** What the model is to answer: the answer template with label and explanation filled in (the training target). */
export function renderAnswer(
  prompt: Prompt,
  answer: { readonly label: number; readonly explanation: string | null },
): string {
  return answerPartsOf(prompt.answer)
    .map((part) =>
      part === '{label}' ? String(answer.label) : part === '{explanation}' ? (answer.explanation ?? '') : part,
    )
    .join('');
}

const answerPartsOf = remembered((template): readonly string[] => template.split(/(\{label\}|\{explanation\})/));

/** An answer template taken apart: text, slot, text, slot, text. */
interface AnswerShape {
  readonly before: string;
  readonly first: 'label' | 'explanation';
  readonly between: string;
  readonly after: string;
  readonly single: boolean;
}

const shapeOf = remembered((template): AnswerShape => {
  const parts = template.split(/\{(label|explanation)\}/);
  const first = parts[1];
  if (
    (parts.length !== 3 && parts.length !== 5) ||
    (first !== 'label' && first !== 'explanation') ||
    parts[3] === first
  ) {
    throw new RangeError(`answer template "${template}" must hold {label} once and {explanation} at most once`);
  }
  return { before: parts[0] ?? '', first, between: parts[2] ?? '', after: parts[4] ?? '', single: parts.length === 3 };
});

/** The template's text between label and explanation (label-first): what is forced after the label has been read. */
export function textAfterLabel(prompt: Prompt): string | undefined {
  const shape = shapeOf(prompt.answer);
  return shape.first === 'label' && !shape.single ? shape.between : undefined;
}

/**
 * The template's texts around an explanation that the label follows (explain-first): what is forced before it, and the
 * anchor that ends it. Undefined where the label comes first or nothing tells where the explanation ends.
 */
export function textsAroundExplanation(
  prompt: Prompt,
): { readonly before: string; readonly anchor: string } | undefined {
  const shape = shapeOf(prompt.answer);
  return shape.first === 'explanation' && !shape.single && shape.between.trim() !== ''
    ? { before: shape.before, anchor: shape.between }
    : undefined;
}

export interface ParsedAnswer {
  readonly label: number;
  readonly explanation: string | null;
}

/**
 * Reads an answer by its template: the label directly after the last anchor, as one of `labels`. Undefined when there is
 * none: unparsed is never a label. parseAnswer(renderAnswer(x)) = x for explanations that do not hold the anchor themselves
 * and neither start nor end with white space.
 */
export function parseAnswer(prompt: Prompt, text: string, labels: readonly number[]): ParsedAnswer | undefined {
  const shape = shapeOf(prompt.answer);
  const anchor = (shape.first === 'label' ? shape.before : shape.between).trim();
  const start = shape.first === 'label' && anchor === '' ? 0 : text.lastIndexOf(anchor);
  if (start < 0) return undefined;
  const rest = text.slice(start + anchor.length);
  const match = /^\s*(-?\d+)(?!\d)/.exec(rest);
  if (match?.[1] === undefined) return undefined;
  const label = Number(match[1]);
  if (!labels.includes(label)) return undefined;
  if (shape.single) return { label, explanation: null };
  if (shape.first === 'explanation') return { label, explanation: text.slice(shape.before.length, start).trim() };
  const tail = rest.slice(match[0].length);
  const divider = shape.between.trim();
  const at = tail.indexOf(divider);
  if (at < 0) return { label, explanation: null };
  let explanation = tail.slice(at + divider.length);
  const end = shape.after.trim();
  if (end !== '' && explanation.trimEnd().endsWith(end)) explanation = explanation.trimEnd().slice(0, -end.length);
  return { label, explanation: explanation.trim() };
}
