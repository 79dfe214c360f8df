import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import * as vscode from 'vscode';
import {
  activated,
  closeAll,
  editorOf,
  judgementFile,
  messagesDuring,
  openEditor,
  rowsOf,
  teacherRows,
  temporaryFolder,
  until,
} from './harness.js';

const model = 120_000;

function write(folder: string, name: string, lines: readonly (object | string)[]): vscode.Uri {
  const file = path.join(folder, name);
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, lines.map((line) => `${typeof line === 'string' ? line : JSON.stringify(line)}\n`).join(''));
  return vscode.Uri.file(file);
}

interface Row {
  readonly query: string;
  readonly doc_id: string;
  readonly document: string;
  readonly label: number | null;
  readonly first_stage_score: number | null;
}
const rowsOnDisk = (file: string): Row[] =>
  readFileSync(file, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Row);

describe('Import Judgements', () => {
  afterEach(closeAll);

  it('writes a judgement file beside the source, says what was skipped, and the result opens in the editor', async () => {
    const source = write(temporaryFolder(), 'teacher.csv', [
      'question,passage,grade',
      'do bees sleep?,Bees sleep at night.,2',
      'do bees sleep?,Wasps sting.,none of these',
    ]);
    const shown = await messagesDuring(() =>
      vscode.commands.executeCommand('rationale.importJudgements', {
        source,
        importer: 'table',
        mapping: { query: 'question', document: 'passage', label: 'grade' },
      }),
    );
    assert.equal(shown[0]?.text, '1 rows imported to teacher.judgements.jsonl; 1 were skipped.');
    assert.deepEqual(shown[0].actions, ['Open', 'Show Report']);
    const out = vscode.Uri.file(source.fsPath.replace(/csv$/, 'judgements.jsonl'));
    const editor = await openEditor(out);
    assert.equal((await rowsOf(editor)).length, 1);
    assert.deepEqual(
      rowsOnDisk(out.fsPath).map(({ query, document, label }) => [query, document, label]),
      [['do bees sleep?', 'Bees sleep at night.', 2]],
    );
  });

  it('takes a free name where the first is taken, and leaves the other file alone', async () => {
    const folder = temporaryFolder();
    const source = write(folder, 'teacher.jsonl', teacherRows(2));
    write(folder, 'teacher.judgements.jsonl', ['mine']);
    const given = { source, importer: 'table' as const, mapping: { query: 'query', document: 'document' } };
    await vscode.commands.executeCommand('rationale.importJudgements', given);
    assert.equal(readFileSync(path.join(folder, 'teacher.judgements.jsonl'), 'utf8'), 'mine\n');
    assert.equal(rowsOnDisk(path.join(folder, 'teacher-2.judgements.jsonl')).length, 2);
  });

  it('imports qrels with the collection they lie in', async () => {
    const folder = temporaryFolder();
    write(folder, 'corpus.jsonl', [{ _id: 'a', text: 'Owls sleep.' }]);
    write(folder, 'queries.jsonl', [{ _id: '1', text: 'do owls sleep?' }]);
    const source = write(folder, 'judged/test.qrels', ['1 0 a 2']);
    await vscode.commands.executeCommand('rationale.importJudgements', { source, importer: 'trec' });
    const rows = rowsOnDisk(path.join(folder, 'judged', 'test.judgements.jsonl'));
    assert.deepEqual(
      rows.map(({ query, document, label }) => [query, document, label]),
      [['do owls sleep?', 'Owls sleep.', 2]],
    );
  });

  it('says why when nothing can be taken, writes nothing, and shows the report', async () => {
    const folder = temporaryFolder();
    const source = write(folder, 'odd.jsonl', [{ a: 1 }, '{"cut']);
    const shown = await messagesDuring(() =>
      vscode.commands.executeCommand('rationale.importJudgements', {
        source,
        importer: 'table',
        mapping: { query: 'a' },
      }),
    );
    assert.match(shown[0]?.text ?? '', /No row of odd\.jsonl could be taken as table \(2 read\)/);
    assert.deepEqual(shown[0]?.actions, ['Show Report']);
    assert.equal(existsSync(path.join(folder, 'odd.judgements.jsonl')), false);
  });
});

describe('Export Refinement Data with choices', () => {
  afterEach(closeAll);

  it('exports what nobody reviewed where the policy says so, in a folder with validation data', async () => {
    const rows = teacherRows(20).map((row, i) => ({
      ...row,
      query: `question ${i}?`,
      label: 2,
      explanation: `It is ${i}.`,
    }));
    const folder = path.join(temporaryFolder(), 'data');
    const shown = await messagesDuring(() =>
      vscode.commands.executeCommand('rationale.exportRefinementData', {
        files: [judgementFile(rows)],
        format: 'trl-messages',
        folder: vscode.Uri.file(folder),
        policy: { include: 'prefilled', validation: 0.5 },
      }),
    );
    assert.match(shown[0]?.text ?? '', /^20 rows exported/);
    const count = (name: string): number => rowsOnDisk(path.join(folder, name)).length;
    assert.equal(count('train.jsonl') + count('validation.jsonl'), 20);
    assert.match(readFileSync(path.join(folder, 'README.md'), 'utf8'), /nobody/);
  });
});

