/** The panel's first page: every metric of every ranking, whether the differences are more than chance, and on which queries. */
import { LitElement, css, html, nothing, type TemplateResult } from 'lit';
import { customElement, state } from 'lit/decorators.js';
import type { PairComparison, RankingComparison } from '../src/domain/evaluation.js';
import { differencesOf, metricsOf } from '../src/plots/from-evaluation.js';
import type { EvaluationResults } from '../src/protocol/evaluation.js';
import { evaluationStyles } from './evaluation-styles.js';
import { evaluation, FollowEvaluation } from './evaluation-store.js';
import './plot.js';
import { base } from './styles.js';
import { interval, pValue, signedNumber, threePlaces } from './words.js';

const queriesAtFirst = 50;

@customElement('rationale-overview')
export class RationaleOverview extends LitElement {
  @state() private allQueries = false;

  constructor() {
    super();
    new FollowEvaluation(this);
  }

  static override readonly styles = [
    base,
    evaluationStyles,
    css`
      .pair-row[data-chosen] th,
      .pair-row[data-chosen] td {
        border-bottom: 2px solid var(--vscode-focusBorder);
      }
    `,
  ];

  override render(): TemplateResult {
    const results = evaluation.view?.results;
    if (results?.comparison == null) {
      return html`<p class="empty">
        Choose what is relevant (a file of qrels, corrections or accepted labels) to see metrics. What needs no
        judgements stands on the other pages.
      </p>`;
    }
    const { comparison } = results;
    return html`${renderMetrics(comparison, results)}
    ${comparison.pairs.length === 0 ? this.renderQueries(comparison) : renderPairs(comparison)}`;
  }

  /** Of a single ranking: its queries, the worst first, for that is where to look. */
  private renderQueries({ systems, metric }: RankingComparison): TemplateResult {
    const [system] = systems;
    if (system === undefined) return html``;
    const queries = Object.entries(system.table.per_query)
      .map(([id, values]) => ({ id, value: values[metric] ?? 0 }))
      .sort((a, b) => a.value - b.value || (a.id < b.id ? -1 : 1));
    const shown = this.allQueries ? queries : queries.slice(0, queriesAtFirst);
    return html`<section aria-labelledby="queries">
      <h2 id="queries">Queries, lowest ${metric} first</h2>
      <table>
        <thead>
          <tr>
            <th scope="col" class="name">Query</th>
            <th scope="col" class="number">${metric}</th>
          </tr>
        </thead>
        <tbody>
          ${shown.map(
            ({ id, value }) =>
              html`<tr>
                <td class="name">
                  <button
                    class="link"
                    title="Open this query in the Rationale editor"
                    @click=${() => evaluation.post({ type: 'openQuery', source: 0, queryId: id })}
                  >
                    ${id}
                  </button>
                </td>
                <td class="number">${threePlaces(value)}</td>
              </tr>`,
          )}
        </tbody>
      </table>
      ${
        shown.length < queries.length
          ? html`<p>
              <vscode-button appearance="secondary" @click=${() => (this.allQueries = true)}
                >Show all ${queries.length.toLocaleString('en')} queries</vscode-button
              >
            </p>`
          : nothing
      }
    </section>`;
  }
}

