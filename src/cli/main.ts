/** The `rationale` command: finds the subcommand, runs it, and turns what went wrong into a message and an exit code. */
import { writeSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { isAbort, messageOf, RationaleError } from '../domain/failure.js';
import { version } from '../../package.json';
import { agreementCommand } from './agreement.js';
import { calibrateCommand } from './calibrate.js';
import { exitCodes, type CliCommand, type CliContext } from './command.js';
import { compareCommand } from './compare.js';
import { compareModesCommand } from './compare-modes.js';
import { convertCommand } from './convert.js';
import { evaluateCommand } from './evaluate.js';
import { exportCommand } from './export.js';
import { importCommand } from './import.js';
import { rerankCommand } from './rerank.js';
import { validateCommand } from './validate.js';

const commands: Readonly<Record<string, CliCommand>> = {
  rerank: rerankCommand,
  evaluate: evaluateCommand,
  compare: compareCommand,
  'compare-modes': compareModesCommand,
  agreement: agreementCommand,
  calibrate: calibrateCommand,
  import: importCommand,
  export: exportCommand,
  convert: convertCommand,
  validate: validateCommand,
};

const help = `rationale ${version}: rerank documents with a local reasoning reranker, and turn corrections into training data

Usage: rationale <command> [options]

Commands:
${Object.entries(commands)
  .map(([name, command]) => `  ${name.padEnd(13)} ${command.summary}`)
  .join('\n')}

rationale <command> --help shows a command's options and examples.

Options:
  --help     this text
  --version  the version

Data goes to stdout, messages and progress to stderr.
Exit codes: ${exitCodes.ok} done · ${exitCodes.failure} failed (disk, memory, a crash, a fault of ours) · ${exitCodes.usage} the arguments or a file given are wrong · ${exitCodes.cancelled} cancelled; what was computed is kept
`;

async function main(argv: readonly string[]): Promise<number> {
  const [name, ...rest] = argv;
  const out = (text: string): void => void process.stdout.write(text);
  const err = (text: string): void => void process.stderr.write(text);
  if (name === '--version' || name === '-v') {
    out(`${version}\n`);
    return exitCodes.ok;
  }
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    (name === undefined ? err : out)(help);
    return name === undefined ? exitCodes.usage : exitCodes.ok;
  }
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (command === undefined) {
    err(`rationale: there is no command "${name}". rationale --help lists them.\n`);
    return exitCodes.usage;
  }
  const abort = new AbortController();
  const context: CliContext = { version, distDir: __dirname, out, err, signal: abort.signal };
  process.on('SIGINT', () => {
    // A second Ctrl+C does not wait for the forward in progress.
    if (abort.signal.aborted) process.exit(exitCodes.cancelled);
    err('\nCancelling: writing what was computed. Ctrl+C again to stop at once.\n');
    abort.abort();
  });
  process.on('SIGTERM', () => abort.abort());
  try {
    const { values, positionals } = parseArgs({
      args: [...rest],
      options: { ...command.options, help: { type: 'boolean', short: 'h' } },
      allowPositionals: true,
      strict: true,
    });
    if (values.help === true) {
      out(command.help);
      return exitCodes.ok;
    }
    await command.run({ values, positionals }, context);
    return abort.signal.aborted ? exitCodes.cancelled : exitCodes.ok;
  } catch (error) {
    if (isAbort(error)) return exitCodes.cancelled;
    const usage = error instanceof TypeError && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS');
    err(`rationale ${name}: ${messageOf(error)}\n${usage ? `rationale ${name} --help shows the options.\n` : ''}`);
    if (!(error instanceof RationaleError) && !usage && error instanceof Error)
      err(`This is a fault of ours. ${error.stack ?? ''}\n`);
    return usage || (error instanceof RationaleError && error.category === 'user')
      ? exitCodes.usage
      : exitCodes.failure;
  }
}

// A reader that goes away (`| head`) is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(exitCodes.ok);
  writeSync(2, `rationale: ${error.message}\n`);
  process.exit(exitCodes.failure);
});
void main(process.argv.slice(2)).then((code) => {
  // stdout may be a pipe that still drains: leave by ourselves instead of cutting it off.
  process.exitCode = code;
});
