/**
 * Takes prompts apart again: teachers' files often hold only what was asked, and query and document stand inside it. Known
 * are the paper's template, our own model's, TFRank's and Rank1's; of any other nothing is guessed.
 */
import ownModel from '../../../models/rationale-135m/profile.json' with { type: 'json' };
import { fourGradesScale, interankScale, type LabelScale } from '../../domain/scale.js';
import { interankPrompt } from '../../profiles/interank.js';
import { parseProfile, promptFor, type Prompt } from '../../profiles/profile.js';
import { parseAnswer, type ChatMessage } from '../../profiles/template.js';

/** TFRank's grades (wording of its prompt, Apache-2.0). */
export const tfrankScale: LabelScale = {
  name: 'tfrank',
  labels: [
    { value: 0, name: 'completely irrelevant', description: 'answered "no"' },
    { value: 1, name: 'weakly relevant', description: 'answered "no"' },
    { value: 2, name: 'moderately relevant', description: 'answered "yes"' },
    { value: 3, name: 'strongly relevant', description: 'answered "yes"' },
    { value: 4, name: 'completely relevant', description: 'answered "yes"' },
  ],
};

/** Yes or no. */
export const binaryScale: LabelScale = {
  name: 'binary',
  labels: [
    { value: 0, name: 'not relevant', description: 'answered "false"' },
    { value: 1, name: 'relevant', description: 'answered "true"' },
  ],
};

interface ReadAnswer {
  /** Null where the text holds no label. */
  readonly label: number | null;
  readonly explanation: string | null;
}

export interface PromptTemplate {
  readonly id: 'interank' | 'interank-double-space' | 'rationale-135m' | 'tfrank' | 'rank1';
  readonly scale: LabelScale;
  /** Reads an answer in the template's form. */
  read(answer: string): ReadAnswer;
}

export interface Asked {
  readonly template: PromptTemplate;
  readonly query: string;
  readonly document: string;
  /** True where the text that divides query and document occurs more than once: the split may be another one. */
  readonly ambiguous: boolean;
  /** What the prompt holds beside the template's own words. */
  readonly rest: Readonly<Record<string, string>>;
}

interface Pattern {
  readonly before: string;
  readonly first: 'query' | 'document';
  readonly between: string;
  readonly after: string;
}

/** Takes a prompt apart; undefined where its template is not known. A raw prompt counts as one user message. */
export function parsePrompt(messages: readonly ChatMessage[]): Asked | undefined {
  const user = messages.at(-1);
  if (user === undefined || messages.length > 2) return undefined;
  const system = messages.length === 2 ? messages[0] : undefined;
  if (system !== undefined && system.role !== 'system') return undefined;
  const text = user.content;
  for (const known of plain) {
    const split = splitBy(known.pattern, text);
    if (split === undefined) continue;
    return { ...split, template: known.template, rest: system === undefined ? {} : { system: system.content } };
  }
  return parseTfrank(text, system?.content);
}

function splitBy(pattern: Pattern, text: string): Pick<Asked, 'query' | 'document' | 'ambiguous'> | undefined {
  const { before, between, first } = pattern;
  if (!text.startsWith(before)) return undefined;
  // A prompt that went through other tools may have lost the white space it ends with.
  const after = text.endsWith(pattern.after) ? pattern.after : pattern.after.trimEnd();
  if (!text.endsWith(after)) return undefined;
  const inner = text.slice(before.length, text.length - after.length);
  // Documents are long and come from anywhere, queries are short: the divider is the one nearest to the query.
  const at = first === 'query' ? inner.indexOf(between) : inner.lastIndexOf(between);
  if (at < 0) return undefined;
  const ambiguous = inner.indexOf(between) !== inner.lastIndexOf(between);
  const head = inner.slice(0, at);
  const tail = inner.slice(at + between.length);
  return first === 'query' ? { query: head, document: tail, ambiguous } : { query: tail, document: head, ambiguous };
}

/** The pattern of a template with the slots `{query}` and `{document}`, each once. */
function patternOf(template: string): Pattern {
  const parts = template.split(/\{(query|document)\}/);
  const first = parts[1];
  if (parts.length !== 5 || (first !== 'query' && first !== 'document')) {
    throw new RangeError(`a template must hold {query} and {document} once each: ${template}`);
  }
  return { before: parts[0] ?? '', first, between: parts[2] ?? '', after: parts[4] ?? '' };
}

function answerReader(prompts: readonly Prompt[], scale: LabelScale): (answer: string) => ReadAnswer {
  const labels = scale.labels.map(({ value }) => value);
  return (answer) => {
    for (const prompt of prompts) {
      const read = parseAnswer(prompt, answer, labels);
      if (read !== undefined)
        return { label: read.label, explanation: read.explanation === '' ? null : read.explanation };
    }
    return { label: null, explanation: null };
  };
}

const interank = interankPrompt();
const interankText = interank.messages?.[0]?.content ?? '';
/** The paper's own template: what answers without a known prompt are read by, too. */
export const interankTemplate: PromptTemplate = {
  id: 'interank',
  scale: interankScale,
  read: answerReader([interank], interankScale),
};

