/** One row in full: the decision, the rationale and what stands behind the rank, beside the document. */
import { LitElement, css, html, nothing, type TemplateResult } from 'lit';
import { customElement, query, state } from 'lit/decorators.js';
import { guard } from 'lit/directives/guard.js';
import type { CarriesView, RowDetail, RowKey } from '../src/protocol/editor.js';
import './carries.js';
import { strengthOf } from './carries.js';
import { checkpoint } from './checkpoint.js';
import type { RationaleExplanation } from './explanation.js';
import { icon } from './icons.js';
import type { RationaleLabels } from './labels.js';
import { carriedSegments, segmentsOf, type Segment } from './segments.js';
import { FollowStore, store } from './store.js';
import { base } from './styles.js';
import { movement, number, reviewWords, statusWords } from './words.js';

/** Longer documents are cut for display until asked for: one huge text node makes every key press slow. */
const displayLimit = 100_000;
/** Documents in these formats read as prose; everything else with an extension as code. */
const prose = /\.(?:md|markdown|mdx|txt|text|rst|adoc|asciidoc|org|tex|html?|pdf|docx?)$/i;

export type Section = 'facts' | 'prompt' | 'raw';

@customElement('rationale-detail')
export class RationaleDetail extends LitElement {
  @query('rationale-explanation') readonly explanation!: RationaleExplanation | null;
  @query('rationale-labels') readonly labels!: RationaleLabels | null;
  @state() private whole = false;
  private key: RowKey | null = null;

  constructor() {
    super();
    new FollowStore(this);
  }

