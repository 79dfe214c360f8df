/**
 * How marks look. One table gives the webview's style sheet, where colours are VS Code's variables, and the attributes
 * of a file, where they are plain colours: many programs that read SVG know no CSS variables.
 */
const colours = {
  /** Light, dark (both at least 3 : 1 against `back`, text 4.5 : 1), and the webview's. */
  text: ['#1f1f1f', '#dddddd', 'var(--vscode-foreground)'],
  muted: ['#5c5c5c', '#a3a3a3', 'var(--vscode-descriptionForeground)'],
  grid: ['#c8c8c8', '#565656', 'var(--vscode-contrastBorder, var(--vscode-editorWidget-border))'],
  back: ['#ffffff', '#1f1f1f', 'var(--vscode-editor-background)'],
  /** Blue and orange stay apart for every common kind of colour blindness. */
  first: ['#0063d3', '#59a4f9', 'var(--vscode-charts-blue)'],
  second: ['#a65d00', '#e0a030', 'var(--vscode-editorWarning-foreground)'],
} as const satisfies Record<string, readonly [light: string, dark: string, page: string]>;
export type Colour = keyof typeof colours;

export type Palette = 'light' | 'dark';

interface Style {
  readonly fill?: Colour;
  readonly stroke?: Colour;
  readonly 'fill-opacity'?: number;
  readonly 'stroke-opacity'?: number;
  readonly 'stroke-width'?: number;
  readonly 'stroke-dasharray'?: string;
  readonly 'font-size'?: number;
  readonly 'font-weight'?: number;
}

const small = 11;

/** Never by colour alone: what two colours tell apart also differs in direction, dash, fill or shape. */
const looks = {
  back: { fill: 'back' },
  title: { fill: 'text', 'font-size': 14, 'font-weight': 600 },
  subtitle: { fill: 'muted', 'font-size': 12 },
  heading: { fill: 'text', 'font-size': 12, 'font-weight': 600 },
  label: { fill: 'text', 'font-size': small },
  strong: { fill: 'text', 'font-size': small, 'font-weight': 600 },
  tick: { fill: 'muted', 'font-size': small },
  grid: { stroke: 'grid', 'stroke-width': 1, 'stroke-opacity': 0.5 },
  axis: { stroke: 'muted', 'stroke-width': 1 },
  reference: { stroke: 'muted', 'stroke-width': 1, 'stroke-dasharray': '4 3' },
  better: { fill: 'first', stroke: 'back', 'stroke-width': 0.5 },
  worse: { fill: 'second', stroke: 'back', 'stroke-width': 0.5 },
  betterArea: { fill: 'first' },
  worseArea: { fill: 'second' },
  equal: { stroke: 'muted', 'stroke-width': 3 },
  bar: { fill: 'first', 'fill-opacity': 0.3, stroke: 'first', 'stroke-width': 1 },
  whisker: { stroke: 'text', 'stroke-width': 1.5 },
  point: { fill: 'text' },
  firstLine: { stroke: 'first', 'stroke-width': 2 },
  firstPoint: { fill: 'first', stroke: 'back', 'stroke-width': 1 },
  secondLine: { stroke: 'second', 'stroke-width': 2, 'stroke-dasharray': '6 3' },
  secondPoint: { fill: 'back', stroke: 'second', 'stroke-width': 2 },
  gap: { stroke: 'muted', 'stroke-width': 1 },
  up: { stroke: 'first', 'stroke-width': 2 },
  down: { stroke: 'second', 'stroke-width': 2, 'stroke-dasharray': '6 3' },
  same: { stroke: 'muted', 'stroke-width': 1 },
  relevant: { fill: 'text', stroke: 'text', 'stroke-width': 1.5 },
  notRelevant: { fill: 'back', stroke: 'text', 'stroke-width': 1.5 },
  unjudged: { fill: 'back', stroke: 'muted', 'stroke-width': 1, 'stroke-dasharray': '2 2' },
  box: { stroke: 'text', 'stroke-width': 1.5 },
  median: { stroke: 'text', 'stroke-width': 2.5 },
  cell: { stroke: 'grid', 'stroke-width': 1 },
  diagonal: { stroke: 'text', 'stroke-width': 1.5 },
  shade1: { fill: 'first', 'fill-opacity': 0.06 },
  shade2: { fill: 'first', 'fill-opacity': 0.14 },
  shade3: { fill: 'first', 'fill-opacity': 0.22 },
  shade4: { fill: 'first', 'fill-opacity': 0.3 },
} as const satisfies Record<string, Style>;
export type Look = keyof typeof looks;

const fontSizes: Readonly<Partial<Record<Look, number>>> = Object.fromEntries(
  Object.entries(looks).flatMap(([look, style]) => ('font-size' in style ? [[look, style['font-size']]] : [])),
);

/** In user units. */
export function fontSize(look: Look): number {
  return fontSizes[look] ?? small;
}

/** A look as SVG presentation attributes; `colour` says how a colour is written. */
export function attributesOf(look: Look, colour: (name: Colour) => string): Readonly<Record<string, string | number>> {
  const { fill, stroke, ...rest }: Style = looks[look];
  return {
    fill: fill === undefined ? 'none' : colour(fill),
    ...(stroke === undefined ? {} : { stroke: colour(stroke) }),
    ...rest,
  };
}

/** A plain colour of a palette, for files. */
export function paletteColour(name: Colour, palette: Palette): string {
  return colours[name][palette === 'light' ? 0 : 1];
}

/** The class of a look, in pages and files. */
export function classOf(look: Look): string {
  return `plot-${look}`;
}

/** One CSS rule for each look. `selector` stands before the class. */
export function rules(selector: string, colour: (name: Colour) => string): string {
  return (Object.keys(looks) as Look[])
    .map((look) => {
      const declarations = Object.entries(attributesOf(look, colour)).map(([name, value]) =>
        name === 'font-size' ? `${name}:${value}px` : `${name}:${value}`,
      );
      return `${selector}.${classOf(look)}{${declarations.join(';')}}`;
    })
    .join('\n');
}

/** The webview's style sheet for plots. */
export const pageStyles = rules('', (name) => colours[name][2]);
