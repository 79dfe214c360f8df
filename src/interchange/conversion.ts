/**
 * Rows in, lines out: the one walk over the judgement files that the plan (to count) and the writer (to write) both make, so
 * that what is written is what was planned. Rows are streamed; only a query whose format needs all its rows at once is held.
 */
import { AnswerLines } from '../annotation/answer-lines.js';
import { streamJudgementFile, type JudgementRow, type Row } from '../annotation/rows.js';
import type { JsonObject } from '../domain/json.js';
import {
  canonicalRows,
  labelledRows,
  sampleRow,
  type Candidates,
  type CanonicalRow,
  type Exclusion,
  type JudgedRow,
  type LabelledRow,
  type OpenJudgements,
  type SampleRow,
} from './canonical.js';
import type { Converted, ConvertedQuery, ConvertContext, Exporter, SideLine } from './exporter.js';
import type { ExportPolicy } from './policy.js';

/** What the rows of all files became, one byte each: the writer repeats no decision that takes knowledge of other rows. */
export class Outcomes {
  private bytes = new Uint8Array(1 << 12);

  /** `row`: index over all files. */
  set(row: number, outcome: 'included' | 'refused' | 'excluded'): void {
    if (row >= this.bytes.length) {
      const grown = new Uint8Array(Math.max(row + 1, this.bytes.length * 2));
      grown.set(this.bytes);
      this.bytes = grown;
    }
    this.bytes[row] = outcome === 'included' ? 1 : outcome === 'refused' ? 2 : 0;
  }

  /** `refused` by the format itself: its other rows may depend on having seen it. */
  get(row: number): 'included' | 'refused' | 'excluded' {
    const byte = this.bytes[row];
    return byte === 1 ? 'included' : byte === 2 ? 'refused' : 'excluded';
  }
}

/** What must be known of the files before the first row can be converted. */
export interface Survey {
  /** Answers that decisions name and the files hold. */
  readonly inFile: ReadonlySet<string>;
  /** Judgements per query id over all files; empty unless the format takes a query at once. */
  readonly rowsOfQuery: ReadonlyMap<string, number>;
  /** An answer can be repeated in another file; within one, the reader says so. */
  readonly severalFiles: boolean;
  /** Of the files that were read, by their paths: what is read later must be the same. */
  readonly sha256: ReadonlyMap<string, string>;
}

/** Reads the files once, unless nothing must be known: only decisions and formats by query need it. */
export async function surveyFiles(files: readonly OpenJudgements[], exporter: Exporter): Promise<Survey> {
  const inFile = new Set<string>();
  const rowsOfQuery = new Map<string, number>();
  const hashes = new Map<string, string>();
  const byQuery = exporter.perQuery === true;
  for (const file of files) {
    if (!byQuery && file.decidedAnswers.size === 0) continue;
    const stream = streamJudgementFile(file.path);
    let next = await stream.next();
    for (; next.done !== true; next = await stream.next()) {
      for (const row of next.value) {
        if (row.kind === 'malformed') continue;
        if (file.decidedAnswers.has(row.answerId)) inFile.add(row.answerId);
        const { query_id } = row.judgement;
        if (byQuery) rowsOfQuery.set(query_id, (rowsOfQuery.get(query_id) ?? 0) + 1);
      }
    }
    hashes.set(file.path, next.value.sha256);
  }
  return { inFile, rowsOfQuery, severalFiles: files.length > 1, sha256: hashes };
}

/** Who hears what the rows become. */
export interface ConversionSink {
  /** Lines of one query's rows; `used` are the decisions they hold, `rows` how many rows they come from. */
  lines(lines: readonly JsonObject[], side: readonly SideLine[], queryId: string): void;
  included?(row: JudgedRow, used: readonly LabelledRow[]): void;
  excluded?(file: string, line: number, reason: Exclusion): void;
  /** Labels of everybody who decided on an answer. */
  decided?(labels: readonly (number | null)[]): void;
}

/** The rows of one query that wait for its last one. */
interface Waiting {
  readonly row: AnyRow;
  readonly index: number;
}

type AnyRow = CanonicalRow | LabelledRow | SampleRow;

/** One walk. `known`: the outcomes of an earlier walk over the same files; without them, `outcomes` is filled. */
export class Conversion {
  readonly outcomes: Outcomes;
  private readonly repeat: boolean;
  private index = 0;
  private readonly answers = new AnswerLines();
  private readonly remaining: Map<string, number>;
  private readonly waiting = new Map<string, Waiting[]>();
  private form: ConvertContext['prompts'] | null;

  constructor(
    private readonly exporter: Exporter,
    private readonly policy: ExportPolicy,
    private readonly survey: Survey,
    private readonly sink: ConversionSink,
    known: { readonly outcomes: Outcomes; readonly form: ConvertContext['prompts'] } | null,
  ) {
    this.outcomes = known?.outcomes ?? new Outcomes();
    this.repeat = known !== null;
    this.remaining = new Map(survey.rowsOfQuery);
    this.form = exporter.prompts ?? (policy.prompts === 'auto' ? (known?.form ?? null) : policy.prompts);
  }

  /** The form of prompts: what the first row decided, strings where no row did. */
  get prompts(): ConvertContext['prompts'] {
    return this.form ?? 'strings';
  }

  /** Takes the next row of `file`. */
  take(row: Row, file: OpenJudgements): void {
    const index = this.index++;
    if (row.kind === 'malformed') {
      this.exclude(index, file.path, row.line, 'malformed', 'excluded');
      return;
    }
    if (!this.repeat || this.outcomes.get(index) !== 'excluded') this.takeJudgement(row, file, index);
    this.countDown(row.judgement.query_id);
  }

