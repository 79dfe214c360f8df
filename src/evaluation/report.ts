/**
 * A comparison as a document that stands alone: tables, pictures, what moved most with both rationales, and everything
 * needed to get the same numbers again (versions, hashes of the files, the command). HTML for reading, Markdown for a
 * paper's appendix. No script, no link to anything outside.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { messageOf, RationaleError } from '../domain/failure.js';
import type { QueryMovement, RankingComparison, SideAnswer } from '../domain/evaluation.js';
import { differencesOf, metricsOf, movementOf } from '../plots/from-evaluation.js';
import { draw, type PlotData } from '../plots/draw.js';
import { escapeXml, svgOf } from '../plots/svg.js';
import { valueOf } from './metrics.js';

export interface SourceFile {
  readonly role: string;
  readonly path: string;
  readonly bytes: number;
  /** Lower-case hex. */
  readonly sha256: string;
}

interface Provenance {
  readonly version: string;
  /** The command as it was given, ready to be given again. */
  readonly command: string;
  readonly files: readonly SourceFile[];
  /** e.g. `node v22.11.0, linux x64`. */
  readonly platform: string;
  /** ISO 8601. */
  readonly at: string;
}

/** Size and SHA-256 of a file, read once more. @throws RationaleError naming the file. */
export async function hashFile(role: string, path: string): Promise<SourceFile> {
  const hash = createHash('sha256');
  let bytes = 0;
  try {
    for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
      hash.update(chunk);
      bytes += chunk.length;
    }
  } catch (error) {
    throw new RationaleError('environment', `Cannot read ${path}: ${messageOf(error)}.`, { cause: error });
  }
  return { role, path, bytes, sha256: hash.digest('hex') };
}

/** Words as arguments of a POSIX shell. */
export function shellCommand(words: readonly string[]): string {
  return words
    .map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`))
    .join(' ');
}

export interface ReportInput {
  readonly comparison: RankingComparison;
  /** Most moved first; empty where the rankings have no rationales worth showing. */
  readonly movements: readonly QueryMovement[];
  readonly notices: readonly string[];
  readonly provenance: Provenance;
}

interface Table {
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

type Block =
  | { readonly kind: 'heading'; readonly text: string; readonly level: 2 | 3 }
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'code'; readonly text: string }
  | { readonly kind: 'list'; readonly items: readonly string[] }
  | { readonly kind: 'table'; readonly table: Table }
  | { readonly kind: 'plot'; readonly data: PlotData };

const movementsShown = 5;
const documentsShown = 6;

/** The report as a page of HTML with its pictures in it. */
export function htmlReport(input: ReportInput): string {
  const body = blocksOf(input)
    .map((block, i) => html(block, i))
    .join('\n');
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeXml(titleOf(input))}</title>
<style>
:root { color-scheme: light dark; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; margin: 1rem 0; }
th, td { border-bottom: 1px solid color-mix(in srgb, currentColor 25%, transparent); padding: .25rem .6rem; text-align: left; vertical-align: top; }
pre { overflow-x: auto; white-space: pre-wrap; overflow-wrap: anywhere; }
figure { margin: 1rem 0; }
svg { max-width: 100%; height: auto; }
</style>
</head>
<body>
<h1>${escapeXml(titleOf(input))}</h1>
${body}
</body>
</html>
`;
}

/** The report as Markdown; pictures are in the HTML only, and their numbers are in the tables. */
export function markdownReport(input: ReportInput): string {
  const parts = blocksOf(input).flatMap((block) => markdown(block) ?? []);
  return `# ${inline(titleOf(input))}\n\n${parts.join('\n\n')}\n`;
}

function titleOf({ comparison }: ReportInput): string {
  return `Comparison of ${comparison.systems.map(({ name }) => name).join(', ')}`;
}

