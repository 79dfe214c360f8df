import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { readJudgementFile } from '../../annotation/rows.js';
import { RationaleError } from '../../domain/failure.js';
import type { JsonObject } from '../../domain/json.js';
import { importFile } from './import.js';
import { importers } from './registry.js';

const folder = mkdtempSync(join(tmpdir(), 'rationale-hostile-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Files of the full run; the issue asks for 10,000. */
const files = 10_000;
const formats = importers.filter(({ kind }) => kind === 'records').map(({ id }) => id);

const nasty = fc.constantFrom(
  '',
  ' ',
  '\0',
  'tab\tand space',
  'line\nbreak\r\n',
  '\u2028',
  '\ud83d',
  '\udc00x',
  '😀',
  '\ufeff',
  '"},{"',
  '__proto__',
  '<think>',
  '</think> true',
  '<|im_end|>',
  'Relevance Label: 2 ##',
  "Explain whether the following document is relevant or not to the given question. Then end your response with a relevance label (0: irrelevant, 1: partially relevant, 2: relevant) and the symbol '##'. Question: q\nDocument: d",
  '2',
  'two',
  'NaN',
);
const text = fc.oneof(
  { weight: 3, arbitrary: nasty },
  { weight: 2, arbitrary: fc.string({ unit: 'binary', maxLength: 12 }) },
);
const scalar = fc.oneof(
  text,
  fc.constantFrom(0, 1, 2, -1, 2.5, 1e308, 9007199254740993, true, false, null),
  fc.integer(),
);
/** The names that importers look for, so that most records get beyond their first check. */
const name = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.constantFrom(
      ...['query', 'document', 'label', 'explanation', 'predictions', 'groundtruth', 'prompt', 'completion', 'chosen'],
      ...[
        'rejected',
        'response',
        'reward',
        'messages',
        'conversations',
        'solution',
        'role',
        'content',
        'question',
        'links',
      ],
      ...['other_document', 'title', 'body', 'text', 'query_id', 'doc_id', 'model', 'gold_label', 'candidates', 'doc'],
      ...['docid', 'qid', 'score', 'judgment', 'responses', 'suggestions', 'annotations', 'result', 'data', 'fields'],
      ...['value', 'extra', 'run_id', 'status', 'user_id', 'created_at', 'invocations_history', 'passage'],
    ),
  },
  { weight: 1, arbitrary: text },
);
const value = fc.letrec<{ value: unknown; object: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    { weight: 4, arbitrary: scalar },
    { weight: 1, arbitrary: fc.array(tie('value'), { maxLength: 3 }) },
    { weight: 2, arbitrary: tie('object') },
  ),
  object: fc.dictionary(name, tie('value'), { maxKeys: 5 }),
})).object;
const prompt =
  "Explain whether the following document is relevant or not to the given question. Then end your response with a relevance label (0: irrelevant, 1: partially relevant, 2: relevant) and the symbol '##'. Question: why?\nDocument: because";
const answer = 'It says so.\n\nRelevance Label: 2 ##';
const asked = { role: 'user', content: prompt };
const said = { role: 'assistant', content: answer };
const rank1 =
  "Determine if the following passage is relevant to the query. Answer only with 'true' or 'false'.\nQuery: q\nPassage: d\n<think>";