  private takeJudgement(row: JudgementRow, file: OpenJudgements, index: number): void {
    const repeated = (): boolean => this.answers.claim(row.answerId, index + 1) !== index + 1;
    if (!this.repeat && this.survey.severalFiles && repeated()) {
      this.exclude(index, file.path, row.line, 'repeated', 'excluded');
      return;
    }
    const { rows, reasons, labels } = this.candidates(row, file);
    if (labels.length > 1) this.sink.decided?.(labels);
    const { exporter } = this;
    if (exporter.perQuery === true) {
      const [reason] = reasons;
      if (rows.length === 0 && reason !== undefined) this.exclude(index, file.path, row.line, reason, 'excluded');
      const { query_id } = row.judgement;
      const list = this.waiting.get(query_id) ?? [];
      for (const candidate of rows) list.push({ row: candidate, index });
      if (list.length > 0) this.waiting.set(query_id, list);
      return;
    }
    const used: LabelledRow[] = [];
    let refusal: Exclusion | undefined = reasons[0];
    let taken: AnyRow | undefined;
    for (const candidate of rows) {
      const converted = this.convert(candidate);
      if (converted.ok) {
        taken = candidate;
        used.push(...(converted.used ?? ('review' in candidate ? [candidate] : [])));
        this.sink.lines(converted.lines, converted.side ?? [], row.judgement.query_id);
      } else refusal ??= converted.reason;
    }
    if (taken !== undefined) this.include(index, taken, used);
    else if (refusal !== undefined) this.exclude(index, file.path, row.line, refusal, 'excluded');
  }

  private candidates(row: JudgementRow, file: OpenJudgements): Candidates<AnyRow> {
    const { inFile } = this.survey;
    switch (this.exporter.needs) {
      case 'judgement':
        return { rows: [sampleRow(row, file, inFile, this.policy)], reasons: [], labels: [] };
      case 'label':
        return labelledRows(row, file, inFile, this.policy);
      default:
        return this.inForm(canonicalRows(row, file, inFile, this.policy));
    }
  }

  /** Holds back prompts that cannot stand in the same column as those before them. */
  private inForm(found: Candidates<CanonicalRow>): Candidates<CanonicalRow> {
    const [first] = found.rows;
    if (first === undefined) return found;
    // The rows of one judgement share its prompt.
    const raw = first.prompt.kind === 'raw';
    this.form ??= raw ? 'strings' : 'messages';
    const free = this.exporter.prompts === 'messages' || this.policy.prompts === 'messages';
    const misfit: Exclusion | null =
      this.form === 'strings' ? (raw ? null : 'chat_prompt') : raw && !free ? 'raw_prompt' : null;
    return misfit === null ? found : { rows: [], reasons: [misfit], labels: found.labels };
  }

  private get context(): ConvertContext {
    return { prompts: this.prompts, policy: this.policy };
  }

  private convert(row: AnyRow): Converted {
    // What `candidates` gives is what the exporter's `needs` names; a union of exporters cannot say so to the compiler.
    const exporter = this.exporter as { convert(row: AnyRow, context: ConvertContext): Converted };
    return exporter.convert(row, this.context);
  }

  private countDown(queryId: string): void {
    const left = this.remaining.get(queryId);
    if (left === undefined) return;
    if (left > 1) {
      this.remaining.set(queryId, left - 1);
      return;
    }
    this.remaining.delete(queryId);
    const waiting = this.waiting.get(queryId);
    this.waiting.delete(queryId);
    if (waiting !== undefined) this.convertQuery(queryId, waiting);
  }

  private convertQuery(queryId: string, waiting: readonly Waiting[]): void {
    const exporter = this.exporter as {
      convertQuery(rows: readonly AnyRow[], context: ConvertContext): ConvertedQuery<AnyRow>;
    };
    const converted = exporter.convertQuery(
      waiting.map(({ row }) => row),
      this.context,
    );
    const refused = new Map(converted.excluded.map(({ row, reason }) => [row, reason]));
    const included = new Map<number, AnyRow[]>();
    const excluded = new Map<number, { readonly row: AnyRow; readonly reason: Exclusion }>();
    for (const { row, index } of waiting) {
      const reason = refused.get(row);
      if (reason === undefined) included.set(index, [...(included.get(index) ?? []), row]);
      else if (!excluded.has(index)) excluded.set(index, { row, reason });
    }
    if (converted.lines.length > 0 || converted.side !== undefined)
      this.sink.lines(converted.lines, converted.side ?? [], queryId);
    const reported = new Set<AnyRow>(converted.used ?? []);
    for (const [index, rows] of included) {
      const [row] = rows;
      const used = rows.filter((candidate): candidate is LabelledRow => 'review' in candidate);
      if (row !== undefined) this.include(index, row, converted.used === undefined ? used : usedOf(row, reported));
    }
    for (const [index, { row, reason }] of excluded) {
      if (!included.has(index)) this.exclude(index, row.file, row.line, reason, 'refused');
    }
  }

  private include(index: number, row: AnyRow, used: readonly LabelledRow[]): void {
    if (!this.repeat) this.outcomes.set(index, 'included');
    this.sink.included?.(row, used);
  }

  private exclude(index: number, file: string, line: number, reason: Exclusion, outcome: 'refused' | 'excluded'): void {
    if (!this.repeat) this.outcomes.set(index, outcome);
    this.sink.excluded?.(file, line, reason);
  }
}

/** The decisions among `reported` that were made on `row`'s answer. */
function usedOf(row: AnyRow, reported: ReadonlySet<AnyRow>): LabelledRow[] {
  const used: LabelledRow[] = [];
  for (const other of reported) if (other.id === row.id && 'review' in other) used.push(other);
  return used;
}
