/** What the evaluation panel's page knows: the host's last snapshots, and what is chosen in the page. */
import type { ReactiveController, ReactiveControllerHost } from 'lit';
import type { QueryMovement } from '../src/domain/evaluation.js';
import type { EvaluationView, FromEvaluation, ToEvaluation } from '../src/protocol/evaluation.js';

/** Chosen in the page; it outlives the webview. */
interface Choices {
  readonly version: 1;
  readonly tab: string;
  /** Place in the comparison's pairs. */
  readonly pair: number;
  readonly queryId: string | null;
}
const initial: Choices = { version: 1, tab: 'overview', pair: 0, queryId: null };

class EvaluationStore {
  view: EvaluationView | null = null;
  /** Of the chosen query; undefined while it is on its way, null where no ranking has the query. */
  movement: QueryMovement | null | undefined = undefined;
  #choices = initial;
  #post: (message: FromEvaluation) => void = () => undefined;
  #save: (state: Choices) => void = () => undefined;
  readonly #listeners = new Set<() => void>();

  /** Sets where messages and choices go, and restores the choices that this version saved. */
  connect(post: (message: FromEvaluation) => void, saved: unknown, save: (state: Choices) => void): void {
    this.#post = post;
    this.#save = save;
    if (typeof saved === 'object' && saved !== null && 'version' in saved && saved.version === initial.version) {
      this.#choices = { ...initial, ...(saved as Partial<Choices>) };
    }
  }

  post(message: FromEvaluation): void {
    this.#post(message);
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  get choices(): Choices {
    return this.#choices;
  }

  choose(change: Partial<Omit<Choices, 'version'>>): void {
    this.#choices = { ...this.#choices, ...change };
    this.#save(this.#choices);
    this.#changed();
  }

  /** Shows a query's documents; they come from the host. */
  selectQuery(queryId: string, tab = this.#choices.tab): void {
    if (this.movement?.query_id !== queryId) this.movement = undefined;
    this.choose({ queryId, tab });
    this.#post({ type: 'selectQuery', queryId });
  }

  /** Takes in one snapshot from the host. */
  receive(message: Exclude<ToEvaluation, { readonly type: 'announce' }>): void {
    if (message.type === 'view') {
      const before = this.view?.results?.moved;
      this.view = message.view;
      // Other rankings, other movements: what is on screen is asked for again.
      const { queryId } = this.#choices;
      if (message.view.results !== null && before !== message.view.results.moved && queryId !== null) {
        this.#post({ type: 'selectQuery', queryId });
      }
    } else if (message.movement === null || message.movement.query_id === this.#choices.queryId) {
      this.movement = message.movement;
    }
    this.#changed();
  }

  #changed(): void {
    for (const listener of this.#listeners) listener();
  }
}

/** A page shows one evaluation, so there is one store. */
export const evaluation = new EvaluationStore();

/** Re-renders its component whenever the evaluation's store changes. */
export class FollowEvaluation implements ReactiveController {
  #stop: (() => void) | undefined;

  constructor(private readonly host: ReactiveControllerHost) {
    host.addController(this);
  }

  hostConnected(): void {
    this.#stop = evaluation.subscribe(() => this.host.requestUpdate());
  }

  hostDisconnected(): void {
    this.#stop?.();
  }
}