function blocksOf({ comparison, movements, notices, provenance }: ReportInput): Block[] {
  const { systems, pairs, metric_names: names, metric } = comparison;
  const blocks: Block[] = [
    {
      kind: 'text',
      text: `${comparison.common_queries} judged queries are ranked by all of ${systems.length} systems. nDCG has linear gains unless named nDCG-exp; ties, unjudged and missing documents are treated as trec_eval does.`,
    },
    { kind: 'heading', level: 2, text: 'Means' },
    {
      kind: 'table',
      table: {
        head: ['system', 'queries', ...names],
        rows: systems.map(({ name, table }) => [
          name,
          String(table.queries),
          ...names.map((each) => valueOf(table.metrics, each).toFixed(4)),
        ]),
      },
    },
    { kind: 'plot', data: metricsOf(comparison, { metricNames: [metric] }) },
    { kind: 'heading', level: 2, text: 'Differences' },
    {
      kind: 'text',
      text: 'Paired by query. Intervals: 95 %, bootstrap of queries. p: randomisation test, two-sided; corrected by Holm over the pairs of a metric. d: mean / standard deviation of the differences.',
    },
    {
      kind: 'table',
      table: {
        head: ['pair', 'metric', 'difference', '95 % interval', 'p', 'p (Holm)', 'd', 'wins/ties/losses'],
        rows: pairs.flatMap((pair) =>
          Object.entries(pair.metrics).map(([name, c]) => [
            `${pair.system} − ${pair.baseline}`,
            name,
            c.difference.toFixed(4),
            `${c.confidence_interval[0].toFixed(4)} to ${c.confidence_interval[1].toFixed(4)}`,
            c.p_value.toFixed(4),
            c.p_adjusted.toFixed(4),
            c.effect_size?.toFixed(2) ?? '–',
            `${c.wins}/${c.ties}/${c.losses}`,
          ]),
        ),
      },
    },
    ...pairs.map((pair): Block => ({ kind: 'plot', data: differencesOf(comparison, pair) })),
    { kind: 'heading', level: 2, text: 'How alike the rankings are' },
    {
      kind: 'table',
      table: {
        head: ['pair', 'queries', `RBO (p = ${pairs[0]?.similarity.rbo_p ?? 0.9})`, 'Kendall’s τ'],
        rows: pairs.map(({ system, baseline, similarity: s }) => [
          `${system}, ${baseline}`,
          String(s.queries),
          s.rbo?.toFixed(3) ?? '–',
          s.tau?.toFixed(3) ?? '–',
        ]),
      },
    },
  ];
  if (movements.length > 0) blocks.push({ kind: 'heading', level: 2, text: 'What moved most' });
  for (const movement of movements.slice(0, movementsShown)) blocks.push(...movementBlocks(movement));
  blocks.push(
    { kind: 'heading', level: 2, text: 'How to get this again' },
    { kind: 'code', text: provenance.command },
    { kind: 'text', text: `rationale ${provenance.version}, ${provenance.platform}, ${provenance.at}.` },
    {
      kind: 'table',
      table: {
        head: ['file', 'as', 'bytes', 'SHA-256'],
        rows: provenance.files.map(({ path, role, bytes, sha256 }) => [path, role, String(bytes), sha256]),
      },
    },
  );
  if (notices.length > 0) blocks.push({ kind: 'heading', level: 2, text: 'Notices' }, { kind: 'list', items: notices });
  return blocks;
}

function movementBlocks(movement: QueryMovement): Block[] {
  const { query, query_id, systems, documents, moved, tau } = movement;
  const answer = (a: SideAnswer | null | undefined) =>
    a == null ? '' : `${a.label ?? a.status}${a.explanation === null ? '' : `: ${a.explanation}`}`;
  const rationales = documents.some(({ answers }) => answers.some((a) => a !== null));
  return [
    { kind: 'heading', level: 3, text: query === null ? query_id : `${query_id}: ${query}` },
    { kind: 'text', text: `Moved ${moved.toFixed(2)} (1 − RBO)${tau === null ? '' : `, τ ${tau.toFixed(2)}`}.` },
    { kind: 'plot', data: movementOf(movement, 10) },
    {
      kind: 'table',
      table: {
        head: ['document', 'judged', ...systems, ...(rationales ? systems.map((name) => `${name} says`) : [])],
        rows: documents
          .slice(0, documentsShown)
          .map((d) => [
            d.title ?? d.doc_id,
            d.relevance === null ? '–' : String(d.relevance),
            ...d.ranks.map((rank) => (rank === null ? '–' : String(rank))),
            ...(rationales ? d.answers.map(answer) : []),
          ]),
      },
    },
  ];
}

function html(block: Block, index: number): string {
  switch (block.kind) {
    case 'heading':
      return `<h${block.level}>${escapeXml(block.text)}</h${block.level}>`;
    case 'text':
      return `<p>${escapeXml(block.text)}</p>`;
    case 'code':
      return `<pre><code>${escapeXml(block.text)}</code></pre>`;
    case 'list':
      return `<ul>${block.items.map((item) => `<li>${escapeXml(item)}</li>`).join('')}</ul>`;
    case 'plot':
      // An SVG file begins with an XML declaration, which has no place inside a page.
      return `<figure>${svgOf(draw(block.data), { idPrefix: `plot-${index}` }).replace(/^<\?xml[^>]*\?>\s*/, '')}</figure>`;
    case 'table': {
      const row = (cells: readonly string[], tag: 'th' | 'td') =>
        `<tr>${cells.map((cell) => `<${tag}${tag === 'th' ? ' scope="col"' : ''}>${escapeXml(cell)}</${tag}>`).join('')}</tr>`;
      const { head, rows } = block.table;
      return `<div class="wide"><table><thead>${row(head, 'th')}</thead><tbody>${rows.map((cells) => row(cells, 'td')).join('')}</tbody></table></div>`;
    }
  }
}

function markdown(block: Block): string | null {
  switch (block.kind) {
    case 'heading':
      return `${'#'.repeat(block.level)} ${inline(block.text)}`;
    case 'text':
      return inline(block.text);
    case 'code':
      return `    ${block.text.replaceAll('\n', '\n    ')}`;
    case 'list':
      return block.items.map((item) => `- ${inline(item)}`).join('\n');
    case 'plot':
      return null;
    case 'table':
      return markdownTable(block.table);
  }
}

/** A Markdown table; what could be markup in a cell is escaped. */
function markdownTable({ head, rows }: Table): string {
  const row = (cells: readonly string[]) => `| ${cells.map(inline).join(' | ')} |`;
  return [row(head), `|${head.map(() => ' --- ').join('|')}|`, ...rows.map(row)].join('\n');
}

/** Text from files on one line of Markdown, with nothing in it that Markdown takes for markup. */
function inline(text: string): string {
  return text.replace(/\s+/g, ' ').replace(/[\\`*_{}[\]<>#|~&]/g, String.raw`\$&`);
}
