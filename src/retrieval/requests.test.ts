import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { readRequests } from './requests.js';

let file: string;
beforeEach(async () => (file = join(await mkdtemp(join(tmpdir(), 'rationale-requests-')), 'requests.jsonl')));
const write = (...lines: readonly (object | string)[]) =>
  writeFile(file, lines.map((line) => (typeof line === 'string' ? line : JSON.stringify(line))).join('\n'));

describe('readRequests', () => {
  it('takes documents as texts and as objects, with ids of their own or made of the text', async () => {
    await write({ query: 'ice', documents: ['ice melts', { id: 7, title: 'Glaze', text: 'ice on wires' }] });
    const [only] = (await readRequests(file, 'given')).queries;
    expect(only?.query.query_id).toMatch(/^q-[0-9a-f]{16}$/);
    expect(only?.candidates.map((c) => [c.doc_id, c.title, c.document, c.first_stage_rank])).toEqual([
      [expect.stringMatching(/^d-[0-9a-f]{16}$/), null, 'ice melts', 1],
      ['7', 'Glaze', 'Glaze\nice on wires', 2],
    ]);
  });

  it("reads rank_llm's requests and ranks them by their scores", async () => {
    await write({
      query: { text: 'ice', qid: 'q1' },
      candidates: [
        { docid: 'a', score: 1, doc: { contents: 'x' } },
        { docid: 'b', score: 2, doc: { segment: 'y', title: 'Y' } },
      ],
    });
    const [only] = (await readRequests(file, 'auto')).queries;
    expect(only?.query).toEqual({ query_id: 'q1', query: 'ice' });
    expect(only?.candidates.map((c) => [c.doc_id, c.document, c.first_stage_score])).toEqual([
      ['b', 'Y\ny', 2],
      ['a', 'x', 1],
    ]);
  });

  it('ranks documents without scores by BM25 over the request, and keeps the order of those that share no term', async () => {
    await write({
      query: 'descale a boiler',
      documents: [
        { id: 'none', text: 'penguins' },
        { id: 'neither', text: 'owls' },
        { id: 'hit', text: 'to descale the boiler' },
      ],
    });
    const [only] = (await readRequests(file, 'auto')).queries;
    expect(only?.candidates.map((c) => [c.doc_id, c.first_stage_score > 0])).toEqual([
      ['hit', true],
      ['none', false],
      ['neither', false],
    ]);
  });

  it('counts what it leaves out: repeated documents, and those beyond the depth', async () => {
    await write({ query: 'q', documents: ['a', 'b', 'a', 'c'] });
    const read = await readRequests(file, 'given', 2);
    expect(read).toMatchObject({ repeated: 1, beyondDepth: 1 });
    expect(read.queries[0]?.candidates.map((c) => c.document)).toEqual(['a', 'b']);
  });

  it.each([
    [['{"query":"q","documents":["a"]}', '{"query":"q","documents":["b"]}'], /line 2 repeats the query of line 1/],
    [['{"documents":["a"]}'], /line 1 has no "query"/],
    [['{"query":"q","documents":[]}'], /line 1 has no "documents"/],
    [['', '{"query":"q","documents":["a", 3]}'], /line 2 has a document \(number 2\) that is neither/],
    [['{"query":"q","documents":[{"id":"a"}]}'], /number 1\) that has no "text"/],
    [['{"query":"q","documents":[{"text":"a","score":"high"}]}'], /"score" that is not a number/],
    [['{"query":"q","documents":[{"id":"a","text":"x"},{"id":"a","text":"y"}]}'], /id "a" to two different documents/],
    [['{"query":"q","documents":[""]}'], /is empty/],
    [[''], /holds no request/],
  ])('says what is wrong in which line: %s', async (lines, message) => {
    await write(...lines);
    await expect(readRequests(file, 'auto')).rejects.toThrow(message);
  });
});
