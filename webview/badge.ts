/** A label's look: three bars like a signal, its name, its probability. Shape and words carry it, colour only helps. */
import { css, html, nothing, svg, type TemplateResult } from 'lit';
import type { LabelView } from '../src/protocol/editor.js';
import { percent } from './words.js';

const bars = [
  { x: 0, height: 4 },
  { x: 4, height: 7 },
  { x: 8, height: 10 },
] as const;

/** Three bars, as many filled as the grade (in [0, 1]) asks for. */
export function gradeBars(grade: number): TemplateResult {
  const filled = Math.round(Math.min(1, Math.max(0, grade)) * 3);
  return html`<svg class="bars grade${filled}" width="12" height="11" viewBox="0 0 12 11" aria-hidden="true">
    ${bars.map(
      (bar, i) =>
        svg`<rect class=${i < filled ? 'on' : 'off'} x=${bar.x + 0.5} y=${10.5 - bar.height} width="2.5" height=${bar.height - 0.5} rx="0.5"></rect>`,
    )}
  </svg>`;
}

/** Bars, name and probability of a label. */
export function labelBadge(label: LabelView): TemplateResult {
  return html`<span class="badge"
    >${gradeBars(label.grade)}<span class="badge-name">${label.name}</span>${
      label.probability === null ? nothing : html`<span class="badge-p numeral">${percent(label.probability)}</span>`
    }</span
  >`;
}

/** A horizontal bar for a share in [0, 1]. An SVG width is an attribute, which the CSP allows; a style would not be. */
export function shareBar(share: number): TemplateResult {
  const width = `${Math.min(1, Math.max(0, share)) * 100}%`;
  return html`<svg class="share" height="4" width="100%" aria-hidden="true">
    <rect class="track" width="100%" height="4" rx="2"></rect>
    <rect class="fill" width=${width} height="4" rx="2"></rect>
  </svg>`;
}

export const badgeStyles = css`
  .badge {
    display: inline-flex;
    align-items: baseline;
    gap: 5px;
    white-space: nowrap;
    min-width: 0;
  }
  .badge-name {
    overflow: hidden;
    text-overflow: ellipsis;
  }
  .badge-p {
    opacity: 0.85;
    font-size: 0.92em;
  }
  .bars {
    flex: none;
    overflow: visible;
    color: var(--muted);
  }
  .bars.grade1,
  .bars.grade2 {
    color: var(--partly);
  }
  .bars.grade3 {
    color: var(--good);
  }
  .bars .on {
    fill: currentColor;
    stroke: currentColor;
    stroke-width: 1;
  }
  .bars .off {
    fill: none;
    stroke: currentColor;
    stroke-width: 1;
    opacity: 0.6;
  }
  .share {
    display: block;
  }
  .share .track {
    fill: var(--vscode-scrollbarSlider-background, transparent);
  }
  .share .fill {
    fill: var(--vscode-progressBar-background, var(--vscode-charts-blue));
  }
`;
