import { describe, expect, it } from 'vitest';
import { parseFromWebview } from './message-guard.js';

describe('parseFromWebview', () => {
  it('takes a decision as it is', () => {
    const message = { type: 'decide', key: 3, decision: { kind: 'label', label: 2 }, advance: true };
    expect(parseFromWebview(message)).toEqual(message);
  });

  it.each([
    ['no object', 'ready'],
    ['an unknown type', { type: 'eval', code: '1' }],
    ['an action that is none', { type: 'run', action: 'deleteEverything', key: null }],
    ['a row that is no index', { type: 'select', key: -1 }],
    ['a label that is no integer', { type: 'decide', key: 0, decision: { kind: 'label', label: 'x' }, advance: false }],
    ['a request for more rows than a screen can need', { type: 'getRows', revision: 1, start: 0, count: 1e9 }],
  ])('refuses %s', (_what, message) => {
    expect(() => parseFromWebview(message)).toThrow(/message that is none/);
  });
});
