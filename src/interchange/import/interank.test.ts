import { describe, expect, it } from 'vitest';
import type { Json, JsonObject } from '../../domain/json.js';
import { interankImporter } from './interank.js';

const parts = (record: JsonObject): unknown[] =>
  interankImporter
    .convert(record, {})
    .map((part) => (part.kind === 'skipped' ? part.reason : part.kind === 'judgement' ? part.judgement : part));

describe('interankImporter', () => {
  const sampling = (predictions: Json): JsonObject => ({
    query: 'Why is the sky blue?',
    document: 'Air scatters blue light.',
    predictions,
    groundtruth: { explanation: 'It names the cause.', label: 2, score: 0.75 },
    source: 'physics',
  });

  it('makes a row of every prediction and one of the teacher', () => {
    const record = sampling([
      { label: 1, explanation: 'Some.', score: -0.5 },
      { label: '2', explanation: 'All.' },
    ]);
    expect(parts(record)).toMatchObject([
      {
        label: 1,
        explanation: 'Some.',
        sample: 0,
        extra: { source: 'physics', score: -0.5, interank: { part: 'predictions' } },
      },
      { label: 2, explanation: 'All.', sample: 1 },
      { label: 2, model: { id: 'teacher' }, extra: { score: 0.75, interank: { part: 'groundtruth' } } },
    ]);
    expect(interankImporter.detect([record])).toBe(1);
  });

  it('skips the one prediction it cannot read and keeps the others', () => {
    expect(parts(sampling([{ label: 'two', explanation: 'a' }, 5, { label: null, explanation: 'c' }]))).toMatchObject([
      '"label" is not an integer: "two"',
      'not an object: prediction 1',
      { label: null, explanation: 'c', sample: 2 },
      { label: 2 },
    ]);
    expect(parts(sampling('none'))).toEqual(['"predictions" is not a list']);
  });

  it('makes a row of every link and of the other document of an SFT row, the question joined as in training', () => {
    const record = {
      question: { title: 'Sky', body: 'Why is it blue?' },
      generated_queries: ['sky colour'],
      links: [
        { text: 'Air scatters.', label: 2, explanation: 'Yes.', url: 'u' },
        { label: 1, explanation: 'no text' },
      ],
      other_document: { text: 'Cooking.', label: 0, explanation: 'No.' },
    };
    const extra = { question: { title: 'Sky', body: 'Why is it blue?' }, generated_queries: ['sky colour'] };
    expect(parts(record)).toMatchObject([
      {
        query: 'Sky Why is it blue?',
        document: 'Air scatters.',
        label: 2,
        explanation: 'Yes.',
        extra: { ...extra, url: 'u', interank: { part: 'links', index: 0 } },
      },
      'no text to judge: links 1',
      { document: 'Cooking.', label: 0, extra: { ...extra, interank: { part: 'other_document', index: 0 } } },
    ]);
    expect(parts({ question: { title: 'Sky', body: '' } })).toEqual(['a question without links and other document']);
  });

  const prompt =
    "Explain whether the following document is relevant or not to the given question. Then end your response with a relevance label (0: irrelevant, 1: partially relevant, 2: relevant) and the symbol '##'. Question: Why?\nDocument: Because.";

  it('reads query and document out of the prompt of a single row, with one space or the two of the inference code', () => {
    const single = { prompt, response: 'Yes.\n\nRelevance Label: 2 ##', reward: 0.91, misclass_prob: 0.25 };
    const expected = { query: 'Why?', document: 'Because.', label: 2, explanation: 'Yes.' };
    expect(parts(single)).toMatchObject([{ ...expected, extra: { reward: 0.91, misclass_prob: 0.25 } }]);
    const double = { ...single, prompt: prompt.replace('question. Then', 'question.  Then') };
    expect(parts(double)).toMatchObject([{ ...expected, extra: { prompt_template: 'interank-double-space' } }]);
    expect(parts({ ...single, prompt: 'Is it?' })).toEqual([
      'a prompt whose template is not known, and no "query" and "document" beside it',
    ]);
    expect(interankImporter.detect([single])).toBe(0.95);
  });

  it('reads the two answers of a pair row', () => {
    const pair = {
      prompt,
      chosen: 'Yes.\n\nRelevance Label: 2 ##',
      rejected: 'No.\n\nRelevance Label: 0 ##',
      chosen_score: 3.5,
      rejected_score: -1,
    };
    expect(parts(pair)).toMatchObject([
      { label: 2, sample: 0, extra: { chosen_score: 3.5, preference: 'chosen' } },
      { label: 0, sample: 1, extra: { rejected_score: -1, preference: 'rejected' } },
    ]);
  });
});
