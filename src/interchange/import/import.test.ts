import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readLogs } from '../../annotation/log.js';
import { readSidecar } from '../../annotation/record.js';
import { readJudgementFile } from '../../annotation/rows.js';
import { idOfText } from '../../domain/identity.js';
import type { Judgement } from '../../domain/judgement.js';
import type { Json } from '../../domain/json.js';
import { detectImporter, importFile, type ImportReport } from './import.js';

let folder = '';
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'rationale-import-'))));
afterEach(() => rmSync(folder, { recursive: true }));

const source = (lines: readonly Json[] | string, name = 'teacher.jsonl'): string => {
  const path = join(folder, name);
  writeFileSync(path, typeof lines === 'string' ? lines : lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
  return path;
};
const out = (name = 'out'): string => join(folder, `${name}.judgements.jsonl`);
const run = (path: string, importer?: string, target = out()): Promise<ImportReport> =>
  importFile({
    path,
    out: target,
    importOptions: {},
    toolVersion: '1.2.3',
    ...(importer === undefined ? {} : { importer }),
  });
const rowsOf = async (path: string): Promise<Judgement[]> => {
  const { rows } = await readJudgementFile(path);
  return rows.map((row) => {
    if (row.kind === 'malformed') throw new Error(row.reason);
    return row.judgement;
  });
};
const sampled = (query: string, predictions: Json, more: Record<string, Json> = {}): Json => ({
  query,
  document: `About ${query}`,
  predictions,
  ...more,
});

describe('importFile', () => {
  it('reports a key that a record holds twice, at its line, and takes the last value', async () => {
    const lines = [
      '{"query":"a","document":"d","label":0,"explanation":"e"}',
      '{"query":"b","document":"d","label":0,"explanation":"says \\"label\\": 1","label" : 2}',
      '{"query":"c","document":"d","label":1,"explanation":"e","more":{"x":1,"\\u0078":2}}',
      '{"query":"d","document":"d","label":[],"label":"none"}',
    ];
    for (const [text, name] of [
      [lines.join('\n'), 'a.jsonl'],
      [`[${lines.join(',\n')}]`, 'a.json'],
    ] as const) {
      const report = await run(source(text, name), 'table', out(name));
      expect(report).toMatchObject({ records: 4, read: 4, taken: 3 });
      const twice = 'a key stands twice in one object, and its last value counts';
      expect(report.notes).toEqual([
        { line: 2, reason: `${twice}: "label"` },
        { line: 3, reason: `${twice}: "x"` },
        { line: 4, reason: `${twice}: "label"` },
      ]);
      expect(report.noteCounts.get(twice)).toBe(3);
      expect(report.skipped.map(({ line }) => line)).toEqual([4]);
      expect((await rowsOf(out(name))).map(({ label }) => label)).toEqual([0, 2, 1]);
    }
  });

  it('writes rows with ids from their texts, a run id from the source, and unknown fields, ours renamed', async () => {
    const path = source([
      sampled('Why?', [{ label: 2, explanation: 'Because.', score: 0.5, temperature: 1 }], {
        topic: 'x',
        rank: 'third',
      }),
    ]);
    const report = await run(path);
    expect(report).toMatchObject({ importer: 'interank', records: 1, read: 1, taken: 1, corrections: 0, out: out() });
    const [row] = await rowsOf(out());
    const hash = (
      JSON.parse(readFileSync(join(folder, 'out.judgements.rationale.json'), 'utf8')) as { source: { sha256: string } }
    ).source.sha256;
    expect(row).toMatchObject({
      query_id: idOfText('q', 'Why?'),
      doc_id: idOfText('d', 'About Why?'),
      label: 2,
      status: 'ok',
      run_id: `import-interank-${hash.slice(0, 8)}`,
      score: null,
      rank: null,
      extra: { topic: 'x', temperature: 1, source_score: 0.5, source_rank: 'third', interank: { part: 'predictions' } },
    });
  });

  it('counts every pair as taken or skipped, with line and reason, and writes what it can', async () => {
    const good = JSON.stringify(sampled('Why?', [{ label: '1', explanation: 'Some.' }, { label: 'two' }]));
    const path = source(
      `${good}\n\nnonsense\n${good}\n{"query":"","document":"d","predictions":[{"label":1}]}\n{"query`,
    );
    const report = await run(path);
    expect(report).toMatchObject({ records: 5, read: 7, taken: 1 });
    expect(report.skipped).toEqual([
      { line: 1, reason: '"label" is not an integer: "two"' },
      { line: 3, reason: expect.stringMatching(/^not valid JSON/) as string },
      { line: 4, reason: 'repeats an answer: it stands in line 1 of the output' },
      { line: 4, reason: '"label" is not an integer: "two"' },
      { line: 5, reason: 'the query is empty' },
      { line: 6, reason: expect.stringMatching(/^half-written/) as string },
    ]);
    expect(Object.fromEntries(report.skippedCounts)).toEqual({
      '"label" is not an integer': 2,
      'not valid JSON': 1,
      'repeats an answer': 1,
      'the query is empty': 1,
      'half-written': 1,
    });
    expect(report.notes).toEqual([{ line: 1, reason: '"label" is a string that holds an integer' }]);
    expect(await rowsOf(out())).toHaveLength(1);
  });

  it('makes the same bytes of the same source', async () => {
    const path = source([
      sampled('Why?', [
        { label: 2, explanation: 'a' },
        { label: 0, explanation: 'b' },
      ]),
    ]);
    await run(path);
    await run(path, undefined, join(folder, 'again', 'out.judgements.jsonl'));
    for (const name of ['out.judgements.jsonl', 'out.judgements.rationale.json']) {
      expect(readFileSync(join(folder, 'again', name), 'utf8')).toBe(readFileSync(join(folder, name), 'utf8'));
    }
  });

  it('declares a scale in the sidecar that readers do not know', async () => {
    const prompt =
      "Determine if the following passage is relevant to the query. Answer only with 'true' or 'false'.\nQuery: q\nPassage: d\n<think>";
    await run(source([{ prompt, response: 'Yes.</think> true' }]));
    expect((await readSidecar(out())).scales.map(({ name }) => name)).toEqual(['binary']);
  });

  it('says that a label is not on its scale', async () => {
    const report = await run(source([sampled('Why?', [{ label: 7, explanation: 'a' }])]));
    expect(report.notes).toEqual([{ line: 1, reason: 'a label that is not on the scale interank: 7' }]);
  });

  it('leaves nothing behind when there is nothing to take, an existing file, or a cancellation', async () => {
    const path = source([sampled('Why?', [{ label: 1, explanation: 'a' }])]);
    expect(await run(source('{"query":1}\n', 'b.jsonl'), 'interank')).toMatchObject({ taken: 0, out: null });
    const controller = new AbortController();
    const cancelled = importFile({
      path,
      out: out(),
      importOptions: {},
      toolVersion: '1',
      signal: controller.signal,
      progress: () => controller.abort(),
    });
    await expect(cancelled).rejects.toThrow(/abort/i);
    expect(readdirSync(folder).sort()).toEqual(['b.jsonl', 'teacher.jsonl']);
    writeFileSync(out(), 'mine');
    await expect(run(path)).rejects.toThrow(/exists already\. Nothing was written/);
    expect(readFileSync(out(), 'utf8')).toBe('mine');
    mkdirSync(join(folder, 'c.judgements.corrections'));
    await expect(run(path, undefined, out('c'))).rejects.toThrow(/exists already/);
    await expect(run(path, undefined, join(folder, 'x.jsonl'))).rejects.toThrow(
      /must be called NAME\.judgements\.jsonl/,
    );
    expect(existsSync(join(folder, 'x.jsonl'))).toBe(false);
  });

  it('asks for an importer where it cannot tell the format, and names them where the name is wrong', async () => {
    const path = source([{ a: 1 }]);
    expect(await detectImporter(path)).toEqual([]);
    await expect(run(path)).rejects.toThrow(/format of .*teacher\.jsonl is not one of those known.*interank/);
    await expect(run(path, 'nope')).rejects.toThrow(/No importer is called nope/);
    await expect(run(join(folder, 'absent.jsonl'))).rejects.toThrow(/Cannot read .*absent\.jsonl/);
  });

  it('reports a record that nests beyond the stack instead of ending with it', async () => {
    const deep = `${'['.repeat(200_000)}${']'.repeat(200_000)}`;
    const path = source(
      `{"query":"q","document":"d","predictions":[{"label":1,"explanation":"a"}],"x":${deep}}\n` +
        '{"query":"r","document":"d","predictions":[{"label":1,"explanation":"a"}]}\n',
    );
    const report = await run(path, 'interank');
    expect(report).toMatchObject({ read: 2, taken: 1 });
    expect(report.skipped).toMatchObject([
      { line: 1, reason: expect.stringMatching(/^cannot be written as JSON/) as string },
    ]);
  });

  it('turns the answers of several people into one row and a log for each of them', async () => {
    const annotated = (person: string, label: string): void => {
      mkdirSync(join(folder, 'potato', person), { recursive: true });
      const item = {
        id: 'i1',
        displayed_text: 'Query: why?<br>Document: because',
        label_annotations: { relevance: { [label]: 'true' } },
      };
      writeFileSync(join(folder, 'potato', person, 'annotated_instances.jsonl'), `${JSON.stringify(item)}\n`);
    };
    annotated('ada', 'relevant');
    annotated('ben', 'irrelevant');
    const report = await run(join(folder, 'potato'));
    expect(report).toMatchObject({ importer: 'potato', read: 2, taken: 2, corrections: 2 });
    expect(await rowsOf(out())).toMatchObject([{ query: 'why?', document: 'because', label: null }]);
    const logs = await readLogs(out());
    expect(logs.problems).toEqual([]);
    expect(logs.events.map(({ annotator, action, label }) => [annotator, action, label])).toEqual([
      ['ada', 'correct', 2],
      ['ben', 'correct', 0],
    ]);
    expect(report.noteCounts.get('a correction without a time, dated 1970')).toBe(2);
    expect(readdirSync(folder).sort()).toEqual([
      'out.judgements.corrections',
      'out.judgements.jsonl',
      'out.judgements.rationale.json',
      'potato',
    ]);
  });
});
