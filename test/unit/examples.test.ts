import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseJudgement, type Judgement } from '../../src/domain/judgement.js';
import { sliceCodePoints } from '../../src/domain/text.js';

const examples = 'examples';

function teacherRows(): Judgement[] {
  const lines = readFileSync(join(examples, 'teacher.judgements.jsonl'), 'utf8').split('\n');
  return lines
    .filter((line) => line !== '')
    .map((line) => {
      const parsed = parseJudgement(line);
      if (!parsed.ok) throw new Error(parsed.reason);
      return parsed.judgement;
    });
}

// What a newcomer opens first: the committed examples must be what scripts/examples/ says they are.
describe('the examples', () => {
  it('hold a thousand abstracts, none with its question', () => {
    const files = readdirSync(join(examples, 'pubmedqa'), { recursive: true, encoding: 'utf8' });
    const abstracts = files.filter((file) => /\d+\.md$/.test(file));
    expect(abstracts).toHaveLength(1000);
    const questions = new Map(
      readFileSync('test/fixtures/pubmedqa/queries.jsonl', 'utf8')
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as { _id: string; text: string })
        .map(({ _id, text }) => [_id.slice(1), text]),
    );
    for (const file of abstracts) {
      const pmid = /(\d+)\.md$/.exec(file)?.[1] ?? '';
      const text = readFileSync(join(examples, 'pubmedqa', file), 'utf8');
      expect(text.trim().length).toBeGreaterThan(100);
      expect(text).not.toContain(questions.get(pmid));
    }
  });

  it('link every teacher row to the very passage of its file', () => {
    for (const row of teacherRows()) {
      if (row.uri === null || row.range === null) throw new Error(`${row.doc_id} has no place`);
      expect(sliceCodePoints(readFileSync(join(examples, row.uri), 'utf8'), ...row.range)).toBe(row.document);
      expect(row.doc_id).toBe(`${row.uri}#${row.range[0]}-${row.range[1]}`);
    }
  });

  it('give each of 100 questions its own abstract by the authors and two neighbours by the model', () => {
    const byQuery = new Map<string, Judgement[]>();
    for (const row of teacherRows()) byQuery.set(row.query_id, [...(byQuery.get(row.query_id) ?? []), row]);
    expect(byQuery.size).toBe(100);
    for (const [queryId, [own, ...neighbours]] of byQuery) {
      expect(own).toMatchObject({
        scale: 'interank',
        label: 2,
        model: { id: 'pubmedqa-human-conclusion' },
        status: 'ok',
      });
      expect(own?.doc_id).toContain(`/${queryId.slice(1)}.md#`);
      expect(neighbours).toHaveLength(2);
      for (const row of neighbours) {
        expect(row).toMatchObject({ scale: 'four-grades', mode: 'label-first' });
        expect(row.model).toMatchObject({ id: 'rationale-135m' });
        expect(row.explanation).toBeTypeOf('string');
        expect(row.doc_id).not.toBe(own?.doc_id);
      }
    }
  });
});
