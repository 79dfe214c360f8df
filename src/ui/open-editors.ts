/** The first stage over the open text editors, with what is typed in them: saved, unsaved and untitled alike. */
import * as vscode from 'vscode';
import type { Candidate } from '../domain/candidate.js';
import { firstPassage } from '../retrieval/first-passage.js';
import { PassageIndex } from '../retrieval/passage-index.js';
import { decodeText } from '../retrieval/workspace.js';
import { documentName } from './open-document.js';

/**
 * The best `depth` passages by BM25; documents none of whose words are asked for follow with their first passage and a
 * score of 0, because whoever opened them wants them looked at.
 */
export async function openEditorCandidates(query: string, depth: number): Promise<Candidate[]> {
  const documents = await openDocuments();
  const index = new PassageIndex({
    read: (name) => Promise.resolve(decodeText(Buffer.from(documents.get(name)?.getText() ?? '', 'utf8'))),
    uri: (name) => uriOf(documents.get(name)) ?? name,
  });
  for (const [name, document] of documents) {
    const text = document.getText();
    if (text.trim() !== '') index.update(name, document.version, text.length, text);
  }
  const found = await index.candidates(query, depth);
  const seen = new Set(found.flatMap((c) => [c.uri, ...(c.places ?? []).map((p) => p.uri)]));
  for (const [name, document] of documents) {
    const uri = documentName(document.uri);
    if (found.length >= depth || seen.has(uri)) continue;
    const first = firstPassage(name, uri, document.getText(), found.length + 1);
    if (first !== undefined) found.push(first);
  }
  return found;
}

function uriOf(document: vscode.TextDocument | undefined): string | undefined {
  return document === undefined ? undefined : documentName(document.uri);
}

async function openDocuments(): Promise<Map<string, vscode.TextDocument>> {
  const documents = new Map<string, vscode.TextDocument>();
  for (const tab of vscode.window.tabGroups.all.flatMap((group) => group.tabs)) {
    if (!(tab.input instanceof vscode.TabInputText)) continue;
    try {
      const document = await vscode.workspace.openTextDocument(tab.input.uri);
      const name = vscode.workspace.asRelativePath(document.uri);
      const taken = documents.get(name) ?? document;
      // Two schemes may have the same path.
      documents.set(taken === document ? name : document.uri.toString(), document);
    } catch {
      // An image or another binary file in a text tab.
    }
  }
  return documents;
}
