/**
 * What the webview knows: the host's last snapshots and the pages of rows it has asked for. The host owns the truth;
 * the only thing decided here is which row a key press meant while the host's answer is still on its way.
 */
import type { ReactiveController, ReactiveControllerHost } from 'lit';
import type {
  CarriesView,
  DecisionRequest,
  EditorView,
  FromWebview,
  RowDetail,
  RowKey,
  RowSummary,
  ToWebview,
} from '../src/protocol/editor.js';
import { announce } from './announce.js';

const pageSize = 50;
/** Pages kept beside those on screen: enough to scroll back without a request, little enough for a million rows. */
const pagesKept = 60;
/** How long a key press waits for the row it belongs to. A busy host answers within tens of milliseconds. */
const patienceMs = 1000;

type Selection = NonNullable<EditorView['selected']>;
type Data = Exclude<ToWebview, { readonly type: 'perform' | 'announce' }>;

class Store {
  view: EditorView | null = null;
  detail: RowDetail | null = null;
  carries: CarriesView | null = null;
  #post: (message: FromWebview) => void = () => undefined;
  readonly #listeners = new Set<() => void>();
  readonly #pages = new Map<number, { readonly revision: number; readonly rows: readonly RowSummary[] }>();
  readonly #asked = new Map<number, number>();
  /** Shown as selected before the host has confirmed it, so that held-down arrows never lag. */
  #ahead: Selection | null = null;
  /** The row a decision with `advance` was made on: the next decision belongs to the row that follows. */
  #leaving: RowKey | null = null;
  #queue: (() => void)[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Sets where messages go; before this nothing can be asked. */
  connect(post: (message: FromWebview) => void): void {
    this.#post = post;
  }

  post(message: FromWebview): void {
    this.#post(message);
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Takes in one snapshot from the host. */
  receive(message: Data): void {
    switch (message.type) {
      case 'view':
        this.view = message.view;
        if (message.view.selected?.key === this.#ahead?.key) this.#ahead = null;
        if (message.view.selected?.key !== this.#leaving) this.#leaving = null;
        break;
      case 'rows':
        // An answer to an older revision is dropped: the newer question is already on its way.
        if (message.revision === this.view?.revision) {
          this.#pages.set(Math.floor(message.start / pageSize), { revision: message.revision, rows: message.rows });
        }
        break;
      case 'detail':
        this.detail = message.detail;
        break;
      case 'carries':
        this.carries = message.carries;
        break;
    }
    this.#drain();
    this.#changed();
  }

  get selected(): Selection | null {
    return this.#ahead ?? this.view?.selected ?? null;
  }

  /** The row at a place among the filtered rows, perhaps of the last revision until the newer page arrives. */
  row(position: number): RowSummary | undefined {
    return this.#pages.get(Math.floor(position / pageSize))?.rows[position % pageSize];
  }

  /**
   * Asks for the pages that hold the places from `start` to `end` (inclusive), and the selected row's, where they are
   * missing or outdated.
   */
  need(start: number, end: number): void {
    const revision = this.view?.revision;
    if (revision === undefined) return;
    const first = Math.floor(start / pageSize);
    const last = Math.floor(end / pageSize);
    const wanted = new Set<number>();
    for (let page = first; page <= last; page++) wanted.add(page);
    if (this.selected !== null) wanted.add(Math.floor(this.selected.position / pageSize));
    for (const page of wanted) {
      if (this.#pages.get(page)?.revision === revision || this.#asked.get(page) === revision) continue;
      this.#asked.set(page, revision);
      this.#post({ type: 'getRows', revision, start: page * pageSize, count: pageSize });
    }
    if (this.#pages.size <= pagesKept) return;
    for (const page of this.#pages.keys()) {
      if (wanted.has(page) || wanted.has(page - 1) || wanted.has(page + 1)) continue;
      this.#pages.delete(page);
      this.#asked.delete(page);
    }
  }

  /** Selects the row at `position`, which must be loaded; false if it is not. */
  selectAt(position: number): boolean {
    const row = this.row(position);
    if (row === undefined || this.view === null || this.#leaving !== null) return false;
    if (row.key === this.selected?.key) return true;
    this.#ahead = { key: row.key, position };
    this.#post({ type: 'select', key: row.key });
    this.#watch();
    this.#changed();
    return true;
  }

  /** Moves the selection, at once where the target row is known, else by asking the host. */
  move(to: 'next' | 'previous' | 'first' | 'last' | 'next-undecided'): void {
    const count = this.view?.count ?? 0;
    if (count === 0) return;
    const at = this.selected?.position ?? -1;
    const target = { next: Math.min(at + 1, count - 1), previous: Math.max(at - 1, 0), first: 0, last: count - 1 };
    if (to !== 'next-undecided' && this.selectAt(target[to])) return;
    this.#post({ type: 'move', to });
    this.#ahead = null;
    if (to === 'next-undecided') this.#leave();
    else if (target[to] !== at) this.#leave();
  }

  /** Why the selected row takes no decision now, or null. */
  get refusal(): string | null {
    const { view, detail } = this;
    if (view?.readonly != null) return view.readonly;
    if (this.selected === null) return 'Select a row first.';
    if (detail === null) return 'This line is no judgement: it takes no decision.';
    if (detail.status === 'pending') return 'This document has not been judged yet: decide once its score is there.';
    return null;
  }

  /**
   * Records a decision on the row the person is looking at. While a newly selected row is still being fetched the
   * decision waits for it, so that quick typing never labels the row before.
   */
  decide(decision: DecisionRequest, advance: boolean): void {
    this.whenSettled(() => {
      const refusal = this.refusal;
      if (refusal !== null || this.detail === null) {
        announce(refusal ?? '');
        return;
      }
      const key = this.detail.key;
      this.#post({ type: 'decide', key, decision, advance });
      if (advance) this.#leave();
    });
  }

  /** Runs `act` once the detail on screen belongs to the selected row. */
  whenSettled(act: () => void): void {
    this.#queue.push(act);
    this.#drain();
    if (this.#queue.length > 0) this.#watch();
  }

  #settled(): boolean {
    const selected = this.selected;
    if (this.#leaving !== null) return false;
    if (selected === null || this.detail?.key === selected.key) return true;
    return this.detail === null && this.row(selected.position)?.kind === 'malformed';
  }

  #drain(): void {
    while (this.#queue.length > 0 && this.#settled()) this.#queue.shift()?.();
  }

  #leave(): void {
    this.#leaving = this.selected?.key ?? null;
    this.#watch();
  }

  /** Gives up waiting after a while: at the last row an `advance` changes nothing, and a host may be gone. */
  #watch(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#leaving = null;
      this.#ahead = null;
      this.#drain();
      if (this.#queue.length > 0) announce('The row was not there yet. Press the key again.');
      this.#queue = [];
      this.#changed();
    }, patienceMs);
  }

  #changed(): void {
    for (const listener of this.#listeners) listener();
  }
}

/** A webview shows one editor, so there is one store. */
export const store = new Store();

/** Re-renders its component whenever the store changes. */
export class FollowStore implements ReactiveController {
  #stop: (() => void) | undefined;

  constructor(private readonly host: ReactiveControllerHost) {
    host.addController(this);
  }

  hostConnected(): void {
    this.#stop = store.subscribe(() => this.host.requestUpdate());
  }

  hostDisconnected(): void {
    this.#stop?.();
  }
}
