/** The preview of an export as Markdown: how many rows go in, which do not and why, what is worth a look. Pure. */
import path from 'node:path';
import { formatTitle, type ExportPlan } from '../interchange/export.js';

/** `unsaved`: decisions of open editors that are not in a log yet and therefore not in the plan. */
export function exportPreview(plan: ExportPlan, unsaved: number): string {
  const lines = [
    '# Export preview',
    '',
    `**${plan.included.length} of ${plan.total} rows** go in as ${formatTitle(plan.format)}: ${plan.accepted} accepted, ${plan.corrected} corrected.`,
    '',
    ...(unsaved === 0
      ? []
      : [
          `**${unsaved} decisions are not saved** and do not go in. Save the file and export again to include them.`,
          '',
        ]),
    ...table('Left out', plan.reasons),
    ...table('Included, but worth a look', plan.warnings),
    '| file | rows |',
    '| --- | ---: |',
    ...plan.sources.map((source) => `| ${path.basename(source.path)} | ${source.rows} |`),
    '',
  ];
  const notices = plan.sources.flatMap((source) => source.notices);
  if (notices.length > 0) lines.push(...notices.map((notice) => `- ${notice}`), '');
  const [first] = plan.included;
  if (first !== undefined) {
    // Indented, because a fence could be closed by what the row holds.
    const sample = JSON.stringify(first.line, null, 2).split('\n');
    lines.push('The first row:', '', ...sample.map((line) => `    ${line}`), '');
  }
  return lines.join('\n');
}

function table(title: string, counts: readonly { readonly text: string; readonly rows: number }[]): string[] {
  if (counts.length === 0) return [];
  return [`| ${title} | rows |`, '| --- | ---: |', ...counts.map(({ text, rows }) => `| ${text} | ${rows} |`), ''];
}
