/** Starts or resumes a run for the command line and waits for its end: progress, Ctrl+C, and what a failure means. */
import { rm } from 'node:fs/promises';
import { RationaleError } from '../domain/failure.js';
import type { RerankEngine } from '../inference/engine.js';
import type { Run, RunState } from '../runs/run.js';
import { recordPath } from '../runs/run-file.js';
import type { CliContext } from './command.js';
import { showProgress } from './progress.js';

/**
 * Loads the model, starts, and resolves when the run is complete or cancelled. A model that cannot be loaded leaves no
 * file; neither does a run that failed before anything was judged. Throws RationaleError when the run failed.
 */
export async function followRun(
  how: { readonly engine: RerankEngine; readonly resumed: boolean; readonly start: () => Promise<Run> },
  { err, signal }: CliContext,
): Promise<{ readonly run: Run; readonly state: RunState }> {
  signal.throwIfAborted();
  await how.engine.load(signal);
  const run = await how.start();
  showProgress(run, err);
  const cancel = (): void => void run.cancel();
  signal.addEventListener('abort', cancel, { once: true });
  // A signal that came while the model was loading fires no listener any more.
  if (signal.aborted) cancel();
  const state = await run.finished;
  signal.removeEventListener('abort', cancel);
  if (state.phase !== 'failed') return { run, state };
  const judged = run.rows.some((row) => row.score_parts !== null);
  if (judged || how.resumed)
    throw new RationaleError(
      state.category,
      `${state.message} ${run.path} holds what was judged; go on with --resume.`,
    );
  await Promise.all([run.path, recordPath(run.path)].map((file) => rm(file, { force: true })));
  throw new RationaleError(state.category, state.message);
}
