/**
 * Text that looks like a special token. Trainers tokenise with special tokens enabled, so such text in a document becomes
 * control tokens in training although the reranker reads it as plain text (Untrusted text, design §3): worth a warning.
 */
import type { CanonicalRow } from './canonical.js';

/** `<|…|>` of any name, and the well-known ones of Llama 2, Gemma, T5, BERT and Mistral. */
const lookAlike =
  /<\|[^|<>\s][^|<>\n]{0,63}\|>|<\/?s>|<(?:bos|eos|pad|unk|mask|sep|cls|start_of_turn|end_of_turn|extra_id_\d+)>|<\uFF5C[^\uFF5C<>\n]{1,63}\uFF5C>|\[\/?INST\]|<<\/?SYS>>|\[(?:CLS|SEP|PAD|UNK|MASK)\]/i;

/** True where query, title, document or explanation (not the template, whose tokens are meant) holds one. */
export function holdsSpecialTokens(row: CanonicalRow): boolean {
  const { query, title, document } = row.judgement;
  const texts = [query, title, document, row.human.explanation, row.original?.explanation];
  // Nearly no text holds the first character of any, and to find that out is ten times as fast.
  return texts.some((text) => typeof text === 'string' && /[<[]/.test(text) && lookAlike.test(text));
}