const tfrank = '<Instruct>: a\n0 means no,\n4 means yes.\n\n\n<Query>: q\n\n\n<Document>: d /think';
/** Sound records of every format, to be damaged. */
const sound: Readonly<Record<string, readonly JsonObject[]>> = {
  table: [{ query: 'q', document: 'd', label: '2', explanation: 'e', query_id: 7, score: '0.5', note: null }],
  interank: [
    {
      query: 'q',
      document: 'd',
      predictions: [
        { label: 1, explanation: 'a', score: 1 },
        { label: 2, explanation: 'b' },
      ],
      groundtruth: { label: 2, explanation: 'c' },
    },
    {
      question: { title: 't', body: 'b' },
      generated_queries: [],
      links: [{ text: 'd', label: 1, explanation: 'e' }],
      other_document: { text: 'o', label: 0, explanation: 'n' },
    },
    { prompt, response: answer, reward: 0.9, misclass_prob: 0.5 },
    { prompt, chosen: answer, rejected: 'No.\n\nRelevance Label: 0 ##', chosen_score: 1, rejected_score: 0 },
  ],
  trl: [
    { prompt: [asked], completion: [said], label: true },
    { prompt, completion: answer },
    { chosen: [asked, said], rejected: [asked, { role: 'assistant', content: 'Relevance Label: 1' }] },
    { prompt, gold_label: '2', reference_explanation: answer },
  ],
  chat: [
    { messages: [asked, said], model: 'm' },
    {
      conversations: [
        { from: 'human', value: prompt },
        { from: 'gpt', value: answer },
      ],
    },
  ],
  tfrank: [
    {
      task_type: 'pointwise',
      messages: [
        { role: 'system', content: 's' },
        { role: 'user', content: tfrank },
      ],
      solution: 'yes(3)',
    },
  ],
  rank1: [{ prompt: rank1, response: 'r</think> true' }],
  'rank-llm': [
    {
      query: { text: 'q', qid: 1 },
      candidates: [
        { docid: 'a b', score: 3, doc: { contents: 'd' } },
        { docid: 'c', score: 2, doc: { segment: 'e' } },
      ],
    },
  ],
  umbrela: [{ query: 'q', passage: 'p', judgment: 2, prediction: 'x', model: 'm', result_status: 1 }],
};
/** A record with up to two of its values replaced or removed, anywhere. */
const damaged = (id: string): fc.Arbitrary<unknown> =>
  fc
    .tuple(
      fc.constantFrom(...(sound[id] ?? sound['table'] ?? [])),
      fc.array(fc.tuple(fc.nat(), fc.oneof(scalar, value), fc.boolean()), { maxLength: 2 }),
    )
    .map(([record, faults]) => {
      const copy = structuredClone(record) as Record<string, unknown>;
      for (const [at, replacement, remove] of faults) {
        const places = placesOf(copy);
        const place = places[at % Math.max(1, places.length)];
        if (place === undefined) continue;
        if (remove) Reflect.deleteProperty(place.parent, place.key);
        else place.parent[place.key] = replacement;
      }
      return copy;
    });

interface Place {
  readonly parent: Record<string, unknown>;
  readonly key: string;
}

function placesOf(parent: object): Place[] {
  return Object.entries(parent).flatMap(([key, item]: [string, unknown]) => [
    { parent: parent as Record<string, unknown>, key },
    ...(typeof item === 'object' && item !== null ? placesOf(item) : []),
  ]);
}

