/** What each action of the registry does here. Keys and VS Code commands both end up in this table. */
import { actionOf, type ActionId } from '../src/protocol/actions.js';
import type { Section } from './detail.js';
import { store } from './store.js';

/** The parts of the page that actions reach. Those that return a boolean say whether there was anything to do. */
export interface Surface {
  focusList(): void;
  focusExplanation(): boolean;
  /** True while the rationale is being edited. */
  readonly editing: boolean;
  keepExplanation(advance: boolean): boolean;
  resetExplanation(): boolean;
  focusSearch(): void;
  readonly searching: boolean;
  toggle(section: Section): boolean;
  showShortcuts(): void;
}

/** Does what the action's key does. False when there was nothing to do, so that the key goes on to VS Code. */
export function perform(id: ActionId, surface: Surface): boolean {
  if (actionOf(id).where === 'host') {
    store.whenSettled(() => store.post({ type: 'run', action: id, key: store.selected?.key ?? null }));
    return true;
  }
  const label = /^label(\d)$/.exec(id)?.[1];
  if (label !== undefined) return decideLabel(Number(label));
  switch (id) {
    case 'nextRow':
      store.move('next');
      return true;
    case 'previousRow':
      store.move('previous');
      return true;
    case 'firstRow':
      store.move('first');
      return true;
    case 'lastRow':
      store.move('last');
      return true;
    case 'nextUndecided':
      store.move('next-undecided');
      return true;
    case 'accept':
      return advance({ kind: 'accept' }, surface);
    case 'skip':
      return advance({ kind: 'skip' }, surface);
    case 'cannotJudge':
      return advance({ kind: 'cannot_judge' }, surface);
    case 'flag':
      store.whenSettled(() =>
        store.decide({ kind: 'flag', flagged: store.detail?.annotation.flagged !== true }, false),
      );
      return true;
    case 'clearDecision':
      store.decide({ kind: 'clear' }, false);
      return true;
    case 'editExplanation':
      store.whenSettled(() => surface.focusExplanation());
      return true;
    case 'commitExplanation':
      if (!surface.editing) return false;
      // An unchanged text is no decision: going on must not accept what nobody looked at.
      if (!surface.keepExplanation(true)) store.move('next-undecided');
      surface.focusList();
      return true;
    case 'leaveText':
      if (!surface.editing && !surface.searching) return false;
      surface.keepExplanation(false);
      surface.focusList();
      return true;
    case 'resetExplanation':
      return surface.resetExplanation();
    case 'togglePrompt':
      return surface.toggle('prompt');
    case 'toggleRaw':
      return surface.toggle('raw');
    case 'search':
      surface.focusSearch();
      return true;
    case 'showShortcuts':
      surface.showShortcuts();
      return true;
    default:
      return false;
  }
}

function decideLabel(label: number): boolean {
  store.whenSettled(() => {
    const known = store.detail?.scale?.labels.some((l) => l.value === label) === true;
    if (known || store.refusal !== null) store.decide({ kind: 'label', label }, false);
  });
  return true;
}

function advance(decision: { readonly kind: 'accept' | 'skip' | 'cannot_judge' }, surface: Surface): boolean {
  store.decide(decision, true);
  surface.focusList();
  return true;
}
