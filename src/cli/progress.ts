/** Progress on stderr: one line rewritten in place on a terminal, a line every tenth otherwise, so that logs stay short. */
import type { Run } from '../runs/run.js';

/** Shows a run's progress until it ends. */
export function showProgress(run: Run, err: (text: string) => void): void {
  const terminal = process.stderr.isTTY;
  let lastShown = 0;
  let lastTenth = -1;
  run.onDidChange((change) => {
    if (change.type !== 'state') return;
    const { state } = run;
    if (state.phase !== 'scoring' && state.phase !== 'explaining') {
      if (terminal) err('\r\x1b[K');
      return;
    }
    const { done, total, perSecond, phase } = state;
    const rate = perSecond === null ? '' : ` · ${perSecond.toFixed(1)}/s`;
    const left = perSecond === null || perSecond === 0 ? '' : ` · ${duration((total - done) / perSecond)} left`;
    const line = `${phase === 'scoring' ? 'scored' : 'explained'} ${done} of ${total}${rate}${left}`;
    const tenth = Math.floor((done / Math.max(1, total)) * 10);
    if (terminal && performance.now() - lastShown > 100) {
      lastShown = performance.now();
      err(`\r\x1b[K${line}`);
    } else if (!terminal && tenth !== lastTenth) {
      lastTenth = tenth;
      err(`${line}\n`);
    }
  });
}

function duration(seconds: number): string {
  const whole = Math.round(seconds);
  return whole < 90 ? `${whole} s` : `${Math.round(whole / 60)} min`;
}
