/** Where the documents and queries lie that a TREC run or qrels hold only the ids of. */
import { access } from 'node:fs/promises';
import path from 'node:path';
import * as vscode from 'vscode';

/**
 * The BEIR folder (`corpus.jsonl`, `queries.jsonl`) for a run or qrels at `file`: `file` itself, where it lies or the folder
 * above, else asked for; undefined when given up.
 */
export async function collectionFolder(file: vscode.Uri): Promise<vscode.Uri | undefined> {
  for (const up of [[], ['..'], ['..', '..']]) {
    const folder = vscode.Uri.joinPath(file, ...up);
    if ((await holds(folder, 'corpus.jsonl')) && (await holds(folder, 'queries.jsonl'))) return folder;
  }
  const picked = await vscode.window.showOpenDialog({
    canSelectFolders: true,
    canSelectFiles: false,
    title: `The BEIR folder with the documents and queries of ${path.posix.basename(file.path)}`,
  });
  return picked?.[0];
}

function holds(folder: vscode.Uri, name: string): Promise<boolean> {
  return access(path.join(folder.fsPath, name)).then(
    () => true,
    () => false,
  );
}
