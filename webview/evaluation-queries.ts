/** Queries that moved most between the rankings: their documents' ranks as lines, and both rationales side by side. */
import { LitElement, css, html, nothing, type TemplateResult } from 'lit';
import { customElement, state } from 'lit/decorators.js';
import type { DocumentMovement, QueryMovement, SideAnswer } from '../src/domain/evaluation.js';
import { findScale, labelName } from '../src/domain/scale.js';
import { movementOf } from '../src/plots/from-evaluation.js';
import { evaluationStyles } from './evaluation-styles.js';
import { evaluation, FollowEvaluation } from './evaluation-store.js';
import { gradeBars, badgeStyles } from './badge.js';
import './plot.js';
import { base } from './styles.js';
import { percent, threePlaces } from './words.js';

const queriesAtFirst = 100;
const documentsAtFirst = 20;

@customElement('rationale-queries')
export class RationaleQueries extends LitElement {
  @state() private allQueries = false;
  @state() private allDocuments = false;
  @state() private find = '';

  constructor() {
    super();
    new FollowEvaluation(this);
  }

  static override readonly styles = [
    base,
    evaluationStyles,
    badgeStyles,
    css`
      .panes {
        display: grid;
        grid-template-columns: minmax(200px, 280px) minmax(0, 1fr);
        gap: 24px;
      }
      .search {
        width: 100%;
        margin-bottom: 8px;
        padding: 3px 6px;
        border: 1px solid var(--vscode-input-border, var(--line));
        border-radius: 3px;
        background: var(--vscode-input-background);
        color: var(--vscode-input-foreground);
        font: inherit;
      }
      ul {
        margin: 0;
        padding: 0;
        list-style: none;
      }
      .query {
        display: block;
        width: 100%;
        padding: 5px 8px;
        border: 1px solid transparent;
        border-radius: 3px;
        background: none;
        color: inherit;
        font: inherit;
        text-align: left;
        cursor: pointer;
        overflow-wrap: anywhere;
      }
      .query:hover {
        background: var(--vscode-list-hoverBackground);
      }
      .query[aria-current='true'] {
        background: var(--vscode-list-inactiveSelectionBackground);
        border-color: var(--vscode-focusBorder);
      }
      .open {
        display: flex;
        flex-wrap: wrap;
        gap: 6px;
        margin: 0 0 14px;
      }
      .documents {
        width: 100%;
        table-layout: fixed;
      }
      .documents th:first-child {
        width: 24%;
      }
      .documents td,
      .documents th {
        vertical-align: top;
        overflow-wrap: anywhere;
      }
      .answer {
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        gap: 2px 8px;
      }
      .why {
        margin-top: 3px;
        white-space: pre-wrap;
        max-height: 9em;
        overflow: auto;
      }
      @media (max-width: 699px) {
        .panes {
          grid-template-columns: minmax(0, 1fr);
        }
        .list {
          max-height: 30vh;
          overflow-y: auto;
        }
        .documents,
        .documents tbody,
        .documents tr,
        .documents th,
        .documents td {
          display: block;
          width: auto;
        }
        .documents th:first-child {
          width: auto;
        }
        .documents thead {
          display: none;
        }
        .documents tr {
          border-bottom: 1px solid var(--line);
          padding: 6px 0;
        }
        .documents th,
        .documents td {
          border: 0;
          padding: 2px 0;
        }
      }
    `,
  ];

  override render(): TemplateResult {
    const moved = evaluation.view?.results?.moved ?? [];
    if (moved.length === 0) {
      return html`<p class="empty">Add a second ranking of the same queries to see what moved between them.</p>`;
    }
    const needle = this.find.trim().toLowerCase();
    const found = moved.filter((q) => needle === '' || `${q.query_id} ${q.query ?? ''}`.toLowerCase().includes(needle));
    const shown = this.allQueries ? found : found.slice(0, queriesAtFirst);
    const { queryId } = evaluation.choices;
    return html`<div class="panes">
      <nav aria-label="Queries, those that moved most first">
        <input
          class="search"
          type="search"
          placeholder="Find a query"
          aria-label="Find a query"
          .value=${this.find}
          @input=${(e: Event) => (this.find = (e.target as HTMLInputElement).value)}
        />
        <ul class="list">
          ${shown.map(
            (q) =>
              html`<li>
                <button
                  class="query"
                  aria-current=${q.query_id === queryId ? 'true' : 'false'}
                  @click=${() => evaluation.selectQuery(q.query_id)}
                >
                  ${q.query ?? q.query_id}
                  <span class="small numeral"
                    >${q.query === null ? '' : `${q.query_id} · `}moved
                    ${threePlaces(q.moved)}${q.tau === null ? '' : ` · τ ${threePlaces(q.tau)}`}</span
                  >
                </button>
              </li>`,
          )}
        </ul>
        ${found.length === 0 ? html`<p class="hint">No query matches.</p>` : nothing}
        ${
          shown.length < found.length
            ? html`<vscode-button appearance="secondary" @click=${() => (this.allQueries = true)}
                >Show all ${found.length.toLocaleString('en')}</vscode-button
              >`
            : nothing
        }
      </nav>
      <div>${this.renderQuery()}</div>
    </div>`;
  }

