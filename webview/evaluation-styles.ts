/** Styles that the parts of the evaluation panel share: tables of numbers, links that are buttons, sections. */
import { css } from 'lit';

export const evaluationStyles = css`
  section {
    margin: 0 0 28px;
    min-width: 0;
  }
  h2 {
    margin: 0 0 8px;
    font-size: 1.15em;
    font-weight: 600;
    overflow-wrap: anywhere;
  }
  .hint {
    margin: 0 0 8px;
    max-width: 80ch;
    color: var(--muted);
  }
  .scroll {
    max-width: 100%;
    overflow-x: auto;
  }
  table {
    border-collapse: collapse;
  }
  th,
  td {
    padding: 4px 12px 4px 0;
    text-align: left;
    vertical-align: baseline;
    border-bottom: 1px solid var(--line);
  }
  th {
    font-weight: 600;
  }
  td.name,
  th.name {
    min-width: 9em;
    max-width: 26em;
    overflow-wrap: anywhere;
  }
  .number {
    padding-left: 12px;
    text-align: right;
    white-space: nowrap;
    font-variant-numeric: tabular-nums;
  }
  .small {
    display: block;
    font-size: 0.88em;
    color: var(--muted);
  }
  .best {
    font-weight: 700;
  }
  .link {
    padding: 0;
    border: 0;
    background: none;
    color: var(--vscode-textLink-foreground);
    font: inherit;
    text-align: inherit;
    cursor: pointer;
    overflow-wrap: anywhere;
  }
  .link:hover {
    text-decoration: underline;
  }
  .link[aria-pressed='true'] {
    font-weight: 700;
    text-decoration: underline;
    color: var(--vscode-foreground);
  }
  .empty {
    padding: 24px 0;
    max-width: 70ch;
    color: var(--muted);
  }
`;
