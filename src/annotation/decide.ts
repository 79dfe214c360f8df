/** What a person's request means for a row: pure, so that the rules of deciding can be read in one place. */
import type { Annotation, Decision } from '../domain/review.js';
import { findScale, type LabelScale } from '../domain/scale.js';
import type { DecisionRequest } from '../protocol/editor.js';
import type { Cell, Content } from './fold.js';
import type { JudgementRow } from './rows.js';

interface PlannedDecision {
  readonly slot: Cell['slot'];
  /** Null takes back what the slot says. */
  readonly content: Content | null;
  /** For the Edit menu. */
  readonly title: string;
}

/**
 * What a request changes, or undefined when that is nothing:
 * - the model's own label and explanation together are *accepted*, however one came back to them;
 * - *accept* on a corrected row keeps the correction (it is what the person sees and accepts);
 * - an unchanged explanation is no decision; an unparsed row has nothing to accept; a label off its scale is none.
 */
export function planDecision(
  row: JudgementRow,
  current: Annotation,
  request: DecisionRequest,
  scales: readonly LabelScale[],
): PlannedDecision | undefined {
  const { decision } = current;
  const decided = (next: Decision | null, title: string): PlannedDecision | undefined => {
    if (next === null) return { slot: 'decision', content: null, title };
    if (decision !== null && isSame(decision, next)) return undefined;
    return { slot: 'decision', content: { slot: 'decision', decision: next, answerId: row.answerId }, title };
  };
  switch (request.kind) {
    case 'accept':
      if (decision?.kind === 'corrected' || row.judgement.label === null) return undefined;
      return decided({ kind: 'accepted' }, 'Accept');
    case 'label': {
      const scale = findScale(row.judgement.scale, scales);
      const known = scale === undefined || scale.labels.some((label) => label.value === request.label);
      if (!known || !Number.isSafeInteger(request.label)) return undefined;
      return decided(corrected(row, decision, { label: request.label }), `Label ${request.label}`);
    }
    case 'explanation': {
      const text = request.text.toWellFormed();
      if (text === (decision?.explanation ?? row.judgement.explanation ?? '')) return undefined;
      return decided(corrected(row, decision, { explanation: text }), 'Edit Rationale');
    }
    case 'skip':
      return decided({ kind: 'skipped' }, 'Skip');
    case 'cannot_judge':
      return decided({ kind: 'cannot_judge' }, 'Cannot Judge');
    case 'clear':
      return decision === null ? undefined : { slot: 'decision', content: null, title: 'Clear Decision' };
    case 'flag':
      if (request.flagged === current.flagged) return undefined;
      return request.flagged
        ? { slot: 'flag', content: { slot: 'flag' }, title: 'Flag' }
        : { slot: 'flag', content: null, title: 'Remove Flag' };
    case 'comment': {
      const text = request.text?.toWellFormed() ?? '';
      const next = text.trim() === '' ? null : text;
      if (next === current.comment) return undefined;
      return next === null
        ? { slot: 'comment', content: null, title: 'Remove Comment' }
        : { slot: 'comment', content: { slot: 'comment', text: next }, title: 'Comment' };
    }
  }
}

/** The decision that results from changing one part of what the person holds, the other part kept; null where none remains. */
function corrected(
  row: JudgementRow,
  decision: Decision | null,
  change: { readonly label?: number; readonly explanation?: string },
): Decision | null {
  const own = row.judgement;
  const label = change.label ?? decision?.label ?? own.label;
  const explanation = change.explanation ?? decision?.explanation ?? own.explanation ?? '';
  const kept = {
    ...(decision?.reasons === undefined ? {} : { reasons: decision.reasons }),
    ...(decision?.note === undefined ? {} : { note: decision.note }),
  };
  const labelPart = label === null || label === own.label ? {} : { label };
  const explanationPart = explanation === (own.explanation ?? '') ? {} : { explanation };
  const unchanged = label === own.label && explanation === (own.explanation ?? '');
  if (unchanged) return own.label === null ? null : { kind: 'accepted', ...kept };
  return { kind: 'corrected', ...labelPart, ...explanationPart, ...kept };
}

function isSame(a: Decision, b: Decision): boolean {
  return a.kind === b.kind && a.label === b.label && a.explanation === b.explanation;
}