  static override readonly styles = [
    base,
    css`
      :host {
        height: 100%;
        min-width: 0;
        min-height: 0;
        container-type: inline-size;
      }
      .all {
        height: 100%;
        overflow-y: auto;
      }
      header {
        padding: 10px 16px 0;
      }
      .query {
        display: flex;
        gap: 6px;
        color: var(--muted);
      }
      h2 {
        margin: 3px 0 2px;
        font-size: 1.25em;
        font-weight: 600;
        line-height: 1.3;
        overflow-wrap: anywhere;
      }
      .meta {
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        gap: 2px 14px;
        font-size: 0.92em;
        color: var(--muted);
      }
      .meta span {
        display: inline-flex;
        align-items: center;
        gap: 5px;
        overflow-wrap: anywhere;
      }
      .meta .icon {
        font-size: 14px;
      }
      .meta b {
        font-weight: 600;
        color: var(--vscode-foreground);
      }
      rationale-labels {
        padding: 10px 16px 12px;
        border-bottom: 1px solid var(--line);
      }
      section {
        padding: 10px 16px 16px;
        min-width: 0;
      }
      h3 {
        display: flex;
        align-items: center;
        gap: 8px;
        min-height: 26px;
        margin-bottom: 6px;
        font-size: 0.85em;
        font-weight: 600;
        letter-spacing: 0.04em;
        text-transform: uppercase;
        color: var(--vscode-sideBarSectionHeader-foreground, var(--vscode-foreground));
      }
      h3 .grow {
        flex: 1;
      }
      h3 vscode-button {
        text-transform: none;
        letter-spacing: normal;
      }
      .document {
        border-top: 1px solid var(--line);
      }
      .body {
        max-width: 78ch;
        padding: 2px 4px;
        line-height: 1.6;
        overflow-wrap: anywhere;
        tab-size: 4;
      }
      .pre {
        white-space: pre-wrap;
      }
      .code {
        max-width: none;
        font-family: var(--vscode-editor-font-family, monospace);
        font-size: var(--vscode-editor-font-size, 13px);
        line-height: 1.45;
      }
      mark {
        color: inherit;
        border-radius: 2px;
        background: var(--vscode-editor-findMatchHighlightBackground, transparent);
        outline: 1px solid var(--vscode-editor-findMatchHighlightBorder, transparent);
        box-shadow: 0 1px 0 var(--vscode-editorInfo-foreground, currentColor);
      }
      mark.evidence {
        background: var(--vscode-editor-selectionHighlightBackground, transparent);
        box-shadow: 0 2px 0 var(--vscode-charts-green, currentColor);
      }
      /* How much: the shade and the line's weight. Which way: a solid or a dotted line. */
      mark.carries {
        outline: 0;
        background: var(--vscode-editor-findMatchHighlightBackground, transparent);
        box-shadow: none;
        text-decoration: underline;
        text-decoration-color: var(--vscode-charts-blue, currentColor);
        text-decoration-thickness: 1px;
        text-underline-offset: 3px;
      }
      mark.against {
        background: var(--vscode-editor-selectionHighlightBackground, transparent);
        text-decoration-style: dotted;
        text-decoration-color: var(--vscode-editorWarning-foreground, currentColor);
      }
      mark.strength1 {
        background: transparent;
      }
      mark.strength2 {
        text-decoration-thickness: 2px;
      }
      mark.strength3 {
        text-decoration-thickness: 3px;
        font-weight: 600;
      }
      .place {
        margin-right: 2px;
        font-weight: 600;
        font-variant-numeric: tabular-nums;
      }
      .cut {
        display: flex;
        align-items: center;
        gap: 8px;
        margin: 10px 0;
        font-size: 0.88em;
        color: var(--muted);
        white-space: normal;
        user-select: none;
        font-family: var(--vscode-font-family);
      }
      .cut::before,
      .cut::after {
        content: '';
        flex: 1;
        border-top: 1px dashed var(--vscode-editorWarning-foreground, currentColor);
      }
      .unseen {
        color: var(--muted);
      }
      .unseen mark {
        color: var(--vscode-foreground);
      }
      .more {
        margin: 12px 0;
      }
      .failure {
        display: flex;
        gap: 8px;
        margin-bottom: 10px;
        padding: 8px 10px;
        border: 1px solid var(--vscode-inputValidation-errorBorder, var(--line));
        border-radius: 4px;
        background: var(--vscode-inputValidation-errorBackground, transparent);
        color: var(--vscode-inputValidation-errorForeground, inherit);
        overflow-wrap: anywhere;
      }
      details {
        margin-top: 4px;
        border-top: 1px solid var(--line);
      }
      details:first-of-type {
        margin-top: 18px;
      }
      details:last-of-type {
        border-bottom: 1px solid var(--line);
      }
      summary {
        display: flex;
        align-items: center;
        gap: 6px;
        padding: 5px 2px;
        cursor: pointer;
        list-style: none;
      }
      summary:hover {
        background: var(--vscode-list-hoverBackground);
      }
      summary::before {
        content: '\\eab6';
        font: normal 16px/1 codicon;
        flex: none;
      }
      details[open] > summary::before {
        content: '\\eab4';
      }
      summary .muted {
        font-size: 0.92em;
        margin-left: auto;
        text-align: right;
      }
      dl {
        display: grid;
        grid-template-columns: max-content minmax(0, 1fr);
        gap: 3px 16px;
        margin: 2px 0 10px 24px;
      }
      dt {
        color: var(--muted);
      }
      dd {
        margin: 0;
        overflow-wrap: anywhere;
        font-variant-numeric: tabular-nums;
      }
      pre {
        margin: 2px 0 10px;
        padding: 8px 10px;
        max-height: 22em;
        overflow: auto;
        border: 1px solid var(--line);
        border-radius: 4px;
        background: var(--vscode-textCodeBlock-background);
        font-family: var(--vscode-editor-font-family, monospace);
        font-size: 0.92em;
        line-height: 1.45;
        white-space: pre-wrap;
        overflow-wrap: anywhere;
      }
      .why {
        margin: 0 0 8px;
        color: var(--muted);
        font-size: 0.92em;
      }
      .empty {
        display: grid;
        place-content: center;
        height: 100%;
        min-height: 120px;
        padding: 24px;
        text-align: center;
        color: var(--muted);
      }
      @container (min-width: 700px) {
        .all {
          display: grid;
          grid-template-rows: auto auto minmax(0, 1fr);
          overflow: hidden;
        }
        .columns {
          display: grid;
          grid-template-columns: minmax(0, 5fr) minmax(0, 6fr);
          min-height: 0;
        }
        .columns > section {
          overflow-y: auto;
        }
        .document {
          border-top: 0;
          border-left: 1px solid var(--line);
        }
      }
    `,
  ];

  override willUpdate(): void {
    const key = store.detail?.key ?? null;
    if (key !== this.key) this.whole = false;
  }

