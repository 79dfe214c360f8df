/**
 * The one place where key presses become actions. Single letters are inert while text is being entered, keys that the
 * focused control needs stay with it, and whatever no action takes falls through to VS Code.
 */
import { actionIds, actionOf, type ActionId } from '../src/protocol/actions.js';

/** The part of a KeyboardEvent that decides. */
interface Press {
  readonly key: string;
  readonly ctrlKey: boolean;
  readonly metaKey: boolean;
  readonly altKey: boolean;
  readonly shiftKey: boolean;
  readonly repeat: boolean;
}

/** `text`: letters are input. `control`: the control owns Enter, arrows and the like. `list`: the list or nothing has the focus. */
export type Focus = 'text' | 'control' | 'list';

/** The actions a key press asks for where `focus` is, best first; empty when it is not ours. */
export function actionsFor(press: Press, focus: Focus): ActionId[] {
  if (press.altKey) return [];
  const mod = press.ctrlKey || press.metaKey;
  const named = press.key.length > 1;
  // Shift is part of a printable key ("?"), but changes the meaning of a named one.
  if (press.shiftKey && (named || mod)) return [];
  const wanted = (mod ? 'Ctrl+' : '') + press.key;
  return actionIds.filter((id) => {
    const action = actionOf(id);
    if (!action.keys.includes(wanted)) return false;
    // A held-down key walks through the rows; it must never decide on them.
    if (press.repeat && action.group !== 'move') return false;
    if (focus === 'text') return action.inText === true;
    if (focus === 'control' && named && !mod && press.key !== 'Escape' && press.key !== 'Backspace') return false;
    return true;
  });
}

/** True for the undo and redo keys, which belong to the text field that has the focus. */
function isUndoOrRedo(press: Press): boolean {
  return (press.ctrlKey || press.metaKey) && !press.altKey && ['z', 'y'].includes(press.key.toLowerCase());
}

/**
 * To be called by every text field's keydown: VS Code listens on the webview's window and would undo in the document
 * what the person meant to undo in the field (and cancel the field's own undo).
 */
export function keepUndoInField(event: KeyboardEvent): void {
  if (isUndoOrRedo(event)) event.stopPropagation();
}

interface Performer {
  /** False when there was nothing to do: the key then goes on to VS Code. */
  perform(id: ActionId): boolean;
  /** Moves from a rating to its rationale; false where Tab means what it always means. */
  tabAfterRating(): boolean;
}

/** Has `performer` act on the key presses anywhere in the page. */
export function dispatchKeys(target: Document, performer: Performer): void {
  target.addEventListener('keydown', (event) => {
    if (event.defaultPrevented || event.isComposing) return;
    const focus = focusOf(event.composedPath());
    if (focus === 'dialog') return;
    if (event.key === 'Tab' && !event.shiftKey && performer.tabAfterRating()) {
      event.preventDefault();
      return;
    }
    for (const id of actionsFor(event, focus)) {
      if (!performer.perform(id)) continue;
      // Kept from VS Code as well: a key that the user bound to the same command would do it twice.
      event.preventDefault();
      event.stopPropagation();
      return;
    }
    if (focus === 'text' && event.key.length === 1 && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.stopPropagation();
    }
  });
}

function focusOf(path: readonly EventTarget[]): Focus | 'dialog' {
  const elements = path.filter((node): node is HTMLElement => node instanceof HTMLElement);
  if (elements.some((element) => element.localName === 'dialog')) return 'dialog';
  const inner = elements[0];
  if (inner === undefined) return 'list';
  if (inner.localName === 'textarea' || inner.localName === 'select' || inner.isContentEditable) return 'text';
  if (inner instanceof HTMLInputElement)
    return ['checkbox', 'radio', 'button'].includes(inner.type) ? 'control' : 'text';
  // A drop-down takes letters to find an option.
  if (elements.some((element) => element.getAttribute('role') === 'combobox')) return 'text';
  if (inner.localName === 'body' || inner.localName === 'html') return 'list';
  if (inner.getAttribute('role') === 'listbox') return 'list';
  return 'control';
}
