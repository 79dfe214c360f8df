/** Confusion matrices as tables of buttons: a cell opens the rows behind it in the Rationale editor. */
import { LitElement, css, html, nothing, type TemplateResult } from 'lit';
import { customElement } from 'lit/decorators.js';
import type { Estimate } from '../src/domain/evaluation.js';
import { shadeOf } from '../src/plots/confusion.js';
import { confusionOf } from '../src/plots/from-evaluation.js';
import { classOf } from '../src/plots/look.js';
import type { ConfusionView } from '../src/protocol/evaluation.js';
import { evaluationStyles } from './evaluation-styles.js';
import { evaluation, FollowEvaluation } from './evaluation-store.js';
import './plot.js';
import { base } from './styles.js';
import { interval, percent, threePlaces } from './words.js';

@customElement('rationale-confusions')
export class RationaleConfusions extends LitElement {
  constructor() {
    super();
    new FollowEvaluation(this);
  }

  static override readonly styles = [
    base,
    evaluationStyles,
    css`
      .matrix th,
      .matrix td {
        padding: 0;
        border: 1px solid var(--line);
        text-align: center;
      }
      .matrix th {
        padding: 6px 10px;
        font-weight: normal;
      }
      .matrix th.who {
        font-weight: 600;
      }
      .matrix tbody th {
        text-align: right;
      }
      .cell {
        position: relative;
        display: block;
        width: 100%;
        min-width: 76px;
        min-height: 48px;
        padding: 6px 8px;
        border: 0;
        background: none;
        color: inherit;
        font: inherit;
        line-height: 1.3;
        font-variant-numeric: tabular-nums;
      }
      button.cell {
        cursor: pointer;
      }
      button.cell:hover {
        outline: 1px dashed var(--vscode-focusBorder);
        outline-offset: -2px;
      }
      .cell svg {
        position: absolute;
        inset: 0;
        width: 100%;
        height: 100%;
        pointer-events: none;
      }
      .cell span {
        position: relative;
        display: block;
      }
      .same {
        box-shadow: inset 0 0 0 2px var(--vscode-foreground);
      }
      .plot-shade1,
      .plot-shade2,
      .plot-shade3,
      .plot-shade4 {
        fill: var(--vscode-charts-blue);
      }
      .plot-shade1 {
        fill-opacity: 0.06;
      }
      .plot-shade2 {
        fill-opacity: 0.14;
      }
      .plot-shade3 {
        fill-opacity: 0.22;
      }
      .plot-shade4 {
        fill-opacity: 0.3;
      }
      dl {
        display: grid;
        grid-template-columns: max-content max-content max-content;
        gap: 2px 16px;
        margin: 12px 0;
      }
      dt {
        color: var(--muted);
      }
      dd {
        margin: 0;
        font-variant-numeric: tabular-nums;
      }
    `,
  ];

  override render(): TemplateResult {
    const confusions = evaluation.view?.results?.confusions ?? [];
    if (confusions.length === 0) {
      return html`<p class="empty">
        No two sources of labels here: a judgement file with labels and labels of people (corrections, accepted answers
        or qrels) for the same documents make a confusion matrix.
      </p>`;
    }
    return html`${confusions.map((matrix, i) => renderMatrix(matrix, i))}`;
  }
}

function renderMatrix(matrix: ConfusionView, place: number): TemplateResult {
  const { label_names: names, counts, reference, prediction } = matrix;
  return html`<section aria-labelledby="matrix-${place}">
    <h2 id="matrix-${place}">${reference} against ${prediction}</h2>
    <p class="hint">
      ${matrix.total.toLocaleString('en')} rows with both labels. The framed cells agree; percentages are of the row.
      ${matrix.opens.some((row) => row.some((n) => n > 0)) ? 'A cell opens its rows in the Rationale editor.' : ''}
    </p>
    <div class="scroll" tabindex="0" role="region" aria-label="Matrix of ${reference} and ${prediction}">
      <table class="matrix">
        <thead>
          <tr>
            <td></td>
            <th class="who" scope="colgroup" colspan=${names.length}>${prediction}</th>
          </tr>
          <tr>
            <th class="who" scope="col">${reference}</th>
            ${names.map((name) => html`<th scope="col">${name}</th>`)}
          </tr>
        </thead>
        <tbody>
          ${names.map((name, i) => {
            const total = (counts[i] ?? []).reduce((sum, n) => sum + n, 0);
            return html`<tr>
              <th scope="row">${name}</th>
              ${names.map((other, j) => html`<td class=${i === j ? 'same' : ''}>${renderCell(matrix, place, i, j, total, other)}</td>`)}
            </tr>`;
          })}
        </tbody>
      </table>
    </div>
    <dl>
      ${measure('Accuracy', matrix.accuracy)} ${measure('Macro-F1', matrix.macro_f1)}
      ${measure('Cohen’s κ', matrix.kappa)} ${measure('κ, linear weights', matrix.kappa_linear)}
      ${measure('κ, quadratic weights', matrix.kappa_quadratic)}
    </dl>
    <details>
      <summary>As a picture</summary>
      <rationale-plot .data=${confusionOf(matrix)}></rationale-plot>
    </details>
  </section>`;
}

function renderCell(
  matrix: ConfusionView,
  place: number,
  reference: number,
  prediction: number,
  total: number,
  name: string,
): TemplateResult {
  const count = matrix.counts[reference]?.[prediction] ?? 0;
  const share = total === 0 ? 0 : count / total;
  const shade = shadeOf(share);
  const inside = html`${
    shade === null
      ? nothing
      : html`<svg aria-hidden="true"><rect class=${classOf(shade)} width="100%" height="100%"></rect></svg>`
  }<span>${count.toLocaleString('en')}</span>${count === 0 ? nothing : html`<span class="small">${percent(share)}</span>`}`;
  if ((matrix.opens[reference]?.[prediction] ?? 0) === 0) return html`<div class="cell">${inside}</div>`;
  return html`<button
    class="cell"
    title="Open these rows: ${matrix.reference} ${matrix.label_names[reference] ?? ''}, ${matrix.prediction} ${name}"
    @click=${() => evaluation.post({ type: 'openCell', matrix: place, reference, prediction })}
  >
    ${inside}
  </button>`;
}

function measure(name: string, { value, interval: bounds }: Estimate): TemplateResult {
  return html`<dt>${name}</dt>
    <dd>${value === null ? 'undefined' : threePlaces(value)}</dd>
    <dd class="muted">${interval(bounds)}</dd>`;
}
