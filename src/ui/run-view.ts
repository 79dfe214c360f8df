/** What the editor's header says of a run, as pure functions of its state and record. */
import type { RunInfo } from '../annotation/record.js';
import type { Judgement } from '../domain/judgement.js';
import { findScale, type LabelScale } from '../domain/scale.js';
import type { RunView } from '../protocol/editor.js';
import type { RunState } from '../runs/run.js';

/** The header's view of a run in progress. */
export function liveRunView(state: RunState): RunView {
  switch (state.phase) {
    case 'loading':
      return { state: 'loading', done: 0, total: 0, message: 'Loading the model. The order is the first stage’s.' };
    case 'scoring':
      return {
        state: 'scoring',
        done: state.done,
        total: state.total,
        message: `Scored ${state.done} of ${state.total}${rate(state.perSecond, 'documents')}`,
      };
    case 'explaining':
      return {
        state: 'explaining',
        done: state.done,
        total: state.total,
        message: `Wrote ${state.done} of ${state.total} rationales${rate(state.perSecond, 'rationales')}`,
      };
    case 'complete':
      return { state: 'complete', done: state.done, total: state.total, message: 'Complete' };
    case 'cancelled':
      return {
        state: 'cancelled',
        done: state.done,
        total: state.total,
        message: `Cancelled after ${state.done} of ${state.total}`,
      };
    case 'failed':
      return {
        state: 'failed',
        done: state.done,
        total: state.total,
        message: `Failed after ${state.done} of ${state.total}: ${state.message}`,
      };
  }
}

/** The header's view of a run that is not going on: its seal says how it ended, and no seal that it did not end. */
export function recordedRunView(
  seal: RunInfo['seal'],
  rows: { readonly total: number; readonly pending: number },
): RunView {
  const done = rows.total - rows.pending;
  const state = seal === null ? 'interrupted' : seal.state;
  const message = {
    complete: 'Complete',
    cancelled: `Cancelled after ${done} of ${rows.total}`,
    interrupted: `Interrupted after ${done} of ${rows.total}`,
  }[state];
  return { state, done, total: rows.total, message };
}

/**
 * The sentence for a query none of whose documents looks relevant, or null. That is so when every label read is its
 * scale's lowest, or the highest expected label lies below half a step of the scale. Undefined labels say nothing.
 */
export function nothingRelevant(rows: readonly Judgement[], scales: readonly LabelScale[]): string | null {
  let judged = 0;
  let lowest = true;
  let bestExpected: number | null = null;
  let halfStep = 0;
  let name = '';
  for (const j of rows) {
    const scale = findScale(j.scale, scales);
    const [low, next] = scale?.labels ?? [];
    if (j.label === null || low === undefined || next === undefined) continue;
    judged++;
    name = low.name;
    halfStep = low.value + (next.value - low.value) / 2;
    if (j.label !== low.value) lowest = false;
    const expected = j.score_parts?.['expected'];
    if (expected !== undefined && (bestExpected === null || expected > bestExpected)) bestExpected = expected;
  }
  if (judged === 0 || !(lowest || (bestExpected !== null && bestExpected < halfStep))) return null;
  const who = judged === 1 ? 'the only document judged' : `all ${judged} documents judged`;
  return lowest
    ? `Nothing looks relevant: the model labels ${who} “${name}”. The order below is only the least unlikely first.`
    : `Nothing looks relevant: the model expects a label near “${name}” for ${who}. The order below is only the least unlikely first.`;
}

function rate(perSecond: number | null, unit: string): string {
  return perSecond === null ? '' : ` · ${perSecond.toFixed(perSecond < 10 ? 1 : 0)} ${unit}/s`;
}
