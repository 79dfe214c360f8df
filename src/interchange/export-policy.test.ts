import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import type { AnnotationEvent } from '../domain/event.js';
import { answerId, sha256, uuidv7 } from '../domain/identity.js';
import { isJsonObject, type JsonObject } from '../domain/json.js';
import { parseJudgement } from '../domain/judgement.js';
import { writeExport } from './export-folder.js';
import { exportedLines, planExport, type ExportPlan } from './export.js';
import { exportFormats, type ExportFormat } from './exporters.js';
import type { ExportPolicy } from './policy.js';

const root = mkdtempSync(join(tmpdir(), 'rationale-export-policy-'));
afterAll(() => {
  rmSync(root, { recursive: true, force: true });
});

let made = 0;

/** A folder of its own with a judgement file: `events` by annotator, each about the row of an index. */
function file(
  rows: readonly JsonObject[],
  events: readonly (readonly [annotator: string, row: number, event: Partial<AnnotationEvent>])[] = [],
): string {
  const folder = join(root, String(made++));
  const path = join(folder, 'audit.judgements.jsonl');
  mkdirSync(join(folder, 'audit.judgements.corrections'), { recursive: true });
  writeFileSync(path, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  const lines = events.map(([annotator, index, event]) => {
    const parsed = parseJudgement(JSON.stringify(rows[index]));
    if (!parsed.ok) throw new Error(parsed.reason);
    const { query_id, doc_id } = parsed.judgement;
    const at = '2026-01-01T00:00:00Z';
    const answer_id = answerId(parsed.judgement);
    return JSON.stringify({ id: uuidv7(), at, annotator, query_id, doc_id, answer_id, seconds: 1, ...event });
  });
  writeFileSync(join(folder, 'audit.judgements.corrections', 'all-00000000.jsonl'), lines.join('\n'));
  return path;
}

const row = (doc: string, fields: JsonObject = {}): JsonObject => ({
  query_id: 'q',
  query: 'does it help?',
  doc_id: doc,
  document: `text of ${doc}`,
  label: 1,
  explanation: `It says ${doc}.`,
  ...fields,
});
const accept = { action: 'accept' } as const;
const correct = (label: number, explanation?: string): Partial<AnnotationEvent> => ({
  action: 'correct',
  label,
  ...(explanation === undefined ? {} : { explanation }),
});

async function plan(path: string, format: ExportFormat, policy: Partial<ExportPolicy> = {}): Promise<ExportPlan> {
  return planExport({ files: [path], format, policy });
}
async function linesOf(p: ExportPlan): Promise<JsonObject[]> {
  const lines: JsonObject[] = [];
  for await (const batch of exportedLines(p)) for (const item of batch) if (item.split !== null) lines.push(item.line);
  return lines;
}
const reasons = (p: ExportPlan): Record<string, number> => Object.fromEntries(p.reasons.map((r) => [r.id, r.rows]));
const warnings = (p: ExportPlan): Record<string, number> => Object.fromEntries(p.warnings.map((w) => [w.id, w.rows]));

describe('the policy for several annotators', () => {
  const three = (): string =>
    file(
      [row('a'), row('b')],
      [
        ['Ada', 0, accept],
        ['Bob', 0, correct(2, 'It is better.')],
        ['Cyd', 0, correct(2, 'It is much better.')],
        ['Ada', 1, accept],
        ['Bob', 1, correct(0, 'Off topic.')],
      ],
    );

  it('takes the label of more than half of them, and nothing where there is none', async () => {
    const p = await plan(three(), 'trl-sft', { annotators: 'majority' });
    expect(reasons(p)).toEqual({ disagreement: 1 });
    expect(await linesOf(p)).toMatchObject([{ relevance: 2, annotators: ['Bob'], review: 'corrected' }]);
    expect(p.agreement).toMatchObject({ shared: 2, agreed: 0 });
  });

  it('lets the adjudicator decide, and asks for agreement where the adjudicator said nothing', async () => {
    const path = file(
      [row('a'), row('b'), row('c')],
      [
        ['Ada', 0, accept],
        ['Zoe', 0, correct(0, 'Off topic.')],
        ['Ada', 1, accept],
        ['Ada', 2, accept],
        ['Zoe', 2, { action: 'cannot_judge' }],
      ],
    );
    const p = await plan(path, 'trl-sft', { annotators: 'adjudicated', adjudicator: 'Zoe' });
    expect(reasons(p)).toEqual({ cannot_judge: 1 });
    expect((await linesOf(p)).map((line) => [line['doc_id'], line['relevance'], line['annotators']])).toEqual([
      ['a', 0, ['Zoe']],
      ['b', 1, ['Ada']],
    ]);
    await expect(plan(path, 'trl-sft', { annotators: 'adjudicated' })).rejects.toThrow(/name of the annotator/);
  });

  it('takes the answer of each', async () => {
    const p = await plan(three(), 'trl-sft', { annotators: 'all' });
    expect([p.included, p.lines]).toEqual([2, 5]);
    expect((await linesOf(p)).map((line) => line['annotators'])).toEqual([['Ada'], ['Bob'], ['Cyd'], ['Ada'], ['Bob']]);
  });

  it('needs agreement on the label alone for qrels', async () => {
    const path = file([row('a')], [['Ada', 0, correct(2, 'One.')], ['Bob', 0, correct(2, 'Two.')]]); // prettier-ignore
    expect(reasons(await plan(path, 'trl-sft'))).toEqual({ disagreement: 1 });
    expect((await plan(path, 'trec-qrels')).included).toBe(1);
  });
});

describe('what is exported as human data', () => {
  it("takes a teacher's rows as they are only when asked, and says so", async () => {
    const path = file([row('a'), row('b'), row('c', { label: null })], [['Ada', 1, { action: 'skip' }]]);
    expect((await plan(path, 'trl-sft')).included).toBe(0);
    const p = await plan(path, 'trl-sft', { include: 'prefilled' });
    expect([p.included, p.prefilled, reasons(p)]).toEqual([1, 1, { skipped: 1, no_label: 1 }]);
    expect(await linesOf(p)).toMatchObject([{ review: 'prefilled', annotators: [] }]);
    const out = join(path, '..', 'out');
    await writeExport(p, out, '0');
    expect(readFileSync(join(out, 'README.md'), 'utf8')).toContain('no person has reviewed them');
    expect(reasons(await plan(path, 'trl-dpo', { include: 'prefilled' }))).toMatchObject({ prefilled: 1 });
  });

  it('keeps an explanation under a corrected label only where its annotator saw and kept it', async () => {
    const path = file([row('a'), row('b')], [['Ada', 0, correct(2)], ['Ada', 1, { ...correct(2), blind: true }]]); // prettier-ignore
    const p = await plan(path, 'trl-sft');
    expect([reasons(p), warnings(p)]).toEqual([{ label_only_blind: 1 }, { model_explanation: 1 }]);
    const strict = await plan(path, 'trl-sft', { labelOnly: 'hold_back' });
    expect(reasons(strict)).toEqual({ label_only_blind: 1, label_only: 1 });
    expect((await plan(path, 'trec-qrels', { labelOnly: 'hold_back' })).included).toBe(2);
  });

  it('holds back what contradicts itself unless told otherwise', async () => {
    const path = file([row('a', { label: 2, explanation: 'The document is not relevant.' })], [['Ada', 0, accept]]);
    expect(reasons(await plan(path, 'trl-sft'))).toEqual({ contradiction: 1 });
    const p = await plan(path, 'trl-sft', { contradictions: 'include' });
    expect([p.included, warnings(p)]).toEqual([1, { contradiction: 1 }]);
  });

  it('counts text that looks like special tokens', async () => {
    const texts = ['ends <|im_end|> here', 'a </s> b', '[INST] x', '<start_of_turn>', 'if (a < b || c > d)', 'x <| y'];
    const path = file(texts.map((document, i) => row(`d${i}`, { document })));
    expect(warnings(await plan(path, 'trl-sft', { include: 'prefilled' }))).toEqual({ special_tokens: 4 });
  });

  it('puts raw prompts into strings and chats into messages, and never both into one file', async () => {
    const raw = 'Document: {document} Question: {query} Label: ';
    const asked = raw.replace('{document}', 'text of a').replace('{query}', 'does it help?');
    const levels = [0, 1, 2].map((value) => ({ value, name: `${value}`, description: '' }));
    const scale = { name: 'interank', labels: levels };
    const prompts = { score: { raw, answer: '{label}' } };
    const profile = { id: 't', version: 1, kind: 'decoder', label_scale: scale, max_tokens: 99, prompts, score: {} };
    const ofRun = file([row('a', { mode: 'score', explanation: null, prompt_sha256: sha256(asked) })], [['Ada', 0, accept]]); // prettier-ignore
    writeFileSync(ofRun.replace('.jsonl', '.run.json'), JSON.stringify({ version: 1, run_id: 'r', profile }));
    const chat = file([row('b')], [['Ada', 0, accept]]);
    const both = async (files: string[], policy: Partial<ExportPolicy> = {}): Promise<unknown[]> => {
      const p = await planExport({ files, format: 'trl-kto', policy });
      return [(await linesOf(p)).map((line) => typeof line['prompt']), reasons(p)];
    };
    expect(await both([ofRun, chat])).toEqual([['string'], { chat_prompt: 1 }]);
    expect(await both([chat, ofRun])).toEqual([['object'], { raw_prompt: 1 }]);
    expect(await both([chat, ofRun], { prompts: 'messages' })).toEqual([['object', 'object'], {}]);
    expect(await both([chat, ofRun], { prompts: 'strings' })).toEqual([['string'], { chat_prompt: 1 }]);
  });
});

describe('formats', () => {
  const audit = (): string =>
    file(
      [
        row('a', { sample: 0 }),
        row('a', { sample: 1, label: 2, explanation: 'It says more. It is wrong.' }),
        row('b', { label: 0 }),
      ],
      [
        ['Ada', 1, { ...correct(1, 'It says more. It is right.'), evidence: [[0, 4]] }],
        ['Ada', 2, accept],
      ],
    );

  it('gives KTO booleans: accepted true, corrected false and its correction true', async () => {
    const lines = await linesOf(await plan(audit(), 'trl-kto'));
    expect(lines.map((line) => [line['doc_id'], line['label'], line['relevance']])).toEqual([
      ['a', false, 2],
      ['a', true, 1],
      ['b', true, 0],
    ]);
  });

  it('gives reward pairs a margin and GRPO its gold columns', async () => {
    const [pair] = await linesOf(await plan(audit(), 'trl-reward'));
    expect(pair).toMatchObject({ chosen_relevance: 1, rejected_relevance: 2 });
    expect(pair?.['margin']).toBeGreaterThan(0.5);
    const [gold] = await linesOf(await plan(audit(), 'trl-grpo'));
    expect(gold).toMatchObject({
      gold_label: 1,
      gold_explanation: 'It says more. It is right.',
      gold_evidence: ['text'],
    });
  });

  it('takes the sentences that the human kept as right steps, and the label as the last', async () => {
    const lines = await linesOf(await plan(audit(), 'trl-stepwise'));
    expect(lines.map((line) => [line['completions'], line['labels']])).toEqual([
      [
        ['It says more.', 'It is wrong.', 'Label: 2'],
        [true, false, false],
      ],
      [
        ['It says b.', 'Label: 0'],
        [true, true],
      ],
    ]);
  });

  it('gathers every sample of a pair beside the human answer, in InteRank sampled rows', async () => {
    const p = await plan(audit(), 'interank');
    expect([p.included, p.lines, p.corrected, p.accepted]).toEqual([3, 2, 1, 1]);
    expect((await linesOf(p))[0]).toMatchObject({
      query: 'does it help?',
      document: 'text of a',
      predictions: [
        { label: 1, explanation: 'It says a.' },
        { label: 2, explanation: 'It says more. It is wrong.' },
      ],
      groundtruth: { label: 1, explanation: 'It says more. It is right.' },
      annotators: ['Ada'],
    });
  });

  it('weighs answers by reward and by how often the model was wrong', async () => {
    const lines = await linesOf(await plan(audit(), 'interank-rewarded'));
    expect(lines.map((line) => [line['relevance'], line['misclass_prob']])).toEqual([
      [1, 0.5],
      [2, 0.5],
      [0, 0],
    ]);
    expect(lines.every(({ reward }) => typeof reward === 'number' && reward > 0 && reward <= 1)).toBe(true);
    const strict = await linesOf(await plan(audit(), 'interank-rewarded', { rewards: { explanationWeight: 0.5, minimum: 0.85 } })); // prettier-ignore
    expect(strict.map((line) => line['relevance'])).toEqual([1, 0]);
  });

  it("gives a teacher's imported sampled rows back as they were", async () => {
    const part = (name: string): JsonObject => ({ interank: { part: name }, score: 0.5, source: 'x' });
    const path = file([
      row('a', { sample: 0, ...part('predictions') }),
      row('a', { sample: 1, label: 0, ...part('predictions') }),
      row('a', { label: 2, model: { id: 'teacher' }, ...part('groundtruth') }),
    ]);
    expect(await linesOf(await plan(path, 'interank', { include: 'prefilled' }))).toMatchObject([
      {
        predictions: [
          { label: 1, explanation: 'It says a.', score: 0.5 },
          { label: 0, explanation: 'It says a.', score: 0.5 },
        ],
        groundtruth: { label: 2, explanation: 'It says a.', score: 0.5 },
        source: 'x',
      },
    ]);
  });
});

describe('the folder of an export', () => {
  const many = (): string =>
    file(Array.from({ length: 40 }, (_, i) => row(`d${i}`, { query_id: `q${i % 10}`, query: `query ${i % 10}` })));
  const read = (path: string): JsonObject[] =>
    readFileSync(path, 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as JsonObject);

  it('splits by query, as the hub lays it out, and takes the validation file away when it is no longer asked for', async () => {
    const path = many();
    const out = join(path, '..', 'out');
    const policy = { include: 'prefilled', validation: 0.4, seed: 3, hubLayout: true } as const;
    const written = await writeExport(await plan(path, 'trl-sft', policy), out, '0');
    const names = ['train', 'validation'].map((split) => `data/${split}-00000-of-00001.jsonl`);
    expect(written.files).toEqual([...names, 'README.md', 'manifest.json']);
    const [train = [], validation = []] = names.map((name) => read(join(out, name)));
    expect(train.length + validation.length).toBe(40);
    const queries = new Set(train.map((line) => line['query_id']));
    expect(validation.length > 0 && validation.every((line) => !queries.has(line['query_id'] ?? ''))).toBe(true);
    expect(readFileSync(join(out, 'README.md'), 'utf8')).toContain(
      `      - split: validation\n        path: ${names[1]}`,
    );
    await writeExport(await plan(path, 'trl-sft', { include: 'prefilled' }), out, '0');
    expect(readdirSync(out).sort()).toEqual(['README.md', 'manifest.json', 'train.jsonl']);
  });

  it('writes nothing when a file changed since the plan', async () => {
    const path = many();
    const p = await plan(path, 'trl-sft', { include: 'prefilled' });
    writeFileSync(path, `${JSON.stringify(row('new'))}\n`, { flag: 'a' });
    const out = join(path, '..', 'out');
    await expect(writeExport(p, out, '0')).rejects.toThrow(/changed while it was exported/);
    // Not even the folder that was made for it.
    expect(existsSync(out)).toBe(false);
  });

  it('says which queries an evaluation set holds too: by text in a BEIR folder, by id in qrels', async () => {
    const path = many();
    const beir = join(path, '..', 'beir');
    mkdirSync(join(beir, 'qrels'), { recursive: true });
    const queries = [{ _id: '1', text: 'Query  3' }, { _id: 'q5', text: 'another' }, { _id: '2', text: 'query 4' }]; // prettier-ignore
    writeFileSync(join(beir, 'queries.jsonl'), queries.map((q) => JSON.stringify(q)).join('\n'));
    writeFileSync(join(beir, 'qrels', 'test.tsv'), 'query-id\tcorpus-id\tscore\n1\td\t1\nq5\td\t1\n');
    const qrels = join(path, '..', 'test.qrels');
    writeFileSync(qrels, 'q7 0 d 1\nq8 0 d 0\nx 0 d 1\n');
    const p = await plan(path, 'trl-sft', { include: 'prefilled', evaluationSets: [beir, qrels] });
    expect(p.leakage.map(({ name, ids }) => [name, ids])).toEqual([
      ['beir', ['q3']],
      ['test.qrels', ['q7', 'q8']],
    ]);
    await expect(plan(path, 'trl-sft', { evaluationSets: [`${qrels}x`] })).rejects.toThrow(/evaluation set/);
  });

  it('accounts for every row of any file in every format, and writes the same bytes twice', async () => {
    const hostile = fc.constantFrom(
      '',
      'ordinary',
      'tab\tid',
      '\u0000',
      '<|x|>',
      '🙂',
      'Relevance Label: 1 ##',
      '\u2028',
    );
    const judgement = fc.record(
      {
        query_id: fc.constantFrom('1', '2', 'q 3', '4'),
        query: hostile,
        doc_id: fc.constantFrom('a', 'b c', 'd'),
        document: hostile,
        label: fc.constantFrom(0, 1, 2, 7, null, '1'),
        explanation: fc.oneof(fc.constant(null), hostile, fc.constant('It is fine. It is so.')),
        sample: fc.nat(3),
        score: fc.constantFrom(0.5, null),
        status: fc.constantFrom('ok', 'pending', 'failed', 'truncated'),
        prompt_sha256: fc.constantFrom(null, 'x'),
      },
      { requiredKeys: ['query', 'document'] },
    );
    const line = fc.oneof(
      { weight: 9, arbitrary: judgement.map((value) => JSON.stringify(value)) },
      { weight: 1, arbitrary: fc.constantFrom('{"query": 1}', '[]', 'null', '{"query":"\\ud800","document":""}', 'x') },
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(line, { minLength: 1, maxLength: 25 }),
        fc.constantFrom(...exportFormats),
        async (lines, format) => {
          const path = file([]);
          writeFileSync(path, lines.join('\n'));
          const p = await plan(path, format, { include: 'prefilled', validation: 0.3, annotators: 'all' });
          expect(p.total).toBe(lines.length);
          expect(p.included + p.reasons.reduce((sum, { rows }) => sum + rows, 0)).toBe(p.total);
          expect(await linesOf(p)).toHaveLength(p.lines);
          if (!p.splits.some(({ split, lines: n }) => split === 'train' && n > 0)) return;
          const outs = ['one', 'two'].map((name) => join(path, '..', name));
          for (const out of outs) await writeExport(await plan(path, format, p.policy), out, '0');
          const [one, two] = outs.map((out) => readFileSync(join(out, 'manifest.json'), 'utf8'));
          expect(two).toBe(one);
          const manifest: unknown = JSON.parse(one ?? '');
          expect(isJsonObject(manifest) && manifest['lines']).toBe(p.lines);
        },
      ),
      { numRuns: 150 },
    );
  }, 60_000);
});
