/** Decodes one answer's text token by token until something ends it. */
import type { Decoder } from './decoder.js';
import { findEnding, settledText, type Ending, type Endings } from './endings.js';
import type { PickToken } from './sampler.js';
import type { PromptTokenizer } from './tokenizer.js';

/** Where generation begins: how many tokens the KV buffer holds, and the logits after the last of them. */
export interface Opening {
  readonly past: number;
  readonly logits: Float32Array;
}

export interface GenerationLimits {
  readonly maxTokens: number;
  readonly endings: Endings;
  readonly pick: PickToken;
}

export interface Generated {
  readonly ids: readonly number[];
  /** How many of `ids` the KV buffer holds. */
  readonly computed: number;
  /** Everything written, the ending included. */
  readonly text: string;
  /** `special`: a special token, which is not in `ids`; `cap`: the limit. */
  readonly ending: Ending | { readonly kind: 'special' | 'cap' };
}

/** Writes until an ending, a special token or the limit. `onText` gets the text that no ending can take back any more. */
export async function generate(
  decoder: Decoder,
  tokenizer: PromptTokenizer,
  opening: Opening,
  { maxTokens, endings, pick }: GenerationLimits,
  onText: (text: string) => void,
  checkpoint: () => Promise<void>,
): Promise<Generated> {
  const ids: number[] = [];
  let { logits } = opening;
  let text = '';
  for (;;) {
    await checkpoint();
    const next = pick(logits);
    if (tokenizer.isSpecial(next)) return { ids, computed: ids.length, text, ending: { kind: 'special' } };
    ids.push(next);
    text = tokenizer.decode(ids);
    const ending = findEnding(text, endings);
    if (ending !== undefined) return { ids, computed: ids.length - 1, text, ending };
    onText(settledText(text, endings));
    if (ids.length >= maxTokens) return { ids, computed: ids.length - 1, text, ending: { kind: 'cap' } };
    logits = (await decoder.forward([next], opening.past + ids.length - 1, [0], checkpoint)).at(-1) ?? logits;
  }
}

/** The text up to the ending, as a person reads it: trimmed, null where nothing is left. */
export function explanationOf({ text, ending }: Generated): string | null {
  const kept = ('at' in ending ? text.slice(0, ending.at) : text).trim();
  return kept === '' ? null : kept;
}
