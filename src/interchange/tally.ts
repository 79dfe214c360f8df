/** What a plan counts while the rows go by: sums, greatest lengths and short samples, never the rows. */
import { checkTitles, failedChecks, type CheckId } from '../annotation/checks.js';
import type { JsonObject } from '../domain/json.js';
import { codePointLength } from '../domain/text.js';
import { exclusions, type CanonicalRow, type Exclusion, type JudgedRow, type LabelledRow } from './canonical.js';
import { modelId, type Split } from './exporter.js';
import { isIn, type EvaluationSet, type Leakage } from './leakage.js';
import { holdsSpecialTokens } from './special-tokens.js';

export interface Count<T extends string> {
  readonly id: T;
  readonly text: string;
  readonly rows: number;
}

export interface ExcludedRow {
  readonly file: string;
  readonly line: number;
  readonly reason: Exclusion;
}

export interface SplitCount {
  readonly split: Split;
  readonly lines: number;
  readonly queries: number;
}

export interface Agreement {
  /** Answers that two or more people decided on, and those of them on which all gave one label. */
  readonly shared: number;
  readonly agreed: number;
  /** Exported answers of the model that people decided on, and those whose label they kept. */
  readonly reviewed: number;
  readonly kept: number;
}

export interface Lengths {
  /** Code points of the longest prompt and of the longest answer. */
  readonly promptCharacters: number;
  readonly answerCharacters: number;
  /** Tokens of the longest prompt as its model counted them; null where no row says. */
  readonly promptTokens: number | null;
  /** An upper bound for a trainer's max_length (prompt tokens and one token per byte of the answer); null where unknown. */
  readonly maxLength: number | null;
}

/** How many left-out rows a plan names; all are counted. */
const namedExclusions = 1000;
const sampledLines = 3;

const warningTexts = {
  ...checkTitles,
  model_explanation: 'the label is corrected, the explanation is still the one the model wrote for its own label',
  truncated: "the model's answer was capped before its own end",
  special_tokens: 'the text holds what looks like a special token, which a trainer turns into a control token',
} as const;
export type WarningId = CheckId | 'model_explanation' | 'truncated' | 'special_tokens';

export class Tally {
  included = 0;
  lineCount = 0;
  accepted = 0;
  corrected = 0;
  prefilled = 0;
  excludedCount = 0;
  readonly excluded: ExcludedRow[] = [];
  readonly sample: JsonObject[] = [];
  private readonly reasonCounts = new Map<Exclusion, number>();
  private readonly warningCounts = new Map<WarningId, number>();
  private readonly annotatorNames = new Set<string>();
  private readonly modelNames = new Set<string>();
  private readonly templateNames = new Set<string>();
  private readonly splitLines = new Map<Split, number>();
  private readonly queries = new Map<string, Split>();
  private readonly leaks: Map<EvaluationSet, Set<string>>;
  private agreement: Agreement = { shared: 0, agreed: 0, reviewed: 0, kept: 0 };
  private lengths: { -readonly [K in keyof Lengths]: Lengths[K] } = {
    promptCharacters: 0,
    answerCharacters: 0,
    promptTokens: null,
    maxLength: 0,
  };

  constructor(
    private readonly splitOf: (queryId: string) => Split,
    sets: readonly EvaluationSet[],
  ) {
    this.leaks = new Map(sets.map((set) => [set, new Set()]));
  }

  /** Counts the lines of a query; tells to which split they go. */
  lines(lines: readonly JsonObject[], queryId: string): Split {
    this.lineCount += lines.length;
    if (this.sample.length < sampledLines) this.sample.push(...lines.slice(0, sampledLines - this.sample.length));
    let split = this.queries.get(queryId);
    if (split === undefined) {
      split = this.splitOf(queryId);
      this.queries.set(queryId, split);
    }
    this.splitLines.set(split, (this.splitLines.get(split) ?? 0) + lines.length);
    return split;
  }

  include(row: JudgedRow, used: readonly LabelledRow[]): void {
    this.included++;
    const { judgement } = row;
    const model = modelId(row);
    if (model !== null) this.modelNames.add(model);
    for (const [set, queries] of this.leaks) {
      if (!queries.has(judgement.query_id) && isIn(set, judgement)) queries.add(judgement.query_id);
    }
    if (judgement.status === 'truncated') this.warn('truncated');
    const [first] = used;
    if (first === undefined) return;
    // A row counts once, as its first decision says, however many annotators it holds.
    if (first.review === 'accepted') this.accepted++;
    else if (first.review === 'corrected') this.corrected++;
    else this.prefilled++;
    if (first.review !== 'prefilled' && judgement.label !== null) {
      const { reviewed, kept } = this.agreement;
      const same = first.human.label === judgement.label ? 1 : 0;
      this.agreement = { ...this.agreement, reviewed: reviewed + 1, kept: kept + same };
    }
    for (const decision of used) for (const name of decision.annotators) this.annotatorNames.add(name);
    const found = new Set(used.flatMap(warningsOf));
    for (const warning of found) this.warn(warning);
    for (const decision of used) if ('prompt' in decision) this.measure(decision as CanonicalRow);
  }

