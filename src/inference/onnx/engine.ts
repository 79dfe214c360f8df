/**
 * The local engine: one supervised child process per model. A native crash, a cut-short model or a kill ends the child,
 * never the caller; the next request starts a new one, after a pause that grows with repeated crashes.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import * as path from 'node:path';
import { RationaleError, messageOf } from '../../domain/failure.js';
import type { ModelIdentity } from '../../domain/judgement.js';
import { parseProfile, type Profile } from '../../profiles/profile.js';
import type { FromChild, JudgementEvent, RerankRequest, ToChild } from '../../protocol/inference.js';
import type { RerankEngine } from '../engine.js';
import { EventQueue } from './event-queue.js';

export interface OnnxEngineOptions {
  readonly modelDir: string;
  /** The bundled child, dist/worker.js. */
  readonly workerPath: string;
  /** A Node executable to run the child with; null forks the caller's own. */
  readonly nodePath: string | null;
  /** null lets ONNX Runtime choose (one per physical core). */
  readonly threads: number | null;
  readonly log: (line: string) => void;
  /** The child is ended after this long without a request; it starts again with the next. */
  readonly idleMs?: number;
}

const defaultIdleMs = 5 * 60_000;
const maxBackOffMs = 30_000;
const keptLogLines = 20;

interface Child {
  readonly process: ChildProcess;
  readonly loaded: Promise<ModelIdentity>;
  readonly pending: Map<number, EventQueue<JudgementEvent>>;
}

/**
 * An engine on the model in `modelDir`. Reads its profile at once (throws RationaleError when that is missing or wrong);
 * the child starts with the first `load` or `judge`.
 */
export function createOnnxEngine(options: OnnxEngineOptions): OnnxEngine {
  const file = path.join(options.modelDir, 'profile.json');
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new RationaleError(
      'user',
      `The model folder ${options.modelDir} has no readable profile.json. Point the setting rationale.model.folder (or --model) at a whole model folder.`,
      { cause: error },
    );
  }
  return new OnnxEngine(options, parseProfile(text, file));
}

export class OnnxEngine implements RerankEngine {
  private child: Child | undefined;
  private crashes = 0;
  private nextId = 1;
  private idle: NodeJS.Timeout | undefined;
  private disposed = false;

  /** Use createOnnxEngine. */
  constructor(
    private readonly options: OnnxEngineOptions,
    readonly profile: Profile,
  ) {}

  /** Process id of the running child, for status displays and tests. */
  get pid(): number | undefined {
    return this.child?.process.pid;
  }

  async load(signal?: AbortSignal): Promise<ModelIdentity> {
    if (this.child === undefined && this.crashes > 0)
      await pause(Math.min(maxBackOffMs, 250 * 2 ** this.crashes), signal);
    signal?.throwIfAborted();
    if (this.disposed) throw new RationaleError('bug', 'the engine was disposed');
    this.child ??= this.start();
    const identity = await this.child.loaded;
    this.restIfIdle();
    return identity;
  }

  async *judge(request: RerankRequest, signal: AbortSignal): AsyncIterable<JudgementEvent> {
    await this.load(signal);
    const child = this.child;
    if (child === undefined)
      throw new RationaleError('environment', 'The inference process ended before the request reached it.');
    const id = this.nextId++;
    const events = new EventQueue<JudgementEvent>();
    child.pending.set(id, events);
    clearTimeout(this.idle);
    const cancel = (): void => tell(child.process, { type: 'cancel', id });
    signal.addEventListener('abort', cancel, { once: true });
    try {
      tell(child.process, { type: 'judge', id, request });
      if (signal.aborted) cancel();
      yield* events;
      this.crashes = 0;
    } finally {
      signal.removeEventListener('abort', cancel);
      // A consumer that stopped early leaves the child working for nobody.
      if (child.pending.delete(id)) cancel();
      this.restIfIdle();
    }
  }

  async dispose(): Promise<void> {
    this.disposed = true;
    await this.stop();
  }

