/** Above the list: how far the run and the review are, what is shown in which order, and what can be taken out. */
import { LitElement, css, html, nothing, type TemplateResult } from 'lit';
import { customElement, query } from 'lit/decorators.js';
import { reviewStates, type ReviewState } from '../src/domain/review.js';
import { actionOf, type ActionId } from '../src/protocol/actions.js';
import { orders, type EditorView, type Filter, type Order, type RunView } from '../src/protocol/editor.js';
import { shareBar, badgeStyles } from './badge.js';
import { choose, chosen, entered, fill } from './controls.js';
import { icon, type IconName } from './icons.js';
import { keepUndoInField } from './keys.js';
import { FollowStore, store } from './store.js';
import { base } from './styles.js';
import { reviewWords } from './words.js';

const orderNames: Readonly<Record<Order, string>> = {
  file: 'In file order',
  rank: 'By rank',
  'first-stage': 'By first stage',
  margin: 'Least certain first',
};
/** One choice of the review filter that stands for several states. */
const openStates: readonly ReviewState[] = ['prefilled', 'skipped', 'flagged', 'stale'];
const searchDelayMs = 200;

@customElement('rationale-toolbar')
export class RationaleToolbar extends LitElement {
  @query('#search') private readonly searchField!: HTMLElement | null;
  private searchTimer: ReturnType<typeof setTimeout> | undefined;
  private typed: string | null = null;

  constructor() {
    super();
    new FollowStore(this);
  }

  static override readonly styles = [
    base,
    badgeStyles,
    css`
      :host {
        position: relative;
        /* Open drop-downs lie over the list. */
        z-index: 2;
        border-bottom: 1px solid var(--line);
        background: var(--vscode-editor-background);
        container-type: inline-size;
      }
      .line {
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        gap: 6px 8px;
        padding: 8px 12px 0;
      }
      .filters {
        padding-bottom: 8px;
      }
      .end {
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        justify-content: flex-end;
        gap: 6px 10px;
        margin-left: auto;
      }
      .status,
      .counts,
      .save {
        display: inline-flex;
        align-items: center;
        gap: 6px;
        min-width: 0;
      }
      .status {
        font-weight: 500;
      }
      .status.failed .icon {
        color: var(--vscode-errorForeground);
      }
      .counts {
        flex-wrap: wrap;
        gap: 2px 12px;
        color: var(--muted);
      }
      .counts span,
      .save {
        display: inline-flex;
        align-items: center;
        gap: 4px;
        white-space: nowrap;
      }
      .counts .icon,
      .save .icon {
        font-size: 14px;
      }
      /* Where the words would push the buttons into a second line the icon and its tooltip must do, for the eye. */
      @container (max-width: 1399px) {
        .many .word {
          position: absolute;
          width: 1px;
          height: 1px;
          overflow: hidden;
          clip-path: inset(50%);
        }
      }
      .save {
        color: var(--muted);
      }
      .save.dirty {
        color: var(--vscode-foreground);
      }
      .save.dirty .icon {
        font-size: 10px;
        width: 10px;
      }
      vscode-text-field {
        flex: 1 1 180px;
        max-width: 320px;
        min-width: 140px;
      }
      vscode-dropdown {
        flex: 0 1 auto;
        width: 152px;
        min-width: 120px;
      }
      vscode-dropdown.query {
        flex: 1 1 140px;
        max-width: 360px;
      }
      .progress {
        position: absolute;
        inset: auto 0 -1px 0;
        height: 2px;
        overflow: hidden;
      }
      .progress svg {
        transform: translateY(-1px);
      }
    `,
  ];

  /** Puts the focus into the search field. */
  focusSearch(): void {
    this.searchField?.focus();
  }

  /** True while the search field has the focus. */
  get searching(): boolean {
    return this.searchField !== null && this.shadowRoot?.activeElement === this.searchField;
  }

