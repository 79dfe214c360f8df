/** Opens the document of a row at its passage. */
import path from 'node:path';
import * as vscode from 'vscode';
import { RationaleError } from '../domain/failure.js';
import type { Judgement } from '../domain/judgement.js';
import { utf16Index } from '../domain/text.js';
import { hasScheme, lookupFolders, writtenPath } from './document-place.js';

/** What may be opened: a judgement file comes from anywhere, so its `uri` must not run or fetch anything. */
const openable = new Set(['file', 'untitled', 'vscode-remote', 'git']);

/**
 * Opens `j.uri` beside or in place and selects the passage. Throws RationaleError (user) that says what is missing.
 */
export async function openDocument(j: Judgement, judgementFile: vscode.Uri): Promise<vscode.TextEditor> {
  if (j.uri === null) {
    throw new RationaleError('user', `“${j.doc_id}” came from no file: its whole text is in the judgement file.`);
  }
  const uri = await resolveDocument(j.uri, judgementFile);
  let document: vscode.TextDocument;
  try {
    document = await vscode.workspace.openTextDocument(uri);
  } catch (error) {
    throw new RationaleError(
      'user',
      `${uri.scheme === 'file' ? uri.fsPath : uri.toString()} cannot be opened: it was moved, deleted or is no text. The passage is still in the judgement file.`,
      { cause: error },
    );
  }
  const range = passageRange(document, j);
  const editor = await vscode.window.showTextDocument(document, {
    preview: true,
    ...(range === undefined ? {} : { selection: range }),
  });
  if (range !== undefined) editor.revealRange(range, vscode.TextEditorRevealType.InCenterIfOutsideViewport);
  return editor;
}

/** Where the passage stands now: at its recorded place if it is still there, else wherever the same text is found. */
function passageRange(document: vscode.TextDocument, j: Judgement): vscode.Range | undefined {
  if (j.range === null) return undefined;
  const text = document.getText();
  const start = utf16Index(text, j.range[0]);
  const end = utf16Index(text, j.range[1]);
  const whole = new vscode.Range(document.positionAt(start), document.positionAt(end));
  if (text.slice(start, end) === j.document) return whole;
  const moved = text.indexOf(j.document);
  if (moved < 0) return whole;
  return new vscode.Range(document.positionAt(moved), document.positionAt(moved + j.document.length));
}

/**
 * How a run's `uri` names a document: a path relative to the first workspace folder, where runs live and other checkouts
 * find it too; the whole URI for what lies elsewhere.
 */
export function documentName(uri: vscode.Uri): string {
  const [first] = vscode.workspace.workspaceFolders ?? [];
  if (first === undefined || vscode.workspace.getWorkspaceFolder(uri)?.uri.toString() !== first.uri.toString()) {
    return uri.toString();
  }
  return writtenPath(path.posix.relative(first.uri.path, uri.path));
}

/**
 * Where `text`, the `uri` of a row of that judgement file, lies: a URI as it is, a path in the first folder that has it
 * (document-place.ts). Throws RationaleError (user) for what is in none or what Rationale does not open.
 */
export async function resolveDocument(text: string, judgementFile: vscode.Uri): Promise<vscode.Uri> {
  const workspaceFolders = vscode.workspace.workspaceFolders ?? [];
  if (hasScheme(text) && !(path.win32.isAbsolute(text) && path.sep === '\\')) {
    const uri = vscode.Uri.parse(text);
    const ofWorkspace = workspaceFolders.some((f) => f.uri.scheme === uri.scheme);
    if (openable.has(uri.scheme) || ofWorkspace) return uri;
    throw new RationaleError(
      'user',
      `The row points at ${text}, which Rationale does not open (only files are opened).`,
    );
  }
  // A git revision's folder is looked in on the disk, where its documents are.
  const file = judgementFile.scheme === 'git' ? vscode.Uri.file(judgementFile.fsPath) : judgementFile;
  const root = vscode.workspace.getWorkspaceFolder(file)?.uri.path ?? null;
  const others = workspaceFolders.filter((f) => f.uri.scheme === file.scheme).map((f) => f.uri.path);
  const candidates = path.isAbsolute(text)
    ? [vscode.Uri.file(text)]
    : lookupFolders(path.posix.dirname(file.path), root, others).map((folder) =>
        vscode.Uri.joinPath(file.with({ path: folder }), text),
      );
  for (const candidate of candidates) {
    try {
      await vscode.workspace.fs.stat(candidate);
      return candidate;
    } catch {
      // Looked for in the next place; the last one is named in the error.
    }
  }
  throw new RationaleError(
    'user',
    `${text} is neither beside the judgement file, nor in a folder above it up to the workspace's, nor in a workspace folder.`,
  );
}
