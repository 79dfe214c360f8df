import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Json } from './json.js';
import { repeatedKeys } from './repeated-keys.js';

const repeated = (text: string): readonly string[] => repeatedKeys(text, JSON.parse(text) as Json);

/** A JSON text with the keys that its objects repeat. */
interface Written {
  readonly text: string;
  readonly repeated: readonly string[];
}

const string = fc.oneof(
  fc.constantFrom('a', 'b', ':', '"', '":', '\\', '\\":', '{', '[', ' :', ':"', '__proto__', 'é', ''),
  fc.string({ maxLength: 4 }),
);
const space = fc.constantFrom('', '', '', ' ', '\n', '\t ');
/** A string in either of the two forms that JSON has for its characters. */
const quoted = fc
  .tuple(string, fc.boolean())
  .map(([value, escaped]) =>
    escaped && /^[a-z]/.test(value)
      ? `"\\u${value.charCodeAt(0).toString(16).padStart(4, '0')}${JSON.stringify(value.slice(1)).slice(1)}`
      : JSON.stringify(value),
  );

const { value: written } = fc.letrec<{ value: Written }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3, depthSize: 'small' },
    fc.oneof(quoted, fc.constantFrom('0', '-1.5e3', 'true', 'null')).map((text) => ({ text, repeated: [] })),
    fc.array(tie('value'), { maxLength: 3 }).map((items) => ({
      text: `[${items.map(({ text }) => text).join(',')}]`,
      repeated: items.flatMap((item) => item.repeated),
    })),
    fc.array(fc.tuple(quoted, space, space, tie('value')), { maxLength: 4 }).map((fields) => {
      const keys = fields.map(([key]) => JSON.parse(key) as string);
      return {
        text: `{${fields.map(([key, before, after, item]) => `${key}${before}:${after}${item.text}`).join(',')}}`,
        repeated: [
          ...keys.filter((key, i) => keys.indexOf(key) < i),
          ...fields.flatMap(([, , , item]) => item.repeated),
        ],
      };
    }),
  ),
}));

describe('repeatedKeys', () => {
  it('finds exactly the keys that an object holds twice, however they are written', () => {
    let found = 0;
    fc.assert(
      fc.property(written, (json) => {
        if (json.repeated.length > 0) found++;
        expect(new Set(repeated(json.text))).toEqual(new Set(json.repeated));
      }),
      { numRuns: 5_000 },
    );
    expect(found).toBeGreaterThan(100);
  });

  it('names each once, in the order of the text', () => {
    expect(repeated('{"b":1,"a":{"c":1,"c":2},"b":3,"b":4}')).toEqual(['c', 'b']);
  });

  it('takes equal keys of different objects for what they are', () => {
    expect(repeated('{"a":{"a":[{"a":1},{"a":2}]},"b":"\\"a\\": 1, \\"a\\": 2"}')).toEqual([]);
  });

  it('reads a text of a megabyte', () => {
    const long = JSON.stringify('a ":\\" '.repeat(150_000));
    expect(repeated(`{"x":${long},"x":${long}}`)).toEqual(['x']);
  });
});
