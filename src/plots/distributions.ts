/** How the scores of each label are spread: whether the score separates what people tell apart. */
import { bottomAxis, niceScale, tickCount } from './axis.js';
import { line, rect, text, type Mark, type Plot } from './mark.js';
import { counted, decimal, fit } from './words.js';

export interface DistributionsData {
  readonly kind: 'distributions';
  /** Whose scores, by which labels: `scores of rationale-135m by human label`. */
  readonly what: string;
  /** Ascending; bin i is [edges[i], edges[i + 1]), the last one closed. */
  readonly edges: readonly number[];
  readonly groups: readonly {
    readonly name: string;
    readonly count: number;
    /** Null in an empty group. */
    readonly median: number | null;
    /** One number for each bin. */
    readonly counts: readonly number[];
  }[];
}

const rowHeight = 58;

/** One histogram for each label over one axis, each as high as its fullest bin, with the median as a thick stroke. */
export function drawDistributions(data: DistributionsData, width: number): Plot {
  const names = Math.min(160, width * 0.4);
  const area = { left: names + 12, right: width - 12, top: 8, bottom: 8 + data.groups.length * rowHeight };
  const x = niceScale(
    [data.edges[0] ?? 0, data.edges.at(-1) ?? 1],
    [area.left, area.right],
    tickCount(area.right - area.left, 56),
  );
  const marks: Mark[] = bottomAxis(x, area, 'Score');
  for (const [i, group] of data.groups.entries()) {
    const bottom = area.top + (i + 1) * rowHeight;
    const most = Math.max(1, ...group.counts);
    marks.push(
      text(fit(group.name, names, 11), { x: names, y: bottom - 24, anchor: 'end' }, 'strong', { hint: group.name }),
      text(
        group.median === null
          ? counted(group.count, 'row')
          : `${counted(group.count, 'row')}, median ${decimal(group.median, 2)}`,
        { x: names, y: bottom - 9, anchor: 'end' },
        'tick',
      ),
    );
    for (const [bin, count] of group.counts.entries()) {
      const [from, to] = [data.edges[bin], data.edges[bin + 1]];
      if (count === 0 || from === undefined || to === undefined) continue;
      marks.push(
        rect(x(from), bottom, x(to), bottom - (count / most) * (rowHeight - 14), 'bar', {
          hint: `${group.name}, ${decimal(from, 2)} to ${decimal(to, 2)}: ${counted(count, 'row')}`,
        }),
      );
    }
    marks.push(line(area.left, bottom, area.right, bottom, 'axis'));
    if (group.median !== null) {
      const at = x(group.median);
      marks.push(
        line(at, bottom, at, bottom - rowHeight + 8, 'median', {
          hint: `${group.name}: median ${decimal(group.median, 3)}`,
        }),
      );
    }
  }
  const medians = data.groups.flatMap((g) => (g.median === null ? [] : [`${g.name} ${decimal(g.median, 2)}`]));
  return {
    title: `Scores by label: ${data.what}`,
    description: `Median score: ${medians.join(', ') || 'no scores'}.`,
    width,
    height: area.bottom + 40,
    marks,
    table: {
      columns: [
        { name: 'Label', numeric: false },
        { name: 'Rows', numeric: true },
        { name: 'Median', numeric: true },
        { name: 'Fullest bin', numeric: false },
      ],
      rows: data.groups.map((group) => {
        const fullest = group.counts.indexOf(Math.max(...group.counts));
        const [from, to] = [data.edges[fullest], data.edges[fullest + 1]];
        return {
          cells: [
            group.name,
            String(group.count),
            group.median === null ? '' : decimal(group.median, 3),
            group.count === 0 || from === undefined || to === undefined
              ? ''
              : `${decimal(from, 2)} to ${decimal(to, 2)}`,
          ],
        };
      }),
    },
  };
}
