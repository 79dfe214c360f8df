/** Axes with grid lines and round tick values (d3-scale's), shared by every plot that has a scale of numbers. */
import { scaleLinear, type ScaleLinear } from 'd3-scale';
import { line, text, type Mark } from './mark.js';

export type Linear = ScaleLinear<number, number>;

/** A scale over `domain`, widened to round numbers; a domain without extent gets one, so that nothing is divided by 0. */
export function niceScale(domain: readonly [number, number], range: readonly [number, number], ticks: number): Linear {
  const [low, high] = domain;
  // Below this, steps between ticks would vanish in the numbers' precision (a score of 5e-324, say).
  const flat = high - low < 1e-9 * Math.max(1, Math.abs(low), Math.abs(high));
  const margin = 0.1 * Math.max(Math.abs(low), Math.abs(high), 1e-3);
  const wide: [number, number] = flat ? [low - margin, high + margin] : [low, high];
  return scaleLinear().domain(wide).range(range).nice(ticks);
}

/** As many ticks as fit a length in user units. */
export function tickCount(length: number, each: number): number {
  return Math.max(2, Math.min(10, Math.floor(length / each)));
}

/** Grid lines, tick labels and title of a horizontal axis at `bottom`. */
export function bottomAxis(
  scale: Linear,
  area: { readonly left: number; readonly right: number; readonly top: number; readonly bottom: number },
  title: string,
): Mark[] {
  const count = tickCount(area.right - area.left, 56);
  const format = scale.tickFormat(count);
  return [
    ...scale
      .ticks(count)
      .flatMap((tick) => [
        line(scale(tick), area.top, scale(tick), area.bottom, 'grid'),
        text(format(tick), { x: scale(tick), y: area.bottom + 15, anchor: 'middle' }, 'tick'),
      ]),
    line(area.left, area.bottom, area.right, area.bottom, 'axis'),
    ...(title === '' ? [] : [axisTitle(area, title, 32)]),
  ];
}

/** The title of a horizontal axis, `below` the area. */
export function axisTitle(
  area: { readonly left: number; readonly right: number; readonly bottom: number },
  title: string,
  below: number,
): Mark {
  return text(title, { x: (area.left + area.right) / 2, y: area.bottom + below, anchor: 'middle' }, 'tick');
}

/** Grid lines, tick labels and title of a vertical axis at `left`. */
export function leftAxis(
  scale: Linear,
  area: { readonly left: number; readonly right: number; readonly top: number; readonly bottom: number },
  title: string,
): Mark[] {
  const count = tickCount(area.bottom - area.top, 32);
  const format = scale.tickFormat(count);
  return [
    ...scale
      .ticks(count)
      .flatMap((tick) => [
        line(area.left, scale(tick), area.right, scale(tick), 'grid'),
        text(format(tick), { x: area.left - 6, y: scale(tick) + 4, anchor: 'end' }, 'tick'),
      ]),
    text(title, { x: 12, y: (area.top + area.bottom) / 2, anchor: 'middle', turned: true }, 'tick'),
  ];
}
