/**
 * The rationale, edited where it is read. The field has its own undo; what is typed is a draft at once and becomes one
 * decision when the person leaves the field. The model's text is never touched: the difference is shown against it.
 */
import { diffWords, type Change } from 'diff';
import { LitElement, css, html, nothing, type TemplateResult } from 'lit';
import { customElement, query, state } from 'lit/decorators.js';
import type { RowDetail, RowKey } from '../src/protocol/editor.js';
import { icon } from './icons.js';
import { keepUndoInField } from './keys.js';
import { FollowStore, store } from './store.js';
import { base } from './styles.js';

const draftDelayMs = 150;

@customElement('rationale-explanation')
export class RationaleExplanation extends LitElement {
  @query('textarea') private readonly field!: HTMLTextAreaElement | null;
  /** Text and difference as of the last pause in typing. */
  @state() private settledText = '';
  private key: RowKey | null = null;
  /** What the host holds as kept; text equal to it is no draft. */
  private kept = '';
  private text = '';
  /** True while `text` holds something that was typed and is not kept: only that may become a decision. */
  private typed = false;
  private draftTimer: ReturnType<typeof setTimeout> | undefined;
  private draftPosted = false;

  constructor() {
    super();
    new FollowStore(this);
  }

  static override readonly styles = [
    base,
    css`
      textarea,
      .text {
        display: block;
        width: 100%;
        margin: 0;
        padding: 8px 10px;
        border: 1px solid var(--vscode-contrastBorder, var(--vscode-input-border, var(--line)));
        border-radius: 4px;
        background: var(--vscode-input-background);
        color: var(--vscode-input-foreground);
        font: inherit;
        line-height: 1.55;
        overflow-wrap: anywhere;
      }
      .pre {
        white-space: pre-wrap;
      }
      textarea {
        min-height: calc(3 * 1.55em + 18px);
        max-height: 24em;
        resize: vertical;
        field-sizing: content;
      }
      textarea::placeholder {
        color: var(--vscode-input-placeholderForeground);
      }
      textarea:focus {
        outline: 1px solid var(--vscode-focusBorder);
        outline-offset: -1px;
      }
      .caret {
        display: inline-block;
        width: 0.5em;
        height: 1em;
        margin-left: 2px;
        vertical-align: text-bottom;
        background: var(--vscode-editorCursor-foreground, currentColor);
        animation: blink 1.1s steps(2, jump-none) infinite;
      }
      @keyframes blink {
        to {
          opacity: 0;
        }
      }
      @media (prefers-reduced-motion: reduce) {
        .caret {
          animation: none;
        }
      }
      .below {
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        gap: 4px 12px;
        margin-top: 6px;
        min-height: 20px;
        font-size: 0.92em;
        color: var(--muted);
      }
      .below .grow {
        flex: 1;
      }
      .note {
        display: flex;
        gap: 6px;
        margin-top: 6px;
        font-size: 0.92em;
        color: var(--muted);
      }
      h4 {
        margin: 12px 0 4px;
        font-size: 0.92em;
        font-weight: 600;
        color: var(--muted);
      }
      .diff {
        padding: 8px 10px;
        border: 1px dashed var(--line);
        border-radius: 4px;
        line-height: 1.55;
        overflow-wrap: anywhere;
      }
      ins,
      del {
        border-radius: 2px;
        padding: 0 1px;
      }
      ins {
        background: var(--vscode-diffEditor-insertedTextBackground);
        text-decoration: underline;
        text-decoration-thickness: 1px;
        outline: 1px solid var(--vscode-diffEditor-insertedTextBorder, transparent);
      }
      del {
        background: var(--vscode-diffEditor-removedTextBackground);
        outline: 1px solid var(--vscode-diffEditor-removedTextBorder, transparent);
      }
      .link {
        padding: 0;
        border: 0;
        background: none;
        color: var(--vscode-textLink-foreground);
        font: inherit;
        cursor: pointer;
      }
      .link:hover {
        text-decoration: underline;
      }
      .link:focus-visible {
        outline-offset: 2px;
      }
    `,
  ];

  /** Focuses the field, its cursor at the end; false where there is nothing to edit. */
  focusField(): boolean {
    if (this.field === null || this.field.readOnly) return false;
    this.field.focus();
    this.field.setSelectionRange(this.text.length, this.text.length);
    return true;
  }

  /** True while the person is in the field. */
  get editing(): boolean {
    return this.field !== null && this.shadowRoot?.activeElement === this.field;
  }

  /** Turns the text into a decision if it differs from what is kept. True if there was something to keep. */
  keep(advance: boolean): boolean {
    clearTimeout(this.draftTimer);
    this.settledText = this.text;
    const { key } = this;
    // Without this, a snapshot from before the last decision (its draft is the text of an earlier pause in typing)
    // would be posted over that decision when the row changes.
    if (key === null || !this.typed) return false;
    this.typed = false;
    if (this.text === this.kept) {
      if (this.draftPosted) store.post({ type: 'draft', key, text: null });
      this.draftPosted = false;
      return false;
    }
    store.post({ type: 'decide', key, decision: { kind: 'explanation', text: this.text }, advance });
    this.kept = this.text;
    this.draftPosted = false;
    return true;
  }

  /** Back to what the model wrote, as a decision that can be undone. */
  reset(): boolean {
    const original = store.detail?.explanation ?? '';
    if (this.key === null || store.refusal !== null || (this.text === original && this.kept === original)) return false;
    this.write(original);
    this.typed = true;
    this.keep(false);
    return true;
  }

