/** The means of several rankings with their intervals: whether two numbers of a table differ by more than chance. */
import { bottomAxis, niceScale, tickCount } from './axis.js';
import { line, rect, text, type Mark, type Plot } from './mark.js';
import { counted, decimal, fit } from './words.js';

export interface MetricsData {
  readonly kind: 'metrics';
  /** How the intervals were made: `95 % bootstrap intervals over 43 queries`. */
  readonly intervals: string;
  readonly metrics: readonly {
    readonly name: string;
    readonly systems: readonly {
      readonly name: string;
      readonly mean: number;
      readonly interval: readonly [number, number] | null;
    }[];
  }[];
}

const barHeight = 22;

/** A panel of bars for each metric, on an axis of its own that starts at 0. */
export function drawMetrics(data: MetricsData, width: number): Plot {
  const names = Math.min(180, width * 0.3);
  const [left, right] = [names + 12, width - 64];
  const marks: Mark[] = [];
  let y = 0;
  for (const metric of data.metrics) {
    const highest = Math.max(0, ...metric.systems.map((s) => Math.max(s.mean, s.interval?.[1] ?? 0)));
    const x = niceScale([0, highest || 1], [left, right], tickCount(right - left, 64));
    const area = { left, right, top: y + 26, bottom: y + 30 + metric.systems.length * barHeight };
    marks.push(text(metric.name, { x: left, y: y + 16 }, 'heading'), ...bottomAxis(x, area, ''));
    for (const [i, system] of metric.systems.entries()) {
      const top = area.top + 2 + i * barHeight;
      const middle = top + barHeight / 2;
      const said =
        system.interval === null ? '' : ` (${decimal(system.interval[0], 3)} to ${decimal(system.interval[1], 3)})`;
      marks.push(
        text(fit(system.name, names, 11), { x: names + 4, y: middle + 4, anchor: 'end' }, 'label', {
          hint: system.name,
        }),
        rect(x(0), top + 3, x(system.mean), top + barHeight - 3, 'bar', {
          hint: `${system.name}: ${decimal(system.mean, 4)}${said}`,
        }),
        text(decimal(system.mean, 3), { x: width - 8, y: middle + 4, anchor: 'end' }, 'strong'),
      );
      if (system.interval !== null) {
        const [low, high] = [x(system.interval[0]), x(system.interval[1])];
        marks.push(
          line(low, middle, high, middle, 'whisker'),
          line(low, middle - 4, low, middle + 4, 'whisker'),
          line(high, middle - 4, high, middle + 4, 'whisker'),
        );
      }
    }
    y = area.bottom + 30;
  }
  const systems = new Set(data.metrics.flatMap((metric) => metric.systems.map((s) => s.name)));
  return {
    title: `${data.metrics.map((metric) => metric.name).join(', ')} of ${counted(systems.size, 'ranking')}`,
    description: `Bars are means, strokes ${data.intervals}.`,
    width,
    height: Math.max(y, 1),
    marks,
    table: {
      columns: [
        { name: 'Metric', numeric: false },
        { name: 'Ranking', numeric: false },
        { name: 'Mean', numeric: true },
        { name: 'Interval', numeric: true },
      ],
      rows: data.metrics.flatMap((metric) =>
        metric.systems.map((system) => ({
          cells: [
            metric.name,
            system.name,
            decimal(system.mean, 4),
            system.interval === null ? '' : `${decimal(system.interval[0], 4)} to ${decimal(system.interval[1], 4)}`,
          ],
        })),
      ),
    },
  };
}
