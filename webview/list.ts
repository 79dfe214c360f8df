/** The ranking as a virtual list: one tab stop, one option per row, only what is on screen in the page. */
import { VirtualizerController, defaultRangeExtractor, type Range } from '@tanstack/lit-virtual';
import { LitElement, css, html, nothing, type TemplateResult } from 'lit';
import { customElement, query } from 'lit/decorators.js';
import { repeat } from 'lit/directives/repeat.js';
import type { RowKey, RowSummary } from '../src/protocol/editor.js';
import { noFilter } from '../src/protocol/editor.js';
import { badgeStyles, labelBadge } from './badge.js';
import { checkpoint } from './checkpoint.js';
import { icon } from './icons.js';
import { FollowStore, store } from './store.js';
import { base } from './styles.js';
import { movement, number, reviewWords, rowWords, statusWords } from './words.js';

const rowHeight = 46;
const headingHeight = 34;

@customElement('rationale-list')
export class RationaleList extends LitElement {
  @query('.scroller') private readonly scroller!: HTMLElement;
  private readonly virtual = new VirtualizerController<HTMLElement, HTMLElement>(this, {
    count: 0,
    getScrollElement: () => this.renderRoot.querySelector<HTMLElement>('.scroller'),
    estimateSize: (position) => {
      const row = store.row(position);
      return row?.kind === 'judgement' && row.startsQuery ? rowHeight + headingHeight : rowHeight;
    },
    rangeExtractor: (range) => this.shownPlaces(range),
    overscan: 8,
    // Measuring inside the observer's own turn would report a loop whenever a heading comes or goes.
    useAnimationFrameWithResizeObserver: true,
    initialOffset: () => checkpoint.state.scrollTop,
  });
  /** What was selected at the last rendering, to tell a new selection from a row that moved. */
  private shown: { readonly key: RowKey; readonly position: number; readonly offset: number | null } | null = null;
  private restored = false;

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
        min-width: 0;
        min-height: 0;
        height: 100%;
        container-type: inline-size;
      }
      .scroller {
        height: 100%;
        overflow-y: auto;
        overflow-x: hidden;
        contain: strict;
        outline: none;
      }
      .sizer {
        position: relative;
        width: 100%;
      }
      .place {
        position: absolute;
        top: 0;
        left: 0;
        width: 100%;
      }
      .heading {
        display: flex;
        align-items: end;
        gap: 6px;
        height: ${headingHeight}px;
        padding: 0 10px 5px;
        border-bottom: 1px solid var(--line);
        font-weight: 600;
      }
      .heading .icon {
        color: var(--muted);
      }
      .heading span:last-child {
        overflow: hidden;
        text-overflow: ellipsis;
        white-space: nowrap;
      }
      .row {
        display: grid;
        grid-template-columns: 38px minmax(0, 1fr) auto 18px;
        grid-template-rows: 20px 18px;
        column-gap: 8px;
        align-content: center;
        align-items: center;
        height: ${rowHeight}px;
        padding: 0 8px 0 6px;
        cursor: pointer;
        border-left: 2px solid transparent;
      }
      .row:hover {
        background: var(--vscode-list-hoverBackground);
        color: var(--vscode-list-hoverForeground, inherit);
        outline: 1px dashed var(--vscode-contrastActiveBorder, transparent);
        outline-offset: -1px;
      }
      .row.selected {
        background: var(--vscode-list-inactiveSelectionBackground);
        color: var(--vscode-list-inactiveSelectionForeground, inherit);
        outline: 1px solid var(--vscode-contrastActiveBorder, transparent);
        outline-offset: -1px;
        border-left-color: var(--vscode-focusBorder);
      }
      .scroller:focus-visible .row.selected,
      .scroller:focus .row.selected {
        background: var(--vscode-list-activeSelectionBackground);
        color: var(--vscode-list-activeSelectionForeground);
        outline: 1px solid var(--vscode-list-focusOutline, var(--vscode-focusBorder));
        outline-offset: -1px;
      }
      /* On a selection the theme's muted text may lack contrast: take the selection's own colour. */
      .row.selected {
        --muted: var(--vscode-list-inactiveSelectionForeground, var(--vscode-foreground));
      }
      .scroller:focus .row.selected {
        --muted: var(--vscode-list-activeSelectionForeground);
        --good: var(--vscode-list-activeSelectionForeground);
        --partly: var(--vscode-list-activeSelectionForeground);
      }
      .cells {
        display: contents;
      }
      .rank {
        grid-row: 1;
        text-align: right;
        font-weight: 600;
      }
      .rank.before {
        font-weight: 400;
        color: var(--muted);
      }
      .moved {
        grid-row: 2;
        grid-column: 1;
        text-align: right;
        font-size: 0.88em;
        color: var(--muted);
      }
      .name {
        grid-row: 1;
        grid-column: 2;
        overflow: hidden;
        text-overflow: ellipsis;
        white-space: nowrap;
        font-weight: 500;
      }
      .snippet {
        grid-row: 2;
        grid-column: 2;
        overflow: hidden;
        text-overflow: ellipsis;
        white-space: nowrap;
        font-size: 0.92em;
        color: var(--muted);
      }
      .verdict {
        grid-row: 1;
        grid-column: 3;
        justify-self: end;
        max-width: 15em;
        min-width: 0;
        overflow: hidden;
      }
      .verdict .badge {
        max-width: 100%;
      }
      .score {
        grid-row: 2;
        grid-column: 3;
        justify-self: end;
        display: flex;
        align-items: center;
        gap: 8px;
        font-size: 0.92em;
        color: var(--muted);
        white-space: nowrap;
      }
      .state {
        grid-row: 1;
        grid-column: 4;
        display: flex;
      }
      .state.accepted,
      .state.corrected {
        color: var(--good);
      }
      .state.prefilled,
      .state.unseen,
      .state.skipped,
      .state.cannot_judge {
        color: var(--muted);
      }
      .extra {
        grid-row: 2;
        grid-column: 4;
        justify-self: center;
      }
      .extra .icon,
      .score .icon {
        font-size: 12px;
        width: 12px;
      }
      .scroller:focus .selected .state,
      .scroller:focus .selected .moved {
        color: inherit;
      }
      .malformed .rank {
        color: var(--vscode-editorWarning-foreground, inherit);
      }
      .row.loading .name,
      .row.loading .snippet {
        border-radius: 3px;
        background: var(--vscode-list-hoverBackground);
        height: 10px;
      }
      .empty {
        position: absolute;
        inset: 0;
        display: flex;
        flex-direction: column;
        align-items: center;
        justify-content: center;
        gap: 12px;
        padding: 24px;
        text-align: center;
        color: var(--muted);
      }
      /* A narrow list keeps what a decision needs: rank, name, label, state. */
      @container (max-width: 320px) {
        .badge-p {
          display: none;
        }
        .verdict {
          max-width: 11em;
        }
      }
    `,
  ];

  /** Puts the focus on the list, which keeps its selected row. */
  focusList(): void {
    this.scroller.focus({ preventScroll: true });
  }

  override render(): TemplateResult {
    const count = store.view?.count ?? 0;
    const virtualizer = this.virtual.getVirtualizer();
    if (virtualizer.options.count !== count) virtualizer.setOptions({ ...virtualizer.options, count });
    const items = virtualizer.getVirtualItems();
    const selected = store.selected;
    const active = selected !== null && selected.position < count ? `row-${selected.position}` : nothing;
    return html`
      <div
        class="scroller"
        role="listbox"
        tabindex="0"
        aria-label="Ranking"
        aria-activedescendant=${active}
        @keydown=${this.onKeydown}
        @scroll=${this.onScroll}
      >
        <div class="sizer" role="presentation" .style=${`height: ${virtualizer.getTotalSize()}px`}>
          ${repeat(
            items,
            (item) => item.index,
            (item) => this.renderPlace(item.index, item.start, count),
          )}
        </div>
      </div>
      ${count === 0 ? this.renderEmpty() : nothing}
    `;
  }

  private renderPlace(position: number, start: number, count: number): TemplateResult {
    const row = store.row(position);
    const selected = row === undefined ? position === store.selected?.position : row.key === store.selected?.key;
    const heading =
      row?.kind === 'judgement' && row.startsQuery
        ? html`<div class="heading" aria-hidden="true">
            ${icon('search')}<span title=${row.query}>${row.query}</span>
          </div>`
        : nothing;
    return html`<div
      class="place"
      role="presentation"
      data-index=${position}
      .style=${`transform: translateY(${start}px)`}
    >
      ${heading}
      <div
        id="row-${position}"
        role="option"
        class="row ${selected ? 'selected' : ''} ${row === undefined ? 'loading' : row.kind}"
        aria-selected=${selected ? 'true' : 'false'}
        aria-setsize=${count}
        aria-posinset=${position + 1}
        @click=${() => this.onClick(position)}
      >
        <span class="spoken">${row === undefined ? 'Loading' : rowWords(row)}</span>
        <div class="cells" aria-hidden="true">
          ${
            row === undefined
              ? html`<span class="name"></span><span class="snippet"></span>`
              : row.kind === 'malformed'
                ? renderMalformed(row)
                : renderJudgement(row)
          }
        </div>
      </div>
    </div>`;
  }

  private renderEmpty(): TemplateResult {
    const view = store.view;
    if (view === null) return html`<div class="empty"><vscode-progress-ring></vscode-progress-ring>Opening…</div>`;
    if (view.total > 0) {
      return html`<div class="empty">
        <p>No row matches the filter.</p>
        <vscode-button appearance="secondary" @click=${() => store.post({ type: 'setFilter', filter: noFilter })}
          >Show all ${view.subset?.rows ?? view.total} rows</vscode-button
        >
      </div>`;
    }
    if (view.run?.state === 'loading') {
      return html`<div class="empty">
        <vscode-progress-ring></vscode-progress-ring>
        <p>${view.run.message}</p>
      </div>`;
    }
    return html`<div class="empty"><p>This file holds no judgements yet.</p></div>`;
  }

  override updated(): void {
    const virtualizer = this.virtual.getVirtualizer();
    for (const place of this.renderRoot.querySelectorAll<HTMLElement>('.place')) virtualizer.measureElement(place);
    const range = virtualizer.range;
    const end = (store.view?.count ?? 0) - 1;
    if (range !== null && end >= 0) store.need(range.startIndex, Math.min(range.endIndex + 8, end));
    this.followSelection();
  }

  /**
   * A newly selected row is scrolled into view; a row that only moved (scores came in, the order changed) stays where
   * it is on screen, and the list moves under it.
   */
  private followSelection(): void {
    const selected = store.selected;
    const count = store.view?.count ?? 0;
    const before = this.shown;
    if (selected === null || selected.position >= count) {
      this.shown = null;
      return;
    }
    const virtualizer = this.virtual.getVirtualizer();
    if (before?.key !== selected.key) {
      // The first selection after a reload: the restored scroll position wins.
      const restoring = !this.restored && checkpoint.state.scrollTop > 0;
      if (!restoring) virtualizer.scrollToIndex(selected.position, { align: 'auto' });
    } else if (before.position !== selected.position && before.offset !== null) {
      const start = virtualizer.getOffsetForIndex(selected.position, 'start');
      if (start !== undefined) {
        const top = start[0] - before.offset;
        this.scroller.scrollTop = top;
        // Told at once: it would correct for a newly measured heading from the position it knew before.
        virtualizer.scrollOffset = top;
      }
    }
    this.restored = true;
    this.shown = { key: selected.key, position: selected.position, offset: this.offsetOf(selected.position) };
  }

  /** Pixels from the list's upper edge to the row, or null while the row is outside. */
  private offsetOf(position: number): number | null {
    const item = this.virtual
      .getVirtualizer()
      .getVirtualItems()
      .find((i) => i.index === position);
    if (item === undefined) return null;
    const offset = item.start - this.scroller.scrollTop;
    return offset > -item.size && offset < this.scroller.clientHeight ? offset : null;
  }

  /** The places on screen, and always the selected one: aria-activedescendant must point at an element. */
  private shownPlaces(range: Range): number[] {
    const places = defaultRangeExtractor(range);
    const selected = store.selected?.position;
    if (selected === undefined || selected >= range.count || places.includes(selected)) return places;
    return [...places, selected].sort((a, b) => a - b);
  }

  private onClick(position: number): void {
    this.focusList();
    store.selectAt(position);
  }

  private onScroll(): void {
    const top = Math.round(this.scroller.scrollTop);
    if (Math.abs(top - checkpoint.state.scrollTop) > 20) checkpoint.update({ scrollTop: top });
    if (this.shown !== null) this.shown = { ...this.shown, offset: this.offsetOf(this.shown.position) };
  }

  /** Page keys are the list's own: they depend on its height. */
  private onKeydown(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
    if (event.key !== 'PageDown' && event.key !== 'PageUp') return;
    event.preventDefault();
    event.stopPropagation();
    const step = Math.max(1, Math.floor(this.scroller.clientHeight / rowHeight) - 1);
    const count = store.view?.count ?? 0;
    const at = store.selected?.position ?? 0;
    const target = Math.max(0, Math.min(count - 1, at + (event.key === 'PageDown' ? step : -step)));
    if (!store.selectAt(target)) this.virtual.getVirtualizer().scrollToIndex(target, { align: 'auto' });
  }
}

function renderMalformed(row: Extract<RowSummary, { kind: 'malformed' }>): TemplateResult {
  return html`<span class="rank">${icon('warning')}</span>
    <span class="name">Line ${row.line} cannot be read</span>
    <span class="snippet">${row.reason}</span>`;
}

function renderJudgement(row: Extract<RowSummary, { kind: 'judgement' }>): TemplateResult {
  const moved = movement(row.rank, row.firstStageRank);
  const review = reviewWords[row.review];
  const label = row.correctedLabel ?? row.label;
  const status = statusWords(row);
  return html`
    ${
      row.rank === null
        ? html`<span class="rank before numeral" title="Place in the first stage">${row.firstStageRank ?? ''}</span>`
        : html`<span class="rank numeral">${row.rank}</span>`
    }
    ${
      moved === null
        ? nothing
        : html`<span class="moved numeral ${moved.direction}" title="Rank ${row.rank}, ${moved.long}"
            >${moved.short}</span
          >`
    }
    <span class="name" title=${row.name}>${row.name}</span>
    <span class="snippet">${row.snippet}</span>
    <span class="verdict"
      >${label === null ? html`<span class="muted">${row.status === 'pending' ? '' : status}</span>` : labelBadge(label)}</span
    >
    <span class="score numeral">
      ${
        row.streaming
          ? html`<span title="The rationale is being written">${icon('loading', 'spin')}</span>`
          : row.status !== 'ok' && row.status !== 'pending'
            ? html`<span title=${status}>${icon('warning')}</span>`
            : nothing
      }
      ${
        row.correctedLabel !== null && row.label !== null
          ? html`<s title="The model's label">${row.label.name}</s>`
          : row.score === null
            ? row.status === 'pending'
              ? html`<span>waiting</span>`
              : nothing
            : html`<span title="Score">${number(row.score)}</span>`
      }
    </span>
    <span class="state ${row.review}" title="${review.name}: ${review.hint}">${icon(review.icon)}</span>
    <span class="extra"
      >${
        !row.saved
          ? html`<span title="Not saved">${icon('unsaved')}</span>`
          : row.draft
            ? html`<span title="Has a draft that is not kept yet">${icon('corrected')}</span>`
            : row.flagged && row.review !== 'flagged'
              ? html`<span title="Flagged">${icon('flag')}</span>`
              : nothing
      }</span
    >
  `;
}
