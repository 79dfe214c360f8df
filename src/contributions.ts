/**
 * What Rationale contributes to VS Code: commands, menus, settings, editors, context keys, in one typed table.
 * package.json's `contributes` and `capabilities` are generated from it (`npm run generate`), and src/ui registers and
 * reads by these keys, so that an id cannot be misspelt in either. Plain data: it is loaded without `vscode`.
 */
import { actionIds, actionOf, type ActionId } from './protocol/actions.js';

/** The Rationale editor: the default for `*.judgements.jsonl`, and an option for every other `*.jsonl`. */
export const viewTypes = { judgements: 'rationale.judgements', option: 'rationale.judgementsOption' } as const;

/** The evaluation panel. */
export const evaluationViewType = 'rationale.evaluation';

/** Context keys that src/ui sets (ui/context-keys.ts), all about the active Rationale editor. */
export const contextKeys = { runActive: 'rationale.runActive', runResumable: 'rationale.runResumable' } as const;
export type ContextKey = keyof typeof contextKeys;

interface Command {
  readonly title: string;
  readonly icon?: string;
  /** When the palette offers it. */
  readonly when?: string;
}

const inEditor = 'activeCustomEditorId =~ /^rationale\\./';

/** Commands that are no action of the editor. */
const hostCommands = {
  rerankWorkspace: { title: 'Rerank Workspace Documents…', icon: '$(list-ordered)' },
  rerankOpenEditors: { title: 'Rerank Open Editors…' },
  rerankSelectedFiles: { title: 'Rerank Selected Files…' },
  rerankDocumentsInFile: { title: 'Rerank Documents in File…' },
  // “Import…” alone would not say in the explorer's menu whose it is.
  importJudgements: { title: 'Import Judgements…' },
  evaluate: { title: 'Evaluate…', icon: '$(graph)' },
  compareRankings: { title: 'Compare Rankings…' },
  compareModel: { title: 'Compare with Another Model…', when: inEditor },
  startTrainingRound: { title: 'Start Training Round…', when: inEditor },
  openInEditor: { title: 'Open in Rationale Editor', when: `resourceExtname == .jsonl && !(${inEditor})` },
  rebuildIndex: { title: 'Rebuild Workspace Index', when: 'workspaceFolderCount > 0' },
  showLog: { title: 'Show Log' },
} as const satisfies Record<string, Command>;
type HostCommandId = keyof typeof hostCommands;

/** Actions of the editor that work without one, and those whose place depends on the run shown. */
const actionWhen: { readonly [id in ActionId]?: string } = {
  exportRefinementData: 'true',
  cancelRun: `${inEditor} && ${contextKeys.runActive}`,
  resumeRun: `${inEditor} && ${contextKeys.runResumable}`,
};
const actionIcons: { readonly [id in ActionId]?: string } = {
  exportRefinementData: '$(export)',
  cancelRun: '$(debug-stop)',
  resumeRun: '$(debug-continue)',
  copyMarkdown: '$(copy)',
  openDocument: '$(go-to-file)',
};

/** Every command: `rationale.<id>`. */
export type CommandId = ActionId | HostCommandId;
export const hostCommandIds = Object.keys(hostCommands) as HostCommandId[];

/** The id VS Code knows a command by. */
export function commandName(id: CommandId): string {
  return `rationale.${id}`;
}

const commands: readonly (Command & { readonly id: CommandId })[] = [
  ...hostCommandIds.map((id) => ({ id, ...(hostCommands[id] as Command) })),
  ...actionIds.map((id) => {
    const icon = actionIcons[id];
    return { id, title: actionOf(id).title, ...(icon === undefined ? {} : { icon }), when: actionWhen[id] ?? inEditor };
  }),
];

/** The settings and their types; src/ui/settings.ts reads them by key. */
export interface Settings {
  readonly 'model.folder': string;
  readonly 'inference.nodePath': string;
  readonly 'inference.threads': number;
  readonly 'rerank.depth': number;
  readonly 'rerank.mode': 'auto' | 'score' | 'label-first' | 'explain-first';
  readonly 'rerank.explain': number;
  readonly 'rerank.maxFileSize': number;
  readonly 'runs.folder': string;
  readonly annotator: string;
  readonly 'training.command': string;
  readonly 'training.config': string;
}
export type SettingKey = keyof Settings;

type Property<T> = {
  readonly type: string;
  readonly default: T;
  readonly scope: 'machine' | 'machine-overridable' | 'window' | 'resource';
  readonly order: number;
  readonly markdownDescription: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly enum?: readonly T[];
  readonly enumDescriptions?: readonly string[];
};

