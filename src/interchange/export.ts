/** The plan of an export: which rows go in, which do not and why, before anything is written. One for editor and command line. */
import { checkTitles, failedChecks, type CheckId } from '../annotation/checks.js';
import type { JsonObject } from '../domain/json.js';
import { codePointLength } from '../domain/text.js';
import type { Profile } from '../profiles/profile.js';
import {
  exclusions,
  readCanonicalFile,
  type CanonicalRow,
  type ExcludedRow,
  type Exclusion,
  type Source,
} from './canonical.js';
import type { Exporter } from './exporter.js';
import { trlDpo, trlDpoText } from './trl-dpo.js';
import { trlSft, trlSftText } from './trl-sft.js';

const exporters = {
  'trl-sft': trlSft,
  'trl-dpo': trlDpo,
  'trl-sft-text': trlSftText,
  'trl-dpo-text': trlDpoText,
} as const satisfies Record<string, Exporter>;

export type ExportFormat = keyof typeof exporters;
export const exportFormats = Object.keys(exporters) as ExportFormat[];

/** One line about a format, for menus and `--help`. */
export function formatTitle(format: ExportFormat): string {
  return exporters[format].title;
}

/** What the dataset card says about a format. */
export function formatCard(format: ExportFormat): string {
  return exporters[format].card;
}

interface PlannedRow {
  readonly row: CanonicalRow;
  readonly line: JsonObject;
}

interface Count<T extends string> {
  readonly id: T;
  readonly text: string;
  readonly rows: number;
}

export interface ExportPlan {
  readonly format: ExportFormat;
  readonly sources: readonly Source[];
  /** In the order of the files and their lines. */
  readonly included: readonly PlannedRow[];
  readonly excluded: readonly ExcludedRow[];
  /** Rows of all files, malformed ones too. */
  readonly total: number;
  /** Only reasons that occur, the commonest kinds first as `exclusions` lists them. */
  readonly reasons: readonly Count<Exclusion>[];
  readonly accepted: number;
  readonly corrected: number;
  /** Worth a look before training: rows that are included and yet fail a check. */
  readonly warnings: readonly Count<CheckId | 'model_explanation'>[];
  readonly annotators: readonly string[];
  readonly models: readonly string[];
  readonly templates: readonly string[];
  readonly length: {
    /** Code points of the longest prompt and of the longest answer. */
    readonly promptCharacters: number;
    readonly answerCharacters: number;
    /** Tokens of the longest prompt as its model counted them; null where no row says. */
    readonly promptTokens: number | null;
    /** An upper bound for TRL's max_length (prompt tokens and one token per byte of the answer); null where unknown. */
    readonly maxLength: number | null;
  };
}

/**
 * Plans an export of what is saved on disk. `profiles`: known ones beside those of the run records (the embedded
 * model's). Throws RationaleError when a file cannot be read.
 */
export async function planExport(options: {
  readonly files: readonly string[];
  readonly format: ExportFormat;
  readonly profiles?: readonly Profile[];
}): Promise<ExportPlan> {
  const exporter = exporters[options.format];
  const sources: Source[] = [];
  const included: PlannedRow[] = [];
  const excluded: ExcludedRow[] = [];
  const seen = new Set<string>();
  for (const path of options.files) {
    const file = await readCanonicalFile(path, options.profiles ?? []);
    sources.push(file.source);
    const left: ExcludedRow[] = [...file.excluded];
    for (const row of file.rows) {
      const converted: ReturnType<Exporter['convert']> = seen.has(row.id)
        ? { ok: false, reason: 'repeated' }
        : exporter.convert(row);
      seen.add(row.id);
      if (converted.ok) included.push({ row, line: converted.line });
      else left.push({ file: path, line: row.line, reason: converted.reason });
    }
    excluded.push(...left.sort((a, b) => a.line - b.line));
  }
  const rows = included.map((planned) => planned.row);
  return {
    format: options.format,
    sources,
    included,
    excluded,
    total: included.length + excluded.length,
    reasons: counted(
      exclusions,
      excluded.map((e) => e.reason),
    ),
    accepted: rows.filter((row) => row.review === 'accepted').length,
    corrected: rows.filter((row) => row.review === 'corrected').length,
    warnings: counted(warningTexts, rows.flatMap(warningsOf)),
    annotators: distinct(rows.flatMap((row) => row.annotators)),
    models: distinct(included.flatMap(({ line }) => (typeof line['model'] === 'string' ? [line['model']] : []))),
    templates: distinct(rows.map((row) => row.template)),
    length: lengthOf(rows),
  };
}

const warningTexts = {
  ...checkTitles,
  model_explanation: 'the label is corrected, the explanation is still the one the model wrote for its own label',
} as const;

function warningsOf(row: CanonicalRow): (keyof typeof warningTexts)[] {
  const { label, explanation } = row.human;
  if (explanation === null) return [];
  const kept = label !== row.judgement.label && explanation === row.judgement.explanation?.trim();
  return [...failedChecks({ label, explanation }, row.scale), ...(kept ? (['model_explanation'] as const) : [])];
}

function counted<T extends string>(texts: Readonly<Record<T, string>>, ids: readonly T[]): Count<T>[] {
  return (Object.keys(texts) as T[])
    .map((id) => ({ id, text: texts[id], rows: ids.filter((other) => other === id).length }))
    .filter(({ rows }) => rows > 0);
}

function distinct(values: readonly string[]): string[] {
  return [...new Set(values)].sort((a, b) => (a < b ? -1 : 1));
}

function lengthOf(rows: readonly CanonicalRow[]): ExportPlan['length'] {
  const greatest = (values: readonly number[]): number => values.reduce((a, b) => Math.max(a, b), 0);
  const answers = rows.map((row) => [row.completion, row.original?.text ?? '']);
  const tokens = rows.flatMap((row) => row.judgement.prompt_tokens ?? []);
  const bounds = rows.map(
    (row, i) =>
      (row.judgement.prompt_tokens ?? 0) + greatest((answers[i] ?? []).map((text) => Buffer.byteLength(text))),
  );
  const prompts = rows.map(({ prompt }) =>
    prompt.kind === 'raw' ? prompt.text : prompt.messages.map((m) => m.content).join(''),
  );
  return {
    promptCharacters: greatest(prompts.map(codePointLength)),
    answerCharacters: greatest(answers.flat().map(codePointLength)),
    promptTokens: tokens.length > 0 ? greatest(tokens) : null,
    maxLength: tokens.length > 0 && tokens.length === rows.length ? greatest(bounds) : null,
  };
}
