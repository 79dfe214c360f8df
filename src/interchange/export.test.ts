import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { JudgementDocument } from '../annotation/document.js';
import { sha256 } from '../domain/identity.js';
import { isJsonObject, type JsonObject } from '../domain/json.js';
import type { DecisionRequest } from '../protocol/editor.js';
import { writeExport } from './export-folder.js';
import { exportedLines, planExport, type ExportPlan } from './export.js';
import type { ExportFormat } from './exporters.js';
import type { ExportPolicy } from './policy.js';

const raw = 'Document: {document}\nQuestion: {query}\nRelevance Label: ';
const profile = {
  id: 'tiny',
  version: 3,
  kind: 'decoder',
  label_scale: {
    name: 'interank',
    labels: [0, 1, 2].map((value) => ({ value, name: `${value}`, description: '' })),
  },
  max_tokens: 512,
  prompts: {
    score: { raw, answer: '{label}' },
    label_first: { raw, answer: '{label}\nExplanation: {explanation}', stop: ['\n'], max_new_tokens: 40 },
  },
  score: {},
};

const asked = (document: string): string => raw.replace('{document}', document).replace('{query}', 'sky?');

interface Case {
  readonly rows: readonly JsonObject[];
  /** Decisions by line index, saved by this annotator. */
  readonly decisions?: Readonly<Record<string, readonly (readonly [number, DecisionRequest])[]>>;
  readonly run?: boolean;
}

const row = (doc: string, fields: JsonObject = {}): JsonObject => ({
  query_id: 'q',
  query: 'sky?',
  doc_id: doc,
  document: `text ${doc}`,
  label: 1,
  explanation: `why ${doc}`,
  ...fields,
});
const ofRun = (doc: string, fields: JsonObject = {}): JsonObject =>
  row(doc, { mode: 'label-first', prompt_sha256: sha256(asked(`text ${doc}`)), prompt_tokens: 30, ...fields });

async function make({ rows, decisions = {}, run = false }: Case): Promise<string> {
  const dir = mkdtempSync(join(tmpdir(), 'rationale-export-'));
  const path = join(dir, 'sky.judgements.jsonl');
  writeFileSync(path, rows.map((r) => `${JSON.stringify(r)}\n`).join(''));
  if (run) {
    writeFileSync(join(dir, 'sky.judgements.run.json'), JSON.stringify({ version: 1, run_id: 'r', profile }));
  }
  for (const [annotator, list] of Object.entries(decisions)) {
    const doc = await JudgementDocument.open({
      path,
      annotator,
      installationId: '00000000',
      journalDir: join(dir, 'journal'),
    });
    for (const [key, request] of list) doc.decide(key, request);
    await doc.save();
  }
  return path;
}

async function plan(
  path: string,
  format: ExportFormat = 'trl-sft',
  policy: Partial<ExportPolicy> = {},
): Promise<ExportPlan> {
  return planExport({ files: [path], format, policy });
}

async function linesOf(p: ExportPlan): Promise<JsonObject[]> {
  const lines: JsonObject[] = [];
  for await (const batch of exportedLines(p)) for (const item of batch) if (item.split !== null) lines.push(item.line);
  return lines;
}

const reasons = (p: ExportPlan): Record<string, number> => Object.fromEntries(p.reasons.map((r) => [r.id, r.rows]));
const accept = { kind: 'accept' } as const;
const label = (n: number): DecisionRequest => ({ kind: 'label', label: n });
const explain = (text: string): DecisionRequest => ({ kind: 'explanation', text });

