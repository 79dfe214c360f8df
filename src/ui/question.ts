/** Asks for the question of a rerank, with the earlier ones of this workspace. */
import * as vscode from 'vscode';
import { ActionableError } from './errors.js';

const historyKey = 'questions';
const historyLength = 30;

/** The question typed or picked, trimmed; undefined when the person gave up. */
export async function askQuestion(history: vscode.Memento, what: string): Promise<string | undefined> {
  const earlier = history.get<string[]>(historyKey, []);
  const pick = vscode.window.createQuickPick();
  pick.title = what;
  pick.placeholder = 'Ask a question, as you would ask a person';
  const offer = (): void => {
    const typed = pick.value.trim();
    const items = earlier
      .filter((q) => q !== typed)
      .map((label) => ({ label, iconPath: new vscode.ThemeIcon('history') }));
    // What is typed stands first, so that Enter means it and not some earlier question.
    pick.items = typed === '' ? items : [{ label: typed, iconPath: new vscode.ThemeIcon('list-ordered') }, ...items];
  };
  offer();
  return new Promise<string | undefined>((resolve) => {
    let chosen: string | undefined;
    pick.onDidChangeValue(offer);
    pick.onDidAccept(() => {
      chosen = (pick.selectedItems[0]?.label ?? pick.value).trim();
      if (chosen === '') {
        pick.placeholder = 'Type a question first';
        return;
      }
      pick.hide();
    });
    pick.onDidHide(() => {
      pick.dispose();
      resolve(chosen === '' ? undefined : chosen);
    });
    pick.show();
  });
}

/** The question trimmed. Throws ActionableError when nothing is left. */
export function checkedQuestion(text: string): string {
  const question = text.trim();
  if (question === '') throw new ActionableError('The question is empty: there is nothing to rank documents for.', []);
  return question;
}

/** Puts a question on top of the history. */
export async function rememberQuestion(history: vscode.Memento, question: string): Promise<void> {
  const earlier = history.get<string[]>(historyKey, []);
  await history.update(historyKey, [question, ...earlier.filter((q) => q !== question)].slice(0, historyLength));
}