  private async stop(): Promise<void> {
    clearTimeout(this.idle);
    const child = this.child;
    if (child === undefined) return;
    this.child = undefined;
    await new Promise<void>((resolve) => {
      child.process.once('exit', () => resolve());
      child.process.kill();
      // A forward in progress cannot be interrupted otherwise.
      setTimeout(() => child.process.kill('SIGKILL'), 2_000).unref();
    });
  }

  private restIfIdle(): void {
    clearTimeout(this.idle);
    if (this.child === undefined || this.child.pending.size > 0) return;
    this.idle = setTimeout(() => {
      this.options.log('inference process ended after idling');
      void this.stop();
    }, this.options.idleMs ?? defaultIdleMs);
    this.idle.unref();
  }

  private start(): Child {
    const { workerPath, nodePath, modelDir, threads, log } = this.options;
    const env = { ...process.env };
    if (nodePath !== null) delete env['ELECTRON_RUN_AS_NODE'];
    const lines: string[] = [];
    const started = fork(workerPath, [], {
      serialization: 'advanced',
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      // Electron's and a debugger's own flags mean nothing to another executable.
      execArgv: [],
      env,
      ...(nodePath === null ? {} : { execPath: nodePath }),
    });
    const keep = (chunk: Buffer): void => {
      for (const line of chunk
        .toString('utf8')
        .split('\n')
        .filter((l) => l.trim() !== '')) {
        lines.push(line);
        if (lines.length > keptLogLines) lines.shift();
        log(line);
      }
    };
    started.stdout?.on('data', keep);
    started.stderr?.on('data', keep);
    const pending = new Map<number, EventQueue<JudgementEvent>>();
    const loaded = new Promise<ModelIdentity>((resolve, reject) => {
      const gone = (what: string): void => {
        if (this.child?.process === started) this.child = undefined;
        const detail = lines.length === 0 ? '' : ` Its last lines: ${lines.slice(-3).join(' | ')}`;
        const error = new RationaleError(
          'environment',
          `The inference process ended unexpectedly (${what}). What was computed is kept; run again to go on.${detail}`,
        );
        reject(error);
        for (const events of pending.values()) events.fail(error);
        pending.clear();
      };
      started.once('error', (error) => gone(messageOf(error)));
      started.once('exit', (code, signal) => {
        const expected = this.child?.process !== started;
        if (!expected) this.crashes++;
        log(`inference process ${started.pid ?? '?'} ended: code ${code ?? '-'}, signal ${signal ?? '-'}`);
        gone(signal === null ? `exit code ${code ?? 'unknown'}` : `signal ${signal}`);
      });
      started.on('message', (message: FromChild) => {
        switch (message.type) {
          case 'loaded':
            log(
              `model ${message.model.id} loaded in ${Math.round(message.loadMs)} ms (${message.model.engine} ${message.model.engine_version}, ${message.model.device})`,
            );
            resolve(message.model);
            break;
          case 'loadFailed':
            reject(new RationaleError('user', message.message));
            // Not a crash: the folder is wrong, and trying again at once would change nothing.
            if (this.child?.process === started) this.child = undefined;
            started.kill();
            break;
          case 'event':
            pending.get(message.id)?.push(message.event);
            break;
          case 'done':
            if (message.outcome === 'finished') pending.get(message.id)?.end();
            else pending.get(message.id)?.fail(new DOMException('The run was cancelled.', 'AbortError'));
            pending.delete(message.id);
            break;
          case 'error':
            pending.get(message.id)?.fail(new RationaleError('user', message.message));
            pending.delete(message.id);
            break;
        }
      });
    });
    // A rejection nobody waits for yet is delivered to the next load().
    loaded.catch(() => undefined);
    tell(started, { type: 'load', modelDir, threads });
    return { process: started, loaded, pending };
  }
}

function tell(child: ChildProcess, message: ToChild): void {
  if (child.connected) child.send(message, () => undefined);
}

function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal?.addEventListener('abort', () => {
      clearTimeout(timer);
      reject(new DOMException('The run was cancelled.', 'AbortError'));
    });
  });
}