  exclude(file: string, line: number, reason: Exclusion): void {
    this.excludedCount++;
    this.reasonCounts.set(reason, (this.reasonCounts.get(reason) ?? 0) + 1);
    if (this.excluded.length < namedExclusions) this.excluded.push({ file, line, reason });
  }

  decided(labels: readonly (number | null)[]): void {
    const { shared, agreed } = this.agreement;
    const same = labels.every((label) => label === labels[0]) ? 1 : 0;
    this.agreement = { ...this.agreement, shared: shared + 1, agreed: agreed + same };
  }

  /** What the plan tells; lists are sorted, only what occurs is named. */
  result(): {
    readonly reasons: readonly Count<Exclusion>[];
    readonly warnings: readonly Count<WarningId>[];
    readonly annotators: readonly string[];
    readonly models: readonly string[];
    readonly templates: readonly string[];
    readonly splits: readonly SplitCount[];
    readonly agreement: Agreement;
    readonly leakage: readonly Leakage[];
    readonly length: Lengths;
  } {
    const queriesOf = (split: Split): number => [...this.queries.values()].filter((other) => other === split).length;
    return {
      reasons: counted(exclusions, this.reasonCounts),
      warnings: counted(warningTexts, this.warningCounts),
      annotators: sorted(this.annotatorNames),
      models: sorted(this.modelNames),
      templates: sorted(this.templateNames),
      splits: (['train', 'validation'] as const)
        .map((split) => ({ split, lines: this.splitLines.get(split) ?? 0, queries: queriesOf(split) }))
        .filter(({ queries }) => queries > 0),
      agreement: this.agreement,
      leakage: [...this.leaks].map(([{ path, name, sha256 }, queries]) => ({
        path,
        name,
        sha256,
        queries: queries.size,
        ids: sorted(queries).slice(0, 10),
      })),
      length: this.templateNames.size === 0 ? { ...this.lengths, maxLength: null } : { ...this.lengths },
    };
  }

  private warn(id: WarningId): void {
    this.warningCounts.set(id, (this.warningCounts.get(id) ?? 0) + 1);
  }

  private measure(row: CanonicalRow): void {
    this.templateNames.add(row.template);
    const { lengths } = this;
    const { prompt, completion, original } = row;
    const texts = prompt.kind === 'raw' ? [prompt.text] : prompt.messages.map((m) => m.content);
    lengths.promptCharacters = longer(lengths.promptCharacters, texts);
    const answers = original === null || original.text === completion ? [completion] : [completion, original.text];
    for (const answer of answers)
      lengths.answerCharacters = Math.max(lengths.answerCharacters, codePointLength(answer));
    const tokens = row.judgement.prompt_tokens;
    if (tokens === null) {
      lengths.maxLength = null;
      return;
    }
    lengths.promptTokens = Math.max(lengths.promptTokens ?? 0, tokens);
    const bound = tokens + Math.max(...answers.map((answer) => Buffer.byteLength(answer)));
    if (lengths.maxLength !== null) lengths.maxLength = Math.max(lengths.maxLength, bound);
  }
}

/** The greater of `longest` and the code points of `texts` together, which are counted only where they could be more. */
function longer(longest: number, texts: readonly string[]): number {
  const units = texts.reduce((sum, text) => sum + text.length, 0);
  if (units <= longest) return longest;
  return Math.max(
    longest,
    texts.reduce((sum, text) => sum + codePointLength(text), 0),
  );
}

function warningsOf(row: LabelledRow): WarningId[] {
  if (!('prompt' in row)) return [];
  const tokens: WarningId[] = holdsSpecialTokens(row as CanonicalRow) ? ['special_tokens'] : [];
  const { label, explanation } = row.human;
  if (explanation === null) return tokens;
  const kept = label !== row.judgement.label && row.source === 'kept';
  return [...failedChecks(row.human, row.scale), ...(kept ? (['model_explanation'] as const) : []), ...tokens];
}

function counted<T extends string>(texts: Readonly<Record<T, string>>, counts: ReadonlyMap<T, number>): Count<T>[] {
  return (Object.keys(texts) as T[])
    .map((id) => ({ id, text: texts[id], rows: counts.get(id) ?? 0 }))
    .filter(({ rows }) => rows > 0);
}

function sorted(values: Iterable<string>): string[] {
  return [...values].sort((a, b) => (a < b ? -1 : 1));
}
