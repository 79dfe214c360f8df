/** What a person chooses for an export: the format, by what it is for, and what becomes what, with defaults that suit most. */
import path from 'node:path';
import * as vscode from 'vscode';
import { readEvaluationSet } from '../interchange/leakage.js';
import { exportFormats, formatTitle, type ExportFormat } from '../interchange/exporters.js';
import { annotatorPolicies, promptForms, type ExportPolicy } from '../interchange/policy.js';
import { formatGroup, formatGroups, policyLines } from './export-preview.js';

const title = 'Export Refinement Data';

/** The format, in groups; undefined when given up. */
export async function pickFormat(): Promise<ExportFormat | undefined> {
  const items = formatGroups.flatMap((group) => {
    const formats = exportFormats.filter((format) => formatGroup(format) === group);
    if (formats.length === 0) return [];
    return [
      { label: group, kind: vscode.QuickPickItemKind.Separator, format: undefined },
      ...formats.map((format) => ({ label: formatTitle(format), description: format, format })),
    ];
  });
  const options = { title: `${title}: in which format?`, matchOnDescription: true };
  return (await vscode.window.showQuickPick(items, options))?.format;
}

const annotatorTexts: Readonly<Record<ExportPolicy['annotators'], string>> = {
  agreeing: 'only answers on which all annotators agree',
  majority: 'the label that more than half of the annotators gave',
  adjudicated: 'one annotator’s decision wins',
  all: 'every annotator’s answer as a row of its own',
};
const promptTexts: Readonly<Record<ExportPolicy['prompts'], string>> = {
  auto: 'as the model was asked: raw prompts as strings, chats as messages',
  strings: 'plain strings; chats are left out',
  messages: 'messages; a raw prompt becomes one user message',
};

/** Shows the policy, lets any part be changed, and gives it when the person goes on; undefined when given up. */
export async function pickPolicy(from: ExportPolicy, annotators: readonly string[]): Promise<ExportPolicy | undefined> {
  let policy = from;
  for (;;) {
    const go = { label: '$(arrow-right) Preview', description: 'with these choices', change: undefined };
    const lines = policyLines(policy).map(({ key, name, value }) => ({ label: name, description: value, change: key }));
    const picked = await vscode.window.showQuickPick([go, ...lines], {
      title: `${title}: what becomes what? (choose a line to change it)`,
      ignoreFocusOut: true,
    });
    if (picked === undefined) return undefined;
    if (picked.change === undefined) return policy;
    policy = { ...policy, ...(await changed(picked.change, policy, annotators)) };
  }
}

/** The new value of one part; nothing when it stays. */
async function changed(
  key: ReturnType<typeof policyLines>[number]['key'],
  policy: ExportPolicy,
  annotators: readonly string[],
): Promise<Partial<ExportPolicy>> {
  switch (key) {
    case 'include':
      return { include: policy.include === 'human' ? 'prefilled' : 'human' };
    case 'labelOnly':
      return { labelOnly: policy.labelOnly === 'kept' ? 'hold_back' : 'kept' };
    case 'contradictions':
      return { contradictions: policy.contradictions === 'include' ? 'hold_back' : 'include' };
    case 'container':
      return { container: policy.container === 'jsonl' ? 'parquet' : 'jsonl' };
    case 'hubLayout':
      return { hubLayout: !policy.hubLayout };
    case 'prompts':
      return (await pickOne('prompts', promptForms, promptTexts)) ?? {};
    case 'validation': {
      const shares = [0, 0.05, 0.1, 0.2].map((validation) => ({
        label: validation === 0 ? 'No validation data' : `${validation * 100} % of the queries`,
        validation,
      }));
      const picked = await vscode.window.showQuickPick(shares, {
        title: `${title}: validation data`,
        ignoreFocusOut: true,
      });
      return picked === undefined ? {} : { validation: picked.validation };
    }
    case 'annotators': {
      const picked = await pickOne('annotators', annotatorPolicies, annotatorTexts);
      if (picked?.annotators !== 'adjudicated') return { ...picked, adjudicator: null };
      const name = await pickAnnotator(annotators);
      return name === undefined ? {} : { ...picked, adjudicator: name };
    }
  }
}

async function pickOne<K extends 'prompts' | 'annotators'>(
  key: K,
  values: readonly ExportPolicy[K][],
  descriptions: Readonly<Record<ExportPolicy[K], string>>,
): Promise<{ readonly [P in K]: ExportPolicy[K] } | undefined> {
  const items = values.map((value) => ({ label: value, description: descriptions[value], value }));
  const picked = await vscode.window.showQuickPick(items, { title: `${title}: ${key}`, ignoreFocusOut: true });
  return picked === undefined ? undefined : ({ [key]: picked.value } as { readonly [P in K]: ExportPolicy[K] });
}

async function pickAnnotator(annotators: readonly string[]): Promise<string | undefined> {
  const whose = `${title}: whose decision wins?`;
  if (annotators.length === 0) return vscode.window.showInputBox({ title: whose, ignoreFocusOut: true });
  return vscode.window.showQuickPick([...annotators], { title: whose, ignoreFocusOut: true });
}

const setsLookedAt = 20;

/** BEIR folders of the workspace (queries with qrels beside them): training on their queries would spoil them. */
export async function evaluationSetsOfWorkspace(): Promise<string[]> {
  const found = await vscode.workspace.findFiles('**/qrels/*.tsv', '**/node_modules/**', 200);
  const folders = [
    ...new Set(found.filter((uri) => uri.scheme === 'file').map((uri) => path.dirname(path.dirname(uri.fsPath)))),
  ];
  const readable: string[] = [];
  for (const folder of folders.sort().slice(0, setsLookedAt)) {
    // What cannot be read is no evaluation set, and none of this export's business.
    const ok = await readEvaluationSet(folder).then(
      () => true,
      () => false,
    );
    if (ok) readable.push(folder);
  }
  return readable;
}
