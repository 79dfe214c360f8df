/** What the editor's header says of a run, as pure functions of its state and record. */
import type { RunInfo } from '../annotation/record.js';
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

function rate(perSecond: number | null, unit: string): string {
  return perSecond === null ? '' : ` · ${perSecond.toFixed(perSecond < 10 ? 1 : 0)} ${unit}/s`;
}
