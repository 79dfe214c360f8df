/**
 * Writes the corrections that a source holds into annotators' logs beside the judgement file. Ids come from the content
 * and the time the source gives, so that the same source always makes the same bytes.
 */
import { rename, rm } from 'node:fs/promises';
import { appendEvents, logFile, logFolder } from '../../annotation/log.js';
import { messageOf, RationaleError } from '../../domain/failure.js';
import { answerId, sha256 } from '../../domain/identity.js';
import type { AnnotationEvent } from '../../domain/event.js';
import type { Judgement } from '../../domain/judgement.js';
import type { ImportedRecord } from './importer.js';

type ImportedCorrection = Extract<ImportedRecord, { kind: 'correction' }>;

/** The time of a correction whose source gives none: a decision with a date always wins over it. */
const unknownTime = 0;
const latestTime = 2 ** 48;
const batchSize = 1_000;

interface Planned {
  readonly event: AnnotationEvent | null;
  readonly notes: readonly string[];
}

/** The logs of one import, written under a temporary name until `commit`. */
export class CorrectionLogs {
  private readonly waiting = new Map<string, AnnotationEvent[]>();
  private sequence = 0;
  private written = 0;

  /** `path`: the temporary judgement file; `tag`: 8 hex digits that stand for the installation in the logs' names. */
  constructor(
    private readonly path: string,
    private readonly tag: string,
  ) {}

  /** Events planned so far. */
  get count(): number {
    return this.sequence;
  }

  /**
   * Adds what a person decided on `judgement`. An answer equal to the model's is an acceptance, as in the editor; what
   * decides nothing (an acceptance of no label) becomes a note instead of an event.
   */
  async add(correction: ImportedCorrection, judgement: Judgement): Promise<readonly string[]> {
    const { event, notes } = this.plan(correction, judgement);
    if (event === null) return notes;
    const file = logFile(this.path, event.annotator, this.tag);
    const events = this.waiting.get(file) ?? [];
    events.push(event);
    this.waiting.set(file, events);
    if (events.length >= batchSize) await this.flush(file);
    return notes;
  }

  /** Writes what is left and gives the logs their place beside the judgement file `out`. */
  async commit(out: string): Promise<void> {
    for (const file of this.waiting.keys()) await this.flush(file);
    if (this.written === 0) return;
    const folder = logFolder(out);
    try {
      await rename(logFolder(this.path), folder);
    } catch (error) {
      throw new RationaleError(
        'environment',
        `Cannot write the corrections to ${folder}: ${messageOf(error)} Nothing was written.`,
        { cause: error },
      );
    }
  }

  /** Removes what was written, after a failure. */
  async discard(): Promise<void> {
    await rm(logFolder(this.path), { recursive: true, force: true });
  }

  private async flush(file: string): Promise<void> {
    const events = this.waiting.get(file) ?? [];
    this.waiting.set(file, []);
    this.written += events.length;
    await appendEvents(file, events);
  }

  private plan(correction: ImportedCorrection, judgement: Judgement): Planned {
    const notes: string[] = [];
    const label = correction.label === judgement.label ? undefined : correction.label;
    const explanation =
      correction.explanation === (judgement.explanation ?? '') ? undefined : correction.explanation?.toWellFormed();
    let { action } = correction;
    if (action === 'correct' && label !== undefined && !Number.isSafeInteger(label)) {
      return { event: null, notes: ['a correction without effect: its label is not an integer'] };
    }
    if (action === 'correct' && label === undefined && explanation === undefined) action = 'accept';
    if (action === 'accept' && judgement.label === null) {
      return { event: null, notes: ['a correction without effect: it accepts an answer that has no label'] };
    }
    const parsed = correction.at === null ? null : timeOf(correction.at);
    if (parsed === null) notes.push('a correction without a time, dated 1970: any dated decision counts as later');
    const time = parsed ?? unknownTime;
    const annotator = correction.annotator.trim() === '' ? 'unnamed' : correction.annotator;
    const content = {
      at: new Date(time).toISOString(),
      annotator,
      query_id: judgement.query_id,
      doc_id: judgement.doc_id,
      answer_id: answerId(judgement),
      action,
      ...(action === 'correct' && label !== undefined ? { label } : {}),
      ...(action === 'correct' && explanation !== undefined ? { explanation } : {}),
      ...(correction.note === undefined ? {} : { note: correction.note }),
      seconds: 0,
    } satisfies Omit<AnnotationEvent, 'id'>;
    return { event: { id: eventId(time, this.sequence++, JSON.stringify(content)), ...content }, notes };
  }
}

/** Milliseconds of an ISO 8601 time; without a zone it is taken as UTC, so that every machine reads the same. */
function timeOf(at: string): number | null {
  const parts = /^\s*(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d+)?)?)\s*(Z|[+-]\d\d:?\d\d)?)?\s*$/i.exec(at);
  if (parts === null) return null;
  const ms = Date.parse(`${parts[1] ?? ''}T${parts[2] ?? '00:00'}${parts[3] ?? 'Z'}`);
  return ms >= 0 && ms < latestTime ? ms : null;
}

/**
 * A UUIDv7 (RFC 9562) that the same source always yields: the time in ms, then the place in the source (42 bits), so that
 * of two decisions of one instant the later line wins, then a hash of the content.
 */
function eventId(ms: number, sequence: number, content: string): string {
  const time = ms.toString(16).padStart(12, '0');
  const high = Math.floor(sequence / 2 ** 30) & 0xfff;
  const low = sequence % 2 ** 30;
  const variant = (0x8000 | (low >>> 16)).toString(16);
  const rest = (low & 0xffff).toString(16).padStart(4, '0');
  const tail = sha256(content).slice(0, 8);
  return `${time.slice(0, 8)}-${time.slice(8)}-7${high.toString(16).padStart(3, '0')}-${variant}-${rest}${tail}`;
}
