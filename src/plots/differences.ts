/** Per-query differences between two rankings, sorted: whether a mean stands on many queries or on a few. */
import { axisTitle, leftAxis, niceScale, tickCount } from './axis.js';
import { line, polyline, rect, text, type Mark, type Plot } from './mark.js';
import { counted, decimal, fit, signed } from './words.js';

export interface DifferencesData {
  readonly kind: 'differences';
  /** `nDCG@10` */
  readonly metric: string;
  readonly system: string;
  readonly baseline: string;
  readonly queries: readonly {
    readonly queryId: string;
    readonly query: string | null;
    readonly system: number;
    readonly baseline: number;
  }[];
}

/** Below this a difference is a tie: it comes from the order of summation. */
const tie = 1e-12;
const height = 240;
/** More bars than this are drawn as one outline: they would be thinner than a pixel. */
const singleBars = 600;

/** Bars of system − baseline, greatest first, ties by query id. The key of a bar and of a table row is the query's id. */
export function drawDifferences(data: DifferencesData, width: number): Plot {
  const sorted = data.queries
    .map((q) => ({ ...q, difference: q.system - q.baseline }))
    .sort((a, b) => b.difference - a.difference || (a.queryId < b.queryId ? -1 : 1));
  const differences = sorted.map((q) => q.difference);
  const wins = differences.filter((d) => d > tie).length;
  const losses = differences.filter((d) => d < -tie).length;
  const mean = differences.reduce((sum, d) => sum + d, 0) / (differences.length || 1);
  const area = { left: 58, right: width - 8, top: 18, bottom: height - 24 };
  const y = niceScale(
    [Math.min(0, ...range(differences)), Math.max(0, ...range(differences))],
    [area.bottom, area.top],
    tickCount(area.bottom - area.top, 32),
  );
  const step = (area.right - area.left) / (sorted.length || 1);
  const x = (place: number): number => area.left + place * step;
  const marks: Mark[] = leftAxis(y, area, `Difference in ${data.metric}`);
  if (sorted.length <= singleBars) {
    const gap = step > 4 ? Math.min(step * 0.15, 3) : 0;
    for (const [place, query] of sorted.entries()) {
      const hint = `${query.queryId}: ${signed(query.difference, 3)} (${decimal(query.baseline, 3)} to ${decimal(query.system, 3)})${query.query === null ? '' : ` · ${query.query}`}`;
      const extra = { hint, key: query.queryId };
      if (Math.abs(query.difference) <= tie)
        marks.push(line(x(place) + gap, y(0), x(place + 1) - gap, y(0), 'equal', extra));
      else
        marks.push(
          rect(
            x(place) + gap,
            y(0),
            x(place + 1) - gap,
            y(query.difference),
            query.difference > 0 ? 'better' : 'worse',
            extra,
          ),
        );
    }
  } else {
    const outline = (from: number, to: number): [number, number][] => [
      [x(from), y(0)],
      ...sorted.slice(from, to).flatMap((q, i): [number, number][] => [
        [x(from + i), y(q.difference)],
        [x(from + i + 1), y(q.difference)],
      ]),
      [x(to), y(0)],
    ];
    if (wins > 0) marks.push(polyline(outline(0, wins), 'betterArea', { closed: true }));
    if (losses > 0) marks.push(polyline(outline(sorted.length - losses, sorted.length), 'worseArea', { closed: true }));
  }
  marks.push(
    line(area.left, y(0), area.right, y(0), 'axis'),
    line(area.left, y(mean), area.right, y(mean), 'reference'),
    text(`mean ${signed(mean, 3)}`, { x: area.right, y: y(mean) - 5, anchor: 'end' }, 'strong'),
    axisTitle(area, 'Queries, greatest gain first', 16),
  );
  const ties = sorted.length - wins - losses;
  return {
    title: `${data.metric} by query: ${data.system} against ${data.baseline}`,
    description: `Over ${counted(sorted.length, 'query', 'queries')}, ${data.system} is better on ${wins}, equal on ${ties} and worse on ${losses}. Mean difference ${signed(mean, 3)}.`,
    width,
    height,
    marks,
    table: {
      columns: [
        { name: 'Query', numeric: false },
        { name: fit(data.baseline, 200, 11), numeric: true },
        { name: fit(data.system, 200, 11), numeric: true },
        { name: 'Difference', numeric: true },
      ],
      rows: sorted.map((q) => ({
        key: q.queryId,
        cells: [
          q.query === null ? q.queryId : `${q.queryId} · ${q.query}`,
          decimal(q.baseline, 3),
          decimal(q.system, 3),
          signed(q.difference, 3),
        ],
      })),
    },
  };
}

/** Least and greatest, without spreading an array of any length into arguments. */
function range(values: readonly number[]): [number, number] {
  let low = 0;
  let high = 0;
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return [low, high];
}
