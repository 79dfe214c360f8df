/** Styles that every component shares. Colours are VS Code's variables only, so that every theme works. */
import { css } from 'lit';

export const base = css`
  :host {
    display: block;
    box-sizing: border-box;
    color: var(--vscode-foreground);
    --line: var(--vscode-contrastBorder, var(--vscode-panel-border, var(--vscode-widget-border, transparent)));
    --muted: var(--vscode-descriptionForeground);
    --good: var(--vscode-charts-green);
    --partly: var(--vscode-charts-blue);
  }
  :host([hidden]) {
    display: none;
  }
  *,
  ::before,
  ::after {
    box-sizing: inherit;
  }
  .icon {
    font: normal 16px/1 codicon;
    display: inline-block;
    flex: none;
    text-align: center;
    width: 16px;
    user-select: none;
    -webkit-font-smoothing: antialiased;
  }
  .muted {
    color: var(--muted);
  }
  .spoken {
    position: absolute;
    width: 1px;
    height: 1px;
    overflow: hidden;
    clip-path: inset(50%);
    white-space: nowrap;
  }
  .numeral {
    font-variant-numeric: tabular-nums;
  }
  :focus {
    outline: none;
  }
  :focus-visible {
    outline: 1px solid var(--vscode-focusBorder);
    outline-offset: -1px;
  }
  kbd {
    display: inline-block;
    min-width: 16px;
    padding: 0 4px;
    border: 1px solid var(--vscode-keybindingLabel-border, var(--line));
    border-radius: 3px;
    background: var(--vscode-keybindingLabel-background, transparent);
    color: var(--vscode-keybindingLabel-foreground, inherit);
    font-family: inherit;
    font-size: 11px;
    line-height: 15px;
    text-align: center;
  }
  /* The toolkit's corners, brought up to date. */
  vscode-button,
  vscode-dropdown,
  vscode-text-field {
    --corner-radius: 4;
    --corner-radius-round: 4;
  }
  h2,
  h3,
  p {
    margin: 0;
    font-weight: inherit;
    font-size: inherit;
  }
  .spin {
    animation: spin 1.5s linear infinite;
  }
  @keyframes spin {
    to {
      transform: rotate(360deg);
    }
  }
  @media (prefers-reduced-motion: reduce) {
    .spin {
      animation: none;
    }
  }
`;
