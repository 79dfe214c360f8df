/**
 * Tokens of a prompt. The template's own special tokens become single ids; everything between them is encoded whole with
 * special tokens disabled, so that ordinary text gives Python's ids and a document that spells `<|im_end|>` stays text.
 */
import { Tokenizer } from '@huggingface/tokenizers';
import * as v from 'valibot';
import type { Segment } from '../../profiles/template.js';

const addedToken = v.looseObject({ id: v.number(), content: v.string(), special: v.boolean() });
const tokenizerFile = v.looseObject({ added_tokens: v.array(addedToken) });

/** Token ids of a prompt and which of them hold each slot's text. */
export interface EncodedPrompt {
  readonly ids: readonly number[];
  /** Per slot: index of its first token and one past its last; a token that reaches into the slot counts. */
  readonly spans: ReadonlyMap<string, readonly [number, number]>;
  /** Per slot: UTF-8 bytes of its text that its first 1, 2, … tokens cover. */
  readonly covered: ReadonlyMap<string, readonly number[]>;
}

export class PromptTokenizer {
  private constructor(
    /** Without any added token: nothing in a text can become a special token. */
    private readonly plain: Tokenizer,
    private readonly specialIds: ReadonlyMap<string, number>,
  ) {}

  /** Reads a tokenizer.json. Throws when it is not one. */
  static load(tokenizerJson: string): PromptTokenizer {
    const file = v.parse(tokenizerFile, JSON.parse(tokenizerJson));
    const specials = new Map(file.added_tokens.filter((t) => t.special).map((t) => [t.content, t.id]));
    return new PromptTokenizer(
      new Tokenizer(
        { ...file, pre_tokenizer: splitAsPython(file['pre_tokenizer']), added_tokens: [], post_processor: null },
        {},
      ),
      specials,
    );
  }

  /** Ids of a text, special tokens disabled. */
  encode(text: string): number[] {
    return text === '' ? [] : this.plain.encode(text, { add_special_tokens: false }).ids;
  }

  /** Id of a special token, or undefined. */
  specialId(token: string): number | undefined {
    return this.specialIds.get(token);
  }

  /** True for the id of a special token: generated text ends there. */
  isSpecial(id: number): boolean {
    for (const special of this.specialIds.values()) if (special === id) return true;
    return false;
  }

  /** Text of ids that were generated; incomplete UTF-8 at the end is left out. */
  decode(ids: readonly number[]): string {
    if (ids.length === 0) return '';
    return this.plain
      .decode([...ids], { skip_special_tokens: false, clean_up_tokenization_spaces: false })
      .replace(/\uFFFD+$/, '');
  }

  /** Encodes rendered segments (src/profiles/template.ts). */
  encodePrompt(segments: readonly Segment[]): EncodedPrompt {
    const ids: number[] = [];
    const spans = new Map<string, readonly [number, number]>();
    const covered = new Map<string, readonly number[]>();
    let stretch: Segment[] = [];
    const flush = (): void => {
      this.encodeStretch(stretch, ids, spans, covered);
      stretch = [];
    };
    for (const segment of segments) {
      if (segment.slot !== null) {
        stretch.push(segment);
        continue;
      }
      for (const part of this.splitSpecials(segment.text)) {
        const id = this.specialIds.get(part);
        if (id === undefined) stretch.push({ text: part, slot: null });
        else {
          flush();
          ids.push(id);
        }
      }
    }
    flush();
    return { ids, spans, covered };
  }

  private encodeStretch(
    stretch: readonly Segment[],
    ids: number[],
    spans: Map<string, readonly [number, number]>,
    covered: Map<string, readonly number[]>,
  ): void {
    const text = stretch.map((s) => s.text).join('');
    if (text === '') return;
    const { ids: added, tokens } = this.plain.encode(text, { add_special_tokens: false });
    const first = ids.length;
    for (const id of added) ids.push(id);
    // Byte-level BPE writes one character per UTF-8 byte, so a token's length in characters is its length in bytes.
    const ends = new Array<number>(tokens.length);
    let end = 0;
    tokens.forEach((token, i) => (ends[i] = end += token.length));
    let from = 0;
    for (const segment of stretch) {
      const to = from + Buffer.byteLength(segment.text, 'utf8');
      if (segment.slot !== null) {
        const start = ends.findIndex((e) => e > from);
        const last = ends.findIndex((e) => e >= to);
        const filled = to > from && start >= 0 && last >= 0;
        spans.set(
          segment.slot,
          filled ? [first + start, first + last + 1] : [first + added.length, first + added.length],
        );
        const size = to - from;
        const base = from;
        covered.set(segment.slot, filled ? ends.slice(start, last + 1).map((e) => Math.min(size, e - base)) : []);
      }
      from = to;
    }
  }

  private splitSpecials(text: string): string[] {
    if (this.specialIds.size === 0) return [text];
    const pattern = [...this.specialIds.keys()].map((s) => s.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('|');
    return text.split(new RegExp(`(${pattern})`)).filter((part) => part !== '');
  }
}

/**
 * GPT-2's split with white space as Unicode and Python's `tokenizers` define it: JavaScript's `\s`, which the library
 * uses, lacks U+0085 (test/python/tokenizer.py compares).
 */
function splitAsPython(preTokenizer: unknown): unknown {
  const byteLevel = v.safeParse(
    v.looseObject({ type: v.literal('ByteLevel'), use_regex: v.literal(true) }),
    preTokenizer,
  );
  if (!byteLevel.success) return preTokenizer;
  const space = '\\p{White_Space}';
  const pattern = `'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^${space}\\p{L}\\p{N}]+|${space}+(?!\\P{White_Space})|${space}+`;
  return {
    type: 'Sequence',
    pretokenizers: [
      { type: 'Split', pattern: { Regex: pattern }, behavior: 'Isolated', invert: false },
      { ...byteLevel.output, use_regex: false },
    ],
  };
}