function renderMetrics(comparison: RankingComparison, results: EvaluationResults): TemplateResult {
  const { systems, metric, metric_names } = comparison;
  const best = Object.fromEntries(
    metric_names.map((name) => [name, Math.max(...systems.map((s) => s.table.metrics[name] ?? 0))]),
  );
  const intervals = (system: string, name: string): readonly [number, number] | null =>
    results.intervals[systems.findIndex((s) => s.name === system)]?.[name] ?? null;
  return html`<section aria-labelledby="metrics">
      <h2 id="metrics">Metrics</h2>
      <p class="hint">
        Means with 95 % bootstrap intervals. Choose a metric to see it in the pictures and pairs below.
      </p>
      <div class="scroll" tabindex="0" role="region" aria-label="Table of metrics">
        <table>
          <thead>
            <tr>
              <th scope="col" class="name">Ranking</th>
              ${metric_names.map(
                (name) =>
                  html`<th scope="col" class="number">
                    <button
                      class="link"
                      aria-pressed=${name === metric ? 'true' : 'false'}
                      @click=${() => evaluation.post({ type: 'setMetric', metric: name })}
                    >
                      ${name}
                    </button>
                  </th>`,
              )}
              <th scope="col" class="number">Queries</th>
            </tr>
          </thead>
          <tbody>
            ${systems.map(
              (system) =>
                html`<tr>
                  <th scope="row" class="name">${system.name}</th>
                  ${metric_names.map((name) => {
                    const value = system.table.metrics[name];
                    const isBest = systems.length > 1 && value !== undefined && value === best[name];
                    return html`<td class="number">
                      <span class=${isBest ? 'best' : ''}
                        >${isBest ? html`<span class="spoken">best: </span>` : nothing}${value === undefined ? '–' : threePlaces(value)}</span
                      >
                      <span class="small">${interval(intervals(system.name, name))}</span>
                    </td>`;
                  })}
                  <td class="number">
                    ${system.table.queries}
                    ${
                      system.table.queries_not_in_run === 0
                        ? nothing
                        : html`<span class="small">${system.table.queries_not_in_run} not ranked</span>`
                    }
                    ${
                      system.table.queries_not_judged === 0
                        ? nothing
                        : html`<span class="small">${system.table.queries_not_judged} not judged</span>`
                    }
                  </td>
                </tr>`,
            )}
          </tbody>
        </table>
      </div>
    </section>
    <section>
      <rationale-plot .data=${metricsOf(comparison, { metricNames: [metric], intervals })}></rationale-plot>
    </section>`;
}

function renderPairs(comparison: RankingComparison): TemplateResult {
  const { pairs, metric, common_queries } = comparison;
  const chosen = pairs[evaluation.choices.pair] ?? pairs[0];
  return html`<section aria-labelledby="pairs">
      <h2 id="pairs">Differences in ${metric}</h2>
      <p class="hint">
        Over the ${common_queries.toLocaleString('en')} judged queries that every ranking has. p is of the paired
        randomisation test, corrected for the ${pairs.length} ${pairs.length === 1 ? 'pair' : 'pairs'} by Holm’s method.
      </p>
      <div class="scroll" tabindex="0" role="region" aria-label="Table of pairs">
        <table>
          <thead>
            <tr>
              <th scope="col" class="name">Pair</th>
              <th scope="col" class="number">Difference</th>
              <th scope="col" class="number">Wins / ties / losses</th>
              <th scope="col" class="number">p</th>
              <th scope="col" class="number">p, corrected</th>
              <th scope="col" class="number">Effect size d</th>
              <th scope="col" class="number">RBO</th>
              <th scope="col" class="number">Kendall’s τ</th>
            </tr>
          </thead>
          <tbody>
            ${pairs.map((pair, i) => renderPair(pair, i, metric, pair === chosen))}
          </tbody>
        </table>
      </div>
    </section>
    ${
      chosen === undefined
        ? nothing
        : html`<section @plot-key=${(e: CustomEvent<string>) => evaluation.selectQuery(e.detail, 'queries')}>
            <rationale-plot
              .data=${differencesOf(comparison, chosen)}
              action="Show the documents of this query"
            ></rationale-plot>
          </section>`
    }`;
}

function renderPair(pair: PairComparison, place: number, metric: string, chosen: boolean): TemplateResult {
  const result = pair.metrics[metric];
  const { rbo, tau } = pair.similarity;
  return html`<tr class="pair-row" ?data-chosen=${chosen}>
    <th scope="row" class="name">
      <button
        class="link"
        aria-pressed=${chosen ? 'true' : 'false'}
        title="Show this pair’s differences by query"
        @click=${() => evaluation.choose({ pair: place })}
      >
        ${pair.system} − ${pair.baseline}
      </button>
    </th>
    ${
      result === undefined
        ? html`<td class="number" colspan="5">not computed</td>`
        : html`<td class="number">
              ${signedNumber(result.difference)}<span class="small">${interval(result.confidence_interval)}</span>
            </td>
            <td class="number">${result.wins} / ${result.ties} / ${result.losses}</td>
            <td class="number">${pValue(result.p_value)}</td>
            <td class="number">
              ${pValue(result.p_adjusted)}<span class="small"
                >${result.p_adjusted < 0.05 ? 'significant' : 'not significant'}</span
              >
            </td>
            <td class="number">${result.effect_size === null ? '–' : signedNumber(result.effect_size)}</td>`
    }
    <td class="number">${rbo === null ? '–' : threePlaces(rbo)}</td>
    <td class="number">${tau === null ? '–' : threePlaces(tau)}</td>
  </tr>`;
}
