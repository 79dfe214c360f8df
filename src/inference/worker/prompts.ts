/** A profile bound to a tokeniser: label tokens found, prompts encoded and cut to fit. Refuses what cannot be read exactly. */
import { RationaleError } from '../../domain/failure.js';
import { sha256 } from '../../domain/identity.js';
import type { Mode } from '../../domain/judgement.js';
import { codePointLength } from '../../domain/text.js';
import { promptFor, type Profile, type Prompt, type Read } from '../../profiles/profile.js';
import { promptSegments } from '../../profiles/chat.js';
import { textAfterLabel, textsAroundExplanation, type PromptInput, type Segment } from '../../profiles/template.js';
import type { PromptTokenizer } from './tokenizer.js';

/** A document shorter than this says too little to be judged: the question is refused as too long instead. */
const minDocumentTokens = 32;
/** Ordinary text has fewer UTF-16 units a token: so much is tokenised at first, more only if it does not fill the room. */
const usualUnitsPerToken = 16;

/** The whole request is at fault, not one document. */
export class QuestionTooLong extends RationaleError {
  constructor(message: string) {
    super('user', message);
  }
}

type LabelRead = Extract<Read, { as: 'expected' }>;

/** One label token of a read: the id whose logit says `value`. */
export interface LabelToken {
  readonly id: number;
  readonly value: number;
}

export interface PreparedPrompt {
  readonly ids: readonly number[];
  /** Tokens of the query, as [first, one past last] into `ids`. */
  readonly query: readonly [number, number];
  readonly documentEnd: number;
  readonly sha256: string;
}

/** The prompt of one mode with its label tokens. */
export class BoundPrompt {
  readonly labels: readonly LabelToken[];
  /** The label logits are divided by it before they become probabilities. */
  readonly temperature: number;
  /** Text of the answer that is forced before its explanation; the white space before a word belongs to the word's token. */
  readonly opening: string;
  /** Explain-first: the answer's text from the end of the explanation to the label. Else null. */
  readonly anchor: string | null;
  readonly prompt: Prompt;

  /**
   * Throws RationaleError when the mode is not offered, its answer template does not fit the mode, a label is not exactly
   * one token after the anchor, or the profile's score uses nothing that is read.
   */
  constructor(
    private readonly profile: Profile,
    readonly mode: Mode,
    private readonly tokenizer: PromptTokenizer,
  ) {
    const prompt = promptFor(profile, mode);
    if (prompt === undefined) throw new RationaleError('user', `profile ${profile.id} offers no ${mode} mode.`);
    this.prompt = prompt;
    const read = prompt.reads.find((r) => r.as === 'expected');
    if (read === undefined) throw new RationaleError('user', `profile ${profile.id}: ${mode} reads no label.`);
    if (mode !== 'label-first' && !Object.keys(profile.score).some((key) => prompt.reads.some((r) => uses(key, r)))) {
      throw new RationaleError('user', `profile ${profile.id}: "score" uses no read of the ${mode} prompt.`);
    }
    const texts = mode === 'explain-first' ? explainFirstTexts(profile, prompt, read) : undefined;
    this.opening = texts?.opening ?? (mode === 'label-first' ? labelFirstOpening(profile, prompt) : '');
    this.anchor = texts?.anchor ?? null;
    if (
      texts === undefined &&
      this.segments({ query: '', title: null, document: '' }).at(-1)?.text.endsWith(read.after) !== true
    ) {
      throw new RationaleError(
        'user',
        `profile ${profile.id}: the ${mode} prompt must end with "${read.after}", where the label is read.`,
      );
    }
    this.labels = labelTokens(profile, read, texts?.anchor ?? read.after, tokenizer);
    this.temperature = read.temperature;
  }

  /**
   * Encodes a pair, cutting the document (on a code point, at its end) so that prompt and answer fit the profile's
   * max_tokens. Throws QuestionTooLong when the question leaves no room for a document, and RationaleError when nothing
   * of this pair's document fits.
   */
  prepare(input: PromptInput): PreparedPrompt {
    const room = this.profile.max_tokens - this.answerTokens;
    const bare = this.encode({ query: input.query, title: null, document: '' }).ids.length;
    if (room - bare < minDocumentTokens) {
      throw new QuestionTooLong(
        `The question is too long: with the prompt and the answer it takes ${bare + this.answerTokens} of the model's ${this.profile.max_tokens} tokens. Shorten it.`,
      );
    }
    let units = room * usualUnitsPerToken;
    let document = wellFormedStart(input.document, units);
    let encoded = this.encode({ ...input, document });
    while (encoded.ids.length < room && document.length < input.document.length) {
      units *= 4;
      document = wellFormedStart(input.document, units);
      encoded = this.encode({ ...input, document });
    }
    // Cutting text can merge or split tokens at the cut, so the cut is checked and repeated.
    while (encoded.ids.length > room) {
      const covered = encoded.covered.get('document') ?? [];
      const bytes = covered[covered.length - 1 - (encoded.ids.length - room)] ?? 0;
      const shorter = cutBytes(document, bytes);
      if (shorter === '' || shorter.length >= document.length)
        throw new RationaleError('user', 'Nothing of the document fits beside the question and its title.');
      document = shorter;
      encoded = this.encode({ ...input, document });
    }
    return {
      ids: encoded.ids,
      query: encoded.spans.get('query') ?? [0, 0],
      documentEnd: codePointLength(document),
      sha256: sha256(
        this.segments({ ...input, document })
          .map((s) => s.text)
          .join(''),
      ),
    };
  }

