/** What an import took and left out, as Markdown. Pure. */
import type { ImportReport } from '../interchange/import/import.js';
import { linesText, noteGroups, skippedGroups, type ReasonGroup } from '../interchange/import/report.js';

const listed = 200;

/** `source`: the name of the file that was read. */
export function importReport(source: string, report: ImportReport): string {
  const lines = [
    '# Import report',
    '',
    `**${report.taken} of ${report.read} rows** of ${escaped(source)} were taken as \`${report.importer}\`${report.corrections === 0 ? '' : `, with ${report.corrections} corrections`}.`,
    '',
    ...table('Skipped', skippedGroups(report)),
    ...table('Taken with a change', noteGroups(report)),
  ];
  if (report.skipped.length > 0) {
    lines.push('Skipped, line by line:', '');
    lines.push(...report.skipped.slice(0, listed).map(({ line, reason }) => `- line ${line}: ${escaped(reason)}`), '');
    const more =
      [...report.skippedCounts.values()].reduce((a, b) => a + b, 0) - Math.min(listed, report.skipped.length);
    if (more > 0) lines.push(`and ${more} more.`, '');
  }
  return lines.join('\n');
}

function table(title: string, groups: readonly ReasonGroup[]): string[] {
  if (groups.length === 0) return [];
  const rows = groups.map(
    (group) => `| ${escaped(group.example ?? group.reason)} | ${group.count} | ${linesText(group)} |`,
  );
  return [`| ${title} | rows | where |`, '| --- | ---: | --- |', ...rows, ''];
}

/** Reasons quote what stands in the file, which must not become links, images or HTML. */
function escaped(text: string): string {
  return text.replace(/\s+/g, ' ').replace(/[\\`*_[\]<>#|~!&]/g, (c) => `\\${c}`);
}