describe('planning an export', () => {
  it('counts why each row that stays out does', async () => {
    const path = await make({
      rows: [
        row('a'),
        row('b'),
        row('c'),
        row('d'),
        row('e'),
        row('f', { label: null }),
        row('g', { status: 'pending', label: null }),
      ],
      decisions: {
        Ada: [
          [0, accept],
          [1, { kind: 'skip' }],
          [2, { kind: 'cannot_judge' }],
          [3, { kind: 'flag', flagged: true }],
          [5, explain('x')],
        ],
      },
    });
    const p = await plan(path);
    expect(reasons(p)).toEqual({ prefilled: 1, skipped: 1, cannot_judge: 1, flagged: 1, no_label: 1, unanswered: 1 });
    expect([p.total, p.included, p.accepted]).toEqual([7, 1, 1]);
    expect(p.excluded.map((e) => e.line)).toEqual([2, 3, 4, 5, 6, 7]);
  });

  it("asks teacher rows with the paper's prompt and answers with label and explanation of the human", async () => {
    const path = await make({
      rows: [row('a')],
      decisions: {
        Ada: [
          [0, label(2)],
          [0, explain(' better ')],
        ],
      },
    });
    expect((await linesOf(await plan(path)))[0]).toMatchObject({
      prompt: [
        {
          role: 'user',
          content:
            "Explain whether the following document is relevant or not to the given question. Then end your response with a relevance label (0: irrelevant, 1: partially relevant, 2: relevant) and the symbol '##'. Question: sky?\nDocument: text a",
        },
      ],
      completion: [{ role: 'assistant', content: 'better\n\nRelevance Label: 2 ##' }],
      relevance: 2,
      review: 'corrected',
      annotators: ['Ada'],
      template: 'interank v1 explain-first',
    });
  });

  it('takes a prompt as exact only where its hash agrees', async () => {
    const path = await make({
      rows: [
        ofRun('a'),
        ofRun('b', { prompt_sha256: sha256('something else') }),
        ofRun('c', { document: 'text c and more', document_end: 6 }),
      ],
      decisions: {
        Ada: [
          [0, label(2)],
          [1, accept],
          [2, accept],
        ],
      },
      run: true,
    });
    const p = await plan(path);
    expect(reasons(p)).toEqual({ prompt_mismatch: 1 });
    expect((await linesOf(p)).map((line) => line['prompt'])).toEqual([
      [{ role: 'user', content: asked('text a') }],
      [{ role: 'user', content: asked('text c') }],
    ]);
    expect((await linesOf(p))[0]?.['completion']).toEqual([{ role: 'assistant', content: '2\nExplanation: why a' }]);
    expect(p.warnings.map((w) => w.id)).toEqual(['model_explanation']);
    expect(p.length).toMatchObject({ promptTokens: 30, promptCharacters: asked('text a').length });
    const text = await plan(path, 'trl-sft-text');
    expect((await linesOf(text))[0]).toMatchObject({ prompt: asked('text a'), completion: '2\nExplanation: why a' });
  });

  it('finds the prompt among known profiles where there is no run record', async () => {
    const path = await make({ rows: [ofRun('a')], decisions: { Ada: [[0, accept]] } });
    expect(reasons(await plan(path))).toEqual({ no_exact_prompt: 1 });
    const known = await make({ rows: [], run: true });
    const { run } = await JudgementDocument.open({
      path: known,
      annotator: 'x',
      installationId: '0',
      journalDir: `${known}-j`,
    });
    const profiles = run?.profile === undefined || run.profile === null ? [] : [run.profile];
    expect((await planExport({ files: [path], format: 'trl-sft', profiles })).included).toBe(1);
  });

  it('trains on the label alone where the model only scored, and on the explanation where somebody wrote one', async () => {
    const path = await make({
      rows: [ofRun('a', { mode: 'score', explanation: null }), ofRun('b', { mode: 'score', explanation: null })],
      decisions: {
        Ada: [
          [0, label(2)],
          [1, label(0)],
          [1, explain('off topic')],
        ],
      },
      run: true,
    });
    const included = await linesOf(await plan(path, 'trl-sft-text'));
    expect(included.map((line) => [line['completion'], line['template']])).toEqual([
      ['2', 'tiny v3 score'],
      ['0\nExplanation: off topic', 'tiny v3 label-first'],
    ]);
  });

  it('leaves out an explanation that could not be read back', async () => {
    const path = await make({
      rows: [row('a'), row('b'), ofRun('c')],
      decisions: {
        Ada: [
          [0, explain('it says Relevance Label: 0 ## here')],
          [1, explain('stops here ## and goes on')],
        ],
      },
    });
    expect(reasons(await plan(path))).toEqual({ prefilled: 1, ambiguous_answer: 2 });
  });

  it('does not train on an explanation that nobody has read', async () => {
    const path = await make({
      rows: [row('a', { label: 0, sample: 0 }), row('a', { label: 1, sample: 1 })],
      decisions: { Ada: [[0, label(2)]] },
    });
    const p = await plan(path);
    expect(reasons(p)).toEqual({ label_only_elsewhere: 1 });
    expect([p.included, p.excluded.map((e) => e.line)]).toEqual([1, [2]]);
  });

  it('joins annotators who agree and leaves out what they disagree about', async () => {
    const path = await make({
      rows: [row('a'), row('b'), row('c')],
      decisions: {
        Bob: [
          [0, accept],
          [1, accept],
          [2, { kind: 'skip' }],
        ],
        Ada: [
          [0, accept],
          [1, label(2)],
          [2, accept],
        ],
      },
    });
    const p = await plan(path);
    expect(reasons(p)).toEqual({ disagreement: 1 });
    expect((await linesOf(p)).map((line) => line['annotators'])).toEqual([['Ada', 'Bob'], ['Ada']]);
  });

  it('exports an answer once, however many files hold it', async () => {
    const path = await make({ rows: [row('a')], decisions: { Ada: [[0, accept]] } });
    const p = await planExport({ files: [path, path], format: 'trl-sft' });
    expect([p.included, reasons(p)]).toEqual([1, { repeated: 1 }]);
  });

  it("makes a pair of the correction and the model's answer, and none of what is equal or accepted", async () => {
    const path = await make({
      rows: [row('a'), row('b'), row('c', { label: null }), row('d')],
      decisions: {
        Ada: [
          [0, label(2)],
          [1, accept],
          [2, label(0)],
          [3, explain('why d ')],
        ],
      },
    });
    const p = await plan(path, 'trl-dpo');
    expect(reasons(p)).toEqual({ accepted: 1, nothing_rejected: 1, equal_pair: 1 });
    expect((await linesOf(p))[0]).toMatchObject({
      chosen: [{ role: 'assistant', content: 'why a\n\nRelevance Label: 2 ##' }],
      rejected: [{ role: 'assistant', content: 'why a\n\nRelevance Label: 1 ##' }],
      chosen_relevance: 2,
      rejected_relevance: 1,
    });
    expect(reasons(await plan(path, 'trl-dpo-text'))).toEqual({ chat_prompt: 4 });
  });

  it('gives every row the same keys and never a column called label', async () => {
    const path = await make({
      rows: [row('a'), ofRun('b', { model: { id: 'm' } }), row('c')],
      decisions: {
        Ada: [
          [0, label(2)],
          [1, label(0)],
          [2, explain('x')],
        ],
      },
    });
    for (const format of ['trl-sft', 'trl-dpo'] as const) {
      const keys = (await linesOf(await plan(path, format))).map((line) => Object.keys(line).join());
      expect(new Set(keys).size).toBe(1);
      expect(keys[0]?.split(',')).not.toContain('label');
    }
  });
});