  private renderQuery(): TemplateResult {
    const { movement } = evaluation;
    const { queryId } = evaluation.choices;
    if (queryId === null) {
      return html`<p class="empty">
        Choose a query to see how its documents moved. “Moved” is 1 − rank-biased overlap: 0 nothing, 1 everything.
      </p>`;
    }
    if (movement === undefined)
      return html`<p class="empty" role="status">The documents of this query are on their way…</p>`;
    if (movement === null) return html`<p class="empty">No ranking here has the query ${queryId}.</p>`;
    return html`
      <section @plot-key=${(e: CustomEvent<string>) => openDocument(movement, e.detail)}>
        <rationale-plot
          .data=${movementOf(movement)}
          action="Open this document’s row in the Rationale editor"
        ></rationale-plot>
      </section>
      <section aria-labelledby="documents">
        <h2 id="documents">Side by side</h2>
        <p class="open">
          ${movement.systems.map((name, source) =>
            isJudgements(source)
              ? html`<vscode-button
                  appearance="secondary"
                  @click=${() => evaluation.post({ type: 'openQuery', source, queryId: movement.query_id })}
                  >Open this query in ${name}</vscode-button
                >`
              : nothing,
          )}
        </p>
        ${this.renderDocuments(movement)}
      </section>
    `;
  }

  private renderDocuments(movement: QueryMovement): TemplateResult {
    // A document that changed places most says most about the difference.
    const documents = [...movement.documents].sort((a, b) => distance(b) - distance(a));
    const shown = this.allDocuments ? documents : documents.slice(0, documentsAtFirst);
    return html`<table class="documents">
        <thead>
          <tr>
            <th scope="col">Document</th>
            ${movement.systems.map((name) => html`<th scope="col">${name}</th>`)}
          </tr>
        </thead>
        <tbody>
          ${shown.map(
            (document) =>
              html`<tr>
                <th scope="row">
                  ${document.title ?? document.doc_id}
                  <span class="small"
                    >${document.relevance === null ? 'unjudged' : document.relevance > 0 ? `relevant (${document.relevance})` : 'not relevant'}</span
                  >
                </th>
                ${movement.systems.map((name, i) => html`<td><span class="spoken">${name}: </span>${renderAnswer(document, i)}</td>`)}
              </tr>`,
          )}
        </tbody>
      </table>
      ${
        shown.length < documents.length
          ? html`<vscode-button appearance="secondary" @click=${() => (this.allDocuments = true)}
              >Show all ${documents.length.toLocaleString('en')} documents</vscode-button
            >`
          : nothing
      }`;
  }
}

function renderAnswer(document: DocumentMovement, source: number): TemplateResult {
  const rank = document.ranks[source] ?? null;
  const answer = document.answers[source] ?? null;
  return html`<div class="answer">
      <b class="numeral">${rank === null ? 'not ranked' : `rank ${rank}`}</b>
      ${answer === null ? nothing : renderLabel(answer)}
      ${
        answer === null
          ? nothing
          : html`<button
              class="link"
              title="Open this row in the Rationale editor"
              @click=${() => evaluation.post({ type: 'openAnswer', source, key: answer.key })}
            >
              line ${answer.line}
            </button>`
      }
    </div>
    ${answer?.explanation == null ? nothing : html`<p class="why" tabindex="0">${answer.explanation}</p>`}`;
}

function renderLabel({ label, scale: name, label_probabilities }: SideAnswer): TemplateResult {
  if (label === null) return html`<span class="muted">no label</span>`;
  const scale = findScale(name);
  const place = scale?.labels.findIndex((l) => l.value === label) ?? -1;
  const steps = (scale?.labels.length ?? 0) - 1;
  const probability = place < 0 ? undefined : label_probabilities?.[place];
  return html`<span class="badge"
    >${gradeBars(place < 0 || steps < 1 ? 0.5 : place / steps)}<span class="badge-name">${labelName(scale, label)}</span
    >${probability === undefined ? nothing : html`<span class="badge-p numeral">${percent(probability)}</span>`}</span
  >`;
}

/** Opens the row of a document in the last ranking that has one. */
function openDocument(movement: QueryMovement, docId: string): void {
  const answers = movement.documents.find((d) => d.doc_id === docId)?.answers ?? [];
  for (let source = answers.length - 1; source >= 0; source--) {
    const answer = answers[source];
    if (answer == null) continue;
    evaluation.post({ type: 'openAnswer', source, key: answer.key });
    return;
  }
}

function isJudgements(source: number): boolean {
  return evaluation.view?.sources[source]?.kind === 'judgements';
}

/** How far apart a document's first and last ranks are; one that only one of them ranks comes first. */
function distance({ ranks }: DocumentMovement): number {
  const [first, last] = [ranks[0] ?? null, ranks.at(-1) ?? null];
  return first === null || last === null ? Infinity : Math.abs(first - last);
}
