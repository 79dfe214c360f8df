/**
 * The command line of a training round, as a person would type it into their terminal: what the Python package's
 * arguments are stands here and nowhere else. Pure.
 */
import { RationaleError } from '../domain/failure.js';

export interface TrainingRound {
  /** What starts the package: `rationale-train`, or a path. */
  readonly command: string;
  /** The refine stage's config (YAML): which model it begins with, and how it learns. */
  readonly config: string;
  /** The exported corrections. */
  readonly corrections: string;
  /** Where the refined Hugging Face model goes. */
  readonly refined: string;
  /** The export stage's config, which names that model. */
  readonly exportConfig: string;
  /** Where the new model folder goes. */
  readonly model: string;
}

/** The refined model that the export stage reads, below `refined`: rounds are numbered within one run of the package. */
export const refinedModel = 'round-1/model';

type Shell = 'posix' | 'powershell' | 'cmd';

/** Which quoting a shell understands, by the name of its executable. */
export function shellKind(executable: string): Shell {
  const name = executable.split(/[\\/]/).at(-1)?.toLowerCase() ?? '';
  if (/^(?:pwsh|powershell)(?:\.exe)?$/.test(name)) return 'powershell';
  return name === 'cmd.exe' ? 'cmd' : 'posix';
}

/** Refines, then exports where that succeeded. Throws RationaleError for an argument that the shell cannot be given safely. */
export function trainingCommandLine(shell: Shell, round: TrainingRound): string {
  // `--set` takes YAML, of which JSON is a part.
  const rounds = `rounds=${JSON.stringify([{ inputs: [round.corrections] }])}`;
  const refine = [round.command, 'refine', '--config', round.config, '--set', rounds, '--out', round.refined];
  const exported = [round.command, 'export', '--config', round.exportConfig, '--out', round.model];
  const [first, second] = [refine, exported].map((words) => line(shell, words));
  return shell === 'powershell' ? `${first ?? ''}; if ($?) { ${second ?? ''} }` : `${first ?? ''} && ${second ?? ''}`;
}

function line(shell: Shell, words: readonly string[]): string {
  const [command = '', ...rest] = words.map((word) => quoted(shell, word));
  // PowerShell takes a quoted command for a string unless it is called.
  return [shell === 'powershell' && command.startsWith("'") ? `& ${command}` : command, ...rest].join(' ');
}

/** One argument, so that the shell takes every character of it for itself. */
export function quoted(shell: Shell, word: string): string {
  // A line break would be Enter: what stands in the terminal must wait for the person.
  if (/[\u0000-\u001f\u007f]/.test(word)) {
    throw new RationaleError('user', `“${word}” holds a control character, so it cannot be typed into a terminal.`);
  }
  if (/^[\w@%+=:,./-]+$/.test(word) && !(shell === 'cmd' && word.includes('%'))) return word;
  switch (shell) {
    case 'posix':
      return `'${word.replaceAll("'", "'\\''")}'`;
    case 'powershell':
      // Windows PowerShell hands quotation marks on to programs only behind a backslash.
      return `'${word.replaceAll("'", "''").replaceAll('"', '\\"')}'`;
    case 'cmd':
      if (/[%!]/.test(word)) {
        throw new RationaleError(
          'user',
          `“${word}” holds a character that cmd.exe would replace. Choose PowerShell as the terminal's shell.`,
        );
      }
      return `"${word.replaceAll('"', '\\"')}"`;
  }
}