  override render(): TemplateResult {
    const { detail, selected } = store;
    if (detail === null) {
      const row = selected === null ? undefined : store.row(selected.position);
      if (row?.kind === 'malformed') return renderMalformed(row.line, row.reason, row.text);
      return html`<div class="empty">
        ${(store.view?.count ?? 0) > 0 ? 'Select a row to read its document and rationale.' : ''}
      </div>`;
    }
    return html`<div class="all">
      ${renderHeader(detail)}
      <rationale-labels></rationale-labels>
      <div class="columns">
        <section class="reasons" aria-label="Rationale">
          <h3>Rationale</h3>
          ${detail.error === null ? nothing : html`<p class="failure">${icon('error')}<span>${detail.error}</span></p>`}
          <rationale-explanation></rationale-explanation>
          <rationale-carries></rationale-carries>
          ${this.renderSections(detail)}
        </section>
        <section class="document" role="region" aria-label="Document" tabindex="0">
          <h3>
            Document<span class="grow"></span>
            ${
              detail.label === null
                ? nothing
                : html`<vscode-button
                    appearance="secondary"
                    title="Remove one sentence at a time and score the document again (w)"
                    @click=${() => store.post({ type: 'run', action: 'whatCarries', key: detail.key })}
                    >What carries this label?</vscode-button
                  >`
            }
            ${
              detail.canOpen
                ? html`<vscode-button
                    appearance="secondary"
                    title="Open the document at the passage (o)"
                    @click=${() => store.post({ type: 'run', action: 'openDocument', key: detail.key })}
                    >Open at passage</vscode-button
                  >`
                : nothing
            }
          </h3>
          ${this.renderDocument(detail)}
        </section>
      </div>
    </div>`;
  }

  override updated(): void {
    const key = store.detail?.key ?? null;
    if (key === this.key) return;
    this.key = key;
    // A new row is read from its beginning.
    for (const box of this.renderRoot.querySelectorAll('.all, section')) box.scrollTop = 0;
  }

  /** Opens or closes a section, as its key does. */
  toggle(section: Section): boolean {
    const element = this.renderRoot.querySelector<HTMLDetailsElement>(`#${section}`);
    if (element === null) return false;
    element.open = !element.open;
    if (element.open) element.scrollIntoView({ block: 'nearest' });
    return true;
  }

  private renderDocument(detail: RowDetail): TemplateResult {
    const long = detail.document.length > displayLimit && !this.whole;
    const shown = long ? detail.document.slice(0, displayLimit) : detail.document;
    const carries = carriesOf(detail);
    const plain = !/\.\w+$/.test(detail.name) || prose.test(detail.name);
    return html`<div class="body ${plain ? '' : 'code'}">
        ${
          carries === null
            ? guard([detail.key, shown, detail.seen, detail.marks.length], () =>
                renderSegments(segmentsOf(shown, detail.marks, detail.seen)),
              )
            : guard([carries, shown], () => renderCarried(carries, shown, detail.seen))
        }
      </div>
      ${
        long
          ? html`<vscode-button class="more" appearance="secondary" @click=${() => (this.whole = true)}
              >Show all ${detail.document.length.toLocaleString('en')} characters</vscode-button
            >`
          : nothing
      }`;
  }

  private renderSections(detail: RowDetail): TemplateResult {
    return html`
      <details id="facts" ?open=${checkpoint.isOpen('facts')} @toggle=${this.onToggle}>
        <summary>Why this rank</summary>
        <dl>
          ${detail.score === null ? nothing : fact('Score', number(detail.score))}
          ${detail.scoreParts.map((part) => fact(part.name, number(part.value)))}
          ${
            detail.firstStageRank === null
              ? nothing
              : fact(
                  'First stage',
                  `rank ${detail.firstStageRank}${detail.firstStageScore === null ? '' : `, score ${number(detail.firstStageScore)}`}`,
                )
          }
          ${detail.facts.map((f) => fact(f.name, f.value))} ${fact('Line in the file', String(detail.line))}
          ${fact('Document id', detail.docId)} ${detail.otherPlaces.map((place) => fact('Also at', place))}
        </dl>
      </details>
      ${
        detail.prompt === null
          ? nothing
          : html`<details id="prompt" ?open=${checkpoint.isOpen('prompt')} @toggle=${this.onToggle}>
              <summary>
                Prompt <span class="muted">${detail.prompt.exact ? 'exactly as sent' : 'rebuilt, not exact'}</span>
              </summary>
              ${detail.prompt.exact ? nothing : html`<p class="why">${detail.prompt.why ?? 'It differs from what was sent.'}</p>`}
              <pre tabindex="0" aria-label="Prompt">${detail.prompt.text}</pre>
            </details>`
      }
      ${
        detail.rawResponse === null
          ? nothing
          : html`<details id="raw" ?open=${checkpoint.isOpen('raw')} @toggle=${this.onToggle}>
              <summary>Raw response <span class="muted">verbatim</span></summary>
              <pre tabindex="0" aria-label="Raw response">${detail.rawResponse}</pre>
            </details>`
      }
    `;
  }

