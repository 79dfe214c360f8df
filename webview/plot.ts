/**
 * A plot in the page: the picture, what it says in words, its numbers as a table, and its export. The picture's elements
 * are made one by one from the plot's marks, so no text of a file is ever parsed as markup.
 */
import { LitElement, css, html, nothing, unsafeCSS, type PropertyValues, type TemplateResult } from 'lit';
import { customElement, property, query, state } from 'lit/decorators.js';
import { defaultWidth, draw, type PlotData } from '../src/plots/draw.js';
import { classOf, pageStyles } from '../src/plots/look.js';
import type { Mark, Plot } from '../src/plots/mark.js';
import { svgOf } from '../src/plots/svg.js';
import { announce } from './announce.js';
import { evaluation } from './evaluation-store.js';
import { base } from './styles.js';

const svgNamespace = 'http://www.w3.org/2000/svg';
/** Device pixels per unit of an exported PNG: 300 dots per inch at 1 unit = 1/96 inch is 3.1. */
const pngScale = 3;
/** Rows of the table shown until more are asked for. */
const rowsAtFirst = 100;

@customElement('rationale-plot')
export class RationalePlot extends LitElement {
  @property({ attribute: false }) data: PlotData | null = null;
  /** What a click on a bar, line or row does, in words (`Open the query`); without it they do nothing. */
  @property() action = '';
  @state() private space = defaultWidth;
  @state() private all = false;
  @query('svg') private readonly picture!: SVGSVGElement | null;
  private resize: ResizeObserver | undefined;

  static override readonly styles = [
    base,
    unsafeCSS(pageStyles),
    css`
      figure {
        margin: 0;
        min-width: 0;
      }
      .head {
        display: flex;
        flex-wrap: wrap;
        align-items: baseline;
        gap: 4px 12px;
      }
      h3 {
        flex: 1 1 16em;
        font-weight: 600;
        overflow-wrap: anywhere;
      }
      .buttons {
        display: flex;
        gap: 6px;
      }
      .said {
        margin: 2px 0 10px;
        color: var(--muted);
        overflow-wrap: anywhere;
      }
      svg {
        display: block;
        max-width: 100%;
        height: auto;
        font-family: var(--vscode-font-family, sans-serif);
      }
      .acts [data-key] {
        cursor: pointer;
      }
      .acts [data-key]:hover {
        stroke: var(--vscode-focusBorder);
        stroke-width: 2;
      }
      details {
        margin-top: 6px;
      }
      summary {
        cursor: pointer;
        width: fit-content;
        padding: 2px 0;
      }
      .scroll {
        max-height: 24em;
        max-width: 100%;
        overflow: auto;
        border: 1px solid var(--line);
      }
      table {
        border-collapse: collapse;
      }
      th,
      td {
        padding: 3px 10px;
        text-align: left;
        vertical-align: baseline;
        border-bottom: 1px solid var(--line);
        overflow-wrap: anywhere;
      }
      th {
        font-weight: 600;
      }
      .number {
        text-align: right;
        font-variant-numeric: tabular-nums;
        white-space: nowrap;
      }
      .link {
        padding: 0;
        border: 0;
        background: none;
        color: var(--vscode-textLink-foreground);
        font: inherit;
        text-align: left;
        cursor: pointer;
        overflow-wrap: anywhere;
      }
      .link:hover {
        text-decoration: underline;
      }
    `,
  ];

  override connectedCallback(): void {
    super.connectedCallback();
    this.resize = new ResizeObserver(([entry]) => {
      const width = Math.floor(entry?.contentRect.width ?? 0);
      // A scroll bar that comes and goes must not make the picture come and go with it.
      if (width <= 0 || Math.abs(width - this.space) <= 20) return;
      // In the next frame: a picture redrawn while it is being measured is measured again at once.
      requestAnimationFrame(() => (this.space = width));
    });
    this.resize.observe(this);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.resize?.disconnect();
  }

  override render(): TemplateResult {
    const plot = this.plot;
    if (plot === null) return html``;
    return html`<figure aria-labelledby="title">
      <div class="head">
        <h3 id="title">${plot.title}</h3>
        <div class="buttons">
          <vscode-button appearance="secondary" title="Save this picture as SVG" @click=${() => this.saveSvg(plot)}
            >SVG…</vscode-button
          >
          <vscode-button appearance="secondary" title="Save this picture as PNG" @click=${() => void this.savePng(plot)}
            >PNG…</vscode-button
          >
        </div>
      </div>
      <p class="said">${plot.description}</p>
      <svg
        class=${this.action === '' ? '' : 'acts'}
        role="img"
        aria-labelledby="title"
        width=${plot.width}
        height=${plot.height}
        viewBox="0 0 ${plot.width} ${plot.height}"
        @click=${this.onClick}
      ></svg>
      ${this.renderTable(plot)}
    </figure>`;
  }