/** What package.json declares of each setting. */
export const settingProperties: { readonly [K in SettingKey]: Property<Settings[K]> } = {
  'model.folder': {
    type: 'string',
    default: '',
    scope: 'machine',
    order: 1,
    markdownDescription:
      'Absolute path of a model folder: `profile.json`, `model.onnx`, `tokenizer.json` and `SHA256SUMS`. Empty: the model that comes with Rationale.',
  },
  'inference.nodePath': {
    type: 'string',
    default: '',
    scope: 'machine',
    order: 2,
    markdownDescription:
      'Absolute path of a Node.js (20 or newer) that runs the inference process. Empty: the one VS Code runs on. Set it where the inference process dies at once on desktop VS Code, whose allocator traps large allocations.',
  },
  'inference.threads': {
    type: 'integer',
    default: 0,
    minimum: 0,
    maximum: 256,
    scope: 'machine',
    order: 3,
    markdownDescription: 'CPU threads for inference. 0: as many as there are physical cores.',
  },
  'rerank.depth': {
    type: 'integer',
    default: 20,
    minimum: 1,
    maximum: 1000,
    scope: 'window',
    order: 1,
    markdownDescription: 'How many candidates of the first stage (BM25) are reranked.',
  },
  'rerank.mode': {
    type: 'string',
    default: 'auto',
    enum: ['auto', 'score', 'label-first', 'explain-first'],
    enumDescriptions: [
      'Score everything, then write rationales for the first documents where the model can',
      'Score and order only: the fastest',
      'Score everything, then write rationales for the first documents; a rationale explains its label',
      'Write a rationale for every document, and order by the labels they lead to: the slowest',
    ],
    scope: 'window',
    order: 2,
    markdownDescription: 'What is asked of the model. A model offers the modes that its profile has a prompt for.',
  },
  'rerank.explain': {
    type: 'integer',
    default: 3,
    minimum: 0,
    maximum: 1000,
    scope: 'window',
    order: 3,
    markdownDescription:
      'For how many of the first documents a rationale is written after scoring (modes `auto` and `label-first`). Others get one on request.',
  },
  'rerank.maxFileSize': {
    type: 'integer',
    default: 1_000_000,
    minimum: 1_000,
    scope: 'window',
    order: 4,
    markdownDescription: 'Workspace files larger than this many bytes are not searched; the log names them.',
  },
  'runs.folder': {
    type: 'string',
    default: '.rationale/runs',
    scope: 'window',
    order: 5,
    markdownDescription: 'Where the judgement file of a run is written, relative to the first workspace folder.',
  },
  annotator: {
    type: 'string',
    default: '',
    // A cloned repository must not sign decisions.
    scope: 'machine',
    order: 1,
    markdownDescription:
      'Your name in the log of your decisions. Empty: the name git is configured with, else the name you are logged in with.',
  },
  'training.command': {
    type: 'string',
    default: 'rationale-train',
    // What is put into a terminal must not come from a repository.
    scope: 'machine',
    order: 1,
    markdownDescription:
      'What starts the Python training package in a terminal: its command, or the path of it in a virtual environment.',
  },
  'training.config': {
    type: 'string',
    default: '',
    scope: 'machine',
    order: 2,
    markdownDescription:
      'Absolute path of the refine stage’s config (YAML), which names the model that a training round begins with. Empty: asked for.',
  },
};

const groups: readonly { readonly title: string; readonly keys: readonly SettingKey[] }[] = [
  { title: 'Rerank', keys: ['rerank.depth', 'rerank.mode', 'rerank.explain', 'rerank.maxFileSize', 'runs.folder'] },
  { title: 'Model', keys: ['model.folder', 'inference.nodePath', 'inference.threads'] },
  { title: 'Annotation', keys: ['annotator'] },
  { title: 'Training', keys: ['training.command', 'training.config'] },
];

const onDisk = 'resourceScheme == file';
/** Requests, runs, and folders, which may be a BEIR collection: what stands in them is looked at when the command runs. */
const requestFile = '(explorerResourceIsFolder || resourceExtname =~ /^\\.(jsonl|ndjson|trec|run)$/)';
const importable =
  '(explorerResourceIsFolder || resourceExtname =~ /^\\.(jsonl|ndjson|json|csv|tsv|parquet|trec|run|qrels)$/)';
/** What has a ranking to evaluate. */
const rankings = 'resourceFilename =~ /(\\.judgements\\.jsonl|\\.run|\\.trec)$/';
const judgementFile = 'resourceFilename =~ /\\.judgements\\.jsonl$/';

