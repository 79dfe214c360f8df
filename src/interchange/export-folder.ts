/**
 * Writes a planned export as a folder: `train.jsonl`, the dataset card `README.md` and `manifest.json` with the SHA-256
 * of everything read and written. Equal input gives equal bytes: no times, no paths of this machine.
 */
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import * as v from 'valibot';
import { checksVersion } from '../annotation/checks.js';
import { logFiles } from '../annotation/log.js';
import { companionStem } from '../annotation/record.js';
import { messageOf, RationaleError } from '../domain/failure.js';
import { formatCard, type ExportPlan } from './export.js';

const manifestSchema = v.object({
  kind: v.literal('rationale-export'),
  outputs: v.array(v.object({ name: v.string(), sha256: v.string() })),
});

export interface WrittenExport {
  readonly folder: string;
  readonly files: readonly string[];
  readonly rows: number;
}

/**
 * Writes the export into `folder`, made if need be. Throws RationaleError, and writes nothing, when no row is included
 * or the folder holds anything but an unchanged earlier export.
 */
export async function writeExport(plan: ExportPlan, folder: string, toolVersion: string): Promise<WrittenExport> {
  if (plan.included.length === 0) {
    const why = plan.reasons.map(({ text, rows }) => `${rows} ${text}`).join('; ');
    throw new RationaleError(
      'user',
      `No row can be exported as ${plan.format}${why === '' ? '' : `: ${why}`}. Nothing was written.`,
    );
  }
  try {
    await checkFolder(folder);
    const train = plan.included.map(({ line }) => `${JSON.stringify(line, wellFormed)}\n`).join('');
    const card = cardOf(plan);
    const outputs = [
      { name: 'train.jsonl', text: train },
      { name: 'README.md', text: card },
    ];
    const manifest = {
      kind: 'rationale-export',
      version: 1,
      tool: { name: 'rationale', version: toolVersion },
      format: plan.format,
      rows: plan.included.length,
      inputs: await inputsOf(plan),
      outputs: outputs.map(({ name, text }) => ({ name, bytes: Buffer.byteLength(text), sha256: hashOf(text) })),
    };
    await mkdir(folder, { recursive: true });
    for (const { name, text } of outputs) await replace(join(folder, name), text);
    // Last, so that a folder with a manifest is whole.
    await replace(join(folder, 'manifest.json'), `${JSON.stringify(manifest, null, 2)}\n`);
    return { folder, files: [...outputs.map(({ name }) => name), 'manifest.json'], rows: plan.included.length };
  } catch (error) {
    if (error instanceof RationaleError) throw error;
    throw new RationaleError('environment', `Cannot write the export to ${folder}: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

/** Refuses a folder that holds what somebody else put there, or an earlier export that somebody has changed. */
async function checkFolder(folder: string): Promise<void> {
  const names = await readdir(folder).catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw error;
  });
  if (names.length === 0) return;
  const refused = (why: string): RationaleError =>
    new RationaleError('user', `${folder} ${why}. Nothing was written; choose another folder.`);
  const text = await readFile(join(folder, 'manifest.json'), 'utf8').catch(() => '');
  const manifest = v.safeParse(manifestSchema, parsedOrNull(text));
  if (!manifest.success) throw refused('is not empty and holds no earlier export');
  for (const { name, sha256 } of manifest.output.outputs) {
    const bytes = await readFile(join(folder, basename(name))).catch(() => null);
    if (bytes !== null && hashOf(bytes) !== sha256)
      throw refused(`holds an earlier export whose ${name} was changed since`);
  }
  const foreign = names.filter(
    (name) => name !== 'manifest.json' && !manifest.output.outputs.some((o) => o.name === name),
  );
  if (foreign[0] !== undefined) throw refused(`holds ${foreign[0]}, which is no part of an export`);
}

/** Every file the plan was made from, by name: the folder it lay in is this machine's business. */
async function inputsOf(plan: ExportPlan): Promise<{ name: string; sha256: string }[]> {
  const inputs: { name: string; sha256: string }[] = [];
  for (const { path, sha256 } of plan.sources) {
    inputs.push({ name: basename(path), sha256 });
    const stem = companionStem(path);
    for (const file of [`${stem}.run.json`, `${stem}.rationale.json`, ...(await logFiles(path))]) {
      const bytes = await readFile(file).catch(() => null);
      if (bytes !== null)
        inputs.push({
          name: file.slice(stem.length - basename(stem).length).replaceAll('\\', '/'),
          sha256: hashOf(bytes),
        });
    }
  }
  return inputs;
}

function cardOf(plan: ExportPlan): string {
  const { length } = plan;
  const list = (values: readonly string[]): string =>
    values.length === 0 ? 'none named' : values.map((value) => `\`${value}\``).join(', ');
  const counts = (rows: readonly { readonly text: string; readonly rows: number }[]): string[] =>
    rows.map(({ text, rows: n }) => `| ${text} | ${n} |`);
  const bound =
    length.maxLength === null
      ? 'The token count is not known for every row; count it with your tokenizer.'
      : `\`max_length\` of ${length.maxLength} tokens is enough for every row (an upper bound, without the tokens a chat template adds).`;
  const warnings =
    plan.warnings.length === 0
      ? []
      : [
          '',
          `Included, but worth a look (checks version ${checksVersion}):`,
          '',
          '| finding | rows |',
          '| --- | ---: |',
          ...counts(plan.warnings),
        ];
  return [
    '---',
    'configs:',
    '  - config_name: default',
    '    data_files: train.jsonl',
    'tags:',
    '  - reranking',
    '  - relevance',
    '---',
    '',
    '# Refinement data',
    '',
    `Answers of a reasoning reranker, accepted or corrected by people, exported by Rationale as \`${plan.format}\`.`,
    '',
    formatCard(plan.format),
    '',
    `- Rows: ${plan.included.length} (${plan.accepted} accepted, ${plan.corrected} corrected) of ${plan.total}`,
    `- Annotators: ${list(plan.annotators)}`,
    `- Models that answered: ${list(plan.models)}`,
    `- Prompt templates: ${list(plan.templates)}; each prompt is exactly what was asked, proven by its SHA-256, or, for imported answers that record no prompt, what the named template asks`,
    `- Longest prompt: ${length.promptCharacters} characters${length.promptTokens === null ? '' : `, ${length.promptTokens} tokens`}; longest answer: ${length.answerCharacters} characters`,
    '',
    `TRL's trainers cut or drop what is longer than \`max_length\`, 1024 tokens unless set. ${bound}`,
    '',
    'The label stands in `relevance` (in pairs: `chosen_relevance`, `rejected_relevance`), never in a column called `label`, which some trainers read as a boolean.',
    ...(plan.reasons.length === 0
      ? []
      : ['', 'Left out:', '', '| reason | rows |', '| --- | ---: |', ...counts(plan.reasons)]),
    ...warnings,
    '',
  ].join('\n');
}

async function replace(file: string, text: string): Promise<void> {
  const temporary = `${file}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    const handle = await open(temporary, 'wx');
    try {
      await handle.writeFile(text, 'utf8');
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

function hashOf(data: string | Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}

function parsedOrNull(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** One lone surrogate makes `datasets.load_dataset` refuse the whole file. */
function wellFormed(_key: string, value: unknown): unknown {
  return typeof value === 'string' ? value.toWellFormed() : value;
}
