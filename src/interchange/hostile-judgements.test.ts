import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { isJsonObject } from '../domain/json.js';
import { planExport } from './export.js';
import { exportInOneWalk } from './export-folder.js';
import { exportFormats } from './exporters.js';

const folder = mkdtempSync(join(tmpdir(), 'rationale-hostile-'));
afterAll(() => rmSync(folder, { recursive: true }));
const path = join(folder, 'hostile.judgements.jsonl');
const target = join(folder, 'export');

/** The issue asks for 10,000; one in twenty is also written. */
const files = 10_000;
const writtenOneIn = 20;

const nasty = fc.constantFrom(
  ...['ordinary', 'q 1', '', ' ', '\0', 'tab\tand space', 'line\nbreak', '\u2028', '\ud83d', '\udc00x', '🙂', '"start'],
  ...[
    '<|im_end|>',
    'Relevance Label: 2 ##',
    '__proto__',
    '{"a":1,"a":2}',
    '100%',
    'It is not relevant. It is so. '.repeat(4),
  ],
);
const field = fc.oneof(
  nasty,
  fc.constantFrom('2', '0.5', 1, 2, 7, -1, 2.5, 1e308, true, null),
  fc.string({ maxLength: 6 }),
);
const row = fc.record(
  {
    query_id: fc.oneof({ weight: 4, arbitrary: fc.constantFrom('1', '2', 'q 3') }, { weight: 1, arbitrary: field }),
    query: fc.oneof({ weight: 9, arbitrary: nasty }, { weight: 1, arbitrary: field }),
    doc_id: fc.oneof({ weight: 4, arbitrary: fc.constantFrom('a', 'b c', 'd\te') }, { weight: 1, arbitrary: field }),
    document: nasty,
    label: fc.oneof({ weight: 6, arbitrary: fc.constantFrom(0, 1, 2) }, { weight: 1, arbitrary: field }),
    explanation: fc.oneof({ weight: 9, arbitrary: nasty }, { weight: 1, arbitrary: field }),
    score: fc.constantFrom(0.5, -1, null, '0.5'),
    sample: fc.nat(3),
    status: fc.constantFrom('ok', 'ok', 'ok', 'pending', 'failed', 'unheard of'),
    __proto__: field,
    mine: field,
  },
  { requiredKeys: ['query', 'document', 'label', 'explanation'] },
);

interface Line {
  readonly bytes: Buffer;
  readonly blank: boolean;
  readonly repeatsKey: boolean;
}

/** A row as its writer meant it, then what goes wrong on the way. */
const line = fc
  .tuple(
    row,
    fc.constantFrom(...Array<string>(8).fill('sound'), 'twice', 'cut', 'nul', 'blank', 'bytes', 'crlf', 'no object'),
    fc.nat(),
  )
  .map(([value, fault, at]): Line => {
    const json = JSON.stringify(value);
    const made = (text: string | Buffer, how: Partial<Line> = {}): Line => {
      return { bytes: Buffer.from(text as string), blank: false, repeatsKey: false, ...how };
    };
    switch (fault) {
      case 'twice':
        return made(json.replace(/^\{/, '{"label" :0,'), { repeatsKey: true });
      case 'cut':
        return made(json.slice(0, 1 + (at % (json.length - 1))));
      case 'nul':
        return made(`${json}\0`);
      case 'blank':
        return made(' \t', { blank: true });
      case 'bytes':
        return made(Buffer.concat([Buffer.from(json.slice(0, -1)), Buffer.from([0xc3, 0x28, 0xff, 0x7d])]));
      case 'crlf':
        return made(`${json}\r`);
      case 'no object':
        return made('[1]');
      default:
        return made(json);
    }
  });
const file = fc.record({
  lines: fc.array(line, { minLength: 1, maxLength: 6 }),
  mark: fc.boolean(),
  ended: fc.boolean(),
  format: fc.constantFrom(...exportFormats),
  container: fc.constantFrom('jsonl' as const, 'parquet' as const),
  write: fc.nat(writtenOneIn - 1),
});

describe('an export of a hostile judgement file', () => {
  it('never crashes, and includes or reports every line', async () => {
    let included = 0;
    let repeated = 0;
    await fc.assert(
      fc.asyncProperty(file, async ({ lines, mark, ended, format, container, write }) => {
        const body = lines.flatMap(({ bytes }, i) => (i === 0 ? [bytes] : [Buffer.from('\n'), bytes]));
        writeFileSync(
          path,
          Buffer.concat([Buffer.from(mark ? '\ufeff' : ''), ...body, Buffer.from(ended ? '\n' : '')]),
        );
        const options = {
          files: [path],
          format,
          policy: { include: 'prefilled', validation: 0.3, container, contradictions: 'include' },
        } as const;
        const plan = await planExport(options);
        const reported = plan.reasons.reduce((sum, { rows }) => sum + rows, 0);
        expect(plan.total).toBe(lines.filter(({ blank }) => !blank).length);
        expect(plan.included + reported).toBe(plan.total);
        const twice = lines.filter(({ repeatsKey }) => repeatsKey).length;
        expect(plan.sources[0]?.notices.filter((notice) => notice.includes('a key twice'))).toHaveLength(
          twice === 0 ? 0 : 1,
        );
        included += plan.included;
        repeated += twice;
        if (write !== 0 || !plan.splits.some(({ split, lines: n }) => split === 'train' && n > 0)) return;
        rmSync(target, { recursive: true, force: true });
        const { written } = await exportInOneWalk(options, target, '0');
        expect(written.rows).toBe(plan.included);
        const manifest: unknown = JSON.parse(readFileSync(join(target, 'manifest.json'), 'utf8'));
        expect(isJsonObject(manifest) && manifest['lines']).toBe(plan.lines);
        if (container === 'parquet') return;
        const names = ['train', 'validation']
          .map((split) => join(target, `${split}.jsonl`))
          .filter((name) => existsSync(name));
        const texts = names.flatMap((name) => readFileSync(name, 'utf8').split('\n').slice(0, -1));
        if (names.length > 0) expect(texts.filter((text) => isJsonObject(JSON.parse(text)))).toHaveLength(plan.lines);
      }),
      { numRuns: files },
    );
    // Otherwise everything might be left out, and nothing be shown.
    expect(included).toBeGreaterThan(files / 10);
    expect(repeated).toBeGreaterThan(files / 10);
  }, 600_000);

  it('takes a text of a megabyte to every format that takes the row', async () => {
    const long = 'wide ü😀"\\\n'.repeat(100_000);
    const rows = [1, 2].map((i) => ({
      query_id: `${i}`,
      query: 'q',
      doc_id: `${i}`,
      document: long,
      label: i,
      explanation: 'It says so.',
      score: i,
    }));
    writeFileSync(path, rows.map((value) => `${JSON.stringify(value)}\n`).join(''));
    for (const format of ['trl-sft', 'interank', 'rank-llm', 'beir', 'trec-run'] as const) {
      rmSync(target, { recursive: true, force: true });
      const { plan } = await exportInOneWalk({ files: [path], format, policy: { include: 'prefilled' } }, target, '0');
      expect([format, plan.included]).toEqual([format, 2]);
    }
  });
});