  override willUpdate(): void {
    const detail = store.detail;
    if (detail === null) {
      this.keep(false);
      this.key = null;
      return;
    }
    const kept = keptText(detail);
    if (detail.key !== this.key) {
      // The row changed under the field (a command, the mouse): what was typed belongs to the row before.
      this.keep(false);
      this.key = detail.key;
      this.kept = kept;
      this.draftPosted = detail.draft !== null;
      this.write(detail.draft ?? kept);
      this.typed = detail.draft !== null;
      return;
    }
    // An undo in the document, or tokens coming in: shown at once, unless the person is typing something else.
    const untouched = this.text === this.kept;
    const changed = kept !== this.kept;
    this.kept = kept;
    if (changed && (untouched || !this.editing)) this.write(detail.draft ?? kept);
  }

  override render(): TemplateResult {
    const detail = store.detail;
    if (detail === null) return html``;
    const original = detail.explanation ?? '';
    const differs = this.settledText !== original && detail.status !== 'pending' && !detail.streaming;
    return html`
      ${detail.streaming || detail.status === 'pending' ? this.renderGrowing(detail) : this.renderField(detail)}
      ${detail.explanationNotes.map((note) => html`<p class="note">${icon('info')}<span>${note}</span></p>`)}
      ${differs && original !== '' ? renderDifference(original, this.settledText) : nothing}
    `;
  }

  private renderGrowing(detail: RowDetail): TemplateResult {
    const text = detail.explanation ?? '';
    return html`<div class="text" role="group" aria-label="Rationale" aria-busy=${detail.streaming ? 'true' : 'false'}>
        ${text === '' && !detail.streaming ? html`<span class="muted">No rationale yet.</span>` : text}${
          detail.streaming ? html`<span class="caret" aria-hidden="true"></span>` : nothing
        }
      </div>
      ${detail.streaming ? html`<div class="below"><span>The rationale is being written.</span></div>` : nothing}`;
  }

  private renderField(detail: RowDetail): TemplateResult {
    const readonly = store.refusal !== null;
    const edited = this.kept !== (detail.explanation ?? '');
    const draft = this.text !== this.kept;
    return html`<textarea
        aria-label="Rationale"
        aria-describedby="hint"
        placeholder=${readonly ? 'No rationale' : 'No rationale yet. Write why this label is right.'}
        spellcheck="true"
        .readOnly=${readonly}
        @input=${this.onInput}
        @blur=${this.onBlur}
        @keydown=${this.onKeydown}
      ></textarea>
      <div class="below">
        <span id="hint"
          >${
            readonly
              ? 'Read-only'
              : draft
                ? html`Draft. <kbd>Ctrl</kbd> <kbd>Enter</kbd> keeps it and goes to the next row, <kbd>Esc</kbd> keeps
                    it.`
                : edited
                  ? detail.saved
                    ? 'Edited, saved'
                    : 'Edited, not saved yet'
                  : html`<kbd>e</kbd> or <kbd>Enter</kbd> to edit`
          }</span
        >
        <span class="grow"></span>
        ${
          !readonly && (edited || draft)
            ? html`<button class="link" @mousedown=${(e: Event) => e.preventDefault()} @click=${() => this.reset()}>
                Reset to the original
              </button>`
            : nothing
        }
      </div>`;
  }

  override updated(): void {
    // Written only where it differs: setting a field's value empties its undo history and moves the cursor.
    if (this.field !== null && this.field.value !== this.text) this.field.value = this.text;
  }

  private write(text: string): void {
    this.text = text;
    this.typed = false;
    this.settledText = text;
    this.requestUpdate();
  }

  private onInput(event: Event): void {
    this.text = (event.currentTarget as HTMLTextAreaElement).value;
    this.typed = true;
    this.requestUpdate();
    clearTimeout(this.draftTimer);
    this.draftTimer = setTimeout(() => this.postDraft(), draftDelayMs);
  }

  private onBlur(): void {
    // Another window or another part of VS Code: the field has its focus again when the person comes back.
    if (document.hasFocus()) this.keep(false);
    else this.postDraft();
  }

  private postDraft(): void {
    clearTimeout(this.draftTimer);
    this.settledText = this.text;
    if (this.key === null) return;
    const isDraft = this.text !== this.kept;
    if (isDraft || this.draftPosted) store.post({ type: 'draft', key: this.key, text: isDraft ? this.text : null });
    this.draftPosted = isDraft;
  }

  private onKeydown(event: KeyboardEvent): void {
    keepUndoInField(event);
    // A save must contain what stands in the field; the key itself goes on to VS Code.
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 's') this.keep(false);
  }
}

/** The text that stands: the person's where there is one, else the model's. */
function keptText(detail: RowDetail): string {
  return detail.annotation.decision?.explanation ?? detail.explanation ?? '';
}

function renderDifference(original: string, text: string): TemplateResult {
  // Two long texts without anything in common take seconds; then the fact that they differ must do.
  const changes = diffWords(original, text, { timeout: 200 });
  return html`<h4 id="changes">Changes to the original</h4>
    <div class="diff" role="group" aria-labelledby="changes">
      ${changes === undefined ? 'The two texts have too little in common to compare word by word.' : changes.map(renderChange)}
    </div>`;
}

function renderChange(change: Change): TemplateResult | string {
  if (change.added) return html`<ins>${change.value}</ins>`;
  return change.removed ? html`<del>${change.value}</del>` : change.value;
}
