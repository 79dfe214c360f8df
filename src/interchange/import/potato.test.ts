import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Json, JsonObject } from '../../domain/json.js';
import type { ImportOptions } from './importer.js';
import { potatoImporter } from './potato.js';

function folder(files: Readonly<Record<string, string>>): string {
  const root = mkdtempSync(join(tmpdir(), 'potato-'));
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), content);
  }
  return root;
}
const lines = (...records: Json[]): string => records.map((record) => `${JSON.stringify(record)}\n`).join('');
async function read(path: string, options: ImportOptions = {}): Promise<unknown[]> {
  const all: unknown[] = [];
  for await (const record of potatoImporter.read(path, options)) all.push(record);
  return all;
}
const instance = (id: string, labels: JsonObject, more: JsonObject = {}): JsonObject => ({
  id,
  displayed_text: `<b>Query:</b> why ${id}?<br>Document: because a &lt; b 🦉<br>and more`,
  label_annotations: labels,
  span_annotations: {},
  behavioral_data: { time_string: 'Time spent: 0d 0h 0m 1s ' },
  ...more,
});

describe('potatoImporter', () => {
  it('reads every annotator of an output folder, named by the folders', async () => {
    const root = folder({
      'ben/annotated_instances.jsonl': lines(instance('i 1', { relevance: { irrelevant: 'true' } })),
      'ada@x.org/annotated_instances.jsonl': lines(
        instance('i 1', { relevance: { scale_2: '2' }, explanation: { text_box: 'it does' } }),
        instance('i2', {
          relevance: { 'partially relevant': '2', relevant: 'false' },
          topic: { a: 'true', b: 'true' },
        }),
      ),
      'ada@x.org/user_state.json': '{}',
    });
    expect(await potatoImporter.detect(root)).toBeCloseTo(0.95);
    expect(await read(root)).toMatchObject([
      {
        line: 1,
        kind: 'correction',
        annotator: 'ada@x.org',
        at: null,
        label: 2,
        explanation: 'it does',
        judgement: {
          query: 'why i 1?',
          document: 'because a < b 🦉\nand more',
          label: null,
          status: 'unparsed',
          extra: { instance_id: 'i 1', span_annotations: {} },
        },
      },
      { line: 2, annotator: 'ada@x.org', label: 1, note: 'topic: ["a","b"]' },
      { line: 1, annotator: 'ben', label: 0, judgement: { query: 'why i 1?' } },
    ]);
  });

  it('reads states and the JSONL export with the data file of the task', async () => {
    const root = folder({
      'out/ada/user_state.json': JSON.stringify({
        user_id: 'Ada',
        instance_id_to_label_to_value: {
          i1: [
            [{ schema: 'relevance', name: 'relevant' }, 'true'],
            [{ schema: 'explanation', name: 'text_box' }, 'so'],
          ],
          gone: { relevance: { relevant: true } },
        },
      }),
      'export/annotations.jsonl': lines({
        instance_id: 'i1',
        user_id: 'ben',
        labels: { relevance: { '1': 'true' } },
        spans: {},
        links: {},
      }),
      'data.csv': 'id,query,document,label,explanation\ni1,why?,because,1,model says\n',
    });
    const corpus = join(root, 'data.csv');
    expect(await read(join(root, 'out'), { corpus })).toMatchObject([
      {
        annotator: 'Ada',
        label: 2,
        explanation: 'so',
        judgement: { query: 'why?', label: 1, explanation: 'model says', status: 'ok' },
      },
      { kind: 'skipped', reason: 'an instance that the data file does not hold: gone' },
    ]);
    const file = join(root, 'export/annotations.jsonl');
    expect(await potatoImporter.detect(file)).toBeCloseTo(0.9);
    expect(await read(file, { corpus })).toMatchObject([{ annotator: 'ben', label: 1 }]);
    expect(await read(file)).toMatchObject([
      { kind: 'skipped', reason: expect.stringContaining('data file') as string },
    ]);
  });

  it('says what it cannot read, line by line', async () => {
    const root = folder({
      'ada/annotated_instances.jsonl': `${lines(
        instance('a', { relevance: { relevant: 'true', irrelevant: 'true' } }),
        { displayed_text: 'x', label_annotations: {} },
        { id: 'b', displayed_text: 'only one text', label_annotations: { relevance: {} } },
        instance('c', { relevance: {} }),
        { id: 'd' },
      )}{"id": "torn`,
    });
    const reasons = (await read(root)) as { readonly line: number; readonly kind: string; readonly reason?: string }[];
    expect(reasons.filter((each) => each.kind === 'skipped').map((each) => each.line)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(reasons.some((each) => 'label' in each)).toBe(false);
  });

  it('refuses a folder without annotations and does not claim it', async () => {
    const root = folder({ 'notes.jsonl': lines({ query: 'q', document: 'd' }) });
    expect(await potatoImporter.detect(root)).toBe(0);
    expect(await potatoImporter.detect(join(root, 'notes.jsonl'))).toBe(0);
    expect(await potatoImporter.detect(join(root, 'none'))).toBe(0);
    await expect(read(root)).rejects.toThrow(/holds no annotations of Potato/);
  });
});
