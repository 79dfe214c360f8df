/** The one engine of this window: made from the settings when first needed, made anew when they change. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import * as vscode from 'vscode';
import { messageOf, RationaleError } from '../domain/failure.js';
import { sha256 } from '../domain/identity.js';
import type { ModelIdentity } from '../domain/judgement.js';
import type { RerankEngine } from '../inference/engine.js';
import { createOnnxEngine, type OnnxEngine } from '../inference/onnx/engine.js';
import { parseProfile } from '../profiles/profile.js';
import { trustNeeded } from './errors.js';
import type { Log } from './log.js';
import type { KnownProfile } from './row-profile.js';
import { readSetting } from './settings.js';

/** The folder of the model that comes with the extension, below its root. */
const embeddedModel = 'models/rationale-135m';

export class ModelHost {
  private current: OnnxEngine | undefined;
  private identity: ModelIdentity | null = null;
  private readonly loaded = new vscode.EventEmitter<void>();
  /** A model was loaded or given up: `model` says which. */
  readonly onDidChange = this.loaded.event;
  private readonly subscriptions: { dispose(): unknown }[] = [this.loaded];

  constructor(
    private readonly extensionUri: vscode.Uri,
    private readonly log: Log,
  ) {
    this.subscriptions.push(
      vscode.workspace.onDidChangeConfiguration((event) => {
        if (event.affectsConfiguration('rationale.model') || event.affectsConfiguration('rationale.inference')) {
          void this.release();
        }
      }),
    );
  }

  /** The model loaded last, or null. */
  get model(): ModelIdentity | null {
    return this.identity;
  }

  /** Process id of the inference child, while it runs. */
  get pid(): number | undefined {
    return this.current?.pid;
  }

  /**
   * The engine. Throws ActionableError in a workspace that is not trusted, and RationaleError naming the setting when
   * the model folder is wrong.
   */
  engine(): RerankEngine {
    requireTrust();
    return (this.current ??= this.create());
  }

  /** An engine on another model folder, beside the window's own. The caller disposes it. Throws what `engine` throws. */
  engineOn(modelDir: string): RerankEngine {
    requireTrust();
    return this.createOn(modelDir);
  }

  /**
   * The profiles of the embedded and of the configured model, read from their folders: no process is started, so this
   * is for workspaces nobody trusts, too. One that cannot be read is left out and logged.
   */
  async profiles(): Promise<readonly KnownProfile[]> {
    const configured = vscode.workspace.getConfiguration('rationale').get<unknown>('model.folder');
    const folders = [
      vscode.Uri.joinPath(this.extensionUri, embeddedModel).fsPath,
      ...(typeof configured === 'string' && path.isAbsolute(configured.trim()) ? [configured.trim()] : []),
    ];
    const read = await Promise.all(folders.map((folder) => this.readProfile(path.join(folder, 'profile.json'))));
    return read.filter((known) => known !== null);
  }

  private async readProfile(file: string): Promise<KnownProfile | null> {
    try {
      const text = await readFile(file, 'utf8');
      return { profile: parseProfile(text, file), sha256: sha256(text), runId: null };
    } catch (error) {
      this.log.main.warn(`rows of its model show no prompt: ${messageOf(error)}`);
      return null;
    }
  }

  /** Ends the child; the next `engine()` starts from the settings again. */
  async release(): Promise<void> {
    const engine = this.current;
    this.current = undefined;
    this.identity = null;
    this.loaded.fire();
    await engine?.dispose();
  }

  async dispose(): Promise<void> {
    const engine = this.current;
    this.current = undefined;
    for (const subscription of this.subscriptions) subscription.dispose();
    await engine?.dispose();
  }

  private create(): OnnxEngine {
    const folder = absolutePath('model.folder');
    const engine = this.createOn(folder ?? vscode.Uri.joinPath(this.extensionUri, embeddedModel).fsPath);
    const load = engine.load.bind(engine);
    // Whoever loads it, the status bar learns which model and device it is.
    engine.load = async (signal) => {
      const model = await load(signal);
      if (this.current === engine && this.identity?.sha256 !== model.sha256) {
        this.identity = model;
        this.loaded.fire();
      }
      return model;
    };
    return engine;
  }

  private createOn(modelDir: string): OnnxEngine {
    const threads = readSetting('inference.threads');
    return createOnnxEngine({
      modelDir,
      workerPath: vscode.Uri.joinPath(this.extensionUri, 'dist/worker.js').fsPath,
      nodePath: absolutePath('inference.nodePath'),
      threads: threads === 0 ? null : threads,
      log: (line) => this.log.inference.info(line),
    });
  }
}

function requireTrust(): void {
  if (vscode.workspace.isTrusted) return;
  throw trustNeeded(
    'Reranking starts a process and reads the files of this workspace, so it waits until you trust the workspace. Judgement files open and can be annotated without.',
  );
}

/** The path a setting names, or null where it is empty. Throws RationaleError naming the setting when it is not absolute. */
function absolutePath(key: 'model.folder' | 'inference.nodePath'): string | null {
  const value = readSetting(key).trim();
  if (value === '') return null;
  if (!path.isAbsolute(value)) {
    throw new RationaleError('user', `Setting rationale.${key} must be an absolute path, but is “${value}”.`);
  }
  return value;
}
