/** `rationale validate`: what is wrong with judgement files, logs, exports and foreign files, before they are worked with. */
import { RationaleError } from '../domain/failure.js';
import { validatePath, type Validation } from '../interchange/validate.js';
import { flag, type CliCommand } from './command.js';

const problemsShown = 20;

export const validateCommand: CliCommand = {
  summary: 'check judgement files, corrections, exports and files to import',
  help: `Usage: rationale validate PATH… [--json]

Reads each file or folder and says what it is and what is wrong where:
  *.judgements.jsonl                 every line, the seal of its run, the annotators' logs beside it
  *.judgements.corrections/*.jsonl   one annotator's log
  an export folder                   every file against the SHA-256 in manifest.json
  anything else                      which importer knows it, how many rows it would take and why not the others

Exit code 2 when something is wrong.

Options:
  --json    everything, for programs

Example:
  rationale validate teacher.jsonl audit.judgements.jsonl data/round-2
`,
  options: { json: { type: 'boolean' } },
  async run(args, { out, version, signal }) {
    if (args.positionals.length === 0) throw new RationaleError('user', 'name the files or folders to check.');
    const validations: Validation[] = [];
    for (const path of args.positionals) {
      const validation = await validatePath(path, { toolVersion: version, signal });
      validations.push(validation);
      if (!flag(args, 'json')) out(text(validation));
    }
    if (flag(args, 'json')) out(`${JSON.stringify(validations, null, 2)}\n`);
    const wrong = validations.filter(({ problems }) => problems.length > 0).length;
    if (wrong > 0) throw new RationaleError('user', `${wrong} of ${validations.length} are not in order.`);
  },
};

function text({ path, summary, problems, notes }: Validation): string {
  const lines = problems.slice(0, problemsShown).map(({ file, line, text: what }) => {
    const where = [...(file === undefined ? [] : [file]), ...(line === undefined ? [] : [`line ${line}`])].join(', ');
    return `  ✗ ${where === '' ? '' : `${where}: `}${what}`;
  });
  if (problems.length > problemsShown) lines.push(`  ✗ and ${problems.length - problemsShown} more (--json lists all)`);
  lines.push(...notes.map((note) => `  · ${note}`));
  return [`${problems.length === 0 ? '✓' : '✗'} ${path}: ${summary}`, ...lines, ''].join('\n');
}