  override updated(changed: PropertyValues): void {
    if (!changed.has('data') && !changed.has('space')) return;
    this.picture?.replaceChildren(...(this.plot?.marks ?? []).map(elementOf));
  }

  private get plot(): Plot | null {
    return this.data === null ? null : draw(this.data, Math.min(this.space, 900));
  }

  private renderTable({ table }: Plot): TemplateResult {
    const rows = this.all ? table.rows : table.rows.slice(0, rowsAtFirst);
    return html`<details>
      <summary>The numbers (${table.rows.length.toLocaleString('en')} rows)</summary>
      <div class="scroll" tabindex="0" role="region" aria-label="The numbers">
        <table>
          <thead>
            <tr>
              ${table.columns.map((column) => html`<th scope="col" class=${column.numeric ? 'number' : ''}>${column.name}</th>`)}
            </tr>
          </thead>
          <tbody>
            ${rows.map(
              (row) =>
                html`<tr>
                  ${row.cells.map((cell, i) => {
                    const numeric = table.columns[i]?.numeric === true;
                    const acts = i === 0 && this.action !== '' && row.key !== undefined;
                    return html`<td class=${numeric ? 'number' : ''}>
                      ${
                        acts
                          ? html`<button class="link" title=${this.action} @click=${() => this.act(row.key)}>
                              ${cell}
                            </button>`
                          : cell
                      }
                    </td>`;
                  })}
                </tr>`,
            )}
          </tbody>
        </table>
      </div>
      ${
        rows.length < table.rows.length
          ? html`<vscode-button appearance="secondary" @click=${() => (this.all = true)}
              >Show all ${table.rows.length.toLocaleString('en')} rows</vscode-button
            >`
          : nothing
      }
    </details>`;
  }

  private onClick(event: MouseEvent): void {
    const target = event.target instanceof Element ? event.target.closest('[data-key]') : null;
    if (target !== null) this.act(target.getAttribute('data-key') ?? undefined);
  }

  private act(key: string | undefined): void {
    if (key === undefined || this.action === '') return;
    this.dispatchEvent(new CustomEvent('plot-key', { detail: key, bubbles: true, composed: true }));
  }

  private saveSvg(plot: Plot): void {
    evaluation.post({ type: 'savePicture', name: plot.title, format: 'svg', content: svgOf(plot) });
  }

  /** Draws the SVG onto a canvas, on the page's own background: light in a light theme. */
  private async savePng(plot: Plot): Promise<void> {
    const dark = document.body.matches('.vscode-dark, .vscode-high-contrast:not(.vscode-high-contrast-light)');
    const svg = svgOf(plot, { palette: dark ? 'dark' : 'light' });
    try {
      const content = await pngOf(svg);
      evaluation.post({ type: 'savePicture', name: plot.title, format: 'png', content });
    } catch (error) {
      announce('The picture could not be made. Save it as SVG instead.');
      evaluation.post({ type: 'problem', message: `PNG of “${plot.title}”: ${String(error)}` });
    }
  }
}

/** The SVG element of a mark: text is only ever set as text. */
function elementOf(mark: Mark): SVGElement {
  const element = document.createElementNS(svgNamespace, mark.tag);
  for (const [name, value] of Object.entries(mark.attributes)) element.setAttribute(name, String(value));
  if (mark.look !== undefined) element.setAttribute('class', classOf(mark.look));
  if (mark.key !== undefined) element.setAttribute('data-key', mark.key);
  if (mark.text !== undefined) element.textContent = mark.text;
  if (mark.hint !== undefined) {
    const title = document.createElementNS(svgNamespace, 'title');
    title.textContent = mark.hint;
    element.append(title);
  }
  element.append(...(mark.children ?? []).map(elementOf));
  return element;
}

/** The picture as PNG in base64. Throws where the browser cannot draw it. */
async function pngOf(svg: string): Promise<string> {
  const url = URL.createObjectURL(new Blob([svg], { type: 'image/svg+xml' }));
  try {
    const image = new Image();
    image.src = url;
    await image.decode();
    const canvas = document.createElement('canvas');
    canvas.width = image.width * pngScale;
    canvas.height = image.height * pngScale;
    const context = canvas.getContext('2d');
    if (context === null) throw new Error('no canvas');
    context.scale(pngScale, pngScale);
    context.drawImage(image, 0, 0);
    return canvas.toDataURL('image/png').replace(/^data:image\/png;base64,/, '');
  } finally {
    URL.revokeObjectURL(url);
  }
}
