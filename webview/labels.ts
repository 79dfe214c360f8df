/**
 * The decision bar: the scale's labels with their probabilities and the other verdicts, one tab stop in all, so that
 * the next Tab is the rationale. What the model chose is marked, but only a person's choice is checked.
 */
import { LitElement, css, html, nothing, type TemplateResult } from 'lit';
import { customElement } from 'lit/decorators.js';
import { actionOf, type ActionId } from '../src/protocol/actions.js';
import type { LabelView, RowDetail } from '../src/protocol/editor.js';
import type { Annotation } from '../src/domain/review.js';
import { badgeStyles, gradeBars, shareBar } from './badge.js';
import { icon, type IconName } from './icons.js';
import { FollowStore, store } from './store.js';
import { base } from './styles.js';
import { percent } from './words.js';

const verdicts = [
  { action: 'accept', text: 'Accept', icon: 'accepted', decision: 'accepted' },
  { action: 'skip', text: 'Skip', icon: 'skipped', decision: 'skipped' },
  { action: 'cannotJudge', text: 'Cannot judge', icon: 'cannotJudge', decision: 'cannot_judge' },
] as const satisfies readonly {
  readonly action: ActionId;
  readonly text: string;
  readonly icon: IconName;
  readonly decision: NonNullable<Annotation['decision']>['kind'];
}[];

@customElement('rationale-labels')
export class RationaleLabels extends LitElement {
  constructor() {
    super();
    new FollowStore(this);
  }

  static override readonly styles = [
    base,
    badgeStyles,
    css`
      .bar {
        display: flex;
        flex-wrap: wrap;
        gap: 8px 16px;
        align-items: center;
      }
      .scale,
      .verdicts {
        display: flex;
        flex-wrap: wrap;
        gap: 6px;
      }
      .scale {
        flex: 1 1 480px;
      }
      button {
        font: inherit;
        color: var(--vscode-foreground);
        background: transparent;
        border: 1px solid var(--vscode-contrastBorder, var(--vscode-input-border, var(--line)));
        border-radius: 4px;
        cursor: pointer;
        min-height: 26px;
      }
      button:hover:not(:disabled):not([aria-disabled='true']) {
        background: var(--vscode-toolbar-hoverBackground, var(--vscode-list-hoverBackground));
        outline: 1px dashed var(--vscode-contrastActiveBorder, transparent);
        outline-offset: -1px;
      }
      button:focus-visible {
        outline: 1px solid var(--vscode-focusBorder) !important;
        outline-offset: 1px !important;
      }
      button[aria-disabled='true'] {
        cursor: default;
        color: var(--vscode-disabledForeground, var(--muted));
      }
      .label {
        flex: 1 1 108px;
        max-width: 240px;
        display: grid;
        grid-template-columns: auto minmax(0, 1fr) auto;
        align-items: center;
        align-content: space-between;
        gap: 3px 6px;
        padding: 5px 8px 6px;
        text-align: left;
      }
      .label .text {
        line-height: 1.25;
        overflow-wrap: anywhere;
      }
      .label .meter {
        grid-column: 1 / -1;
        display: grid;
        grid-template-columns: minmax(0, 1fr) auto;
        gap: 6px;
        align-items: center;
        font-size: 0.88em;
      }
      .label .key {
        display: inline-flex;
        align-items: center;
        gap: 4px;
      }
      .label .by {
        grid-column: 1 / -1;
        font-size: 0.88em;
      }
      .label[aria-checked='true'],
      button[aria-pressed='true'] {
        background: var(--vscode-inputOption-activeBackground, var(--vscode-list-inactiveSelectionBackground));
        color: var(--vscode-inputOption-activeForeground, var(--vscode-foreground));
        border-color: var(--vscode-inputOption-activeBorder, var(--vscode-focusBorder));
        /* Twice the line: in high contrast nothing else tells a choice from the rest. */
        box-shadow: inset 0 0 0 1px var(--vscode-inputOption-activeBorder, var(--vscode-focusBorder));
        --muted: var(--vscode-inputOption-activeForeground, var(--vscode-foreground));
      }
      .label[aria-checked='true'] .text {
        font-weight: 600;
      }
      .verdict {
        display: inline-flex;
        align-items: center;
        gap: 5px;
        padding: 0 8px;
        white-space: nowrap;
      }
    `,
  ];

  /** Puts the focus on the chosen label, else on the model's. */
  focusBar(): void {
    this.stop()?.focus();
  }

