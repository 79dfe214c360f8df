/**
 * The one registry of what a person can do in the Rationale editor. Keys, the shortcut sheet (`?`), the VS Code
 * commands and package.json's contributions all come from this table.
 *
 * `where`: `webview` actions are done by the webview (and reach it as `perform` when invoked as a command),
 * `host` actions are sent to the host as `run`.
 */
interface Action {
  readonly title: string;
  /** KeyboardEvent.key values, `Ctrl+` for Ctrl or Cmd; inert while a text field has the focus unless `inText`. */
  readonly keys: readonly string[];
  readonly where: 'webview' | 'host';
  readonly inText?: true;
  readonly group: 'move' | 'decide' | 'edit' | 'document' | 'view' | 'run';
}

const actions = {
  nextRow: { title: 'Next Row', keys: ['j', 'ArrowDown'], where: 'webview', group: 'move' },
  previousRow: { title: 'Previous Row', keys: ['k', 'ArrowUp'], where: 'webview', group: 'move' },
  firstRow: { title: 'First Row', keys: ['Home'], where: 'webview', group: 'move' },
  lastRow: { title: 'Last Row', keys: ['End'], where: 'webview', group: 'move' },
  nextUndecided: { title: 'Next Undecided Row', keys: ['n'], where: 'webview', group: 'move' },
  label0: { title: 'Label 0', keys: ['0'], where: 'webview', group: 'decide' },
  label1: { title: 'Label 1', keys: ['1'], where: 'webview', group: 'decide' },
  label2: { title: 'Label 2', keys: ['2'], where: 'webview', group: 'decide' },
  label3: { title: 'Label 3', keys: ['3'], where: 'webview', group: 'decide' },
  label4: { title: 'Label 4', keys: ['4'], where: 'webview', group: 'decide' },
  accept: { title: 'Accept and Go to Next', keys: ['a'], where: 'webview', group: 'decide' },
  skip: { title: 'Skip and Go to Next', keys: ['s'], where: 'webview', group: 'decide' },
  cannotJudge: { title: 'Cannot Judge and Go to Next', keys: ['x'], where: 'webview', group: 'decide' },
  flag: { title: 'Toggle Flag', keys: ['f'], where: 'webview', group: 'decide' },
  clearDecision: { title: 'Clear Decision', keys: ['Backspace'], where: 'webview', group: 'decide' },
  editExplanation: { title: 'Edit Rationale', keys: ['e', 'Enter'], where: 'webview', group: 'edit' },
  commitExplanation: {
    title: 'Keep Edited Rationale and Go to Next',
    keys: ['Ctrl+Enter'],
    where: 'webview',
    inText: true,
    group: 'edit',
  },
  leaveText: { title: 'Keep Edited Rationale', keys: ['Escape'], where: 'webview', inText: true, group: 'edit' },
  resetExplanation: { title: 'Reset Rationale to the Original', keys: [], where: 'webview', group: 'edit' },
  openDocument: { title: 'Open Document at the Passage', keys: ['o'], where: 'host', group: 'document' },
  whatCarries: { title: 'What Carries This Label?', keys: ['w'], where: 'host', group: 'document' },
  togglePrompt: { title: 'Show or Hide the Exact Prompt', keys: ['p'], where: 'webview', group: 'view' },
  toggleRaw: { title: 'Show or Hide the Raw Response', keys: ['r'], where: 'webview', group: 'view' },
  search: { title: 'Search in Rows', keys: ['/'], where: 'webview', group: 'view' },
  showShortcuts: { title: 'Show Keyboard Shortcuts', keys: ['?'], where: 'webview', group: 'view' },
  explainRow: { title: 'Write a Rationale for This Document', keys: ['g'], where: 'host', group: 'run' },
  cancelRun: { title: 'Cancel Run', keys: [], where: 'host', group: 'run' },
  resumeRun: { title: 'Resume Run', keys: [], where: 'host', group: 'run' },
  copyMarkdown: { title: 'Copy as Markdown', keys: [], where: 'host', group: 'document' },
  exportRefinementData: { title: 'Export Refinement Data…', keys: [], where: 'host', group: 'document' },
} as const satisfies Record<string, Action>;

export type ActionId = keyof typeof actions;
export const actionIds = Object.keys(actions) as ActionId[];

/** The table's row for `id`, widened to the common shape. */
export function actionOf(id: ActionId): Action {
  return actions[id];
}
