/** The first stage over files and folders chosen in the explorer. */
import { stat } from 'node:fs/promises';
import path from 'node:path';
import * as vscode from 'vscode';
import type { Candidate } from '../domain/candidate.js';
import { messageOf } from '../domain/failure.js';
import { firstPassage } from '../retrieval/first-passage.js';
import { PassageIndex, type SkippedFile } from '../retrieval/passage-index.js';
import { listFiles, readTextFile, type ListedFile } from '../retrieval/workspace.js';
import { readSetting } from './settings.js';
import { excludedGlobs, type IndexProgress } from './workspace-index.js';

export interface SelectedCandidates {
  readonly candidates: readonly Candidate[];
  readonly files: number;
  readonly passages: number;
  /** Chosen, and not searched: no text, too large, unreadable. Files below a chosen folder are not named here. */
  readonly skipped: readonly { readonly path: string; readonly detail: string }[];
}

/**
 * The best `depth` passages by BM25 of the files, and of the text files below the folders (as git and the user's settings
 * exclude them). Files that were chosen themselves and share no word with the question follow with their first passage.
 */
export async function selectedCandidates(
  uris: readonly vscode.Uri[],
  query: string,
  depth: number,
  progress: IndexProgress,
): Promise<SelectedCandidates> {
  const maxBytes = readSetting('rerank.maxFileSize');
  const files = new Map<string, ListedFile>();
  const absolute = new Map<string, string>();
  const chosen: string[] = [];
  const skipped: { path: string; detail: string }[] = [];
  const add = (file: string, size: number, mtime: number): string => {
    const name = vscode.workspace.asRelativePath(vscode.Uri.file(file)).split(path.sep).join('/');
    files.set(name, { path: name, size, mtime });
    absolute.set(name, file);
    return name;
  };
  progress.report('listing files');
  for (const uri of uris) {
    progress.signal.throwIfAborted();
    try {
      const info = await stat(uri.fsPath);
      if (!info.isDirectory()) {
        chosen.push(add(uri.fsPath, info.size, info.mtimeMs));
        continue;
      }
      const exclude = excludedGlobs(vscode.workspace.getWorkspaceFolder(uri));
      const listing = await listFiles(uri.fsPath, { exclude, maxBytes, signal: progress.signal });
      for (const file of listing.files) add(path.join(uri.fsPath, file.path), file.size, file.mtime);
    } catch (error) {
      progress.signal.throwIfAborted();
      skipped.push({ path: uri.fsPath, detail: messageOf(error) });
    }
  }
  const read = (name: string) => readTextFile(absolute.get(name) ?? name, { maxBytes });
  const uriOf = (name: string): string => vscode.Uri.file(absolute.get(name) ?? name).toString();
  const index = new PassageIndex({ read, uri: uriOf });
  const summary = await index.refresh([...files.values()], {
    signal: progress.signal,
    progress: (done, total) => progress.report(`reading files, ${done} of ${total}`),
  });
  skipped.push(...summary.skipped.filter((file) => chosen.includes(file.path)).map(named));
  const candidates = await index.candidates(query, depth);
  const seen = new Set(candidates.flatMap((c) => [c.uri, ...(c.places ?? []).map((p) => p.uri)]));
  for (const name of chosen) {
    if (candidates.length >= depth || seen.has(uriOf(name))) continue;
    const content = await read(name);
    if (content.kind !== 'text') continue;
    const first = firstPassage(name, uriOf(name), content.text, candidates.length + 1);
    if (first !== undefined) candidates.push(first);
  }
  return { candidates, files: index.fileCount, passages: index.passageCount, skipped };
}

function named(file: SkippedFile): { path: string; detail: string } {
  return { path: file.path, detail: `${file.reason}: ${file.detail}` };
}
