import { describe, expect, it } from 'vitest';
import { actionIds, actionOf } from '../src/protocol/actions.js';
import { actionsFor } from './keys.js';

const plain = { ctrlKey: false, metaKey: false, altKey: false, shiftKey: false, repeat: false };
const press = (key: string, more: Partial<typeof plain> = {}) => ({ ...plain, ...more, key });

describe('actionsFor', () => {
  it('finds every key of the registry while the list has the focus', () => {
    for (const id of actionIds) {
      for (const key of actionOf(id).keys) {
        const ctrlKey = key.startsWith('Ctrl+');
        expect(actionsFor(press(key.replace('Ctrl+', ''), { ctrlKey }), 'list')).toContain(id);
      }
    }
  });

  it('gives no key to two actions of the same place', () => {
    const keys = actionIds.flatMap((id) => actionOf(id).keys);
    expect(new Set(keys).size).toBe(keys.length);
  });

  it('leaves every single character to a text field', () => {
    for (const id of actionIds) {
      for (const key of actionOf(id).keys) {
        if (key.length === 1) expect(actionsFor(press(key), 'text')).toEqual([]);
      }
    }
  });

  it('takes Ctrl+Enter and Escape in a text field, and Cmd for Ctrl', () => {
    expect(actionsFor(press('Enter', { metaKey: true }), 'text')).toEqual(['commitExplanation']);
    expect(actionsFor(press('Escape'), 'text')).toEqual(['leaveText']);
  });

  it('leaves Enter and the arrows to the control that has the focus', () => {
    expect(actionsFor(press('Enter'), 'control')).toEqual([]);
    expect(actionsFor(press('ArrowDown'), 'control')).toEqual([]);
    expect(actionsFor(press('2'), 'control')).toEqual(['label2']);
  });

  it('leaves combinations it does not know to VS Code', () => {
    expect(actionsFor(press('a', { ctrlKey: true }), 'list')).toEqual([]);
    expect(actionsFor(press('f', { metaKey: true }), 'list')).toEqual([]);
    expect(actionsFor(press('ArrowDown', { shiftKey: true }), 'list')).toEqual([]);
    expect(actionsFor(press('a', { altKey: true }), 'list')).toEqual([]);
  });

  it('never decides on a held-down key, but walks on', () => {
    expect(actionsFor(press('a', { repeat: true }), 'list')).toEqual([]);
    expect(actionsFor(press('j', { repeat: true }), 'list')).toEqual(['nextRow']);
  });
});
