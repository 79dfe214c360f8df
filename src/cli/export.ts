/** `rationale export`: corrections as training data for the next round, or as runs and qrels. */
import { readFile } from 'node:fs/promises';
import * as path from 'node:path';
import { RationaleError } from '../domain/failure.js';
import { planExport, type ExportPlan } from '../interchange/export.js';
import { exportInOneWalk } from '../interchange/export-folder.js';
import { exportFormats, type ExportFormat } from '../interchange/exporters.js';
import type { ExportPolicy } from '../interchange/policy.js';
import { parseProfile } from '../profiles/profile.js';
import {
  choice,
  flag,
  requiredText,
  type CliCommand,
  type CliContext,
  type ParsedArguments,
  embeddedModelDir,
} from './command.js';
import { formatHelp, policyHelp, policyOf, policyOptions, preview } from './export-policy.js';

const inclusions = ['human', 'prefilled'] as const;

export const exportCommand: CliCommand = {
  summary: 'turn corrected judgements into training data, runs and qrels',
  help: `Usage: rationale export JUDGEMENTS… --format FORMAT --out DIR [options]

Reads judgement files and every annotator's saved decisions beside them. What nobody reviewed is not exported unless
asked for; the rows left out are counted with the reason. DIR gets the data, a dataset card (README.md) and manifest.json.

Options:
  --format FORMAT
${formatHelp}
  --out DIR         a new or empty folder, or an unchanged earlier export
  --include human|prefilled   prefilled also takes what nobody decided on, as the model wrote it (default human)
${policyHelp}

Examples:
  rationale export teacher.judgements.jsonl --format trl-sft --out data/round-2
  rationale export *.judgements.jsonl --format trl-dpo --annotators adjudicated:Ada --validation 0.1 --out data/pairs
`,
  options: { format: { type: 'string' }, out: { type: 'string' }, include: { type: 'string' }, ...policyOptions },
  async run(args, context) {
    const format = formatOf(args, 'format');
    if (args.positionals.length === 0) throw new RationaleError('user', 'name the judgement files to export.');
    const include = choice(args, 'include', inclusions) ?? 'human';
    await exportFiles(args, { files: args.positionals, format, policy: policyOf(args, include) }, context);
  },
};

/** The export format that an option names. Throws RationaleError where it is missing or unknown. */
export function formatOf(args: ParsedArguments, option: string): ExportFormat {
  const format = choice(args, option, exportFormats);
  if (format === undefined) throw new RationaleError('user', `--${option} is missing: ${exportFormats.join(', ')}.`);
  return format;
}

/** Plans, previews, and writes to `--out` unless it is a dry run. Throws RationaleError as planning and writing do. */
export async function exportFiles(
  args: ParsedArguments,
  what: { readonly files: readonly string[]; readonly format: ExportFormat; readonly policy: Partial<ExportPolicy> },
  context: CliContext,
): Promise<ExportPlan> {
  const { out, err, version, signal } = context;
  // Teacher files may hold answers of the embedded model, whose prompt its own profile renders.
  const profileFile = path.join(embeddedModelDir(context), 'profile.json');
  const embedded = parseProfile(await readFile(profileFile, 'utf8'), profileFile);
  const options = { ...what, profiles: [embedded], signal };
  const notify = (plan: ExportPlan): void => {
    for (const source of plan.sources) for (const notice of source.notices) err(`${source.path}: ${notice}\n`);
  };
  if (flag(args, 'dry-run')) {
    const plan = await planExport(options);
    notify(plan);
    out(preview(plan));
    return plan;
  }
  const { plan, written } = await exportInOneWalk(options, requiredText(args, 'out'), version);
  notify(plan);
  err(preview(plan));
  out(`${written.folder}: ${written.rows} rows (${written.files.join(', ')})\n`);
  return plan;
}
