/**
 * The only module that knows @vscode/webview-ui-toolkit (archived; docs/decisions says why it is still here). Another
 * set of controls replaces it in this file.
 */
import {
  provideVSCodeDesignSystem,
  vsCodeButton,
  vsCodeDropdown,
  vsCodeOption,
  vsCodeProgressRing,
  vsCodeTextField,
} from '@vscode/webview-ui-toolkit';

/** Defines the `vscode-*` elements. The toolkit needs `<meta property="csp-nonce">` in the page for its styles. */
export function registerControls(): void {
  provideVSCodeDesignSystem().register(
    vsCodeButton(),
    vsCodeDropdown(),
    vsCodeOption(),
    vsCodeProgressRing(),
    vsCodeTextField(),
  );
}

/** What drop-downs and text fields have in common. */
interface Valued extends HTMLElement {
  value: string;
}

/** What was chosen in the drop-down that an event came from. */
export function chosen(event: Event): string {
  return (event.currentTarget as Valued).value;
}

/** What stands in the text field that an event came from. */
export function entered(event: Event): string {
  return (event.currentTarget as Valued).value;
}

/** Shows `value` in a drop-down. Its options are taken in one frame late, so the value is set again after them. */
export function choose(element: Element | null, value: string): void {
  if (element === null) return;
  const dropdown = element as Valued;
  const set = (): void => {
    if (dropdown.value !== value) dropdown.value = value;
  };
  set();
  requestAnimationFrame(set);
}

/** Shows `value` in a text field and names it: the toolkit overwrites a name given in the markup when it connects. */
export function fill(element: Element | null, value: string, name: string): void {
  if (element === null) return;
  const field = element as Valued;
  field.setAttribute('aria-label', name);
  if (field.value !== value) field.value = value;
}
