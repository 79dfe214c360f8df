import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { findEnding, settledText } from './endings.js';

const explainFirst = { stops: [' ##'], anchor: '\n\nRelevance Label: ' };
const rationale = { stops: ['\n'], anchor: null };

describe('generated text', () => {
  it('ends at the anchor, whichever white space the model put before and after it', () => {
    expect(findEnding('It says so.\n\nRelevance Label: 2', explainFirst)).toEqual({
      kind: 'anchor',
      at: 12,
      after: 29,
    });
    expect(findEnding('It says so.\nRelevance Label:', explainFirst)).toEqual({ kind: 'anchor', at: 11, after: 28 });
    expect(findEnding(' Relevance Label: 1', explainFirst)).toEqual({ kind: 'anchor', at: 0, after: 17 });
  });

  it('does not end at an anchor that is quoted within a line', () => {
    expect(findEnding('The page itself says "Relevance Label: 0", and', explainFirst)).toBeUndefined();
  });

  it('ends at the earliest stop, but not at one that opens it', () => {
    expect(findEnding('\nIt does.\nNext', rationale)).toEqual({ kind: 'stop', at: 9 });
    expect(findEnding('so ## and\n\nRelevance Label: 1', explainFirst)).toEqual({ kind: 'stop', at: 2 });
  });

  it('is shown only as far as no ending can take it back, however it is cut into tokens', () => {
    const letter = fc.constantFrom('a', 'b', '\n', ' ', ':', 'A');
    const endings = fc.record({
      stops: fc.array(fc.string({ unit: letter, minLength: 1, maxLength: 3 }), { maxLength: 2 }),
      anchor: fc.constantFrom(null, '\nA: ', 'ab: ', ' b:'),
    });
    fc.assert(
      fc.property(endings, fc.array(fc.string({ unit: letter, minLength: 1, maxLength: 3 })), (e, tokens) => {
        let text = '';
        let shown = '';
        for (const token of tokens) {
          text += token;
          const ending = findEnding(text, e);
          if (ending !== undefined) {
            expect(text.slice(0, ending.at).trim().startsWith(shown.trim())).toBe(true);
            return;
          }
          shown = settledText(text, e);
          expect(text.startsWith(shown)).toBe(true);
        }
      }),
      { numRuns: 2_000 },
    );
  });
});
