/** The evaluation panel's frame: what is compared, under which judgements, how far it is, and the pages. */
import { LitElement, css, html, nothing, type TemplateResult } from 'lit';
import { customElement } from 'lit/decorators.js';
import type { EvaluationView } from '../src/protocol/evaluation.js';
import './evaluation-labels.js';
import './evaluation-models.js';
import './evaluation-overview.js';
import './evaluation-queries.js';
import { evaluationStyles } from './evaluation-styles.js';
import { evaluation, FollowEvaluation } from './evaluation-store.js';
import { icon } from './icons.js';
import { base } from './styles.js';

const tabs = [
  { id: 'overview', name: 'Overview', page: () => html`<rationale-overview></rationale-overview>` },
  { id: 'queries', name: 'Queries', page: () => html`<rationale-queries></rationale-queries>` },
  { id: 'labels', name: 'Labels', page: () => html`<rationale-confusions></rationale-confusions>` },
  { id: 'calibration', name: 'Calibration', page: () => html`<rationale-calibration></rationale-calibration>` },
  { id: 'rationales', name: 'Rationales', page: () => html`<rationale-statistics></rationale-statistics>` },
] as const;

@customElement('rationale-evaluation')
export class RationaleEvaluation extends LitElement {
  constructor() {
    super();
    new FollowEvaluation(this);
  }

  static override readonly styles = [
    base,
    evaluationStyles,
    css`
      :host {
        display: grid;
        grid-template-rows: auto auto auto minmax(0, 1fr);
        height: 100%;
        overflow: hidden;
      }
      header {
        display: flex;
        flex-wrap: wrap;
        align-items: flex-start;
        gap: 8px 32px;
        padding: 10px 16px;
        border-bottom: 1px solid var(--line);
      }
      .group {
        min-width: 0;
      }
      .group h2 {
        margin: 0 0 4px;
        font-size: 0.85em;
        letter-spacing: 0.04em;
        text-transform: uppercase;
      }
      ul {
        margin: 0 0 6px;
        padding: 0;
        list-style: none;
      }
      li {
        display: flex;
        align-items: center;
        gap: 6px;
        overflow-wrap: anywhere;
      }
      li .muted {
        font-size: 0.92em;
      }
      .buttons {
        display: flex;
        flex-wrap: wrap;
        gap: 6px;
        margin-left: auto;
      }
      .notice {
        display: flex;
        align-items: center;
        gap: 8px;
        padding: 5px 16px;
        border-bottom: 1px solid var(--line);
        background: var(--vscode-editorWidget-background);
        overflow-wrap: anywhere;
      }
      .notice .icon {
        flex: none;
      }
      .notice span:not(.icon) {
        flex: 1;
      }
      .failed .icon {
        color: var(--vscode-errorForeground);
      }
      .warning .icon {
        color: var(--vscode-editorWarning-foreground);
      }
      [role='tablist'] {
        display: flex;
        flex-wrap: wrap;
        gap: 0 4px;
        padding: 4px 12px 0;
        border-bottom: 1px solid var(--line);
      }
      [role='tab'] {
        padding: 6px 10px;
        border: 0;
        border-bottom: 2px solid transparent;
        background: none;
        color: inherit;
        font: inherit;
        cursor: pointer;
      }
      [role='tab'][aria-selected='true'] {
        border-bottom-color: var(--vscode-focusBorder);
        font-weight: 600;
      }
      [role='tabpanel'] {
        padding: 16px;
        overflow-y: auto;
        min-height: 0;
      }
      @media (max-width: 699px) {
        :host {
          display: block;
          overflow-y: auto;
        }
      }
    `,
  ];

