/** What a subcommand is: its help, its options (node:util parseArgs) and what runs. */
import * as path from 'node:path';
import type { ParseArgsConfig } from 'node:util';
import { RationaleError } from '../domain/failure.js';

export type OptionTable = NonNullable<ParseArgsConfig['options']>;

export interface ParsedArguments {
  /** Option values by name: text, true, or undefined when not given. */
  readonly values: Readonly<Record<string, string | boolean | (string | boolean)[] | undefined>>;
  readonly positionals: readonly string[];
}

/** What a command may touch besides files: data goes to stdout, messages to stderr. */
export interface CliContext {
  readonly version: string;
  /** Folder of the bundles, where worker.js lies; the models folder is beside it. */
  readonly distDir: string;
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  /** Aborted by Ctrl+C: finish what is begun, keep what was computed. */
  readonly signal: AbortSignal;
}

export interface CliCommand {
  readonly summary: string;
  readonly help: string;
  readonly options: OptionTable;
  run(args: ParsedArguments, context: CliContext): Promise<void>;
}

/** Folder of the model that comes with the product. */
export function embeddedModelDir({ distDir }: CliContext): string {
  return path.join(distDir, '..', 'models', 'rationale-135m');
}

/** Exit codes, as `rationale --help` documents them. */
export const exitCodes = { ok: 0, failure: 1, usage: 2, cancelled: 130 } as const;

/** The text of an option, or undefined. */
export function text(args: ParsedArguments, name: string): string | undefined {
  const value = args.values[name];
  return typeof value === 'string' ? value : undefined;
}

/** The text of an option that must be given. */
export function requiredText(args: ParsedArguments, name: string): string {
  const value = text(args, name);
  if (value === undefined) throw new RationaleError('user', `--${name} is missing.`);
  return value;
}

/** An option that is a whole number of at least `least`, or undefined. */
export function wholeNumber(args: ParsedArguments, name: string, least: number): number | undefined {
  const value = text(args, name);
  if (value === undefined) return undefined;
  const number = Number(value);
  if (!Number.isInteger(number) || number < least) {
    throw new RationaleError('user', `--${name} takes a whole number of at least ${least}, not "${value}".`);
  }
  return number;
}

/** An option that is a number from `least` to `most`, or undefined. */
export function decimal(args: ParsedArguments, name: string, least: number, most: number): number | undefined {
  const value = text(args, name);
  if (value === undefined) return undefined;
  const number = value.trim() === '' ? Number.NaN : Number(value);
  if (!(number >= least && number <= most)) {
    throw new RationaleError('user', `--${name} takes a number from ${least} to ${most}, not "${value}".`);
  }
  return number;
}

/** True when a switch was given. */
export function flag(args: ParsedArguments, name: string): boolean {
  return args.values[name] === true;
}

/** An option that takes one of a few words, or undefined. */
export function choice<T extends string>(args: ParsedArguments, name: string, choices: readonly T[]): T | undefined {
  const value = text(args, name);
  if (value === undefined) return undefined;
  const found = choices.find((c) => c === value);
  if (found === undefined) throw new RationaleError('user', `--${name} takes ${choices.join(', ')}, not "${value}".`);
  return found;
}

/** The texts of an option that may be given several times. */
export function texts(args: ParsedArguments, name: string): string[] {
  const value = args.values[name];
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}
