/** What each sentence does to the label: the list beside the document, whose numbers stand in the document, too. */
import { LitElement, css, html, nothing, type TemplateResult } from 'lit';
import { customElement } from 'lit/decorators.js';
import type { CarriesView } from '../src/protocol/editor.js';
import { icon } from './icons.js';
import { FollowStore, store } from './store.js';
import { base } from './styles.js';
import { percent, signedNumber } from './words.js';

/** Effects below this share of the strongest one, or of a hundredth of a label, are left unshaded: the rest is noise. */
const leastShare = 0.1;
const leastEffect = 0.01;
const sentencesShown = 10;

/** How strongly a sentence is shaded, 0 (not) to 3, from its effect and the strongest one. */
export function strengthOf(effect: number, strongest: number): 0 | 1 | 2 | 3 {
  const size = Math.abs(effect);
  const share = size / strongest;
  if (size < leastEffect || share < leastShare) return 0;
  return share > 0.66 ? 3 : share > 0.33 ? 2 : 1;
}

@customElement('rationale-carries')
export class RationaleCarries extends LitElement {
  constructor() {
    super();
    new FollowStore(this);
  }

  static override readonly styles = [
    base,
    css`
      section {
        margin-top: 14px;
        padding: 8px 10px;
        border: 1px solid var(--line);
        border-radius: 4px;
      }
      .head {
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        gap: 4px 8px;
      }
      h4 {
        flex: 1 1 12em;
        margin: 0;
        font-size: inherit;
        font-weight: 600;
      }
      .state {
        display: flex;
        gap: 6px;
        margin: 4px 0;
        color: var(--muted);
        overflow-wrap: anywhere;
      }
      .scroll {
        overflow-x: auto;
      }
      table {
        width: 100%;
        border-collapse: collapse;
      }
      th,
      td {
        padding: 3px 8px 3px 0;
        border-top: 1px solid var(--line);
        text-align: left;
        vertical-align: top;
      }
      th {
        font-weight: 600;
      }
      .number {
        text-align: right;
        white-space: nowrap;
        font-variant-numeric: tabular-nums;
      }
      .sentence {
        min-width: 12em;
        overflow-wrap: anywhere;
      }
      .changed {
        font-weight: 600;
      }
    `,
  ];

  override render(): TemplateResult {
    const { carries } = store;
    if (carries === null || carries.key !== store.detail?.key) return html``;
    const { whole, parts } = carries;
    return html`<section aria-labelledby="carries">
      <div class="head">
        <h4 id="carries">What carries this label?</h4>
        ${
          carries.state === 'running'
            ? html`<vscode-button appearance="secondary" @click=${() => store.post({ type: 'cancelCarries' })}
                >Cancel</vscode-button
              >`
            : nothing
        }
        <vscode-button
          appearance="icon"
          aria-label="Close what carries this label"
          title="Close"
          @click=${() => store.post({ type: 'closeCarries' })}
          >${icon('close')}</vscode-button
        >
      </div>
      <p class="state" role=${carries.state === 'failed' ? 'alert' : 'status'}>
        ${stateIcon(carries)}<span>${carries.message}</span>
      </p>
      ${whole === null || parts.length === 0 ? nothing : renderTable(whole, parts)}
    </section>`;
  }
}

function stateIcon({ state }: CarriesView): TemplateResult {
  switch (state) {
    case 'running':
      return icon('loading', 'spin');
    case 'done':
      return icon('check');
    case 'cancelled':
      return icon('interrupted');
    case 'failed':
      return icon('error');
  }
}

function renderTable(whole: NonNullable<CarriesView['whole']>, parts: CarriesView['parts']): TemplateResult {
  return html`<p class="muted">
      Without the sentence, the document gets these probabilities. Effect: how far the expected label falls without it;
      a sentence with a negative effect speaks against relevance.
    </p>
    <div class="scroll" tabindex="0" role="region" aria-label="Sentences by effect">
      <table>
        <thead>
          <tr>
            <th scope="col">No.</th>
            <th scope="col">Sentence</th>
            <th scope="col" class="number">Effect</th>
            <th scope="col">Label</th>
            ${whole.labels.map((name) => html`<th scope="col" class="number">${name}</th>`)}
          </tr>
        </thead>
        <tbody>
          <tr>
            <td></td>
            <td class="sentence">The whole document</td>
            <td class="number"></td>
            <td>${whole.label}</td>
            ${whole.probabilities.map((p) => html`<td class="number">${percent(p)}</td>`)}
          </tr>
          ${parts.slice(0, sentencesShown).map(
            (part, i) =>
              html`<tr>
                <td class="number">${i + 1}</td>
                <td class="sentence">without “${part.text}”</td>
                <td class="number">${signedNumber(part.effect)}</td>
                <td class=${part.label === whole.label ? '' : 'changed'}>
                  ${part.label}${part.label === whole.label ? '' : ' (changed)'}
                </td>
                ${part.probabilities.map((p) => html`<td class="number">${percent(p)}</td>`)}
              </tr>`,
          )}
        </tbody>
      </table>
    </div>
    ${
      parts.length > sentencesShown
        ? html`<p class="muted">${parts.length - sentencesShown} sentences with less effect are not listed.</p>`
        : nothing
    }`;
}