  override render(): TemplateResult {
    const { view } = evaluation;
    if (view === null) return html``;
    const tab = tabs.find(({ id }) => id === evaluation.choices.tab) ?? tabs[0];
    return html`
      ${renderHeader(view)}
      <div>${renderState(view)}</div>
      ${
        view.results === null
          ? html`<div class="page">${renderNothing(view)}</div>`
          : html`<div role="tablist" aria-label="Pages" @keydown=${this.onKeydown}>
                ${tabs.map(
                  ({ id, name }) =>
                    html`<button
                      role="tab"
                      id="tab-${id}"
                      aria-selected=${id === tab.id ? 'true' : 'false'}
                      aria-controls="page"
                      tabindex=${id === tab.id ? '0' : '-1'}
                      @click=${() => evaluation.choose({ tab: id })}
                    >
                      ${name}
                    </button>`,
                )}
              </div>
              <div id="page" role="tabpanel" aria-labelledby="tab-${tab.id}" tabindex="0">${tab.page()}</div>`
      }
    `;
  }

  private onKeydown(event: KeyboardEvent): void {
    const at = tabs.findIndex(({ id }) => id === evaluation.choices.tab);
    const steps: Readonly<Record<string, number>> = {
      ArrowRight: (at + 1) % tabs.length,
      ArrowLeft: (at + tabs.length - 1) % tabs.length,
      Home: 0,
      End: tabs.length - 1,
    };
    const to = steps[event.key];
    const tab = to === undefined ? undefined : tabs[to];
    if (tab === undefined) return;
    event.preventDefault();
    evaluation.choose({ tab: tab.id });
    void this.updateComplete.then(() => this.renderRoot.querySelector<HTMLElement>(`#tab-${tab.id}`)?.focus());
  }
}

function renderHeader(view: EvaluationView): TemplateResult {
  const busy = view.state.kind === 'loading';
  return html`<header>
    <div class="group">
      <h2>Rankings</h2>
      <ul>
        ${view.sources.map(
          (source, i) =>
            html`<li>
              <span>${source.name}</span>
              <span class="muted">${source.place}${source.kind === 'run' ? ', TREC run' : ''}</span>
              <vscode-button
                appearance="icon"
                aria-label="Remove ${source.name}"
                title="Remove"
                @click=${() => evaluation.post({ type: 'removeSource', source: i })}
                >${icon('close')}</vscode-button
              >
            </li>`,
        )}
      </ul>
      <vscode-button appearance="secondary" @click=${() => evaluation.post({ type: 'addSources' })}
        >Add rankings…</vscode-button
      >
    </div>
    <div class="group">
      <h2>What is relevant</h2>
      <ul>
        <li>${view.reference === null ? html`<span class="muted">not chosen</span>` : view.reference.name}</li>
      </ul>
      <vscode-button appearance="secondary" @click=${() => evaluation.post({ type: 'chooseReference' })}
        >Choose…</vscode-button
      >
    </div>
    <div class="buttons">
      ${
        busy
          ? html`<vscode-button appearance="secondary" @click=${() => evaluation.post({ type: 'cancel' })}
              >Cancel</vscode-button
            >`
          : html`<vscode-button
                appearance="secondary"
                title="Read the files again"
                ?disabled=${view.sources.length === 0}
                @click=${() => evaluation.post({ type: 'refresh' })}
                >Refresh</vscode-button
              >
              <vscode-button
                ?disabled=${(view.results?.comparison?.pairs.length ?? 0) === 0}
                title="Write a self-contained report of this comparison"
                @click=${() => evaluation.post({ type: 'writeReport' })}
                >Write report…</vscode-button
              >`
      }
    </div>
  </header>`;
}

function renderState(view: EvaluationView): TemplateResult {
  const { state, notices } = view;
  return html`${
    state.kind === 'loading'
      ? html`<p class="notice" role="status">${icon('loading', 'spin')}<span>${state.message}</span></p>`
      : state.kind === 'failed'
        ? html`<p class="notice failed" role="alert">${icon('error')}<span>${state.message}</span></p>`
        : nothing
  }${notices.map((text) => html`<p class="notice warning" role="status">${icon('warning')}<span>${text}</span></p>`)}`;
}

function renderNothing(view: EvaluationView): TemplateResult {
  if (view.state.kind === 'loading') return html``;
  return html`<p class="empty">
    ${
      view.sources.length === 0
        ? 'Add one judgement file or TREC run to evaluate it, two or more to compare them.'
        : 'Nothing was evaluated yet.'
    }
  </p>`;
}
