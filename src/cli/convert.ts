/** `rationale convert`: from one foreign format to another, by way of a judgement file that does not stay. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import type { CliCommand } from './command.js';
import { requiredText } from './command.js';
import { exportFiles, formatOf } from './export.js';
import { formatHelp, policyHelp, policyOf, policyOptions } from './export-policy.js';
import { importSource, nothingTaken, reportLines, sourceHelp, sourceOptions } from './import.js';

export const convertCommand: CliCommand = {
  summary: "turn a teacher's data into another format, without a file in between",
  help: `Usage: rationale convert SOURCE [--from FORMAT] --to FORMAT --out DIR [options]

As import and then export --include prefilled: answers that nobody reviewed go in as they are, corrections of people in
the source as corrections. What cannot be taken or written is counted with the reason.

Options:
${sourceHelp}
  --to FORMAT
${formatHelp}
  --out DIR         a new or empty folder, or an unchanged earlier export
${policyHelp}

Example:
  rationale convert predictions.jsonl --from interank --to trl-dpo --out pairs
`,
  options: { ...sourceOptions, to: { type: 'string' }, out: { type: 'string' }, ...policyOptions },
  async run(args, context) {
    const format = formatOf(args, 'to');
    if (args.values['dry-run'] !== true) requiredText(args, 'out');
    const policy = policyOf(args, 'prefilled');
    const scratch = await mkdtemp(path.join(tmpdir(), 'rationale-convert-'));
    try {
      // Named after the source, because the manifest names what the data came from.
      const name = path.basename(args.positionals[0] ?? 'source').replace(/\.[^.]+$/, '');
      const report = await importSource(args, path.join(scratch, `${name}.judgements.jsonl`), context);
      for (const line of reportLines(report)) context.err(`${line}\n`);
      if (report.out === null) throw nothingTaken(report);
      await exportFiles(args, { files: [report.out], format, policy }, context);
    } finally {
      await rm(scratch, { recursive: true, force: true });
    }
  },
};
