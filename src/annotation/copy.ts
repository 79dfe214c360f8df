/** Brings one document's decisions to the state of another's, for a copy of a judgement file that takes unsaved work along. */
import type { DecisionRequest, RowKey } from '../protocol/editor.js';
import type { JudgementDocument } from './document.js';

/**
 * Decides on `copy`, a document on the same rows, until every row holds what it holds in `original`, saved or not. Nothing
 * is written to disk: save the copy.
 */
export function replayDecisions(original: JudgementDocument, copy: JudgementDocument): void {
  // A label belongs to all rows of its pair: what is decided on one row can change another, so they are looked at twice.
  for (let pass = 0; pass < 2; pass++) {
    for (const row of original.rows) {
      if (row.kind === 'judgement') replayRow(original, copy, row.key);
    }
  }
}

function replayRow(original: JudgementDocument, copy: JudgementDocument, key: RowKey): void {
  const own = original.judgementRow(key)?.judgement;
  const { decision, flagged, comment } = original.annotation(key);
  const decide = (request: DecisionRequest): void => void copy.decide(key, request);
  if (own !== undefined && JSON.stringify(decision) !== JSON.stringify(copy.annotation(key).decision)) {
    // From nothing: an accept or a single corrected part keeps what a correction before it says.
    decide({ kind: 'clear' });
    if (decision?.kind === 'accepted') decide({ kind: 'accept' });
    else if (decision?.kind === 'skipped') decide({ kind: 'skip' });
    else if (decision?.kind === 'cannot_judge') decide({ kind: 'cannot_judge' });
    else if (decision !== null) {
      if (decision.label !== undefined) decide({ kind: 'label', label: decision.label });
      if (decision.explanation !== undefined) decide({ kind: 'explanation', text: decision.explanation });
    }
  }
  decide({ kind: 'flag', flagged });
  decide({ kind: 'comment', text: comment });
}