  /** Tokens kept free for the answer: the label, what is forced around the rationale, and the longest rationale. */
  get answerTokens(): number {
    if (this.mode === 'score') return 0;
    const forced = [this.opening, this.anchor ?? ''].map((text) => this.tokenizer.encode(text).length);
    return forced.reduce((sum, n) => sum + n, 1 + this.prompt.max_new_tokens);
  }

  private segments(input: PromptInput): Segment[] {
    return promptSegments(this.profile, this.prompt, input);
  }

  private encode(input: PromptInput): ReturnType<PromptTokenizer['encodePrompt']> {
    return this.tokenizer.encodePrompt(this.segments(input));
  }
}

/** True where a key of the profile's score, `name` or `z(name)`, is this read. */
function uses(key: string, read: Read): boolean {
  return key === read.name || key === `z(${read.name})`;
}

/** What label-first forces between label and rationale. */
function labelFirstOpening(profile: Profile, prompt: Prompt): string {
  const between = textAfterLabel(prompt);
  if (between === undefined)
    throw new RationaleError('user', `profile ${profile.id}: label_first's answer has no {explanation} after {label}.`);
  return between.trimEnd();
}

/** What explain-first forces before and after the explanation; after it, up to where the label is read. */
function explainFirstTexts(
  profile: Profile,
  prompt: Prompt,
  { after }: LabelRead,
): { readonly opening: string; readonly anchor: string } {
  const texts = textsAroundExplanation(prompt);
  if (texts === undefined) {
    throw new RationaleError(
      'user',
      `profile ${profile.id}: explain_first's answer must be {explanation}, text that ends it, then {label}.`,
    );
  }
  const at = texts.anchor.lastIndexOf(after);
  const anchor = texts.anchor.slice(0, at + after.length);
  if (at < 0 || texts.anchor.slice(anchor.length).trim() !== '') {
    throw new RationaleError(
      'user',
      `profile ${profile.id}: explain_first's answer must have "${after}", where the label is read, right before {label}.`,
    );
  }
  return { opening: texts.before.trimEnd(), anchor };
}

/** The tokens of the labels after the text `after`. */
function labelTokens(profile: Profile, read: LabelRead, after: string, tokenizer: PromptTokenizer): LabelToken[] {
  const anchor = tokenizer.encode(after);
  const found = Object.entries(read.tokens).map(([text, value]): LabelToken => {
    const ids = tokenizer.encode(after + text);
    const id = ids[anchor.length];
    if (id === undefined || ids.length !== anchor.length + 1 || anchor.some((token, i) => ids[i] !== token)) {
      throw new RationaleError(
        'user',
        `profile ${profile.id}: "${text}" is not exactly one token after "${after}" in this model's vocabulary.`,
      );
    }
    return { id, value };
  });
  const scale = profile.label_scale.labels;
  if (new Set(found.map((l) => l.id)).size !== found.length) {
    throw new RationaleError('user', `profile ${profile.id}: two labels share one token after "${after}".`);
  }
  if (found.length !== scale.length || scale.some((label, i) => found[i]?.value !== label.value)) {
    throw new RationaleError(
      'user',
      `profile ${profile.id}: the label tokens do not match the scale ${profile.label_scale.name}.`,
    );
  }
  return found;
}

/** The first `units` UTF-16 units of a text, one fewer where that would halve a character. */
function wellFormedStart(text: string, units: number): string {
  if (text.length <= units) return text;
  const last = text.charCodeAt(units - 1);
  return text.slice(0, last >= 0xd800 && last <= 0xdbff ? units - 1 : units);
}

/** The longest start of a text that takes at most `bytes` in UTF-8 and halves no character. */
function cutBytes(text: string, bytes: number): string {
  const utf8 = Buffer.from(text, 'utf8');
  let end = Math.min(bytes, utf8.length);
  // Continuation bytes are 10xxxxxx.
  while (end > 0 && end < utf8.length && ((utf8[end] ?? 0) & 0xc0) === 0x80) end--;
  return utf8.toString('utf8', 0, end);
}
