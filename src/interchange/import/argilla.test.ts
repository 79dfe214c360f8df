import { describe, expect, it } from 'vitest';
import type { Json, JsonObject } from '../../domain/json.js';
import { argillaImporter } from './argilla.js';
import type { ImportedRecord } from './importer.js';

const fields = { query: 'why is the sky blue?', document: 'Rayleigh scattering. 🦉', hint: 'kept' };
const convert = (record: JsonObject): ImportedRecord[] => argillaImporter.convert(record, {});
const people = (record: JsonObject): unknown[] =>
  convert(record).map((r) =>
    r.kind === 'correction'
      ? { annotator: r.annotator, action: r.action, label: r.label, explanation: r.explanation }
      : r.kind,
  );

/** The same item in all four shapes: suggested 1 with a reason, Ada says 2 with a better one, Ben discarded it. */
const shapes: Readonly<Record<string, JsonObject>> = {
  'version 2, nested': {
    id: 'r1',
    fields,
    metadata: { qid: 'q 1', docid: 'a\tb' },
    suggestions: {
      relevance: { value: '1', score: 0.7, agent: 'gpt' },
      rationale: { value: 'so so', score: null, agent: 'gpt' },
    },
    responses: {
      relevance: [{ value: '2', user_id: 'ada' }],
      rationale: [{ value: 'it explains', user_id: 'ada' }],
    },
    vectors: {},
    _server_id: 's1',
  },
  'version 2, flat': {
    id: 'r1',
    ...fields,
    qid: 'q 1',
    docid: 'a\tb',
    'relevance.suggestion': '1',
    'relevance.suggestion.score': 0.7,
    'relevance.suggestion.agent': 'gpt',
    'rationale.suggestion': 'so so',
    'relevance.responses': ['2', null],
    'relevance.responses.users': ['ada', 'ben'],
    'relevance.responses.status': ['submitted', 'discarded'],
    'rationale.responses': ['it explains'],
    'rationale.responses.users': ['ada'],
    'rationale.responses.status': ['submitted'],
  },
  'version 1, records': {
    fields,
    metadata: { qid: 'q 1', docid: 'a\tb' },
    suggestions: [
      { question_name: 'relevance', value: 1, score: 0.7, agent: 'gpt', type: 'model' },
      { question_name: 'rationale', value: 'so so', agent: 'gpt' },
    ],
    responses: [
      {
        user_id: 'ada',
        status: 'submitted',
        updated_at: '2024-05-01T10:00:00',
        values: { relevance: { value: 2 }, rationale: { value: 'it explains' } },
      },
      { user_id: 'ben', status: 'discarded', values: null },
    ],
    external_id: 'e1',
  },
  'version 1, data set': {
    ...fields,
    qid: 'q 1',
    docid: 'a\tb',
    relevance: [
      { user_id: 'ada', value: 2, status: 'submitted' },
      { user_id: 'ben', value: null, status: 'discarded' },
    ],
    'relevance-suggestion': 1,
    'relevance-suggestion-metadata': { type: 'model', score: 0.7, agent: 'gpt' },
    rationale: [{ user_id: 'ada', value: 'it explains', status: 'submitted' }],
    'rationale-suggestion': 'so so',
    'rationale-suggestion-metadata': { type: null, score: null, agent: null },
    external_id: 'e1',
    metadata: '{}',
  },
};

describe('argillaImporter', () => {
  it.each(Object.entries(shapes))('reads suggestion and responses: %s', (name, record) => {
    expect(argillaImporter.detect([record])).toBeGreaterThan(0.9);
    const [first] = convert(record);
    expect(first).toMatchObject({
      kind: 'correction',
      judgement: {
        query: fields.query,
        document: fields.document,
        query_id: 'q 1',
        doc_id: 'a\tb',
        label: 1,
        scale: 'interank',
        explanation: 'so so',
        status: 'ok',
        model: { id: 'gpt' },
        extra: { fields: { hint: 'kept' }, suggestion_scores: { relevance: 0.7 } },
      },
    });
    const ada = { annotator: 'ada', action: 'correct', label: 2, explanation: 'it explains' };
    const ben = { annotator: 'ben', action: 'skip', label: undefined, explanation: undefined };
    expect(people(record)).toEqual(name === 'version 2, nested' ? [ada] : [ada, ben]);
  });

  it('keeps the time of a response, and says where the status is unknown', () => {
    expect(convert(shapes['version 1, records'] ?? {})[0]).toMatchObject({ at: '2024-05-01T10:00:00' });
    const [nested] = convert(shapes['version 2, nested'] ?? {});
    expect(nested).toMatchObject({
      at: null,
      notes: [expect.stringContaining('status') as string],
    });
  });

  it('takes a record that nobody answered as a row, and drafts as nothing', () => {
    const bare = (responses: Json): ImportedRecord[] => convert({ fields, suggestions: [], responses });
    expect(bare([])).toMatchObject([{ kind: 'judgement', judgement: { label: null, status: 'pending' } }]);
    expect(bare([{ user_id: 'ada', status: 'draft', values: { relevance: { value: 2 } } }])).toMatchObject([
      { kind: 'judgement', judgement: { label: null, status: 'unparsed' } },
      { kind: 'skipped', reason: 'a draft that was not submitted: by ada' },
    ]);
  });

  it('reads labels by name, keeps answers to other questions, and never makes a 0 of what it cannot read', () => {
    const answered = (values: JsonObject): ImportedRecord | undefined =>
      convert({ fields, suggestions: [], responses: [{ user_id: null, status: 'submitted', values }] }).at(-1);
    expect(answered({ relevance: { value: 'Partially relevant' }, comment: { value: 'hm' } })).toMatchObject({
      annotator: 'unnamed',
      label: 1,
      note: 'comment: hm',
    });
    expect(answered({ relevance: { value: ['relevant'] } })).toMatchObject({ label: 2 });
    expect(answered({ relevance: { value: 'dunno' }, rationale: { value: 'because' } })).toMatchObject({
      action: 'correct',
      explanation: 'because',
      note: 'relevance: dunno',
      notes: [expect.stringContaining('neither an integer nor a name')],
    });
    expect(answered({ relevance: { value: ['relevant', 'irrelevant'] } })).toMatchObject({ kind: 'skipped' });
    expect(answered({ comment: { value: 'hm' } })).toMatchObject({
      reason: expect.stringContaining('neither label nor explanation') as string,
    });
    for (const values of [{ relevance: { value: 'dunno' } }, { relevance: { value: null } }])
      expect(answered(values)).not.toHaveProperty('label');
  });

  it('follows a mapping of fields and questions', () => {
    const record = {
      fields: { left: 'q', right: 'd' },
      suggestions: {},
      responses: { how_good: [{ value: 2, user_id: 'ada' }], why: [{ value: 'so', user_id: 'ada' }] },
    };
    expect(convert(record)).toMatchObject([
      { kind: 'skipped', reason: expect.stringContaining('left, right') as string },
    ]);
    const mapping = { query: 'left', document: 'right', label: 'how_good', explanation: 'why' };
    expect(argillaImporter.convert(record, { mapping })).toMatchObject([
      { judgement: { query: 'q', document: 'd' }, label: 2, explanation: 'so' },
    ]);
  });

  it('survives records that are anything else', () => {
    for (const record of [
      {},
      { fields: null },
      { fields, responses: 'x' },
      { fields, responses: [null, 1], suggestions: [null, {}] },
    ] as JsonObject[])
      expect(() => convert(record)).not.toThrow();
    expect(argillaImporter.detect([{ query: 'q', document: 'd' }, { fields: [] }])).toBe(0);
  });
});
