import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { defaultWidth, draw, type PlotData } from './draw.js';
import type { Mark, Plot } from './mark.js';
import { pageStyles } from './look.js';
import { svgOf } from './svg.js';

const name = fc.oneof(
  fc.string(),
  fc.string({ unit: 'grapheme' }),
  fc.constantFrom('<script>alert(1)</script>', '"\'&', '\u0000\u001b', '\ud800', '\u202eevil'),
);
const share = fc.double({ min: 0, max: 1, noNaN: true });
const finite = fc.double({ min: -1e6, max: 1e6, noNaN: true });
const count = fc.nat(10_000);

const bins = fc.array(fc.tuple(share, share, count), { maxLength: 12 }).map((values) =>
  values.map(([confidence, accuracy, n], i) => ({
    low: i / values.length,
    high: (i + 1) / values.length,
    count: n,
    confidence: n === 0 ? null : confidence,
    accuracy: n === 0 ? null : accuracy,
  })),
);
const anyPlot: fc.Arbitrary<PlotData> = fc.oneof(
  fc.record({
    kind: fc.constant('differences' as const),
    metric: name,
    system: name,
    baseline: name,
    queries: fc.array(fc.record({ queryId: name, query: fc.option(name), system: share, baseline: share }), {
      maxLength: 30,
    }),
  }),
  fc.record({
    kind: fc.constant('reliability' as const),
    what: name,
    series: fc.array(fc.record({ name, ece: fc.option(share), bins }), { maxLength: 3 }),
  }),
  fc
    .tuple(
      name,
      fc.integer({ min: 1, max: 20 }),
      finite,
      fc.array(fc.record({ name, median: fc.option(finite) }), { maxLength: 4 }),
    )
    .chain(([what, n, from, groups]) =>
      fc
        .array(fc.array(count, { minLength: n, maxLength: n }), { minLength: groups.length, maxLength: groups.length })
        .map((counts): PlotData => ({
          kind: 'distributions',
          what,
          edges: Array.from({ length: n + 1 }, (_, i) => from + i),
          groups: groups.map((group, i) => ({ ...group, count: 1, counts: counts[i] ?? [] })),
        })),
    ),
  fc.tuple(fc.array(name, { minLength: 1, maxLength: 5 }), name, name).chain(([labels, human, model]) =>
    fc
      .array(fc.array(count, { minLength: labels.length, maxLength: labels.length }), {
        minLength: labels.length,
        maxLength: labels.length,
      })
      .map((counts): PlotData => ({
        kind: 'confusion',
        rows: { who: human, labels },
        columns: { who: model, labels },
        counts,
      })),
  ),
  fc
    .tuple(name, fc.array(name, { minLength: 1, maxLength: 4 }), fc.integer({ min: 1, max: 30 }))
    .chain(([query, rankings, depth]) =>
      fc
        .array(
          fc.record({
            docId: name,
            name,
            ranks: fc.array(fc.option(fc.integer({ min: 1, max: 1000 })), {
              minLength: rankings.length,
              maxLength: rankings.length,
            }),
            relevance: fc.option(fc.integer({ min: -1, max: 3 })),
          }),
          { maxLength: 30 },
        )
        .map((documents): PlotData => ({ kind: 'movement', query, rankings, depth, documents })),
    ),
  fc.record({
    kind: fc.constant('metrics' as const),
    intervals: name,
    metrics: fc.array(
      fc.record({
        name,
        systems: fc.array(fc.record({ name, mean: share, interval: fc.option(fc.tuple(share, share)) }), {
          maxLength: 4,
        }),
      }),
      { maxLength: 4 },
    ),
  }),
);

function allMarks(marks: readonly Mark[]): Mark[] {
  return marks.flatMap((mark) => [mark, ...allMarks(mark.children ?? [])]);
}
const keyed = (plot: Plot, key: string): Mark[] => allMarks(plot.marks).filter((mark) => mark.key === key);
const number = (mark: Mark | undefined, attribute: string): number => Number(mark?.attributes[attribute]);

