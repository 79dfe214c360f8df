/** The editor's frame: toolbar, notices, list and detail, side by side or stacked, and what holds them together. */
import { LitElement, css, html, type TemplateResult } from 'lit';
import { customElement, query, state } from 'lit/decorators.js';
import type { ActionId } from '../src/protocol/actions.js';
import './detail.js';
import './explanation.js';
import './labels.js';
import './list.js';
import './notices.js';
import './shortcuts.js';
import './splitter.js';
import './toolbar.js';
import { checkpoint } from './checkpoint.js';
import type { RationaleDetail, Section } from './detail.js';
import type { RationaleList } from './list.js';
import { perform, type Surface } from './perform.js';
import type { RationaleShortcuts } from './shortcuts.js';
import { store } from './store.js';
import { base } from './styles.js';
import type { RationaleToolbar } from './toolbar.js';

/** Below this width list and detail stand one above the other, and the page scrolls: a 200 % zoom of half a screen. */
const narrow = matchMedia('(max-width: 699px)');

@customElement('rationale-editor')
export class RationaleEditor extends LitElement implements Surface {
  @query('rationale-toolbar') private readonly toolbar!: RationaleToolbar;
  @query('rationale-list') private readonly list!: RationaleList;
  @query('rationale-detail') private readonly detail!: RationaleDetail;
  @query('rationale-shortcuts') private readonly shortcuts!: RationaleShortcuts;
  @query('.panes') private readonly panes!: HTMLElement;
  @state() private stacked = narrow.matches;
  /** True between rating with a label's key in the list and the next key: then Tab means "now explain". */
  private rated = false;

  static override readonly styles = [
    base,
    css`
      :host {
        display: grid;
        grid-template-rows: auto auto minmax(0, 1fr);
        height: 100%;
        overflow: hidden;
      }
      .panes {
        display: grid;
        min-height: 0;
        grid-template-columns: minmax(240px, var(--share, 36%)) 1px minmax(0, 1fr);
        grid-template-rows: minmax(0, 1fr);
        grid-template-areas: 'list splitter detail';
      }
      rationale-list {
        grid-area: list;
      }
      rationale-detail {
        grid-area: detail;
      }
      rationale-splitter {
        grid-area: splitter;
      }
      @media (max-width: 699px) {
        :host {
          display: block;
          overflow-y: auto;
        }
        .panes {
          grid-template-columns: minmax(0, 1fr);
          grid-template-rows: max(170px, var(--rows, 38vh)) 1px auto;
          grid-template-areas: 'list' 'splitter' 'detail';
        }
        rationale-detail {
          height: auto;
        }
      }
    `,
  ];

  override connectedCallback(): void {
    super.connectedCallback();
    narrow.addEventListener('change', this.onNarrow);
    window.addEventListener('focus', this.onWindowFocus);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    narrow.removeEventListener('change', this.onNarrow);
    window.removeEventListener('focus', this.onWindowFocus);
  }

  override render(): TemplateResult {
    return html`
      <rationale-toolbar @show-shortcuts=${() => this.showShortcuts()}></rationale-toolbar>
      <rationale-notices></rationale-notices>
      <main class="panes">
        <rationale-list></rationale-list>
        <rationale-detail></rationale-detail>
        <rationale-splitter
          .share=${this.share}
          .stacked=${this.stacked}
          @resize-list=${(e: CustomEvent<number>) => this.onResize(e.detail)}
        ></rationale-splitter>
      </main>
      <rationale-shortcuts></rationale-shortcuts>
    `;
  }

  override updated(): void {
    // Through the CSSOM: the CSP forbids style attributes.
    this.panes.style.setProperty('--share', `${checkpoint.state.split}%`);
    this.panes.style.setProperty('--rows', `${checkpoint.state.stackedSplit}vh`);
  }

  /** Does what the action's key does; false when there was nothing to do. */
  perform(id: ActionId): boolean {
    const inList = !this.editing && this.list.shadowRoot?.activeElement !== null;
    const done = perform(id, this);
    this.rated = done && inList && id.startsWith('label');
    return done;
  }

  /** "Rate, Tab, explain": right after a label's key in the list, Tab goes to the rationale. True if it did. */
  tabAfterRating(): boolean {
    if (!this.rated) return false;
    this.rated = false;
    return this.focusExplanation();
  }

  focusList(): void {
    this.list.focusList();
  }

  focusExplanation(): boolean {
    return this.detail.explanation?.focusField() ?? false;
  }

  get editing(): boolean {
    return this.detail.explanation?.editing ?? false;
  }

  keepExplanation(advance: boolean): boolean {
    return this.detail.explanation?.keep(advance) ?? false;
  }

  resetExplanation(): boolean {
    return this.detail.explanation?.reset() ?? false;
  }

  focusSearch(): void {
    this.toolbar.focusSearch();
  }

  get searching(): boolean {
    return this.toolbar.searching;
  }

  toggle(section: Section): boolean {
    return this.detail.toggle(section);
  }

  showShortcuts(): void {
    this.shortcuts.show();
  }

  private get share(): number {
    return this.stacked ? checkpoint.state.stackedSplit : checkpoint.state.split;
  }

  private onResize(share: number): void {
    checkpoint.update(this.stacked ? { stackedSplit: share } : { split: share });
    this.requestUpdate();
  }

  private readonly onNarrow = (): void => {
    this.stacked = narrow.matches;
  };

  /** VS Code focuses the frame, not anything in it: without this the first arrow key goes nowhere. */
  private readonly onWindowFocus = (): void => {
    if (document.activeElement === document.body && store.view !== null) this.focusList();
  };
}
