import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import * as vscode from 'vscode';
import type { EvaluationView, ToEvaluation } from '../../src/protocol/evaluation.js';
import type { OpenEvaluation } from '../../src/ui/api.js';
import {
  activated,
  closeAll,
  judgementFile,
  messagesDuring,
  openEditor,
  save,
  temporaryFolder,
  until,
} from './harness.js';

const labels = [2, 0, 1, 0];
const row = (query: number, document: number, rank: number, label: number) => ({
  query_id: `q${query}`,
  query: `question ${query}`,
  doc_id: `d${document}`,
  title: `Document ${document}`,
  document: `Text of document ${document}.`,
  label,
  label_probabilities: [0, 1, 2].map((l) => (l === label ? 0.8 : 0.1)),
  explanation: `Because of ${document}.`,
  rank,
  score: 10 - rank,
  model: { id: 'm' },
});

/** Four documents for each of three queries; `order` gives the document at each rank. */
function rankingFile(order: readonly number[], name: string): vscode.Uri {
  const rows = [1, 2, 3].flatMap((query) =>
    order.map((document, i) => row(query, document, i + 1, labels[document] ?? 0)),
  );
  return judgementFile(rows, name);
}

function qrelsFile(): vscode.Uri {
  const file = path.join(temporaryFolder(), 'test.qrels');
  const lines = [1, 2, 3].flatMap((query) =>
    [0, 1, 2, 3].map((document) => `q${query} 0 d${document} ${labels[document] ?? 0}\n`),
  );
  writeFileSync(file, lines.join(''));
  return vscode.Uri.file(file);
}

async function evaluated(command: string, argument: object): Promise<OpenEvaluation> {
  const api = await activated();
  const before = api.openEvaluations().length;
  await vscode.commands.executeCommand(command, argument);
  const panel = await until('the evaluation panel', () => api.openEvaluations()[before]);
  await until('the evaluation', () => panel.view().state.kind !== 'loading');
  return panel;
}

async function answerTo(panel: OpenEvaluation, message: object): Promise<ToEvaluation | undefined> {
  let answer: ToEvaluation | undefined;
  const listener = panel.onDidPost((posted) => (answer = posted));
  await panel.dispatch(message);
  listener.dispose();
  return answer;
}

const ready = (view: EvaluationView) => {
  assert.deepEqual(view.state, { kind: 'ready' });
  assert.ok(view.results, 'there are results');
  return view.results;
};

