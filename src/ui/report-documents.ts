/** Reports to read beside what they are about (an export's preview, what an import left out): documents of no file. */
import * as vscode from 'vscode';

const scheme = 'rationale-report';
const texts = new Map<string, string>();
const changed = new vscode.EventEmitter<vscode.Uri>();

/** Provides the reports; to be registered once. */
export function registerReports(): vscode.Disposable {
  return vscode.workspace.registerTextDocumentContentProvider(scheme, {
    onDidChange: changed.event,
    provideTextDocumentContent: (uri) => texts.get(uri.path) ?? '',
  });
}

/** Shows Markdown under a name; a report of the same name is replaced. */
export async function showReport(name: string, markdown: string): Promise<void> {
  const uri = vscode.Uri.from({ scheme, path: `/${name.replaceAll('/', ' ')}.md` });
  texts.set(uri.path, markdown);
  changed.fire(uri);
  await vscode.commands.executeCommand('markdown.showPreviewToSide', uri).then(undefined, async () => {
    // Without the built-in Markdown extension the text itself is readable enough.
    const document = await vscode.workspace.openTextDocument(uri);
    await vscode.window.showTextDocument(document, vscode.ViewColumn.Beside);
  });
}