export const contributes = {
  commands: commands.map(({ id, title, icon, when }) => ({
    command: commandName(id),
    title,
    category: 'Rationale',
    ...(icon === undefined ? {} : { icon }),
    ...(when === undefined || when === 'true' || id === 'openInEditor' ? {} : { enablement: when }),
  })),
  menus: {
    commandPalette: commands
      .filter(({ when }) => when !== undefined && when !== 'true')
      .map(({ id, when }) => ({ command: commandName(id), when })),
    'editor/title': [
      {
        command: commandName('cancelRun'),
        when: `${inEditor} && ${contextKeys.runActive}`,
        group: 'navigation@1',
      },
      {
        command: commandName('resumeRun'),
        when: `${inEditor} && ${contextKeys.runResumable}`,
        group: 'navigation@1',
      },
      { command: commandName('exportRefinementData'), when: inEditor, group: 'navigation@2' },
      { command: commandName('evaluate'), when: inEditor, group: 'navigation@3' },
      { command: commandName('copyMarkdown'), when: inEditor, group: '1_rationale@1' },
      {
        command: commandName('openInEditor'),
        when: `${judgementFile} && !(${inEditor})`,
        group: 'navigation@1',
      },
    ],
    'explorer/context': [
      { command: commandName('rerankSelectedFiles'), when: onDisk, group: '7_rationale@3' },
      { command: commandName('rerankDocumentsInFile'), when: `${onDisk} && ${requestFile}`, group: '7_rationale@4' },
      { command: commandName('importJudgements'), when: `${onDisk} && ${importable}`, group: '7_rationale@5' },
      { command: commandName('exportRefinementData'), when: judgementFile, group: '7_rationale@2' },
      { command: commandName('evaluate'), when: `${onDisk} && ${rankings}`, group: '7_rationale@6' },
      {
        command: commandName('compareRankings'),
        when: `${onDisk} && ${rankings} && listMultiSelection`,
        group: '7_rationale@7',
      },
      { command: commandName('openInEditor'), when: 'resourceExtname == .jsonl', group: '7_rationale@1' },
    ],
  },
  // The editor's own keys (src/protocol/actions.ts) are single letters that must be inert while typing, which only the
  // webview knows; a second binding here would fire twice. Every action is a command, so a user can bind any of them.
  keybindings: [],
  configuration: groups.map(({ title, keys }, i) => ({
    title,
    order: i + 1,
    properties: Object.fromEntries(keys.map((key) => [`rationale.${key}`, settingProperties[key]])),
  })),
  customEditors: [
    {
      viewType: viewTypes.judgements,
      displayName: 'Rationale',
      selector: [{ filenamePattern: '*.judgements.jsonl' }],
      priority: 'default',
    },
    {
      viewType: viewTypes.option,
      displayName: 'Rationale (JSON Lines)',
      selector: [{ filenamePattern: '*.jsonl' }],
      priority: 'option',
    },
  ],
  walkthroughs: [
    {
      id: 'start',
      title: 'Get Started with Rationale',
      description: 'Ask your documents a question, see why each one got its score, and correct what is wrong.',
      steps: [
        {
          id: 'ask',
          title: 'Ask your workspace a question',
          description: `Rationale finds candidate documents by their words, and a small model on this machine reorders them. Nothing leaves the machine.\n[Rerank Workspace Documents](command:${commandName('rerankWorkspace')})`,
          media: { markdown: 'media/walkthrough/ask.md' },
          completionEvents: [`onCommand:${commandName('rerankWorkspace')}`],
        },
        {
          id: 'read',
          title: 'Read why',
          description:
            'Select a document: its label with its probability, its score, its movement against the first stage, the rationale and the exact prompt.',
          media: { markdown: 'media/walkthrough/read.md' },
          completionEvents: [`onContext:activeCustomEditorId == ${viewTypes.judgements}`],
        },
        {
          id: 'correct',
          title: 'Correct label and rationale',
          description:
            'Press a digit for the label, `a` to accept, `e` to edit the rationale, `n` for the next undecided row, `?` for all keys. Save as any file: decisions go to a log beside it, the model’s output is never touched.',
          media: { markdown: 'media/walkthrough/correct.md' },
          completionEvents: [`onCommand:${commandName('accept')}`, `onCommand:${commandName('label0')}`],
        },
        {
          id: 'export',
          title: 'Export refinement data',
          description: `Turn what you accepted and corrected into training data, with a preview of what goes in and why other rows do not.\n[Export Refinement Data](command:${commandName('exportRefinementData')})`,
          media: { markdown: 'media/walkthrough/export.md' },
          completionEvents: [`onCommand:${commandName('exportRefinementData')}`],
        },
      ],
    },
  ],
} as const;

/** Settings that name what is executed or loaded: ignored in a workspace that is not trusted. */
const restricted: readonly SettingKey[] = ['model.folder', 'inference.nodePath', 'training.command', 'training.config'];

export const capabilities = {
  untrustedWorkspaces: {
    supported: 'limited',
    description:
      'Judgement files open, and can be read and annotated. Reranking starts a process and reads the workspace, and waits until you trust it.',
    restrictedConfigurations: restricted.map((key) => `rationale.${key}`),
  },
  virtualWorkspaces: {
    supported: 'limited',
    description: 'Judgement files open read-only. Reranking and annotating need files on a disk.',
  },
} as const;
