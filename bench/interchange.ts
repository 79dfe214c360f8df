/**
 * How fast rows stream through the interchange: a generated teacher file is imported to a judgement file, that is exported
 * for training, and both are set beside the bare read of the same file. Run by `npm run -s bench -- interchange`.
 */
import { once } from 'node:events';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { streamJudgementFile } from '../src/annotation/rows.js';
import { readJsonRecords } from '../src/interchange/import/records.js';
import { importFile } from '../src/interchange/import/import.js';
import { exportInOneWalk, writeExport } from '../src/interchange/export-folder.js';
import { planExport } from '../src/interchange/export.js';

interface Figures {
  readonly rows: number;
  readonly file_mb: number;
  /** The bytes of the file, looked at by nobody. */
  readonly bare_read_mb_per_s: number;
  /** The source's records parsed, checked and handed on. */
  readonly read_mb_per_s: number;
  /** The rows of the judgement file parsed, checked, identified and handed on. */
  readonly read_judgements_mb_per_s: number;
  /** Training rows made of judgements and written, the file being read on the way: per MB of what is written. */
  readonly write_mb_per_s: number;
  /** From file to judgement file: hashed, read, converted, written; per MB of the source, and per MB of the target. */
  readonly import_mb_per_s: number;
  readonly import_written_mb_per_s: number;
  /** The same as `write`, with the plan that a preview makes before it in a walk of its own. */
  readonly plan_and_write_mb_per_s: number;
  /** Processor time per MB, of all threads: what is left of the figures on a busy machine. */
  readonly cpu_ms_per_mb: Readonly<Record<Step, number>>;
  /** The most memory that was resident at any time. */
  readonly rss_mb: number;
}

type Step = 'bare_read' | 'read' | 'read_judgements' | 'import' | 'write' | 'plan_and_write';

