/** How the documents of one query move between rankings, as lines from rank to rank. */
import type { Look } from './look.js';
import { circle, group, line, text, type Mark, type Plot } from './mark.js';
import { counted, fit } from './words.js';

export interface MovementData {
  readonly kind: 'movement';
  readonly query: string;
  /** Two or more, left to right. */
  readonly rankings: readonly string[];
  /** Ranks beyond this one stand together on a line below. */
  readonly depth: number;
  readonly documents: readonly {
    readonly docId: string;
    readonly name: string;
    /** One for each ranking, from 1; null where it is not ranked. */
    readonly ranks: readonly (number | null)[];
    /** By the relevance judgements: 1 or more is relevant; null is unjudged. */
    readonly relevance: number | null;
  }[];
}

const step = 20;

/** Lines for every document within `depth` in at least one ranking. The key of a line and of a table row is the document's id. */
export function drawMovement(data: MovementData, width: number): Plot {
  const shown = data.documents
    .filter((d) => d.ranks.some((rank) => rank !== null && rank <= data.depth))
    .sort(
      (a, b) =>
        place(a.ranks[0]) - place(b.ranks[0]) ||
        place(a.ranks.at(-1)) - place(b.ranks.at(-1)) ||
        (a.docId < b.docId ? -1 : 1),
    );
  const depth = Math.min(data.depth, Math.max(1, ...shown.flatMap((d) => d.ranks.map((rank) => rank ?? 0))));
  const beyond = shown.some((d) => d.ranks.some((rank) => rank === null || rank > depth));
  const names = Math.max(60, Math.min(220, width * 0.27));
  const [left, right, top] = [
    names + 34,
    width - names - 34,
    data.rankings.length > 2 ? 34 + data.rankings.length * 16 : 34,
  ];
  const last = data.rankings.length - 1;
  const x = (i: number): number => left + (last === 0 ? 0 : (i / last) * (right - left));
  const y = (rank: number): number => top + (rank - 0.5) * step;
  const lost = top + (depth + 1) * step;
  const at = (rank: number | null | undefined): number => (rank == null || rank > depth ? lost : y(rank));
  const bottom = beyond ? lost + step : top + depth * step + 6;
  const marks: Mark[] = [
    ...headings(data.rankings, x, width),
    ...data.rankings.map((_, i) => line(x(i), top - 6, x(i), bottom - 6, 'grid')),
  ];
  if (beyond) {
    marks.push(
      line(left - 26, lost - step * 0.75, right + 26, lost - step * 0.75, 'reference'),
      text(`below ${depth}`, { x: left - 10, y: lost + 4, anchor: 'end' }, 'tick'),
      text(`below ${depth}`, { x: right + 10, y: lost + 4 }, 'tick'),
    );
  }
  for (let rank = 1; rank <= depth; rank++) {
    marks.push(
      text(String(rank), { x: left - 10, y: y(rank) + 4, anchor: 'end' }, 'tick'),
      text(String(rank), { x: right + 10, y: y(rank) + 4 }, 'tick'),
    );
  }
  for (const document of shown) {
    const { ranks, relevance } = document;
    const point: Look = relevance === null ? 'unjudged' : relevance > 0 ? 'relevant' : 'notRelevant';
    const said = ranks
      .map((rank, i) => `${data.rankings[i] ?? ''}: ${rank === null ? 'not ranked' : `rank ${rank}`}`)
      .join(', ');
    const strong = relevance !== null && relevance > 0;
    // Bold letters are wider.
    const name = fit(document.name, (names - 6) / (strong ? 1.15 : 1), 11);
    const children: Mark[] = [];
    for (let i = 0; i < last; i++) {
      const [from, to] = [at(ranks[i]), at(ranks[i + 1])];
      children.push(line(x(i), from, x(i + 1), to, to < from ? 'up' : to > from ? 'down' : 'same'));
    }
    for (const [i, rank] of ranks.entries()) if (at(rank) !== lost) children.push(circle(x(i), at(rank), 4, point));
    // Names stand at both ends, where the document is among those shown.
    if (at(ranks[0]) !== lost)
      children.push(text(name, { x: left - 30, y: at(ranks[0]) + 4, anchor: 'end' }, strong ? 'strong' : 'label'));
    if (at(ranks.at(-1)) !== lost)
      children.push(text(name, { x: right + 30, y: at(ranks.at(-1)) + 4 }, strong ? 'strong' : 'label'));
    marks.push(
      group(children, { key: document.docId, hint: `${document.name}: ${said}; ${relevanceWords(relevance)}` }),
    );
  }
  marks.push(...legend(left - 30, bottom + 14));
  const moved = shown.filter((d) => new Set(d.ranks.map(at)).size > 1).length;
  return {
    title: `Ranks for “${data.query}”`,
    description: `${counted(shown.length, 'document')} within the first ${depth} of ${data.rankings.join(', ')}; ${moved} moved. Solid lines rise, dashed lines fall; filled points are relevant.`,
    width,
    height: bottom + 24,
    marks,
    table: {
      columns: [
        { name: 'Document', numeric: false },
        ...data.rankings.map((name) => ({ name, numeric: true })),
        { name: 'Judged', numeric: false },
      ],
      rows: shown.map((d) => ({
        key: d.docId,
        cells: [d.name, ...d.ranks.map((rank) => (rank === null ? '–' : String(rank))), relevanceWords(d.relevance)],
      })),
    },
  };
}

/** Names over two rankings; letters over more, whose names would not fit, and the names above. */
function headings(rankings: readonly string[], x: (i: number) => number, width: number): Mark[] {
  if (rankings.length <= 2) {
    return rankings.map((name, i) => {
      const at = { x: x(i) + (i === 0 ? 8 : -8), y: 16, anchor: i === 0 ? ('end' as const) : ('start' as const) };
      return text(fit(name, x(0), 13), at, 'heading', { hint: name });
    });
  }
  return rankings.flatMap((name, i) => [
    text(letterOf(i), { x: x(i), y: 20 + rankings.length * 16, anchor: 'middle' }, 'heading'),
    text(`${letterOf(i)}  ${fit(name, width - 40, 11)}`, { x: 4, y: 12 + i * 16 }, 'label', { hint: name }),
  ]);
}

/** A, B, … Z, then numbers. */
function letterOf(i: number): string {
  return i < 26 ? String.fromCodePoint(65 + i) : String(i + 1);
}

function legend(left: number, y: number): Mark[] {
  const entries = [
    { look: 'relevant', name: 'relevant' },
    { look: 'notRelevant', name: 'not relevant' },
    { look: 'unjudged', name: 'unjudged' },
  ] as const;
  return entries.flatMap(({ look, name }, i) => [
    circle(left + i * 100, y, 4, look),
    text(name, { x: left + i * 100 + 9, y: y + 4 }, 'tick'),
  ]);
}

function place(rank: number | null | undefined): number {
  return rank ?? Number.MAX_SAFE_INTEGER;
}

function relevanceWords(relevance: number | null): string {
  return relevance === null ? 'unjudged' : relevance > 0 ? `relevant (${relevance})` : 'not relevant';
}
