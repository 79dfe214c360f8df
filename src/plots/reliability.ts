/**
 * The reliability diagram (DeGroot and Fienberg 1983; as in Guo et al. 2017): of the answers given with a probability
 * of p, how many were right. Below it, how many answers each bin holds: a gap in a bin of three answers means nothing.
 */
import { bottomAxis, leftAxis, niceScale } from './axis.js';
import type { Look } from './look.js';
import { circle, line, polyline, rect, text, type Mark, type Plot } from './mark.js';
import { counted, decimal, fit } from './words.js';

export interface ReliabilityData {
  readonly kind: 'reliability';
  /** What is calibrated: `labels of rationale-135m against 240 human labels`. */
  readonly what: string;
  /** One, or two to compare (before and after a temperature); more cannot be told apart without colour. */
  readonly series: readonly {
    readonly name: string;
    /** Expected calibration error, in [0, 1]; null without an answer. */
    readonly ece: number | null;
    readonly bins: readonly {
      readonly low: number;
      readonly high: number;
      readonly count: number;
      /** Mean predicted probability and share of right answers; null in an empty bin. */
      readonly confidence: number | null;
      readonly accuracy: number | null;
    }[];
  }[];
}

const styles = [
  { path: 'firstLine', point: 'firstPoint' },
  { path: 'secondLine', point: 'secondPoint' },
] as const satisfies readonly { readonly path: Look; readonly point: Look }[];

/** Bins of up to two series over the diagonal, and the counts of the last one below. Further series stand in the table only. */
export function drawReliability(data: ReliabilityData, width: number): Plot {
  const side = Math.min(width, 460);
  const area = { left: 58, right: side - 8, top: 12, bottom: side - 54 };
  const counts = { top: area.bottom + 12, bottom: area.bottom + 72 };
  const x = niceScale([0, 1], [area.left, area.right], 5);
  const y = niceScale([0, 1], [area.bottom, area.top], 5);
  const marks: Mark[] = [
    ...leftAxis(y, area, 'Share of right labels'),
    ...bottomAxis(x, { ...area, bottom: counts.bottom }, 'Probability given to the label'),
    line(area.left, area.bottom, area.right, area.bottom, 'axis'),
    line(x(0), y(0), x(1), y(1), 'reference'),
  ];
  const shown = data.series.slice(0, styles.length);
  const legend = (i: number): { readonly left: number; readonly y: number } => ({
    left: area.left + 10,
    y: area.top + 10 + i * 18,
  });
  const last = shown.at(-1);
  const most = Math.max(1, ...(last?.bins ?? []).map((bin) => bin.count));
  for (const bin of last?.bins ?? []) {
    if (bin.count === 0) continue;
    const top = counts.bottom - (bin.count / most) * (counts.bottom - counts.top);
    marks.push(
      rect(x(bin.low) + 1, counts.bottom, x(bin.high) - 1, top, 'bar', {
        hint: `${decimal(bin.low, 2)} to ${decimal(bin.high, 2)}: ${counted(bin.count, 'answer')}`,
      }),
    );
  }
  marks.push(text(`most: ${counted(most, 'answer')}`, { x: area.left + 4, y: counts.top + 10 }, 'tick'));
  for (const [i, series] of shown.entries()) {
    const style = styles[i] ?? styles[0];
    const points = series.bins.flatMap(({ confidence, accuracy, count }) =>
      confidence === null || accuracy === null ? [] : [{ confidence, accuracy, count }],
    );
    marks.push(
      ...points.map((p) => line(x(p.confidence), y(p.accuracy), x(p.confidence), y(p.confidence), 'gap')),
      polyline(
        points.map((p) => [x(p.confidence), y(p.accuracy)]),
        style.path,
      ),
      ...points.map((p) => {
        const hint = `${series.name}: said ${decimal(p.confidence, 2)}, right ${decimal(p.accuracy, 2)} (${counted(p.count, 'answer')})`;
        const [px, py] = [x(p.confidence), y(p.accuracy)];
        // A circle and a square: the two series are told apart without colour.
        return i === 0
          ? circle(px, py, 4.5, style.point, { hint })
          : rect(px - 4, py - 4, px + 4, py + 4, style.point, { hint });
      }),
    );
    const { left, y: row } = legend(i);
    marks.push(
      line(left, row, left + 26, row, style.path),
      i === 0 ? circle(left + 13, row, 4.5, style.point) : rect(left + 9, row - 4, left + 17, row + 4, style.point),
      text(`${fit(series.name, side / 3, 11)}, ECE ${eceWords(series.ece)}`, { x: left + 32, y: row + 4 }, 'strong'),
    );
  }
  const { left, y: row } = legend(shown.length);
  marks.push(line(left, row, left + 26, row, 'reference'), text('calibrated', { x: left + 32, y: row + 4 }, 'tick'));
  return {
    title: `Calibration: ${data.what}`,
    description: `Expected calibration error: ${data.series.map((s) => `${s.name} ${eceWords(s.ece)}`).join(', ')}. Points on the dashed diagonal are calibrated; below it the model is too sure.`,
    width: side,
    height: counts.bottom + 40,
    marks,
    table: {
      columns: [
        { name: 'Series', numeric: false },
        { name: 'Bin', numeric: false },
        { name: 'Answers', numeric: true },
        { name: 'Mean probability', numeric: true },
        { name: 'Right', numeric: true },
      ],
      rows: data.series.flatMap((series) =>
        series.bins
          .filter((bin) => bin.count > 0)
          .map((bin) => ({
            cells: [
              series.name,
              `${decimal(bin.low, 2)} to ${decimal(bin.high, 2)}`,
              String(bin.count),
              bin.confidence === null ? '' : decimal(bin.confidence, 3),
              bin.accuracy === null ? '' : decimal(bin.accuracy, 3),
            ],
          })),
      ),
    },
  };
}

function eceWords(ece: number | null): string {
  return ece === null ? 'undefined' : decimal(ece, 3);
}
