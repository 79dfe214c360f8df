/** What an import left out and changed, put together for people: one entry a kind of reason, with where to look first. */
import type { ImportReport } from './import.js';

export interface ReasonGroup {
  readonly reason: string;
  readonly count: number;
  /** Of the source, from 1, in ascending order: the first few. */
  readonly lines: readonly number[];
  /** The first reason in full, where it says more than the kind. */
  readonly example: string | null;
}

const linesShown = 5;

/** Why records were skipped, the most frequent reason first. */
export function skippedGroups(report: ImportReport): ReasonGroup[] {
  return groups(report.skippedCounts, report.skipped);
}

/** What was taken otherwise than it was written, likewise. */
export function noteGroups(report: ImportReport): ReasonGroup[] {
  return groups(report.noteCounts, report.notes);
}

/** `8, 12, 13 …`: the first lines of a group. */
export function linesText(group: ReasonGroup): string {
  const more = group.count > group.lines.length ? ' …' : '';
  return group.lines.length === 0 ? '' : `line${group.count === 1 ? '' : 's'} ${group.lines.join(', ')}${more}`;
}

function groups(
  counts: ReadonlyMap<string, number>,
  listed: readonly { readonly line: number; readonly reason: string }[],
): ReasonGroup[] {
  // The longest kind that a reason begins with is its own: one kind may begin with another.
  const kinds = [...counts.keys()].sort((a, b) => b.length - a.length);
  const found = new Map<string, { lines: number[]; example: string }>();
  for (const { line, reason } of listed) {
    const kind = kinds.find((k) => reason.startsWith(k));
    if (kind === undefined) continue;
    const group = found.get(kind) ?? { lines: [], example: reason };
    if (group.lines.length < linesShown && group.lines.at(-1) !== line) group.lines.push(line);
    found.set(kind, group);
  }
  return [...counts]
    .map(([reason, count]) => {
      const group = found.get(reason);
      const example = group === undefined || group.example === reason ? null : group.example;
      return { reason, count, lines: group?.lines ?? [], example };
    })
    .sort((a, b) => b.count - a.count);
}
