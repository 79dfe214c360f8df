/** Who calls what which: counts of label pairs. In the webview its cells are buttons of a table; this is the picture of it. */
import type { Look } from './look.js';
import { rect, text, type Mark, type Plot } from './mark.js';
import { counted, decimal, fit } from './words.js';

export interface ConfusionData {
  readonly kind: 'confusion';
  /** `human`, `teacher`: whose labels the rows and the columns are. */
  readonly rows: { readonly who: string; readonly labels: readonly string[] };
  readonly columns: { readonly who: string; readonly labels: readonly string[] };
  /** `counts[row][column]` */
  readonly counts: readonly (readonly number[])[];
  /** Agreement, where the evaluation has computed it: printed under the matrix. */
  readonly agreement?: {
    readonly accuracy: number | null;
    readonly macroF1: number | null;
    readonly kappa: number | null;
  };
}

const cell = 64;
const shades = [null, 'shade1', 'shade2', 'shade3', 'shade4'] as const satisfies readonly (Look | null)[];

/** The look of a cell that holds `share` of its row, in [0, 1]; null for an empty one. */
export function shadeOf(share: number): Look | null {
  return share <= 0 ? null : (shades[Math.min(4, Math.ceil(share * 4))] ?? null);
}

/** The matrix with counts and shares of each row; agreement lies on the framed diagonal. The key of a cell is `row:column`. */
export function drawConfusion(data: ConfusionData, width: number): Plot {
  const { rows, columns, counts } = data;
  const names = Math.min(130, width * 0.28);
  const size = Math.max(44, Math.min(110, (width - names - 24) / (columns.labels.length + 0.9)));
  const [left, top] = [names + 24, 46];
  const column = (i: number): number => left + i * size;
  const row = (i: number): number => top + i * cell;
  const marks: Mark[] = [
    text(
      fit(columns.who, columns.labels.length * size, 12),
      { x: column(columns.labels.length / 2), y: 14, anchor: 'middle' },
      'heading',
    ),
    text(
      fit(rows.who, rows.labels.length * cell, 12),
      { x: 12, y: row(rows.labels.length / 2), anchor: 'middle', turned: true },
      'heading',
    ),
    ...columns.labels.map((label, i) =>
      text(fit(label, size - 6, 11), { x: column(i + 0.5), y: top - 8, anchor: 'middle' }, 'label', { hint: label }),
    ),
    text('all', { x: column(columns.labels.length + 0.45), y: top - 8, anchor: 'middle' }, 'tick'),
  ];
  for (const [i, label] of rows.labels.entries()) {
    const total = sum(counts[i] ?? []);
    marks.push(
      text(fit(label, names, 11), { x: left - 8, y: row(i + 0.5) + 4, anchor: 'end' }, 'label', { hint: label }),
    );
    for (const [j, other] of columns.labels.entries()) {
      const count = counts[i]?.[j] ?? 0;
      const share = total === 0 ? 0 : count / total;
      const extra = {
        key: `${i}:${j}`,
        hint: `${rows.who} ${label}, ${columns.who} ${other}: ${counted(count, 'row')}`,
      };
      const shade = shadeOf(share);
      if (shade !== null) marks.push(rect(column(j), row(i), column(j + 1), row(i + 1), shade));
      marks.push(
        rect(column(j), row(i), column(j + 1), row(i + 1), 'cell', extra),
        text(
          count.toLocaleString('en-GB'),
          { x: column(j + 0.5), y: row(i + 0.5) + (count === 0 ? 4 : -2), anchor: 'middle' },
          count === 0 ? 'tick' : 'strong',
        ),
      );
      if (count > 0)
        marks.push(
          text(`${decimal(share * 100, 0)} %`, { x: column(j + 0.5), y: row(i + 0.5) + 14, anchor: 'middle' }, 'tick'),
        );
    }
    marks.push(
      text(
        total.toLocaleString('en-GB'),
        { x: column(columns.labels.length + 0.45), y: row(i + 0.5) + 4, anchor: 'middle' },
        'tick',
      ),
    );
  }
  // Frames last, so that no neighbour's border covers them.
  for (const [i, label] of rows.labels.entries()) {
    const j = columns.labels.indexOf(label);
    if (j >= 0) marks.push(rect(column(j) + 1.5, row(i) + 1.5, column(j + 1) - 1.5, row(i + 1) - 1.5, 'diagonal'));
  }
  const total = sum(counts.map(sum));
  const bottom = row(rows.labels.length);
  const agree = sum(rows.labels.map((label, i) => counts[i]?.[columns.labels.indexOf(label)] ?? 0));
  const said =
    data.agreement === undefined
      ? ''
      : [
          ['Accuracy', data.agreement.accuracy] as const,
          ['macro-F1', data.agreement.macroF1] as const,
          ['Cohen’s κ', data.agreement.kappa] as const,
        ]
          .map(([name, value]) => `${name} ${value === null ? 'undefined' : decimal(value, 3)}`)
          .join(', ');
  if (said !== '') marks.push(text(said, { x: left, y: bottom + 22 }, 'label'));
  return {
    title: `Labels: ${rows.who} against ${columns.who}`,
    description: `The same label on ${agree.toLocaleString('en-GB')} of ${counted(total, 'row')} (framed).${said === '' ? '' : ` ${said}.`}`,
    width: Math.max(column(columns.labels.length + 0.9), 300),
    height: bottom + (said === '' ? 8 : 32),
    marks,
    table: {
      columns: [
        { name: `${rows.who} \\ ${columns.who}`, numeric: false },
        ...columns.labels.map((name) => ({ name, numeric: true })),
      ],
      rows: rows.labels.map((label, i) => ({
        cells: [label, ...columns.labels.map((_, j) => String(counts[i]?.[j] ?? 0))],
      })),
    },
  };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
