/**
 * Codicons inside shadow roots: the font of codicon.css reaches them, its class rules do not. Code points are those
 * of @vscode/codicons 0.0.45.
 */
import { html, type TemplateResult } from 'lit';

const codePoints = {
  accepted: 0xeba4,
  cannotJudge: 0xeabd,
  check: 0xeab2,
  close: 0xea76,
  copy: 0xebcc,
  corrected: 0xea73,
  error: 0xea87,
  export: 0xebac,
  flag: 0xec3f,
  goToFile: 0xea94,
  info: 0xea74,
  interrupted: 0xeba5,
  loading: 0xeb19,
  person: 0xea67,
  prefilled: 0xec10,
  question: 0xeb32,
  reset: 0xeae2,
  resume: 0xeb2c,
  search: 0xea6d,
  skipped: 0xead6,
  stale: 0xea82,
  unsaved: 0xea71,
  unseen: 0xeabc,
  warning: 0xea6c,
} as const;

export type IconName = keyof typeof codePoints;

/** An icon for the eye only; what it means must also stand in text beside it or in the control's name. */
export function icon(name: IconName, classes = ''): TemplateResult {
  return html`<span class="icon ${classes}" aria-hidden="true">${String.fromCodePoint(codePoints[name])}</span>`;
}
