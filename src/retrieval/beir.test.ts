import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { documentText, readBeirQrels, readCorpus, readQueries } from './beir.js';
import { rankCorpus } from './first-stage.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rationale-beir-'));
  await mkdir(join(folder, 'qrels'));
});
const write = (name: string, lines: readonly string[]) => writeFile(join(folder, name), lines.join('\n'));

describe('a BEIR folder', () => {
  it('is read whole: documents, queries in order, judgements', async () => {
    await write('corpus.jsonl', [
      '{"_id":"a b","title":"T","text":"x\u2028y","metadata":{}}',
      '',
      '{"_id":7,"title":"","text":"z"}',
    ]);
    await write('queries.jsonl', ['{"_id":"2","text":"second"}', '{"_id":"1","text":"first"}\r']);
    await write('qrels/test.tsv', ['query-id\tcorpus-id\tscore', '1\ta b\t1']);
    const corpus = await readCorpus(folder);
    expect([...corpus.values()]).toEqual([
      { doc_id: 'a b', title: 'T', text: 'x\u2028y' },
      { doc_id: '7', title: null, text: 'z' },
    ]);
    expect([...corpus.values()].map(documentText)).toEqual(['T\nx\u2028y', 'z']);
    expect(await readQueries(folder)).toEqual([
      { query_id: '2', query: 'second' },
      { query_id: '1', query: 'first' },
    ]);
    expect(await readBeirQrels(folder)).toEqual(new Map([['1', new Map([['a b', 1]])]]));
  });

  it.each([
    ['{"_id":"a","text":"x"}', 'line 2 repeats the document "a"'],
    ['{"text":"x"}', 'line 2 has no "_id"'],
    ['{"_id":"b"}', 'line 2 has no "text"'],
    ['{"_id":"b","text":"x","title":3}', 'line 2 has a "title" that is not a string'],
    ['{"_id":"b","te', 'line 2 is not valid JSON'],
    ['[1]', 'line 2 is not a JSON object'],
  ])('with the line %j is refused by file and line', async (line, message) => {
    await write('corpus.jsonl', ['{"_id":"a","text":"x"}', line]);
    await expect(readCorpus(folder)).rejects.toThrow(`${join(folder, 'corpus.jsonl')}, ${message}`);
  });

  it('without its corpus is refused by name', async () => {
    await expect(readCorpus(folder)).rejects.toThrow(join(folder, 'corpus.jsonl'));
  });

  it('reads lines longer than the stream hands over at once', async () => {
    const text = '検索 '.repeat(200_000);
    await write('corpus.jsonl', [JSON.stringify({ _id: 'a', text }), JSON.stringify({ _id: 'b', text: 'x' })]);
    const corpus = await readCorpus(folder);
    expect(corpus.get('a')?.text === text).toBe(true);
    expect(corpus.size).toBe(2);
  });
});

describe('rankCorpus', () => {
  it('gives each query its candidates in order, with rank, score and the text that is judged', () => {
    const corpus = new Map(
      [
        { doc_id: 'a', title: 'Compilers', text: 'On parsing.' },
        { doc_id: 'b', title: null, text: 'Parsing and more parsing.' },
        { doc_id: 'c', title: null, text: 'Databases.' },
      ].map((d) => [d.doc_id, d]),
    );
    const [first, second] = [
      ...rankCorpus(
        corpus,
        [
          { query_id: '1', query: 'parsing' },
          { query_id: '2', query: 'compiler' },
        ],
        10,
      ),
    ];
    expect(first?.candidates.map((c) => [c.doc_id, c.first_stage_rank])).toEqual([
      ['b', 1],
      ['a', 2],
    ]);
    expect(second?.candidates).toMatchObject([
      { doc_id: 'a', title: 'Compilers', document: 'Compilers\nOn parsing.', uri: null, range: null },
    ]);
  });
});
