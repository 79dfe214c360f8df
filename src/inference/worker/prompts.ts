/** A profile bound to a tokeniser: label tokens found, prompts encoded and cut to fit. Refuses what cannot be read exactly. */
import { RationaleError } from '../../domain/failure.js';
import { sha256 } from '../../domain/identity.js';
import type { Mode } from '../../domain/judgement.js';
import { codePointLength, sliceCodePoints } from '../../domain/text.js';
import { promptFor, type Profile, type Prompt, type Read } from '../../profiles/profile.js';
import { promptSegments } from '../../profiles/chat.js';
import type { PromptInput, Segment } from '../../profiles/template.js';
import type { PromptTokenizer } from './tokenizer.js';

/** A document shorter than this says too little to be judged: the question is refused as too long instead. */
const minDocumentTokens = 32;
/** No token of any vocabulary in use is longer on ordinary text; longer stretches are cut before they are tokenised. */
const maxUnitsPerToken = 16;

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
  readonly prompt: Prompt;

  /** Throws RationaleError when the mode is not offered or a label is not exactly one token after the anchor. */
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
    if (this.segments({ query: '', title: null, document: '' }).at(-1)?.text.endsWith(read.after) !== true) {
      throw new RationaleError(
        'user',
        `profile ${profile.id}: the ${mode} prompt must end with "${read.after}", where the label is read.`,
      );
    }
    this.labels = labelTokens(profile, read, tokenizer);
  }

  /**
   * Encodes a pair, cutting the document (on a code point, at its end) to the profile's max_tokens less the tokens that
   * are to be generated. Throws RationaleError when the question leaves no room for a document.
   */
  prepare(input: PromptInput): PreparedPrompt {
    const room = this.profile.max_tokens - (this.mode === 'score' ? 0 : this.prompt.max_new_tokens);
    const empty = this.encode({ ...input, document: '' });
    const budget = room - empty.ids.length;
    if (budget < minDocumentTokens) {
      throw new RationaleError(
        'user',
        `The question is too long: with the prompt it takes ${empty.ids.length} of the model's ${this.profile.max_tokens} tokens. Shorten it.`,
      );
    }
    let document = input.document.slice(0, budget * maxUnitsPerToken);
    let encoded = this.encode({ ...input, document });
    // Cutting text can merge or split tokens at the cut, so the cut is checked and repeated.
    while (encoded.ids.length > room) {
      const [first] = encoded.spans.get('document') ?? [0];
      const kept = this.tokenizer.decode(encoded.ids.slice(first, first + budget));
      const length = Math.min(codePointLength(kept.trimStart()), codePointLength(document) - 1);
      document = sliceCodePoints(document, 0, length);
      encoded = this.encode({ ...input, document });
    }
    // A cut in the middle of a surrogate pair would be half a character.
    if (!document.isWellFormed() && input.document.isWellFormed()) {
      document = document.slice(0, -1);
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

  private segments(input: PromptInput): Segment[] {
    return promptSegments(this.profile, this.prompt, input);
  }

  private encode(input: PromptInput): ReturnType<PromptTokenizer['encodePrompt']> {
    return this.tokenizer.encodePrompt(this.segments(input));
  }
}

function labelTokens(
  profile: Profile,
  read: Extract<Read, { as: 'expected' }>,
  tokenizer: PromptTokenizer,
): LabelToken[] {
  const anchor = tokenizer.encode(read.after);
  const found = Object.entries(read.tokens).map(([text, value]): LabelToken => {
    const ids = tokenizer.encode(read.after + text);
    const id = ids[anchor.length];
    if (id === undefined || ids.length !== anchor.length + 1 || anchor.some((token, i) => ids[i] !== token)) {
      throw new RationaleError(
        'user',
        `profile ${profile.id}: "${text}" is not exactly one token after "${read.after}" in this model's vocabulary.`,
      );
    }
    return { id, value };
  });
  const scale = profile.label_scale.labels;
  if (new Set(found.map((l) => l.id)).size !== found.length) {
    throw new RationaleError('user', `profile ${profile.id}: two labels share one token after "${read.after}".`);
  }
  if (found.length !== scale.length || scale.some((label, i) => found[i]?.value !== label.value)) {
    throw new RationaleError(
      'user',
      `profile ${profile.id}: the label tokens do not match the scale ${profile.label_scale.name}.`,
    );
  }
  return found;
}
