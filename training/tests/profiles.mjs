/**
 * The extension's own side of test_profile.py: bundles src/profiles and src/inference/worker as they stand, reads one JSON
 * value on stdin and writes what TypeScript makes of it.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const repository = fileURLToPath(new URL('../../', import.meta.url));
const folder = mkdtempSync(path.join(tmpdir(), 'rationale-profiles-'));
try {
  const outfile = path.join(folder, 'entry.mjs');
  await build({
    stdin: {
      contents: `export { parseProfile, promptFor } from './src/profiles/profile.ts';
export { parseAnswer, renderAnswer, renderPrompt, textAfterLabel } from './src/profiles/template.ts';
export { promptText } from './src/profiles/chat.ts';
export { BoundPrompt } from './src/inference/worker/prompts.ts';
export { PromptTokenizer } from './src/inference/worker/tokenizer.ts';
export { failedChecks } from './src/annotation/checks.ts';
export { findScale } from './src/domain/scale.ts';`,
      resolveDir: repository,
    },
    bundle: true,
    format: 'esm',
    platform: 'node',
    outfile,
  });
  const ts = await import(pathToFileURL(outfile).href);
  const { profiles, tokenizerJson, texts, prompts, answers, parses, prepares, checks } = JSON.parse(
    readFileSync(0, 'utf8'),
  );
  const parsed = profiles.map((profile) => ts.parseProfile(JSON.stringify(profile), 'test'));
  const promptOf = ({ profile, mode }) => ts.promptFor(parsed[profile], mode);
  const tokenizer = ts.PromptTokenizer.load(readFileSync(tokenizerJson, 'utf8'));
  const prepare = ({ profile, mode, query, document, title, max_tokens }) => {
    try {
      const bound = new ts.BoundPrompt({ ...parsed[profile], max_tokens }, mode, tokenizer);
      const { ids, query: span, documentEnd, sha256 } = bound.prepare({ query, document, title });
      return { ids, query: span, document_end: documentEnd, sha256, labels: bound.labels };
    } catch (error) {
      return { error: error.message };
    }
  };
  const result = {
    texts: texts.map((text) => tokenizer.encode(text)),
    prompts: prompts.map((item) => ({
      rendered: ts.renderPrompt(promptOf(item), item),
      text: ts.promptText(parsed[item.profile], promptOf(item), item),
    })),
    answers: answers.map((item) => ts.renderAnswer(promptOf(item), item)),
    parses: parses.map((item) => ts.parseAnswer(promptOf(item), item.text, item.labels) ?? null),
    prepares: prepares.map(prepare),
    checks: checks.map(({ label, explanation, scale }) => ts.failedChecks({ label, explanation }, ts.findScale(scale))),
  };
  writeFileSync(1, JSON.stringify(result));
} finally {
  rmSync(folder, { recursive: true, force: true });
}
