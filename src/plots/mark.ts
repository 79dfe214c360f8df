/**
 * What a picture is made of: a few kinds of SVG shapes with a named look each. The command line writes them as a file
 * (svg.ts), the webview makes elements of them without parsing any text, so that no label can become markup.
 */
import type { Look } from './look.js';

export interface Mark {
  readonly tag: 'g' | 'rect' | 'line' | 'path' | 'circle' | 'text';
  /** Geometry and `text-anchor`, in user units (CSS pixels). */
  readonly attributes: Readonly<Record<string, number | string>>;
  readonly look?: Look;
  /** Of a `text`. */
  readonly text?: string;
  /** Said when the pointer rests on it (an SVG `title`). */
  readonly hint?: string;
  /** Names what the mark stands for, for a page that acts on a click. */
  readonly key?: string;
  readonly children?: readonly Mark[];
}

/** The numbers behind a picture: shown beside it, for those who cannot or would rather not read a picture. */
interface DataTable {
  readonly columns: readonly { readonly name: string; readonly numeric: boolean }[];
  readonly rows: readonly {
    readonly cells: readonly string[];
    /** As `Mark.key`. */
    readonly key?: string;
  }[];
}

export interface Plot {
  readonly title: string;
  /** One or two sentences with the picture's message, for screen readers and as the line under the title. */
  readonly description: string;
  readonly width: number;
  readonly height: number;
  readonly marks: readonly Mark[];
  readonly table: DataTable;
}

type Anchor = 'start' | 'middle' | 'end';
type Extra = Pick<Mark, 'hint' | 'key'>;

export function text(
  content: string,
  at: { readonly x: number; readonly y: number; readonly anchor?: Anchor; readonly turned?: boolean },
  look: Look,
  extra: Extra = {},
): Mark {
  const turn = at.turned === true ? { transform: `rotate(-90 ${round(at.x)} ${round(at.y)})` } : {};
  return {
    tag: 'text',
    attributes: { x: round(at.x), y: round(at.y), 'text-anchor': at.anchor ?? 'start', ...turn },
    look,
    text: content,
    ...extra,
  };
}

export function line(x1: number, y1: number, x2: number, y2: number, look: Look, extra: Extra = {}): Mark {
  return { tag: 'line', attributes: { x1: round(x1), y1: round(y1), x2: round(x2), y2: round(y2) }, look, ...extra };
}

/** From one corner to the opposite one, in any order. */
export function rect(x1: number, y1: number, x2: number, y2: number, look: Look, extra: Extra = {}): Mark {
  const attributes = {
    x: round(Math.min(x1, x2)),
    y: round(Math.min(y1, y2)),
    width: round(Math.abs(x2 - x1)),
    height: round(Math.abs(y2 - y1)),
  };
  return { tag: 'rect', attributes, look, ...extra };
}

export function circle(cx: number, cy: number, r: number, look: Look, extra: Extra = {}): Mark {
  return { tag: 'circle', attributes: { cx: round(cx), cy: round(cy), r: round(r) }, look, ...extra };
}

/** Straight lines through the points; `closed` joins the last to the first. */
export function polyline(
  points: readonly (readonly [x: number, y: number])[],
  look: Look,
  extra: Extra & { readonly closed?: true } = {},
): Mark {
  const { closed, ...rest } = extra;
  const d = points.map(([x, y], i) => `${i === 0 ? 'M' : 'L'}${round(x)} ${round(y)}`).join('');
  return { tag: 'path', attributes: { d: closed === true ? `${d}Z` : d }, look, ...rest };
}

export function group(children: readonly Mark[], extra: Extra = {}): Mark {
  return { tag: 'g', attributes: {}, children, ...extra };
}

/** Hundredths of a pixel: the same picture on every machine, and a file of half the size. */
function round(value: number): number {
  return Math.round(value * 100) / 100 + 0;
}