describe('Rerank Selected Files', function () {
  this.timeout(model);
  afterEach(closeAll);

  it('ranks passages of the chosen files and of the text files below chosen folders', async () => {
    const folder = temporaryFolder();
    const single = write(folder, 'penguins.md', ['Penguins huddle to keep warm.']);
    const unrelated = write(folder, 'figures.md', ['Quarterly results.']);
    const image = write(folder, 'image.png', ['\0\0']);
    write(folder, 'notes/owls.md', ['Owls and penguins are birds.']);
    write(folder, 'notes/.gitignore', ['secret.md']);
    write(folder, 'notes/secret.md', ['Penguins, in secret.']);
    write(folder, 'beside.md', ['Penguins that nobody chose.']);
    const notes = vscode.Uri.file(path.join(folder, 'notes'));
    const api = await activated();
    const shown = await messagesDuring(() =>
      vscode.commands.executeCommand('rationale.rerankSelectedFiles', {
        question: 'why do penguins huddle?',
        uris: [single, notes, unrelated, image],
      }),
    );
    assert.match(shown[0]?.text ?? '', /image\.png could not be searched \(binary/);
    const [run] = api.runs();
    assert.ok(run, 'a run goes on');
    await editorOf(api, vscode.Uri.file(run.path));
    assert.equal((await run.finished).phase, 'complete');
    assert.deepEqual(
      rowsOnDisk(run.path).map(({ document }) => document.trim()),
      ['Penguins huddle to keep warm.', 'Owls and penguins are birds.', 'Quarterly results.'],
    );
  });

  it('takes the whole selection that the explorer passes', async () => {
    const folder = temporaryFolder();
    const files = ['a.md', 'b.md'].map((name) => write(folder, name, [`Penguins in ${name}.`]));
    const api = await activated();
    // The menu's second argument; the first is the file clicked, here what a question would be asked for with.
    await vscode.commands.executeCommand('rationale.rerankSelectedFiles', { question: 'penguins' }, files);
    const run = await until('a run', () => api.runs()[0]);
    await run.finished;
    assert.equal(new Set(rowsOnDisk(run.path).map(({ doc_id }) => doc_id.split('#')[0])).size, 2);
  });
});

describe('Rerank Documents in File', function () {
  this.timeout(model);
  afterEach(closeAll);

  async function rerank(given: object): Promise<Row[]> {
    const api = await activated();
    await vscode.commands.executeCommand('rationale.rerankDocumentsInFile', given);
    const run = await until('a run', () => api.runs()[0]);
    assert.equal((await run.finished).phase, 'complete');
    return rowsOnDisk(run.path);
  }

  it('reranks the requests of a JSONL file', async () => {
    const source = write(temporaryFolder(), 'requests.jsonl', [
      { query: 'do owls sleep?', documents: ['Owls sleep by day.', { id: 'p', text: 'Penguins huddle.' }] },
      { query: 'do bees sleep?', documents: ['Bees sleep at night.'] },
    ]);
    const rows = await rerank({ source, queries: 2 });
    assert.deepEqual(
      rows.map(({ query, document }) => [query, document]),
      [
        ['do owls sleep?', 'Owls sleep by day.'],
        ['do owls sleep?', 'Penguins huddle.'],
        ['do bees sleep?', 'Bees sleep at night.'],
      ],
    );
    for (const { label } of rows) assert.notEqual(label, null);
  });

  it('reranks a TREC run with the collection it lies in', async () => {
    const folder = temporaryFolder();
    write(folder, 'corpus.jsonl', [
      { _id: 'a', text: 'Penguins huddle.' },
      { _id: 'b', text: 'Owls sleep.' },
    ]);
    write(folder, 'queries.jsonl', [{ _id: '1', text: 'do owls sleep?' }]);
    const source = write(folder, 'runs/other.trec', ['1 Q0 a 1 9 other', '1 Q0 b 2 8 other']);
    const rows = await rerank({ source });
    assert.deepEqual(
      rows.map(({ doc_id, first_stage_score }) => [doc_id, first_stage_score]),
      [
        ['a', 9],
        ['b', 8],
      ],
    );
  });

  it('names the line of a request that is none', async () => {
    const source = write(temporaryFolder(), 'requests.jsonl', [{ query: 'q', documents: [] }]);
    const shown = await messagesDuring(() => vscode.commands.executeCommand('rationale.rerankDocumentsInFile', source));
    assert.match(shown[0]?.text ?? '', /requests\.jsonl, line 1 has no "documents"/);
  });
});
