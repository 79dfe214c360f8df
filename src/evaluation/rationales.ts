/** What the rationales of a file are like: length, support, contradictions, failures and how much people rewrote. */
import { diffArrays } from 'diff';
import { failedChecks } from '../annotation/checks.js';
import type { RationaleStatistics } from '../domain/evaluation.js';
import { findScale, labelName } from '../domain/scale.js';
import { termsOf } from '../retrieval/analyzer.js';
import { modelOf, type LabelledFile, type LabelledRow } from './labelled-file.js';
import { mean, percentile } from './resampling.js';
import { isSupported, sentencesOf } from './sentences.js';

/** By model and mode: all answers first (label null), then by label. Rows not judged yet do not count. */
export function rationaleStatistics(file: LabelledFile): RationaleStatistics[] {
  const groups = new Map<string, Map<string, Counts>>();
  for (const labelled of file.rows) {
    const { status, mode, label, scale } = labelled.row.judgement;
    if (status === 'pending') continue;
    const model = modelOf(labelled.row);
    const name = JSON.stringify([model, mode]);
    const all = JSON.stringify([null, null]);
    const own = JSON.stringify([label, scale]);
    const group = groups.get(name) ?? new Map([[all, new Counts(model, mode, null, null)]]);
    groups.set(name, group);
    let counts = group.get(own);
    if (label !== null && counts === undefined) {
      const known = findScale(scale, file.scales);
      group.set(own, (counts = new Counts(model, mode, label, labelName(known, label))));
    }
    const measured = measure(labelled, file);
    group.get(all)?.add(measured);
    if (label !== null) counts?.add(measured);
  }
  return [...groups.values()].flatMap((group) =>
    [...group.values()]
      .map((counts) => counts.result())
      .sort((a, b) => (a.label ?? -Infinity) - (b.label ?? -Infinity)),
  );
}

interface Measured {
  readonly words: number | null;
  readonly sentences: number;
  readonly supported: number;
  readonly status: string;
  readonly contradiction: boolean;
  readonly repetition: boolean;
  readonly edits: readonly number[];
}

function measure({ row, reviews }: LabelledRow, file: LabelledFile): Measured {
  const j = row.judgement;
  const explanation = (j.explanation ?? '').trim();
  const failed = failedChecks({ label: j.label, explanation }, findScale(j.scale, file.scales));
  let [sentences, supported] = [0, 0];
  if (explanation !== '') {
    const [document, query] = [new Set(termsOf(`${j.title ?? ''}\n${j.document}`)), new Set(termsOf(j.query))];
    for (const { text } of sentencesOf(explanation)) {
      const support = isSupported(text, document, query);
      if (support === null) continue;
      sentences++;
      if (support) supported++;
    }
  }
  const edits = reviews.flatMap(({ explanation: rewritten }) =>
    rewritten === null || rewritten.trim() === explanation ? [] : [wordDistance(explanation, rewritten)],
  );
  return {
    words: explanation === '' ? null : wordsOf(explanation).length,
    sentences,
    supported,
    status: j.status,
    contradiction: failed.includes('contradiction'),
    repetition: failed.includes('repetition'),
    edits,
  };
}

function wordsOf(text: string): string[] {
  return text.split(/\s+/).filter((word) => word !== '');
}

/** Words removed and added / words of both texts (by their longest common subsequence): 0 the same, 1 nothing kept. */
export function wordDistance(before: string, after: string): number {
  const [one, other] = [wordsOf(before), wordsOf(after)];
  if (one.length + other.length === 0) return 0;
  const changed = diffArrays(one, other)
    .filter(({ added, removed }) => added || removed)
    .reduce((sum, { value }) => sum + value.length, 0);
  return changed / (one.length + other.length);
}

class Counts {
  private answers = 0;
  private readonly words: number[] = [];
  private sentences = 0;
  private supported = 0;
  private contradictions = 0;
  private repetitions = 0;
  private readonly statuses = new Map<string, number>();
  private corrected = 0;
  private readonly edits: number[] = [];

  constructor(
    private readonly model: string,
    private readonly mode: string,
    private readonly label: number | null,
    private readonly labelName: string | null,
  ) {}

  add(one: Measured): void {
    this.answers++;
    if (one.words !== null) this.words.push(one.words);
    this.sentences += one.sentences;
    this.supported += one.supported;
    if (one.contradiction) this.contradictions++;
    if (one.repetition) this.repetitions++;
    this.statuses.set(one.status, (this.statuses.get(one.status) ?? 0) + 1);
    if (one.edits.length > 0) this.corrected++;
    this.edits.push(...one.edits);
  }

  result(): RationaleStatistics {
    const sorted = [...this.words].sort((a, b) => a - b);
    const status = (name: string) => this.statuses.get(name) ?? 0;
    return {
      model: this.model,
      mode: this.mode,
      label: this.label,
      label_name: this.labelName,
      answers: this.answers,
      with_explanation: sorted.length,
      words_mean: sorted.length === 0 ? null : mean(sorted),
      words_median: sorted.length === 0 ? null : percentile(sorted, 0.5),
      sentences: this.sentences,
      supported_share: this.sentences === 0 ? null : this.supported / this.sentences,
      contradictions: this.contradictions,
      repetitions: this.repetitions,
      unparsed: status('unparsed'),
      truncated: status('truncated'),
      failed: status('failed'),
      corrected: this.corrected,
      edit_distance_mean: this.edits.length === 0 ? null : mean(this.edits),
    };
  }
}
