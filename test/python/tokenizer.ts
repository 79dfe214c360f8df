/** Tokenises for tokenizer.py: plain texts, and prompts whose template holds special tokens of its own. */
import { readFileSync } from 'node:fs';
import { PromptTokenizer } from '../../src/inference/worker/tokenizer.js';
import { renderSegments } from '../../src/profiles/template.js';
import { received, send } from './exchange.js';

const { tokenizerJson, texts, prompts } = received() as {
  readonly tokenizerJson: string;
  readonly texts: readonly string[];
  readonly prompts: readonly { readonly template: string; readonly query: string; readonly document: string }[];
};
const tokenizer = PromptTokenizer.load(readFileSync(tokenizerJson, 'utf8'));
send({
  texts: texts.map((text) => tokenizer.encode(text)),
  prompts: prompts.map(({ template, query, document }) => {
    const { ids, spans } = tokenizer.encodePrompt(renderSegments(template, { query, document, title: null }));
    return { ids, query: spans.get('query'), document: spans.get('document') };
  }),
});
