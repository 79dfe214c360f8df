/** `Evaluate…` and `Compare Rankings…`: which rankings, under which judgements, and the panel on them. */
import type * as vscode from 'vscode';
import { RationaleError } from '../domain/failure.js';
import { pickReference, pickSources } from './evaluation-choices.js';
import type { Reference } from './evaluation-job.js';
import type { EvaluationPanel, EvaluationPanels } from './evaluation-panel.js';
import type { JudgementEditors } from './judgement-editor.js';

interface Services {
  readonly editors: JudgementEditors;
  readonly evaluations: EvaluationPanels;
}

/** What is missing is asked for, except by a caller that names the reference. */
export interface EvaluateArguments {
  readonly sources?: readonly vscode.Uri[];
  readonly reference?: Reference;
}

/** Evaluates what is named, else the active editor's file, else what is chosen. Undefined when given up on the way. */
export async function evaluate(
  { editors, evaluations }: Services,
  given: EvaluateArguments,
): Promise<EvaluationPanel | undefined> {
  const active = editors.activePanel?.file.uri;
  const sources =
    given.sources ??
    (active?.scheme === 'file' ? [active] : await pickSources('Evaluate: Judgement Files or TREC Runs'));
  return sources === undefined ? undefined : open(evaluations, sources, given.reference);
}

/** As `evaluate`, for two or more rankings; throws RationaleError (user) for fewer. */
export async function compareRankings(
  { evaluations }: Services,
  given: EvaluateArguments,
): Promise<EvaluationPanel | undefined> {
  const sources = given.sources ?? (await pickSources('Compare Rankings: Two or More Judgement Files or TREC Runs'));
  if (sources === undefined) return undefined;
  if (sources.length < 2) {
    throw new RationaleError('user', 'A comparison needs two or more rankings: choose several files (Ctrl+click).');
  }
  return open(evaluations, sources, given.reference);
}

async function open(
  evaluations: EvaluationPanels,
  sources: readonly vscode.Uri[],
  reference: Reference | undefined,
): Promise<EvaluationPanel> {
  // Without judgements there is still something to see (what moved), so giving up this choice opens the panel, too.
  return evaluations.show(sources, reference ?? (await pickReference()) ?? null);
}
