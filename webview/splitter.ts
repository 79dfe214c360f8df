/** The line between list and detail: dragged with the mouse or moved with the arrow keys. */
import { LitElement, css, html, type TemplateResult } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import { base } from './styles.js';

const least = 20;
const most = 70;
const step = 2;

/** Fires `resize-list` with the list's new share in percent. */
@customElement('rationale-splitter')
export class RationaleSplitter extends LitElement {
  /** Share of the list, in percent. */
  @property({ attribute: false }) share = 36;
  @property({ type: Boolean, reflect: true }) stacked = false;

  static override readonly styles = [
    base,
    css`
      :host {
        position: relative;
        width: 1px;
        background: var(--line);
        z-index: 1;
      }
      :host([stacked]) {
        width: auto;
        height: 1px;
      }
      div {
        position: absolute;
        inset: 0 -3px;
        cursor: col-resize;
        touch-action: none;
        transition: background 0.1s 0.1s;
      }
      :host([stacked]) div {
        inset: -3px 0;
        cursor: row-resize;
      }
      div:hover,
      div:focus-visible {
        background: var(--vscode-sash-hoverBorder, var(--vscode-focusBorder));
      }
      @media (prefers-reduced-motion: reduce) {
        div {
          transition: none;
        }
      }
    `,
  ];

  override render(): TemplateResult {
    return html`<div
      role="separator"
      tabindex="0"
      aria-label="Size of the list"
      aria-orientation=${this.stacked ? 'horizontal' : 'vertical'}
      aria-valuemin=${least}
      aria-valuemax=${most}
      aria-valuenow=${Math.round(this.share)}
      @keydown=${this.onKeydown}
      @pointerdown=${this.onPointerdown}
      @pointermove=${this.onPointermove}
    ></div>`;
  }

  private onKeydown(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const to: Readonly<Record<string, number>> = {
      [this.stacked ? 'ArrowUp' : 'ArrowLeft']: this.share - step,
      [this.stacked ? 'ArrowDown' : 'ArrowRight']: this.share + step,
      Home: least,
      End: most,
    };
    const share = to[event.key];
    if (share === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    this.resize(share);
  }

  private onPointerdown(event: PointerEvent): void {
    if (event.button !== 0) return;
    event.preventDefault();
    (event.currentTarget as HTMLElement).setPointerCapture(event.pointerId);
  }

  private onPointermove(event: PointerEvent): void {
    if (!(event.currentTarget as HTMLElement).hasPointerCapture(event.pointerId)) return;
    const box = this.parentElement?.getBoundingClientRect() ?? this.getBoundingClientRect();
    const frame = this.stacked ? (event.clientY - box.top) / box.height : (event.clientX - box.left) / box.width;
    this.resize(frame * 100);
  }

  private resize(share: number): void {
    const detail = Math.min(most, Math.max(least, share));
    this.dispatchEvent(new CustomEvent('resize-list', { detail, bubbles: true }));
  }
}
