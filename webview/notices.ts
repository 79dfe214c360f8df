/** What the person must know about this file, in plain sentences. Errors stay; the rest can be put away. */
import { LitElement, css, html, nothing, type TemplateResult } from 'lit';
import { customElement } from 'lit/decorators.js';
import type { Notice } from '../src/protocol/editor.js';
import { checkpoint } from './checkpoint.js';
import { icon } from './icons.js';
import { FollowStore, store } from './store.js';
import { base } from './styles.js';

@customElement('rationale-notices')
export class RationaleNotices extends LitElement {
  constructor() {
    super();
    new FollowStore(this);
  }

  static override readonly styles = [
    base,
    css`
      .notice {
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        gap: 4px 8px;
        padding: 3px 12px;
        border-bottom: 1px solid var(--line);
        background: var(--vscode-editorWidget-background);
        color: var(--vscode-editorWidget-foreground, inherit);
      }
      .text {
        flex: 1 1 16em;
        padding: 3px 0;
        overflow-wrap: anywhere;
      }
      .info > .icon {
        color: var(--vscode-editorInfo-foreground, inherit);
      }
      .warning > .icon {
        color: var(--vscode-editorWarning-foreground, inherit);
      }
      .error > .icon {
        color: var(--vscode-errorForeground, inherit);
      }
    `,
  ];

  override render(): TemplateResult {
    const view = store.view;
    const readonly: Notice[] = view?.readonly == null ? [] : [{ severity: 'info', text: view.readonly }];
    const { dismissed } = checkpoint.state;
    const shown = [...readonly, ...(view?.notices ?? [])].filter(
      (notice) => notice.severity === 'error' || !dismissed.includes(notice.text),
    );
    return html`${shown.map((notice) => this.renderNotice(notice))}`;
  }

  private renderNotice(notice: Notice): TemplateResult {
    const { action, severity, text } = notice;
    return html`<div class="notice ${severity}" role=${severity === 'error' ? 'alert' : 'status'}>
      ${icon(severity)}
      <span class="text"><span class="spoken">${severity}: </span>${text}</span>
      ${
        action === undefined
          ? nothing
          : html`<vscode-button
              appearance="secondary"
              @click=${() => store.post({ type: 'run', action: action.id, key: store.selected?.key ?? null })}
              >${action.title}</vscode-button
            >`
      }
      ${
        severity === 'error'
          ? nothing
          : html`<vscode-button
              appearance="icon"
              aria-label="Put this notice away"
              title="Put away"
              @click=${() => this.dismiss(text)}
              >${icon('close')}</vscode-button
            >`
      }
    </div>`;
  }

  private dismiss(text: string): void {
    checkpoint.update({ dismissed: [...checkpoint.state.dismissed, text] });
    this.requestUpdate();
  }
}