const ownProfile = parseProfile(JSON.stringify(ownModel), 'models/rationale-135m/profile.json');
const ownPrompts = (['label-first', 'score'] as const).flatMap((mode) => promptFor(ownProfile, mode) ?? []);

const rank1Prompt =
  "Determine if the following passage is relevant to the query. Answer only with 'true' or 'false'.\n" +
  'Query: {query}\nPassage: {document}\n';
const rank1Template: PromptTemplate = { id: 'rank1', scale: binaryScale, read: readRank1 };

const plain: readonly { readonly pattern: Pattern; readonly template: PromptTemplate }[] = [
  { pattern: patternOf(interankText), template: interankTemplate },
  {
    // The released inference code leaves an empty option in the template, and with it a second space.
    pattern: patternOf(interankText.replace('given question. Then', 'given question.  Then')),
    template: { ...interankTemplate, id: 'interank-double-space' },
  },
  {
    pattern: patternOf(ownPrompts[0]?.raw ?? ''),
    template: { id: 'rationale-135m', scale: fourGradesScale, read: answerReader(ownPrompts, fourGradesScale) },
  },
  { pattern: patternOf(`${rank1Prompt}<think>`), template: rank1Template },
  // With a chat template the think block is the answer's, and the prompt ends with the passage.
  { pattern: patternOf(rank1Prompt), template: rank1Template },
];

/** `REASONING </think> true`, the opening tag in the prompt or in the answer. */
function readRank1(answer: string): ReadAnswer {
  const { thought, said } = splitThought(answer);
  const word = /^\s*(true|false)\b/i.exec(said)?.[1]?.toLowerCase();
  return { label: word === undefined ? null : word === 'true' ? 1 : 0, explanation: thought };
}

const tfrankTemplate: PromptTemplate = { id: 'tfrank', scale: tfrankScale, read: readTfrank };
const tfrankSystem =
  'Based on the relevance of the Documents to the Query and the Instruct provided to complete the task.';

const tfrankInstruct = [
  'Please judge the relevance strength between the query and the document, and directly output the relevance judgment (yes or no), followed by the relevance score in parentheses, e.g., yes(score) or no(score).',
  '',
  '',
  '- Relevance scores are represented by numbers from 0 to 4, with the following meanings:',
  '0 means completely irrelevant,',
  '1 means weakly relevant,',
  '2 means moderately relevant,',
  '3 means strongly relevant,',
  '4 means completely relevant.',
  '',
  '- For binary relevance judgment (yes or no), the rule is:',
  'Scores 0 and 1 are considered irrelevant and represented as "no",',
  'Scores 2, 3, and 4 are considered relevant and represented as "yes".',
].join('\n');

/**
 * `<Instruct>: …\n\n\n<Query>: …\n\n\n<Document>: … /think`: pointwise, grades 0 to 4. Its data also holds the same
 * instruction in Chinese, with fewer line breaks.
 */
function parseTfrank(text: string, system: string | undefined): Asked | undefined {
  const head = /^<Instruct>: ([^]*?)\n{2,3}<Query>: /.exec(text);
  const instruct = head?.[1];
  if (head === null || instruct === undefined) return undefined;
  // Its other tasks (pairwise, listwise, other scales) explain no grades from 0 to 4.
  if (!/^0 [^]*^4 /m.test(instruct) || /^5 /m.test(instruct)) return undefined;
  const inner = text.slice(head[0].length);
  const divider = /\n{2,3}<Document>: /.exec(inner)?.[0];
  if (divider === undefined) return undefined;
  const split = splitBy({ before: '', first: 'query', between: divider, after: '' }, inner);
  if (split === undefined) return undefined;
  const mode = / \/(?:no[ _]?)?think$/.exec(split.document)?.[0] ?? '';
  return {
    ...split,
    document: split.document.slice(0, split.document.length - mode.length),
    template: tfrankTemplate,
    rest: {
      ...(system === undefined || system === tfrankSystem ? {} : { system }),
      ...(instruct === tfrankInstruct ? {} : { instruct }),
      ...(mode === '' ? {} : { think: mode.trim() }),
    },
  };
}

/** `<think>REASONING</think>\n\nyes(3)`; in a gold column `yes(3)` alone. */
function readTfrank(answer: string): ReadAnswer {
  const { thought, said } = splitThought(answer);
  const match = /^\s*(yes|no)\s*\(\s*([0-4])\s*\)\s*$/i.exec(said);
  return { label: match?.[2] === undefined ? null : Number(match[2]), explanation: thought };
}

/** The reasoning before the last `</think>` and what is said after it. An empty block is no reasoning. */
function splitThought(answer: string): { readonly thought: string | null; readonly said: string } {
  const close = '</think>';
  const at = answer.lastIndexOf(close);
  if (at < 0) return { thought: null, said: answer };
  const thought = answer
    .slice(0, at)
    .replace(/^\s*<think>/, '')
    .trim();
  return { thought: thought === '' ? null : thought, said: answer.slice(at + close.length) };
}