/** A line of a file: a record as its writer meant it, then what goes wrong on the way. */
const line = (id: string): fc.Arbitrary<Buffer> =>
  fc
    .tuple(
      fc
        .oneof({ weight: 1, arbitrary: value }, { weight: 6, arbitrary: damaged(id) })
        .map((record) => JSON.stringify(record)),
      fc.constantFrom(
        'as is',
        'as is',
        'as is',
        'as is',
        'as is',
        'as is',
        'as is',
        'cut',
        'duplicate',
        'array',
        'nul',
        'blank',
        'bytes',
        'crlf',
      ),
      fc.nat(),
    )
    .map(([json, fault, at]): Buffer => {
      switch (fault) {
        case 'cut':
          return Buffer.from(json.slice(0, at % json.length));
        case 'duplicate':
          return Buffer.from(json.replace(/^\{/, '{"query":"first","label":0,'));
        case 'array':
          return Buffer.from(`[${json}]`);
        case 'nul':
          return Buffer.from(`${json}\0`);
        case 'blank':
          return Buffer.from(' \t');
        case 'bytes':
          return Buffer.concat([Buffer.from(json.slice(0, -1)), Buffer.from([0xc3, 0x28, 0xff, 0x7d])]);
        case 'crlf':
          return Buffer.from(`${json}\r`);
        default:
          return Buffer.from(json);
      }
    });

const file = fc.constantFrom(...formats).chain((id) =>
  fc.record({
    lines: fc.array(line(id), { maxLength: 5 }),
    mark: fc.boolean(),
    ended: fc.boolean(),
    shape: fc.constantFrom('.jsonl', '.jsonl', '.jsonl', '.json', '.csv'),
    array: fc.boolean(),
    importer: fc.constantFrom(id, id, undefined),
  }),
);

const newlines = (bytes: Buffer): number => bytes.toString('latin1').split('\n').length - 1;

describe('importFile on hostile files', () => {
  it('never crashes, and takes or reports every line', async () => {
    let n = 0;
    const run = async (numRuns: number): Promise<void> =>
      fc.assert(
        fc.asyncProperty(file, async ({ lines, mark, ended, shape, array, importer }) => {
          const stem = join(folder, `f${n++}`);
          const path = `${stem}${shape}`;
          const out = `${stem}.judgements.jsonl`;
          const separator = Buffer.from(array && shape === '.json' ? ',\n' : '\n');
          const body = lines.flatMap((one, i) => (i === 0 ? [one] : [separator, one]));
          const [open, close] = array && shape === '.json' ? ['[', ']'] : ['', ended ? '\n' : ''];
          writeFileSync(
            path,
            Buffer.concat([Buffer.from(`${mark ? '\ufeff' : ''}${open}`), ...body, Buffer.from(close)]),
          );
          try {
            const report = await importFile({
              path,
              out,
              importOptions: {},
              toolVersion: '0',
              ...(importer === undefined ? {} : { importer }),
            });
            const skipped = [...report.skippedCounts.values()].reduce((a, b) => a + b, 0);
            expect(report.read).toBe(report.taken + skipped);
            expect(report.skipped.length).toBe(skipped);
            expect(report.read).toBeGreaterThanOrEqual(report.records);
            if (shape === '.jsonl') {
              // Nothing between the file and the report gets lost: each line that is not blank is a record.
              expect(report.records).toBe(lines.filter((one) => one.toString().trim() !== '').length);
            }
            if (report.out === null) expect(report.taken).toBe(0);
            else {
              // Everything that was written opens.
              const { rows } = await readJudgementFile(out);
              expect(rows.filter((row) => row.kind === 'malformed')).toEqual([]);
              expect(rows).toHaveLength(newlines(readFileSync(out)));
              expect(rows.length).toBeLessThanOrEqual(report.taken);
              if (report.corrections === 0) expect(rows).toHaveLength(report.taken);
            }
          } catch (error) {
            // Only for the whole file: a format that nobody could tell, an encoding, a table without rows.
            if (!(error instanceof RationaleError) || error.category === 'bug') throw error;
          } finally {
            for (const name of [
              path,
              out,
              out.replace('.jsonl', '.rationale.json'),
              out.replace('.jsonl', '.corrections'),
            ]) {
              rmSync(name, { force: true, recursive: true });
            }
          }
        }),
        { numRuns },
      );
    // Side by side, because most of the time goes into waiting for the disk.
    await Promise.all(Array.from({ length: 4 }, () => run(files / 4)));
  }, 600_000);

  it('takes a text of a megabyte', async () => {
    const path = join(folder, 'long.jsonl');
    const long = 'wide ü😀"\\\n'.repeat(100_000);
    writeFileSync(path, JSON.stringify({ query: 'q', document: long, label: 1, explanation: long }));
    const out = join(folder, 'long.judgements.jsonl');
    expect(await importFile({ path, out, importOptions: {}, toolVersion: '0' })).toMatchObject({ read: 1, taken: 1 });
    const { rows } = await readJudgementFile(out);
    expect(rows[0]).toMatchObject({ judgement: { document: long, explanation: long } });
  });
});