describe('the evaluation panel', () => {
  afterEach(closeAll);

  it('compares two judgement files under qrels: metrics, pairs and what moved', async () => {
    const uris = [rankingFile([0, 2, 1, 3], 'good'), rankingFile([3, 1, 2, 0], 'bad')];
    const panel = await evaluated('rationale.compareRankings', { uris, qrels: qrelsFile() });
    const { comparison, moved, confusions, intervals, rationales } = ready(panel.view());
    assert.deepEqual(
      panel.view().sources.map((source) => source.name),
      ['good', 'bad'],
    );
    assert.equal(comparison?.systems[0]?.table.metrics['nDCG@10'], 1);
    assert.ok((comparison.systems[1]?.table.metrics['nDCG@10'] ?? 1) < 1);
    assert.deepEqual(intervals[0]?.['nDCG@10'], [1, 1]);
    const pair = comparison.pairs[0];
    assert.equal(pair?.metrics['nDCG@10']?.losses, 3);
    assert.equal(pair.per_query.length, 3);
    assert.equal(moved.length, 3);
    // The same labels in both files: everything on the diagonal.
    const [matrix] = confusions;
    assert.equal(matrix?.accuracy.value, 1);
    assert.equal(rationales.length > 0, true);
    const answer = await answerTo(panel, { type: 'selectQuery', queryId: 'q2' });
    assert.equal(answer?.type, 'movement');
    const document = answer.movement?.documents.find((d) => d.doc_id === 'd0');
    assert.deepEqual(document?.ranks, [1, 4]);
    assert.equal(document.answers[1]?.explanation, 'Because of 0.');
  });

  it('follows another metric without moving the columns', async () => {
    const uris = [rankingFile([0, 2, 1, 3], 'a'), rankingFile([2, 0, 1, 3], 'b')];
    const panel = await evaluated('rationale.compareRankings', { uris, qrels: qrelsFile() });
    const before = ready(panel.view()).comparison;
    await panel.dispatch({ type: 'setMetric', metric: 'RR@10' });
    const after = ready(panel.view()).comparison;
    assert.equal(after?.metric, 'RR@10');
    assert.deepEqual(after.metric_names, before?.metric_names);
    assert.equal(after.pairs[0]?.per_query[0]?.difference, 0, 'both have a relevant document first');
    assert.notEqual(before?.pairs[0]?.per_query[0]?.difference, 0);
  });

  it('opens the row of an answer, the rows of a query and those of a confusion cell in the Rationale editor', async () => {
    const uri = rankingFile([0, 1, 2, 3], 'audited');
    const editor = await openEditor(uri);
    for (const [key, label] of [
      [0, 2],
      [1, 1],
      [2, 1],
    ] as const) {
      await editor.dispatch({ type: 'decide', key, decision: { kind: 'label', label }, advance: false });
    }
    await save();
    const panel = await evaluated('rationale.evaluate', { uris: [uri], decisions: 'decided' });
    const { confusions, comparison } = ready(panel.view());
    assert.equal(comparison?.systems[0]?.table.queries, 1);
    const [matrix] = confusions;
    assert.deepEqual(matrix?.labels, [0, 1, 2]);
    assert.deepEqual(matrix.counts, [
      [0, 0, 0],
      [1, 1, 0],
      [0, 0, 1],
    ]);
    await panel.dispatch({ type: 'openCell', matrix: 0, reference: 1, prediction: 0 });
    assert.equal(editor.view().count, 1);
    assert.deepEqual(editor.view().subset, { title: 'human partially relevant, m irrelevant', rows: 1 });
    assert.equal(editor.detail()?.docId, 'd1');
    await panel.dispatch({ type: 'openAnswer', source: 0, key: 6 });
    assert.equal(editor.view().subset, null);
    assert.equal(editor.detail()?.key, 6);
    await panel.dispatch({ type: 'openQuery', source: 0, queryId: 'q3' });
    assert.equal(editor.view().count, 4);
    assert.equal(editor.detail()?.query, 'question 3');
  });

  it('opens the file first where no editor shows it yet', async () => {
    const uri = rankingFile([0, 1, 2, 3], 'unopened');
    const panel = await evaluated('rationale.evaluate', { uris: [uri], qrels: qrelsFile() });
    await panel.dispatch({ type: 'openAnswer', source: 0, key: 5 });
    const api = await activated();
    const editor = api.openEditors().find((open) => open.uri.toString() === uri.toString());
    assert.equal(editor?.detail()?.key, 5);
  });

  it('says which line of which file is wrong, and evaluates again once it is put right', async () => {
    const file = path.join(temporaryFolder(), 'broken.run');
    writeFileSync(file, 'q1 Q0 d0 1 2.0 tag\nq1 Q0 d1 2\n');
    const panel = await evaluated('rationale.evaluate', { uris: [vscode.Uri.file(file)], qrels: qrelsFile() });
    const { state } = panel.view();
    assert.equal(state.kind, 'failed');
    assert.match(state.message, /broken\.run, line 2 has 4 columns/);
    writeFileSync(file, 'q1 Q0 d0 1 2.0 tag\nq1 Q0 d1 2 1.0 tag\n');
    await panel.dispatch({ type: 'refresh' });
    await until('the second evaluation', () => panel.view().state.kind === 'ready');
    assert.equal(ready(panel.view()).comparison?.systems[0]?.table.metrics['RR@10'], 1);
    const shown = await messagesDuring(() => panel.dispatch({ type: 'openQuery', source: 0, queryId: 'q1' }));
    assert.match(shown[0]?.text ?? '', /TREC run holds only ranks and scores/);
  });

  it('refuses a comparison of one ranking and messages that are none', async () => {
    const uri = rankingFile([0, 1, 2, 3], 'alone');
    const refused = await messagesDuring(() => vscode.commands.executeCommand('rationale.compareRankings', uri));
    assert.match(refused[0]?.text ?? '', /two or more rankings/);
    const panel = await evaluated('rationale.evaluate', { uris: [uri], qrels: qrelsFile() });
    const shown = await messagesDuring(() =>
      panel.dispatch({ type: 'openCell', matrix: -1, reference: 0, prediction: 0 }),
    );
    assert.match(shown[0]?.text ?? '', /the evaluation panel sent a message that is none: matrix/);
    assert.match(panel.html, /img-src [^;]* blob:/);
    assert.doesNotMatch(panel.html, /unsafe-/);
  });
});
