/** `rationale export`: corrections as training data for the next round. */
import { readFile } from 'node:fs/promises';
import * as path from 'node:path';
import { RationaleError } from '../domain/failure.js';
import { exportFormats, formatTitle, planExport, type ExportPlan } from '../interchange/export.js';
import { writeExport } from '../interchange/export-folder.js';
import { parseProfile } from '../profiles/profile.js';
import { choice, flag, requiredText, type CliCommand } from './command.js';

export const exportCommand: CliCommand = {
  summary: 'turn corrected judgements into training data',
  help: `Usage: rationale export JUDGEMENTS… --format FORMAT --out DIR [--dry-run]

Reads judgement files and every annotator's saved decisions beside them. What nobody reviewed is not exported; the rows
left out are counted with the reason. DIR gets train.jsonl, a dataset card (README.md) and manifest.json.

Options:
  --format FORMAT
${exportFormats.map((format) => `      ${format.padEnd(14)} ${formatTitle(format)}`).join('\n')}
  --out DIR         a new or empty folder, or an unchanged earlier export
  --dry-run         print how many rows would go in and why others do not; write nothing

Example:
  rationale export teacher.judgements.jsonl --format trl-sft --out data/round-2
`,
  options: { format: { type: 'string' }, out: { type: 'string' }, 'dry-run': { type: 'boolean' } },
  async run(args, { out, err, version, distDir }) {
    const format = choice(args, 'format', exportFormats);
    if (format === undefined) throw new RationaleError('user', `--format is missing: ${exportFormats.join(', ')}.`);
    if (args.positionals.length === 0) throw new RationaleError('user', 'name the judgement files to export.');
    // Teacher files may hold answers of the embedded model, whose prompt its own profile renders.
    const profileFile = path.join(distDir, '..', 'models', 'rationale-135m', 'profile.json');
    const embedded = parseProfile(await readFile(profileFile, 'utf8'), profileFile);
    const plan = await planExport({ files: args.positionals, format, profiles: [embedded] });
    for (const source of plan.sources) for (const notice of source.notices) err(`${source.path}: ${notice}\n`);
    if (flag(args, 'dry-run')) {
      out(preview(plan));
      return;
    }
    const written = await writeExport(plan, requiredText(args, 'out'), version);
    err(preview(plan));
    out(`${written.folder}: ${written.rows} rows (${written.files.join(', ')})\n`);
  },
};

function preview(plan: ExportPlan): string {
  const lines = [
    `${plan.included.length} rows go in`,
    ...plan.reasons.map(({ text, rows }) => `${rows} left out: ${text}`),
  ];
  return `${lines.join('\n')}\n`;
}