  override render(): TemplateResult {
    const view = store.view;
    if (view === null) return html``;
    const { run } = view;
    const active = run !== null && ['loading', 'scoring', 'explaining'].includes(run.state);
    return html`
      <div class="line" role="group" aria-label="State">
        ${run === null ? nothing : renderRun(run)} ${renderCounts(view)}
        <div class="end">
          <span class="save ${view.unsaved > 0 ? 'dirty' : ''}">
            ${
              view.readonly !== null
                ? html`Read-only`
                : view.unsaved > 0
                  ? html`${icon('unsaved')}${view.unsaved} unsaved`
                  : html`${icon('check')}Saved`
            }
          </span>
          ${view.annotator === '' ? nothing : html`<span class="save" title="Decisions are recorded under this name">${icon('person')}${view.annotator}</span>`}
          ${run === null ? nothing : active ? runButton('cancelRun', 'Cancel') : ['cancelled', 'interrupted', 'failed'].includes(run.state) ? runButton('resumeRun', 'Resume') : nothing}
          ${runButton('copyMarkdown', 'Copy as Markdown', 'copy')}
          ${runButton('exportRefinementData', 'Export…', 'export')}
          <vscode-button
            appearance="icon"
            aria-label="Keyboard shortcuts"
            title="Keyboard shortcuts (?)"
            @click=${() => this.dispatchEvent(new CustomEvent('show-shortcuts', { bubbles: true, composed: true }))}
            >${icon('question')}</vscode-button
          >
        </div>
      </div>
      ${renderSubset(view)} ${this.renderFilters(view)}
      ${
        active
          ? html`<div
              class="progress"
              role="progressbar"
              aria-label="Run"
              aria-valuemin="0"
              aria-valuemax=${run.total}
              aria-valuenow=${run.done}
              aria-valuetext=${run.message}
            >
              ${shareBar(run.total === 0 ? 0 : run.done / run.total)}
            </div>`
          : nothing
      }
    `;
  }

  private renderFilters(view: EditorView): TemplateResult {
    const { filter } = view;
    const labels = labelChoices(view);
    return html`<div class="line filters" role="search" aria-label="Filter and order">
      <vscode-text-field
        id="search"
        placeholder="Search in rows ( / )"
        @input=${this.onSearch}
        @keydown=${keepUndoInField}
        ><span slot="start" class="icon">${icon('search')}</span></vscode-text-field
      >
      ${
        view.queries.length < 2
          ? nothing
          : html`<vscode-dropdown
              id="query"
              class="query"
              aria-label="Query"
              @change=${(e: Event) => this.setFilter({ queryId: chosen(e) === '' ? null : chosen(e).slice(1) })}
            >
              <vscode-option value="">All ${view.queries.length} queries</vscode-option>
              ${view.queries.map((q) => html`<vscode-option value="=${q.queryId}" title=${q.query}>${q.query}</vscode-option>`)}
            </vscode-dropdown>`
      }
      <vscode-dropdown
        id="review"
        aria-label="Review state"
        @change=${(e: Event) => this.setFilter({ review: reviewsOf(chosen(e)) })}
      >
        <vscode-option value="">Any state</vscode-option>
        <vscode-option value="open"
          >To decide (${openStates.reduce((n, s) => n + view.reviewCounts[s], 0)})</vscode-option
        >
        ${reviewStates.map(
          (s) =>
            html`<vscode-option value=${s} ?disabled=${view.reviewCounts[s] === 0 && reviewValue(filter) !== s}
              >${reviewWords[s].name} (${view.reviewCounts[s]})</vscode-option
            >`,
        )}
      </vscode-dropdown>
      <vscode-dropdown
        id="label"
        aria-label="Label"
        @change=${(e: Event) => this.setFilter({ labels: chosen(e) === '' ? [] : [Number(chosen(e))] })}
      >
        <vscode-option value="">Any label</vscode-option>
        ${labels.map((label) => html`<vscode-option value=${String(label.value)}>${label.name}</vscode-option>`)}
      </vscode-dropdown>
      <vscode-dropdown id="order" aria-label="Order" @change=${(e: Event) => this.setOrder(chosen(e))}>
        ${orders.map((order) => html`<vscode-option value=${order}>${orderNames[order]}</vscode-option>`)}
      </vscode-dropdown>
      <span class="counts numeral" aria-live="polite"
        >${view.count === view.total ? `${view.total.toLocaleString('en')} rows` : `${view.count.toLocaleString('en')} of ${view.total.toLocaleString('en')} rows`}</span
      >
    </div>`;
  }