describe('writing an export', () => {
  const twoRows = {
    rows: [row('a'), row('b')],
    decisions: {
      Ada: [
        [0, accept],
        [1, label(2)],
      ],
    },
  } satisfies Case;

  it('writes rows, card and a manifest of what was read and written, the same bytes each time', async () => {
    const path = await make(twoRows);
    const out = join(path, '..', 'out');
    await writeExport(await plan(path), out, '0.1.0');
    const bytes = (): string[] =>
      ['train.jsonl', 'README.md', 'manifest.json'].map((name) => readFileSync(join(out, name), 'utf8'));
    const [train = '', card = '', manifest = ''] = bytes();
    expect(train.trimEnd().split('\n')).toHaveLength(2);
    expect(card).toContain('1 accepted, 1 corrected');
    const parsed: unknown = JSON.parse(manifest);
    if (!isJsonObject(parsed)) throw new Error('no manifest');
    expect(parsed['inputs']).toMatchObject([
      { name: 'sky.judgements.jsonl', sha256: sha256(readFileSync(path, 'utf8')) },
      { name: 'sky.judgements.corrections/ada-00000000.jsonl' },
    ]);
    expect(parsed['outputs']).toMatchObject([{ name: 'train.jsonl', sha256: sha256(train) }, { name: 'README.md' }]);
    await writeExport(await plan(path), out, '0.1.0');
    expect(bytes()).toEqual([train, card, manifest]);
  });

  it('refuses a folder of somebody else, and an earlier export that was changed', async () => {
    const path = await make(twoRows);
    const theirs = join(path, '..', 'theirs');
    mkdirSync(theirs);
    writeFileSync(join(theirs, 'thesis.tex'), 'x');
    await expect(writeExport(await plan(path), theirs, '0.1.0')).rejects.toThrow(/not empty/);
    const out = join(path, '..', 'out');
    await writeExport(await plan(path), out, '0.1.0');
    writeFileSync(join(out, 'train.jsonl'), '{}\n');
    await expect(writeExport(await plan(path), out, '0.1.0')).rejects.toThrow(/train\.jsonl was changed/);
    expect(readFileSync(join(out, 'train.jsonl'), 'utf8')).toBe('{}\n');
  });

  it('says why there is nothing to write', async () => {
    const path = await make({ rows: [row('a')] });
    await expect(writeExport(await plan(path), join(path, '..', 'out'), '0.1.0')).rejects.toThrow(/1 not reviewed/);
  });
});
