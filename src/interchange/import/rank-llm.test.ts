import { describe, expect, it } from 'vitest';
import type { Json, JsonObject } from '../../domain/json.js';
import { rankLlmImporter } from './rank-llm.js';

const request = (candidates: Json[], more: JsonObject = {}): JsonObject => ({
  query: { text: 'how long is life cycle of flea', qid: 264014 },
  candidates,
  ...more,
});
const judgements = (record: JsonObject): unknown[] =>
  rankLlmImporter.convert(record, {}).map((r) => (r.kind === 'judgement' ? r.judgement : r));

describe('rankLlmImporter', () => {
  it('takes the candidates of a request as the first stage, to be judged', () => {
    const record = request([
      { docid: 'msmarco 1', score: 14.97, doc: { title: 'Fleas', contents: 'The flea lives.', url: 'x' } },
      { docid: 7, score: '13', doc: { segment: 'Ünï 🦉' }, note: 'kept' },
    ]);
    expect(judgements(record)).toEqual([
      {
        query: 'how long is life cycle of flea',
        query_id: '264014',
        doc_id: 'msmarco 1',
        title: 'Fleas',
        document: 'The flea lives.',
        status: 'pending',
        first_stage_rank: 1,
        first_stage_score: 14.97,
        extra: { doc: { url: 'x' } },
      },
      {
        query: 'how long is life cycle of flea',
        query_id: '264014',
        doc_id: '7',
        title: null,
        document: 'Ünï 🦉',
        status: 'pending',
        first_stage_rank: 2,
        first_stage_score: 13,
        extra: { note: 'kept' },
      },
    ]);
  });

  it('takes the places of a listwise result and keeps the history once', () => {
    const history = [
      {
        prompt: 'rank: [1] the first [2] the second',
        response: '[2] > [1]',
        input_token_count: 9,
        output_token_count: 5,
      },
    ];
    const record = request(
      [
        { docid: 'b', score: 2, doc: { text: 'the second' } },
        { docid: 'a', score: 1, doc: { text: 'the first' } },
      ],
      { invocations_history: history },
    );
    expect(judgements(record)).toMatchObject([
      { doc_id: 'b', rank: 1, score: 2, status: 'ok', extra: { invocations_history: history } },
      { doc_id: 'a', rank: 2, score: 1, status: 'ok' },
    ]);
    expect(judgements(record)[1]).not.toHaveProperty('extra');
    expect(judgements(record)[0]).not.toHaveProperty('label');
    expect(judgements(record)[0]).not.toHaveProperty('first_stage_rank');
  });

  it('gives each candidate its own answer where the reranker asked about one at a time', () => {
    const call = (text: string, response: string, reasoning: string | null): JsonObject => ({
      prompt: [{ role: 'user', content: `Is it relevant?\n${text}` }],
      response,
      reasoning,
      input_token_count: 20,
      output_token_count: 3,
    });
    const record = request(
      [
        { docid: 'b', score: 0.9, doc: { text: 'the second\nwith a break' } },
        { docid: 'a', score: 0.1, doc: { text: 'the first' } },
      ],
      {
        invocations_history: [
          call('the first', 'false', null),
          call('the second with a break', 'true', 'it is about fleas'),
        ],
      },
    );
    expect(judgements(record)).toMatchObject([
      { doc_id: 'b', raw_response: 'true', explanation: 'it is about fleas', prompt_tokens: 20, completion_tokens: 3 },
      { doc_id: 'a', raw_response: 'false', explanation: null, rank: 2 },
    ]);
  });

  it('reads the hits of RankGPT', () => {
    const record = { query: 'why?', hits: [{ content: 'because', qid: 3, docid: 'd', rank: 1, score: 4.5 }] };
    expect(judgements(record)).toEqual([
      {
        query: 'why?',
        query_id: '3',
        doc_id: 'd',
        title: null,
        document: 'because',
        status: 'pending',
        first_stage_rank: 1,
        first_stage_score: 4.5,
      },
    ]);
  });

  it('says what is wrong with a request or a candidate, and takes the rest', () => {
    expect(judgements({ query: { qid: 1 }, candidates: [] })).toEqual([
      { kind: 'skipped', reason: 'no query: neither "query" nor "query.text" is a text' },
    ]);
    expect(judgements({ query: 'q', candidates: null })).toMatchObject([{ kind: 'skipped' }]);
    expect(judgements(request([]))).toEqual([{ kind: 'skipped', reason: 'the query has no candidates' }]);
    const odd = request([null, { docid: 'x', doc: null }, { docid: 'y', score: null, doc: { text: 'ok' } }], {
      invocations_history: null,
    });
    expect(judgements(odd)).toMatchObject([
      { reason: 'a candidate is not an object: number 1' },
      { reason: 'a candidate has no text (doc.text, segment, contents …): number 2' },
      { doc_id: 'y', first_stage_rank: 3, first_stage_score: null },
    ]);
  });

  it('knows its format', () => {
    expect(rankLlmImporter.detect([request([{ docid: 'a', score: 1, doc: { text: 't' } }])])).toBeGreaterThan(0.9);
    expect(rankLlmImporter.detect([{ query: 'q', candidates: ['a passage'] }])).toBe(0);
    expect(rankLlmImporter.detect([{ query: 'q', document: 'd' }])).toBe(0);
    expect(rankLlmImporter.detect([])).toBe(0);
  });
});