  private onToggle(event: Event): void {
    const element = event.currentTarget as HTMLDetailsElement;
    checkpoint.setOpen(element.id, element.open);
  }
}

function renderHeader(detail: RowDetail): TemplateResult {
  const moved = movement(detail.rank, detail.firstStageRank);
  const review = reviewWords[detail.review];
  const status = statusWords(detail);
  return html`<header>
    <p class="query">${icon('search')}<span>${detail.query}</span></p>
    <h2>${detail.name}</h2>
    <div class="meta">
      ${detail.place === null || detail.place === detail.name ? nothing : html`<span>${detail.place}</span>`}
      ${detail.rank === null ? nothing : html`<span>Rank <b>${detail.rank}</b>${moved === null ? '' : `(${moved.long})`}</span>`}
      ${detail.score === null ? nothing : html`<span>Score <b>${number(detail.score)}</b></span>`}
      ${status === '' ? nothing : html`<span>${icon(detail.status === 'pending' ? 'unseen' : 'warning')}${status}</span>`}
      <span>${icon(review.icon)}${review.name}${detail.saved ? '' : ', not saved'}</span>
      ${detail.annotation.flagged && detail.review !== 'flagged' ? html`<span>${icon('flag')}Flagged</span>` : nothing}
    </div>
  </header>`;
}

function renderMalformed(line: number, reason: string, text: string): TemplateResult {
  return html`<div class="all">
    <header><h2>Line ${line} cannot be read</h2></header>
    <section aria-label="Malformed line">
      <p class="failure">${icon('warning')}<span>${reason}</span></p>
      <p class="muted">The line is kept as it is. Correct it in the file (“Reopen Editor With… Text Editor”).</p>
      <pre tabindex="0" aria-label="The line">${text}</pre>
    </section>
  </div>`;
}

function renderSegments(segments: readonly Segment[]): TemplateResult {
  const cut = segments.findIndex((segment) => !segment.seen);
  const one = ({ text, mark }: Segment): TemplateResult | string =>
    mark === null ? text : html`<mark class=${mark}>${text}</mark>`;
  if (cut < 0) return html`<span class="pre">${segments.map(one)}</span>`;
  return html`<span class="pre">${segments.slice(0, cut).map(one)}</span>
    ${renderUnseen(segments.slice(cut).map(one))}`;
}

/** The sentences that were scored, when they are this row's. */
function carriesOf(detail: RowDetail): CarriesView | null {
  const { carries } = store;
  return carries?.key === detail.key && carries.parts.length > 0 ? carries : null;
}

/** Shaded by what they do to the label; the number is that of the list beside the document. */
function renderCarried(carries: CarriesView, document: string, seen: number | null): TemplateResult {
  const strongest = Math.max(...carries.parts.map((part) => Math.abs(part.effect)));
  const cut = seen === null ? document.length : Math.min(seen, document.length);
  return html`<span class="pre"
      >${carriedSegments(document.slice(0, cut), carries.parts).map(({ text, place }) => {
        const effect = place === null ? 0 : (carries.parts[place]?.effect ?? 0);
        const strength = strengthOf(effect, strongest);
        if (place === null || strength === 0) return text;
        return html`<mark class="carries ${effect > 0 ? 'for' : 'against'} strength${strength}"
          ><sup class="place">${place + 1}</sup>${text}</mark
        >`;
      })}</span
    >${cut === document.length ? nothing : renderUnseen(document.slice(cut))}`;
}

/** What the model did not see, under a line that says so. */
function renderUnseen(text: unknown): TemplateResult {
  return html`<div class="cut" role="note">the model saw the text up to here</div>
    <span class="pre unseen">${text}</span>`;
}

function fact(name: string, value: string): TemplateResult {
  return html`<dt>${name}</dt>
    <dd>${value}</dd>`;
}
