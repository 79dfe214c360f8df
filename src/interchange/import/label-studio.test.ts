import { describe, expect, it } from 'vitest';
import type { Json, JsonObject } from '../../domain/json.js';
import type { ImportedRecord } from './importer.js';
import { labelStudioImporter } from './label-studio.js';

const choice = (from_name: string, ...choices: string[]): JsonObject => ({
  id: 'r',
  from_name,
  to_name: 'document',
  type: 'choices',
  value: { choices },
});
const text = (from_name: string, ...lines: string[]): JsonObject => ({
  from_name,
  type: 'textarea',
  value: { text: lines },
});
const rating = (from_name: string, value: number): JsonObject => ({
  from_name,
  type: 'rating',
  value: { rating: value },
});
const task = (annotations: Json[], more: JsonObject = {}): JsonObject => ({
  id: 7,
  project: 3,
  data: { query: 'why?', document: 'because é', docid: 'a b' },
  annotations,
  predictions: [
    { id: 11, model_version: 'm-1', score: 0.8, result: [choice('relevance', '1'), text('explanation', 'so', 'so')] },
  ],
  ...more,
});
const convert = (record: JsonObject): ImportedRecord[] => labelStudioImporter.convert(record, {});

describe('labelStudioImporter', () => {
  it('reads a prediction as the answer and annotations as corrections', () => {
    const record = task([
      {
        completed_by: { id: 5, email: 'ada@example.org' },
        created_at: '2024-01-01T00:00:00Z',
        updated_at: '2024-01-02T00:00:00.5Z',
        result: [choice('relevance', 'relevant'), text('explanation', 'it', 'does')],
      },
      { completed_by: 6, was_cancelled: true, created_at: '2024-01-03T00:00:00Z', result: [] },
    ]);
    const judgement = {
      query: 'why?',
      document: 'because é',
      doc_id: 'a b',
      title: null,
      label: 1,
      scale: 'interank',
      explanation: 'so\nso',
      status: 'ok',
      model: { id: 'm-1' },
      extra: { id: 7, project: 3, prediction_score: 0.8 },
    };
    expect(convert(record)).toEqual([
      {
        kind: 'correction',
        judgement,
        annotator: 'ada@example.org',
        at: '2024-01-02T00:00:00.5Z',
        action: 'correct',
        label: 2,
        explanation: 'it\ndoes',
      },
      { kind: 'correction', judgement, annotator: '6', at: '2024-01-03T00:00:00Z', action: 'skip' },
    ]);
  });

  it('relates an annotation to the prediction it started from', () => {
    const record = task([{ completed_by: 1, parent_prediction: 12, result: [rating('relevance', 0)] }], {
      predictions: [
        { id: 11, model_version: 'a', result: [rating('relevance', 1)] },
        { id: 12, model_version: 'b', result: [rating('relevance', 2)] },
      ],
    });
    expect(convert(record)).toMatchObject([
      { kind: 'judgement', judgement: { model: { id: 'a' }, label: 1 } },
      { kind: 'correction', judgement: { model: { id: 'b' }, label: 2 }, label: 0 },
    ]);
  });

  it('takes the answer that the task shows where there is no prediction', () => {
    const record = task([{ completed_by: 1, result: [rating('relevance', 2)] }], {
      data: { query: 'q', document: 'd', label: 0, rationale: 'no', model: 'teacher' },
      predictions: [],
    });
    expect(convert(record)).toMatchObject([
      { judgement: { label: 0, explanation: 'no', model: { id: 'teacher' }, status: 'ok' }, label: 2 },
    ]);
  });

  it('says what it cannot read', () => {
    const last = (...annotations: Json[]): unknown => convert(task(annotations, { predictions: [] })).at(-1);
    expect(last(44)).toMatchObject({ reason: expect.stringContaining('only an id') as string });
    expect(last({ completed_by: 1, result: null })).toMatchObject({ kind: 'skipped' });
    expect(last({ completed_by: null, result: [choice('relevance', 'relevant', 'irrelevant')] })).toMatchObject({
      kind: 'skipped',
    });
    expect(last({ completed_by: 1, result: [rating('relevance', 5)] })).toMatchObject({
      kind: 'skipped',
      reason: expect.stringContaining('not on the scale') as string,
    });
    expect(convert({ data: { image: 'x.png' }, annotations: [] })).toMatchObject([
      { kind: 'skipped', reason: expect.stringContaining('fields: image') as string },
    ]);
    expect(convert({ x: 1 })).toMatchObject([{ kind: 'skipped' }]);
  });

  it('reads JSON-MIN, one annotation a record', () => {
    const record = {
      id: 7,
      query: 'why?',
      document: 'because',
      relevance: 'relevant',
      explanation: 'it does',
      annotator: 4,
      annotation_id: 9,
      created_at: '2024-01-01T00:00:00Z',
      lead_time: 3.5,
    };
    expect(labelStudioImporter.detect([record])).toBeCloseTo(0.9);
    expect(convert(record)).toMatchObject([
      {
        kind: 'correction',
        judgement: {
          query: 'why?',
          label: null,
          status: 'unparsed',
          extra: { id: 7, annotation_id: 9, lead_time: 3.5 },
        },
        annotator: '4',
        label: 2,
        explanation: 'it does',
      },
    ]);
  });

  it('knows its format', () => {
    expect(labelStudioImporter.detect([task([])])).toBeCloseTo(0.95);
    expect(labelStudioImporter.detect([{ data: 'x', annotations: [] }, {}])).toBe(0);
  });
});