/** `args`: `--rows N` (default 100,000), `--json`. */
export async function main(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: { rows: { type: 'string', default: '100000' }, json: { type: 'boolean', default: false } },
  });
  const rows = Number(values.rows);
  if (!Number.isSafeInteger(rows) || rows < 1) throw new Error(`--rows ${values.rows} is not a number of rows`);
  const folder = await mkdtemp(join(tmpdir(), 'rationale-bench-'));
  try {
    const figures = await measure(folder, rows);
    if (values.json) console.log(JSON.stringify(figures));
    else print(figures);
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function measure(folder: string, rows: number): Promise<Figures> {
  const source = join(folder, 'teacher.jsonl');
  await generate(source, rows);
  const megabytes = (await stat(source)).size / 1e6;
  // Twice, so that both runs find the file in memory.
  await bareRead(source);
  const bare = await timed(() => bareRead(source));
  const read = await timed(async () => {
    let found = 0;
    for await (const batch of readJsonRecords(source)) found += batch.length;
    if (found !== rows) throw new Error(`${found} of ${rows} rows were read`);
  });
  const out = join(folder, 'teacher.judgements.jsonl');
  const imported = await timed(async () => {
    const report = await importFile({ path: source, out, importOptions: {}, toolVersion: 'bench' });
    if (report.taken !== rows) throw new Error(`${report.taken} of ${rows} rows were taken`);
  });
  const judgements = (await stat(out)).size / 1e6;
  const readJudgements = await timed(async () => {
    let found = 0;
    for await (const batch of streamJudgementFile(out)) for (const row of batch) if (row.kind === 'judgement') found++;
    if (found !== rows) throw new Error(`${found} of ${rows} judgements were read`);
  });
  const options = { files: [out], format: 'trl-sft', policy: { include: 'prefilled' } } as const;
  const target = join(folder, 'export');
  const written = await timed(async () => {
    await exportInOneWalk(options, target, 'bench');
  });
  const exported = (await stat(join(target, 'train.jsonl'))).size / 1e6;
  await rm(target, { recursive: true });
  const planned = await timed(async () => {
    await writeExport(await planExport(options), target, 'bench');
  });
  return {
    rows,
    file_mb: round(megabytes),
    bare_read_mb_per_s: round(megabytes / bare.seconds),
    read_mb_per_s: round(megabytes / read.seconds),
    read_judgements_mb_per_s: round(judgements / readJudgements.seconds),
    write_mb_per_s: round(exported / written.seconds),
    import_mb_per_s: round(megabytes / imported.seconds),
    import_written_mb_per_s: round(judgements / imported.seconds),
    plan_and_write_mb_per_s: round(exported / planned.seconds),
    cpu_ms_per_mb: {
      bare_read: round(bare.cpuMs / megabytes),
      read: round(read.cpuMs / megabytes),
      read_judgements: round(readJudgements.cpuMs / judgements),
      import: round(imported.cpuMs / megabytes),
      write: round(written.cpuMs / exported),
      plan_and_write: round(planned.cpuMs / exported),
    },
    // Kilobytes on every platform (libuv).
    rss_mb: round(process.resourceUsage().maxRSS / 1e3),
  };
}

/** Rows of about 1 KB, ten documents a query, with the escapes that texts have; always the same. */
async function generate(path: string, rows: number): Promise<void> {
  const vocabulary = Array.from({ length: 400 }, (_, i) => (i % 40 === 0 ? `größe${i}` : `word${i.toString(36)}`));
  let state = 1;
  const words = (count: number): string =>
    Array.from({ length: count }, () => {
      state = (Math.imul(state, 1103515245) + 12345) >>> 0;
      return vocabulary[state % vocabulary.length] ?? '';
    }).join(' ');
  const stream = createWriteStream(path);
  for (let i = 0; i < rows; i++) {
    const query = Math.floor(i / 10);
    const row = {
      query_id: `q${query}`,
      query: `what is known about "${vocabulary[query % vocabulary.length] ?? ''}" number ${query}`,
      doc_id: `d${i}`,
      document: `${words(50)}\n\n"${words(40)}"`,
      label: i % 3,
      explanation: words(25),
    };
    if (!stream.write(`${JSON.stringify(row)}\n`)) await once(stream, 'drain');
  }
  stream.end();
  await once(stream, 'finish');
}

async function bareRead(path: string): Promise<void> {
  let bytes = 0;
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) bytes += (chunk as Buffer).length;
  if (bytes === 0) throw new Error(`${path} is empty`);
}

async function timed(work: () => Promise<void>): Promise<{ readonly seconds: number; readonly cpuMs: number }> {
  const cpu = process.cpuUsage();
  const start = performance.now();
  await work();
  const { user, system } = process.cpuUsage(cpu);
  return { seconds: (performance.now() - start) / 1000, cpuMs: (user + system) / 1000 };
}

function print(figures: Figures): void {
  const { cpu_ms_per_mb: cpu } = figures;
  console.log(`${figures.rows} rows, ${figures.file_mb} MB; at most ${figures.rss_mb} MB of memory\n`);
  const line = (step: string, speed: number, ms: number): void => {
    const share = `${round((100 * speed) / figures.bare_read_mb_per_s)} %`;
    console.log(`| ${step} | ${speed} | ${share} | ${ms} |`);
  };
  console.log('| step | MB/s | of the bare read | processor ms/MB |\n|---|---|---|---|');
  line('bare read', figures.bare_read_mb_per_s, cpu.bare_read);
  line('read: records of the source', figures.read_mb_per_s, cpu.read);
  line('read: rows of the judgement file', figures.read_judgements_mb_per_s, cpu.read_judgements);
  line('write: trl-sft, read and written in one walk', figures.write_mb_per_s, cpu.write);
  line('write, after the walk of a preview', figures.plan_and_write_mb_per_s, cpu.plan_and_write);
  line('import, per MB of the source', figures.import_mb_per_s, cpu.import);
  const perWritten = (cpu.import * figures.import_mb_per_s) / figures.import_written_mb_per_s;
  line('import, per MB of the judgement file', figures.import_written_mb_per_s, round(perWritten));
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
