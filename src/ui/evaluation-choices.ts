/** What an evaluation asks for: the rankings, and what says which documents are relevant. */
import * as vscode from 'vscode';
import type { Reference } from './evaluation-job.js';

/** Judgement files and TREC runs from a dialog; undefined when given up. */
export async function pickSources(title: string): Promise<readonly vscode.Uri[] | undefined> {
  const [folder] = vscode.workspace.workspaceFolders ?? [];
  const picked = await vscode.window.showOpenDialog({
    title,
    canSelectMany: true,
    openLabel: 'Evaluate',
    filters: { 'Judgement files and TREC runs': ['jsonl', 'run', 'trec', 'txt', 'res'], 'All files': ['*'] },
    ...(folder === undefined ? {} : { defaultUri: folder.uri }),
  });
  return picked === undefined || picked.length === 0 ? undefined : picked;
}

/** What is relevant; undefined when given up. */
export async function pickReference(): Promise<Reference | undefined> {
  const items = [
    { label: 'A qrels file…', detail: 'TREC or BEIR relevance judgements', reference: 'file' },
    {
      label: 'Accepted and corrected labels',
      detail: 'What people decided in the judgement files themselves',
      reference: 'decided',
    },
    {
      label: 'Corrected labels only',
      detail: 'Labels that people changed: these favour other models',
      reference: 'corrected',
    },
    {
      label: 'Accepted labels only',
      detail: 'Labels that people left as they were: these favour the model that gave them',
      reference: 'accepted',
    },
  ] as const;
  const picked = await vscode.window.showQuickPick([...items], { title: 'What is relevant?' });
  if (picked === undefined) return undefined;
  if (picked.reference !== 'file') return { kind: picked.reference };
  const [folder] = vscode.workspace.workspaceFolders ?? [];
  const files = await vscode.window.showOpenDialog({
    title: 'Relevance judgements',
    filters: { Qrels: ['qrels', 'tsv', 'txt', 'trec'], 'All files': ['*'] },
    ...(folder === undefined ? {} : { defaultUri: folder.uri }),
  });
  const [file] = files ?? [];
  return file === undefined ? undefined : { kind: 'file', path: file.fsPath };
}