  override render(): TemplateResult {
    const detail = store.detail;
    if (detail === null) return html``;
    const refused = store.refusal !== null;
    const { decision, flagged } = detail.annotation;
    const chosen = humanLabel(detail);
    const labels = labelsOf(detail);
    return html`<div
      class="bar"
      role="toolbar"
      aria-label="Decision"
      @keydown=${this.onKeydown}
      @focusin=${this.onFocusin}
    >
      <div class="scale" role="radiogroup" aria-label="Label">
        ${labels.map((label) => {
          const isModel = label.value === detail.label?.value;
          return html`<button
            class="label"
            role="radio"
            aria-checked=${label.value === chosen ? 'true' : 'false'}
            aria-disabled=${refused ? 'true' : 'false'}
            data-model=${isModel ? '' : nothing}
            tabindex="-1"
            title=${label.hint}
            @click=${() => store.decide({ kind: 'label', label: label.value }, false)}
          >
            ${gradeBars(label.grade)}
            <span class="text">${label.name}</span>
            <span class="key"
              >${label.value === chosen ? icon('check') : nothing}${
                label.value >= 0 && label.value <= 4 ? html`<kbd aria-hidden="true">${label.value}</kbd>` : nothing
              }</span
            >
            ${
              label.probability === null
                ? isModel
                  ? html`<span class="by muted">model</span>`
                  : nothing
                : html`<span class="meter">
                    ${shareBar(label.probability)}
                    <span class="numeral muted">${isModel ? 'model ' : ''}${percent(label.probability)}</span>
                  </span>`
            }
          </button>`;
        })}
      </div>
      <div class="verdicts">
        ${verdicts.map(
          (verdict) =>
            html`<button
              class="verdict"
              aria-pressed=${decision?.kind === verdict.decision ? 'true' : 'false'}
              aria-disabled=${refused ? 'true' : 'false'}
              tabindex="-1"
              title=${actionOf(verdict.action).title}
              @click=${() => store.decide({ kind: decisionKind(verdict.action) }, true)}
            >
              ${icon(verdict.icon)}${verdict.text}<kbd aria-hidden="true">${actionOf(verdict.action).keys[0]}</kbd>
            </button>`,
        )}
        <button
          class="verdict"
          aria-pressed=${flagged ? 'true' : 'false'}
          aria-disabled=${refused ? 'true' : 'false'}
          tabindex="-1"
          title=${actionOf('flag').title}
          @click=${() => store.decide({ kind: 'flag', flagged: !flagged }, false)}
        >
          ${icon('flag')}Flag<kbd aria-hidden="true">${actionOf('flag').keys[0]}</kbd>
        </button>
      </div>
    </div>`;
  }

  override updated(): void {
    const stop = this.stop();
    for (const button of this.buttons()) button.tabIndex = button === stop ? 0 : -1;
  }

  private buttons(): HTMLButtonElement[] {
    return [...this.renderRoot.querySelectorAll('button')];
  }

  /** The one button that Tab reaches: where the focus is, else the chosen label, else the model's, else the first. */
  private stop(): HTMLButtonElement | undefined {
    const buttons = this.buttons();
    const focused = this.shadowRoot?.activeElement;
    return (
      buttons.find((b) => b === focused) ??
      buttons.find((b) => b.getAttribute('aria-checked') === 'true') ??
      buttons.find((b) => b.hasAttribute('data-model')) ??
      buttons[0]
    );
  }

  private onFocusin(event: FocusEvent): void {
    for (const button of this.buttons()) button.tabIndex = button === event.target ? 0 : -1;
  }

  /** Arrows only move the focus: in this group a choice is a recorded decision, made with Space, Enter or the label's key. */
  private onKeydown(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
    const buttons = this.buttons();
    const at = buttons.findIndex((b) => b === this.shadowRoot?.activeElement);
    const steps: Readonly<Record<string, number>> = {
      ArrowRight: at + 1,
      ArrowDown: at + 1,
      ArrowLeft: at - 1,
      ArrowUp: at - 1,
      Home: 0,
      End: buttons.length - 1,
    };
    const to = steps[event.key];
    if (to === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    buttons.at(to % buttons.length)?.focus();
  }
}

/** The label a person stands behind: corrected, or accepted as the model's. */
function humanLabel(detail: RowDetail): number | null {
  const decision = detail.annotation.decision;
  if (decision?.kind !== 'accepted' && decision?.kind !== 'corrected') return null;
  return decision.label ?? detail.label?.value ?? null;
}

/** The scale's labels with the model's probabilities where the file has them. */
function labelsOf(detail: RowDetail): (LabelView & { readonly hint: string })[] {
  const labels = detail.scale?.labels ?? [];
  return labels.map((label, i) => ({
    value: label.value,
    name: label.name,
    grade: labels.length > 1 ? i / (labels.length - 1) : 1,
    probability: detail.probabilities.find((p) => p.value === label.value)?.probability ?? null,
    hint: label.description,
  }));
}

function decisionKind(action: (typeof verdicts)[number]['action']): 'accept' | 'skip' | 'cannot_judge' {
  return action === 'cannotJudge' ? 'cannot_judge' : action;
}