/** The elements of a document that is nothing but well-formed tags, attributes in double quotes and escaped text. */
function parseXml(xml: string): { readonly tag: string; readonly attributes: Record<string, string> }[] {
  const elements: { tag: string; attributes: Record<string, string> }[] = [];
  const open: string[] = [];
  const token = /<(\/?)([a-z]+)((?: [a-zA-Z0-9:-]+="[^"<]*")*)\s*(\/?)>|([^<]+)/gy;
  let at = 0;
  for (let m = token.exec(xml); m !== null; m = token.exec(xml)) {
    at = token.lastIndex;
    const [, closing, tag, attributes, empty, content] = m;
    if (content !== undefined) {
      expect(content).not.toMatch(/&(?!amp;|lt;|gt;|quot;|#39;)/);
      continue;
    }
    if (closing === '/') expect(open.pop()).toBe(tag);
    else {
      elements.push({
        tag: tag ?? '',
        attributes: Object.fromEntries(
          [...(attributes ?? '').matchAll(/ ([a-zA-Z0-9:-]+)="([^"]*)"/g)].map((a) => [a[1] ?? '', a[2] ?? '']),
        ),
      });
      if (empty !== '/') open.push(tag ?? '');
    }
  }
  expect(xml.slice(at).trim(), 'everything was read').toBe('');
  expect(open).toEqual([]);
  return elements;
}

describe('every plot', () => {
  it('is well-formed SVG of harmless elements with finite numbers, whatever the labels', () => {
    const tags = new Set(['svg', 'title', 'desc', 'style', 'g', 'rect', 'line', 'path', 'circle', 'text']);
    fc.assert(
      fc.property(anyPlot, fc.integer({ min: 1, max: 2000 }), (data, width) => {
        const svg = svgOf(draw(data, width));
        expect(svg.isWellFormed()).toBe(true);
        expect(svg).not.toMatch(/[\u0000-\u0008\u000b\u000c\u000e-\u001f]/);
        for (const { tag, attributes } of parseXml(svg)) {
          expect(tags.has(tag), tag).toBe(true);
          for (const [attribute, value] of Object.entries(attributes)) {
            expect(attribute).not.toMatch(/^on|^style$|href/);
            expect(`${attribute}=${value}`).not.toMatch(/NaN|Infinity|undefined/);
          }
        }
      }),
      { numRuns: 300 },
    );
  });

  it('comes out the same every time, with title, description and the numbers as a table', () => {
    fc.assert(
      fc.property(anyPlot, (data) => {
        const plot = draw(data);
        expect(svgOf(draw(data))).toBe(svgOf(plot));
        expect(plot.title).not.toBe('');
        expect(plot.description).not.toBe('');
        for (const row of plot.table.rows) expect(row.cells).toHaveLength(plot.table.columns.length);
        // A title and a description of its own, so that two pictures may share a page.
        expect(svgOf(plot, { idPrefix: 'b' })).toContain('aria-labelledby="b-title b-description"');
      }),
      { numRuns: 100 },
    );
  });

  it('uses plain colours in a file and only the editor’s variables in the page', () => {
    const plot = draw(differences([{ system: 1, baseline: 0 }]));
    expect(svgOf(plot)).not.toContain('var(');
    expect(svgOf(plot)).toContain('prefers-color-scheme: dark');
    expect(svgOf(plot, { palette: 'dark' })).not.toContain('<style>');
    expect(pageStyles).not.toMatch(/#[0-9a-f]{3,6}/);
  });
});

function differences(queries: readonly { readonly system: number; readonly baseline: number }[]): PlotData {
  return {
    kind: 'differences',
    metric: 'nDCG@10',
    system: 'B',
    baseline: 'A',
    queries: queries.map((q, i) => ({ ...q, queryId: `q${i}`, query: null })),
  };
}

describe('the differences by query', () => {
  const plot = draw(
    differences([
      { system: 0.2, baseline: 0.5 },
      { system: 0.5, baseline: 0.5 },
      { system: 0.9, baseline: 0.3 },
    ]),
  );

  it('stand greatest first, above zero for a gain and below for a loss, in proportion', () => {
    expect(plot.table.rows.map((row) => row.key)).toEqual(['q2', 'q1', 'q0']);
    const [gain, loss, equal] = [keyed(plot, 'q2')[0], keyed(plot, 'q0')[0], keyed(plot, 'q1')[0]];
    expect([gain?.look, loss?.look, equal?.look]).toEqual(['better', 'worse', 'equal']);
    expect(number(gain, 'x')).toBeLessThan(number(loss, 'x'));
    // The zero line: where the gain ends and the loss begins.
    expect(number(gain, 'y') + number(gain, 'height')).toBeCloseTo(number(loss, 'y'), 1);
    expect(number(gain, 'height') / number(loss, 'height')).toBeCloseTo(2, 2);
    expect(plot.description).toContain('better on 1, equal on 1 and worse on 1. Mean difference +0.100.');
  });

  it('stay finite where all values are next to nothing', () => {
    const svg = svgOf(draw(differences([{ system: 5e-324, baseline: 0 }])));
    expect(svg).not.toMatch(/NaN|Infinity/);
  });

  it('become one outline where bars would be thinner than a pixel', () => {
    const many = draw(differences(Array.from({ length: 5000 }, (_, i) => ({ system: i / 5000, baseline: 0.5 }))));
    expect(allMarks(many.marks).length).toBeLessThan(50);
    expect(many.marks.filter((mark) => mark.tag === 'path').map((mark) => mark.look)).toEqual([
      'betterArea',
      'worseArea',
    ]);
    expect(many.table.rows).toHaveLength(5000);
  });
});

describe('the reliability diagram', () => {
  const bin = (low: number, confidence: number | null, accuracy: number | null, n: number) => ({
    low,
    high: low + 0.5,
    count: n,
    confidence,
    accuracy,
  });
  const plot = draw({
    kind: 'reliability',
    what: 'labels',
    series: [
      { name: 'before', ece: 0.2, bins: [bin(0, null, null, 0), bin(0.5, 0.9, 0.6, 10)] },
      { name: 'after', ece: null, bins: [bin(0, 0.25, 0.25, 4), bin(0.5, 0.75, 0.75, 6)] },
    ],
  });

  it('puts a calibrated bin on the diagonal and an overconfident one below it', () => {
    const diagonal = plot.marks.find((mark) => mark.look === 'reference');
    const slope = (number(diagonal, 'y2') - number(diagonal, 'y1')) / (number(diagonal, 'x2') - number(diagonal, 'x1'));
    const onDiagonal = (x: number) => number(diagonal, 'y1') + slope * (x - number(diagonal, 'x1'));
    const over = plot.marks.find((mark) => mark.hint?.startsWith('before: said 0.90'));
    expect(number(over, 'cy')).toBeGreaterThan(onDiagonal(number(over, 'cx')) + 20);
    const even = plot.marks.filter((mark) => mark.hint?.startsWith('after: said'));
    expect(even).toHaveLength(2);
    for (const mark of even) expect(number(mark, 'y') + 4).toBeCloseTo(onDiagonal(number(mark, 'x') + 4), 1);
  });

  it('leaves empty bins out and says where an error is undefined', () => {
    expect(plot.table.rows).toHaveLength(3);
    expect(plot.description).toContain('before 0.200, after undefined');
  });

  it('tells two series apart by shape and dash', () => {
    const points = plot.marks.filter((mark) => mark.hint?.includes(': said ') === true);
    expect(new Set(points.map((mark) => mark.tag))).toEqual(new Set(['circle', 'rect']));
    expect(plot.marks.filter((mark) => mark.tag === 'path').map((mark) => mark.look)).toEqual([
      'firstLine',
      'secondLine',
    ]);
  });
});

describe('the score distributions', () => {
  it('draw each label’s bins over one axis with the median', () => {
    const plot = draw({
      kind: 'distributions',
      what: 'scores',
      edges: [0, 1, 2],
      groups: [
        { name: 'low', count: 4, median: 0.5, counts: [4, 0] },
        { name: 'high', count: 4, median: 1.5, counts: [1, 3] },
      ],
    });
    const bars = plot.marks.filter((mark) => mark.look === 'bar');
    expect(bars).toHaveLength(3);
    expect(number(bars[1], 'height') / number(bars[2], 'height')).toBeCloseTo(1 / 3, 2);
    expect(number(bars[0], 'x')).toBe(number(bars[1], 'x'));
    const [low, high] = plot.marks.filter((mark) => mark.look === 'median');
    const step = number(bars[2], 'x') - number(bars[1], 'x');
    expect(number(high, 'x1') - number(low, 'x1')).toBeCloseTo(step, 1);
    expect(plot.description).toBe('Median score: low 0.50, high 1.50.');
  });
});

describe('the confusion matrix', () => {
  const plot = draw({
    kind: 'confusion',
    rows: { who: 'human', labels: ['no', 'yes'] },
    columns: { who: 'model', labels: ['no', 'yes'] },
    counts: [
      [90, 10],
      [0, 5],
    ],
    agreement: { accuracy: 0.9, macroF1: null, kappa: 0.5 },
  });

  it('has a cell with count and share for every pair of labels, rows for the reference', () => {
    const cell = (key: string) => keyed(plot, key)[0];
    expect(cell('0:1')?.hint).toBe('human no, model yes: 10 rows');
    expect(number(cell('0:1'), 'x')).toBeGreaterThan(number(cell('0:0'), 'x'));
    expect(number(cell('1:0'), 'y')).toBeGreaterThan(number(cell('0:0'), 'y'));
    const texts = plot.marks.map((mark) => mark.text);
    expect(texts).toContain('90 %');
    expect(texts).toContain('Accuracy 0.900, macro-F1 undefined, Cohen’s κ 0.500');
  });

  it('frames the diagonal and says how many agree', () => {
    expect(plot.marks.filter((mark) => mark.look === 'diagonal')).toHaveLength(2);
    expect(plot.description).toContain('The same label on 95 of 105 rows');
  });
});

describe('the movement of ranks', () => {
  const plot = draw({
    kind: 'movement',
    query: 'q',
    rankings: ['A', 'B'],
    depth: 3,
    documents: [
      { docId: 'rises', name: 'rises', ranks: [3, 1], relevance: 1 },
      { docId: 'falls', name: 'falls', ranks: [1, 2], relevance: 0 },
      { docId: 'leaves', name: 'leaves', ranks: [2, 40], relevance: null },
      { docId: 'deep', name: 'deep', ranks: [50, 60], relevance: 1 },
    ],
  });
  const children = (id: string) => keyed(plot, id)[0]?.children ?? [];

  it('leads up with a solid line, down with a dashed one, and to the line below for what is lost', () => {
    const look = (id: string) => children(id).find((mark) => mark.tag === 'line')?.look;
    expect([look('rises'), look('falls'), look('leaves')]).toEqual(['up', 'down', 'down']);
    const rises = children('rises').find((mark) => mark.tag === 'line');
    expect(number(rises, 'y2')).toBeLessThan(number(rises, 'y1'));
    expect(children('leaves').filter((mark) => mark.tag === 'circle')).toHaveLength(1);
  });

  it('fills the points of relevant documents and leaves out what no ranking shows', () => {
    const point = (id: string) => children(id).find((mark) => mark.tag === 'circle')?.look;
    expect([point('rises'), point('falls'), point('leaves')]).toEqual(['relevant', 'notRelevant', 'unjudged']);
    expect(keyed(plot, 'deep')).toEqual([]);
    expect(plot.table.rows.map((row) => row.key)).toEqual(['falls', 'leaves', 'rises']);
  });
});

describe('the bars of metrics', () => {
  it('start at 0, keep their proportion, and carry the interval', () => {
    const plot = draw({
      kind: 'metrics',
      intervals: 'intervals',
      metrics: [
        {
          name: 'nDCG@10',
          systems: [
            { name: 'A', mean: 0.2, interval: [0.1, 0.3] },
            { name: 'B', mean: 0.4, interval: null },
          ],
        },
      ],
    });
    const [a, b] = plot.marks.filter((mark) => mark.look === 'bar');
    expect(number(b, 'width') / number(a, 'width')).toBeCloseTo(2, 2);
    const [span] = plot.marks.filter((mark) => mark.look === 'whisker');
    expect(number(span, 'x2') - number(span, 'x1')).toBeCloseTo(number(a, 'width'), 1);
    expect(plot.table.rows[0]?.cells).toEqual(['nDCG@10', 'A', '0.2000', '0.1000 to 0.3000']);
    expect(plot.width).toBe(defaultWidth);
  });
});
