/** The shortcut sheet, generated from the action registry, so that it cannot be wrong. */
import { LitElement, css, html, type TemplateResult } from 'lit';
import { customElement, query } from 'lit/decorators.js';
import { actionIds, actionOf, type ActionId } from '../src/protocol/actions.js';
import { icon } from './icons.js';
import { base } from './styles.js';

type Group = ReturnType<typeof actionOf>['group'];
const groups: readonly { readonly id: Group; readonly name: string }[] = [
  { id: 'move', name: 'Move' },
  { id: 'decide', name: 'Decide' },
  { id: 'edit', name: 'Rationale' },
  { id: 'document', name: 'Document' },
  { id: 'view', name: 'View' },
  { id: 'run', name: 'Run' },
];
const keyNames: Readonly<Record<string, string>> = {
  ArrowDown: '↓',
  ArrowUp: '↑',
  Backspace: 'Backspace',
  Escape: 'Esc',
};

@customElement('rationale-shortcuts')
export class RationaleShortcuts extends LitElement {
  @query('dialog') private readonly dialog!: HTMLDialogElement;

  static override readonly styles = [
    base,
    css`
      dialog {
        width: min(760px, calc(100vw - 32px));
        max-height: calc(100vh - 48px);
        padding: 0;
        overflow: auto;
        border: 1px solid var(--vscode-contrastBorder, var(--vscode-editorWidget-border, var(--line)));
        border-radius: 6px;
        background: var(--vscode-editorWidget-background);
        color: var(--vscode-editorWidget-foreground, var(--vscode-foreground));
        box-shadow: 0 4px 20px var(--vscode-widget-shadow, transparent);
      }
      dialog::backdrop {
        background: rgb(0 0 0 / 35%);
      }
      .head {
        position: sticky;
        top: 0;
        display: flex;
        align-items: center;
        padding: 12px 16px 8px;
        background: inherit;
      }
      h2 {
        flex: 1;
        font-size: 1.15em;
        font-weight: 600;
      }
      .groups {
        columns: 2 280px;
        column-gap: 32px;
        padding: 0 16px 8px;
      }
      .group {
        break-inside: avoid;
        padding-bottom: 12px;
      }
      h3 {
        padding: 4px 0;
        font-weight: 600;
        color: var(--muted);
      }
      dl {
        margin: 0;
      }
      .entry {
        display: flex;
        gap: 12px;
        padding: 2px 0;
      }
      dt {
        flex: 1;
      }
      dd {
        margin: 0;
        white-space: nowrap;
      }
      .foot {
        padding: 0 16px 14px;
        color: var(--muted);
      }
    `,
  ];

  /** Opens the sheet; Escape closes it and gives the focus back. */
  show(): void {
    if (!this.dialog.open) this.dialog.showModal();
  }

  override render(): TemplateResult {
    return html`<dialog aria-labelledby="title">
      <div class="head">
        <h2 id="title">Keyboard shortcuts</h2>
        <vscode-button appearance="icon" aria-label="Close" @click=${() => this.dialog.close()}
          >${icon('close')}</vscode-button
        >
      </div>
      <div class="groups">
        ${groups.map((group) => {
          const ids = actionIds.filter((id) => actionOf(id).group === group.id && actionOf(id).keys.length > 0);
          return ids.length === 0
            ? ''
            : html`<div class="group">
                <h3>${group.name}</h3>
                <dl>${ids.map(renderEntry)}</dl>
              </div>`;
        })}
      </div>
      <p class="foot">
        Single letters do nothing while you type. Undo, redo and save are VS Code's own keys; inside a text field, undo
        takes back typing. Every action is also in the Command Palette under “Rationale”.
      </p>
    </dialog>`;
  }
}

function renderEntry(id: ActionId): TemplateResult {
  const { title, keys } = actionOf(id);
  return html`<div class="entry">
    <dt>${title}</dt>
    <dd>
      ${keys.map((key, i) => html`${i > 0 ? ' ' : ''}${key.split('+').map((part) => html`<kbd>${keyNames[part] ?? part}</kbd>`)}`)}
    </dd>
  </div>`;
}
