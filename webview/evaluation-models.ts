/** What the probabilities and the rationales of each model are worth: calibration, scores by label, rationale statistics. */
import { LitElement, html, nothing, type TemplateResult } from 'lit';
import { customElement } from 'lit/decorators.js';
import type { Calibration, Estimate, RationaleStatistics, Reliability } from '../src/domain/evaluation.js';
import { distributionsOf, reliabilityOf } from '../src/plots/from-evaluation.js';
import { evaluationStyles } from './evaluation-styles.js';
import { evaluation, FollowEvaluation } from './evaluation-store.js';
import './plot.js';
import { base } from './styles.js';
import { interval, percent, threePlaces } from './words.js';

@customElement('rationale-calibration')
export class RationaleCalibration extends LitElement {
  constructor() {
    super();
    new FollowEvaluation(this);
  }

  static override readonly styles = [base, evaluationStyles];

  override render(): TemplateResult {
    const calibrations = evaluation.view?.results?.calibrations ?? [];
    if (calibrations.length === 0) {
      return html`<p class="empty">
        Calibration needs rows with label probabilities and a label of a person (corrections, accepted answers or qrels)
        on the same scale. There are none.
      </p>`;
    }
    return html`${calibrations.map(renderCalibration)}`;
  }
}

function renderCalibration(calibration: Calibration): TemplateResult {
  const { temperature } = calibration;
  const distributions = distributionsOf(calibration);
  const rows: readonly (readonly [string, Reliability])[] = [
    [`All ${calibration.all.items.toLocaleString('en')} rows`, calibration.all],
    ...(temperature === null
      ? []
      : [
          ['Held-out half, as it is', temperature.before] as const,
          [`Held-out half, temperature ${temperature.value.toFixed(2)}`, temperature.after] as const,
        ]),
  ];
  return html`<section>
      <h2>${calibration.model}</h2>
      <p class="hint">
        ${
          temperature === null
            ? 'Too few queries to fit a temperature on one half and show it on the other.'
            : `The temperature ${temperature.value.toFixed(2)} was fitted on ${temperature.fitted_queries} queries and is shown on the other ${temperature.held_out_queries}.`
        }
      </p>
      <div class="scroll" tabindex="0" role="region" aria-label="Calibration measures of ${calibration.model}">
        <table>
          <thead>
            <tr>
              <th scope="col" class="name">Rows</th>
              <th scope="col" class="number">ECE</th>
              <th scope="col" class="number">Log loss</th>
              <th scope="col" class="number">Brier score</th>
              <th scope="col" class="number">Accuracy</th>
            </tr>
          </thead>
          <tbody>
            ${rows.map(
              ([name, r]) =>
                html`<tr>
                  <th scope="row" class="name">${name}</th>
                  <td class="number">${estimate(r.ece)}</td>
                  <td class="number">${threePlaces(r.nll)}</td>
                  <td class="number">${threePlaces(r.brier)}</td>
                  <td class="number">${threePlaces(r.accuracy)}</td>
                </tr>`,
            )}
          </tbody>
        </table>
      </div>
    </section>
    <section><rationale-plot .data=${reliabilityOf(calibration)}></rationale-plot></section>
    ${distributions === null ? nothing : html`<section><rationale-plot .data=${distributions}></rationale-plot></section>`}`;
}

@customElement('rationale-statistics')
export class RationaleStatisticsTable extends LitElement {
  constructor() {
    super();
    new FollowEvaluation(this);
  }

  static override readonly styles = [base, evaluationStyles];

  override render(): TemplateResult {
    const rationales = evaluation.view?.results?.rationales ?? [];
    if (rationales.length === 0) {
      return html`<p class="empty">
        No judgement file here, so there are no rationales. A TREC run holds only scores.
      </p>`;
    }
    return html`<section aria-labelledby="rationales">
      <h2 id="rationales">Rationales by model, mode and label</h2>
      <p class="hint">
        A sentence counts as supported where the document holds its words. Edit distance: words changed by people, of
        the longer text; 0 is the same, 1 all new.
      </p>
      <div class="scroll" tabindex="0" role="region" aria-label="Table of rationales">
        <table>
          <thead>
            <tr>
              <th scope="col" class="name">Model</th>
              <th scope="col">Mode</th>
              <th scope="col">Label</th>
              ${['Answers', 'With rationale', 'Words, mean', 'Words, median', 'Supported sentences', 'Contradictions', 'Repetitions', 'Unparsed', 'Truncated', 'Failed', 'Corrected', 'Edit distance'].map((name) => html`<th scope="col" class="number">${name}</th>`)}
            </tr>
          </thead>
          <tbody>
            ${rationales.map(renderStatistics)}
          </tbody>
        </table>
      </div>
    </section>`;
  }
}

function renderStatistics(row: RationaleStatistics): TemplateResult {
  const whole = row.label === null;
  const counts = [row.contradictions, row.repetitions, row.unparsed, row.truncated, row.failed, row.corrected];
  return html`<tr>
    <th scope="row" class="name">${row.model}</th>
    <td>${row.mode}</td>
    <td class=${whole ? 'best' : ''}>${whole ? 'all' : (row.label_name ?? row.label)}</td>
    <td class="number">${row.answers.toLocaleString('en')}</td>
    <td class="number">${row.with_explanation.toLocaleString('en')}</td>
    <td class="number">${row.words_mean === null ? '–' : row.words_mean.toFixed(1)}</td>
    <td class="number">${row.words_median === null ? '–' : row.words_median.toFixed(0)}</td>
    <td class="number">${row.supported_share === null ? '–' : percent(row.supported_share)}</td>
    ${counts.map((n) => html`<td class="number">${n.toLocaleString('en')}</td>`)}
    <td class="number">${row.edit_distance_mean === null ? '–' : threePlaces(row.edit_distance_mean)}</td>
  </tr>`;
}

function estimate({ value, interval: bounds }: Estimate): TemplateResult {
  return html`${value === null ? '–' : threePlaces(value)}<span class="small">${interval(bounds)}</span>`;
}