  override updated(): void {
    const view = store.view;
    if (view === null) return;
    const find = (id: string): Element | null => this.renderRoot.querySelector(`#${id}`);
    choose(find('query'), view.filter.queryId === null ? '' : `=${view.filter.queryId}`);
    choose(find('review'), reviewValue(view.filter));
    choose(find('label'), view.filter.labels.length === 1 ? String(view.filter.labels[0]) : '');
    choose(find('order'), view.order);
    // What is being typed wins over the host's echo of what was typed before.
    fill(find('search'), this.typed ?? view.filter.text, 'Search in query, title, document and rationale');
  }

  private onSearch(event: Event): void {
    this.typed = entered(event);
    clearTimeout(this.searchTimer);
    this.searchTimer = setTimeout(() => {
      this.setFilter({ text: this.typed ?? '' });
      this.typed = null;
    }, searchDelayMs);
  }

  private setFilter(change: Partial<Filter>): void {
    const filter = store.view?.filter;
    if (filter !== undefined) store.post({ type: 'setFilter', filter: { ...filter, ...change } });
  }

  private setOrder(value: string): void {
    const order = orders.find((o) => o === value);
    if (order !== undefined && order !== store.view?.order) store.post({ type: 'setOrder', order });
  }
}

function renderRun(run: RunView): TemplateResult {
  const icons: Readonly<Record<RunView['state'], IconName>> = {
    loading: 'loading',
    scoring: 'loading',
    explaining: 'loading',
    complete: 'check',
    cancelled: 'interrupted',
    interrupted: 'interrupted',
    failed: 'error',
  };
  const name = icons[run.state];
  return html`<span class="status ${run.state}"
    >${icon(name, name === 'loading' ? 'spin' : '')}<span>${run.message}</span></span
  >`;
}

/** Only what has happened: a row of zeros says nothing. */
function renderCounts(view: EditorView): TemplateResult {
  const shown = reviewStates.filter((s) => s !== 'unseen' && view.reviewCounts[s] > 0);
  return html`<span class="counts numeral ${shown.length > 3 ? 'many' : ''}"
    >${shown.map((s) => html`<span title="${reviewWords[s].name}: ${reviewWords[s].hint}">${icon(reviewWords[s].icon)}${view.reviewCounts[s]}<span class="word">${reviewWords[s].name.toLowerCase()}</span></span>`)}</span
  >`;
}

/** Which rows another view asked for, and the way back to all. */
function renderSubset({ subset, total }: EditorView): TemplateResult | typeof nothing {
  if (subset === null) return nothing;
  return html`<div class="line subset" role="status">
    <span>Only the ${subset.rows.toLocaleString('en')} rows with ${subset.title}.</span>
    <vscode-button appearance="secondary" @click=${() => store.post({ type: 'clearSubset' })}
      >Show all ${total.toLocaleString('en')} rows</vscode-button
    >
  </div>`;
}

function runButton(action: ActionId, text: string, name?: IconName): TemplateResult {
  return html`<vscode-button
    appearance="secondary"
    title=${actionOf(action).title}
    @click=${() => store.post({ type: 'run', action, key: null })}
    >${name === undefined ? nothing : html`<span slot="start" class="icon">${icon(name)}</span>`}${text}</vscode-button
  >`;
}

/** Labels of all scales by value; where two scales name a value differently, both names are given. */
function labelChoices(view: EditorView): { readonly value: number; readonly name: string }[] {
  const names = new Map<number, Set<string>>();
  for (const scale of view.scales) {
    for (const label of scale.labels) names.set(label.value, (names.get(label.value) ?? new Set()).add(label.name));
  }
  return [...names]
    .sort(([a], [b]) => a - b)
    .map(([value, set]) => ({ value, name: `${value} ${[...set].join(' / ')}` }));
}

function reviewValue(filter: Filter): string {
  if (filter.review.length === 0) return '';
  return filter.review.length === 1 ? String(filter.review[0]) : 'open';
}

function reviewsOf(value: string): readonly ReviewState[] {
  if (value === 'open') return openStates;
  return reviewStates.filter((s) => s === value);
}
