/**
 * BM25 over an inverted index of our own: no library at hand gave both the quality (docs of the first stage) and cheap
 * replacing of single documents. k1 = 1.2 and b = 0.75 were fixed beforehand and are not settings.
 *
 * The score of document d for a query is the sum, over the query's distinct terms t in order of first occurrence, of
 *
 *   qtf · ln(1 + (N − df + 0.5) / (df + 0.5)) · tf · (k1 + 1) / (tf + k1 · (1 − b + b · length / meanLength))
 *
 * (Robertson and Zaragoza 2009, eq. 3.15, with Lucene's idf, which is never negative), where qtf and tf count t in query
 * and document, df of N documents hold t, and lengths count terms. It depends on the documents held, never on the order
 * in which they were added, replaced and removed.
 *
 * Postings live in immutable segments of gap-coded bytes. New documents wait in a buffer that becomes a segment at the
 * next search; segments of like size are merged, so that every posting is rewritten O(log n) times. A removed document is
 * only marked; merging drops its postings, and once marked slots outnumber live ones everything is renumbered.
 */
import { createHash } from 'node:crypto';
import { analyzerVersion, termsOf } from './analyzer.js';

const k1 = 1.2;
const b = 0.75;
/** Buffered (term, document) pairs that become a segment without waiting for a search: 4 MiB of buffer. */
const bufferedPostings = 1 << 19;
/** Below this many removed documents renumbering is not worth its pause. */
const fewestRemovedToCompact = 1_000;

export interface Hit {
  readonly id: string;
  readonly score: number;
}

/** Postings of documents with neighbouring slots: for `terms[i]`, the bytes from `starts[i]` to `starts[i + 1]`. */
interface Segment {
  /** Ascending term numbers. */
  readonly terms: Uint32Array;
  readonly starts: Uint32Array;
  /** Per posting, as a variable-length integer: 2 · (slot − previous slot) + (tf = 1 ? 1 : 0), then tf where it is not 1. */
  readonly bytes: Uint8Array;
}

export class Bm25Index {
  private readonly termNumbers = new Map<string, number>();
  /** Slot → id, `undefined` once removed. */
  private ids: (string | undefined)[] = [];
  private slots = new Map<string, number>();
  private lengths = new Uint32Array(64);
  private totalLength = 0;
  private segments: Segment[] = [];
  /** Triples (term, slot, tf) that are in no segment yet; slots ascend. */
  private buffer = new Uint32Array(3 * 1024);
  private buffered = 0;
  private scores = new Float64Array(0);
  /** Term number → occurrences in the document being added; 0 between documents. */
  private counts = new Uint32Array(1024);

  /** How many documents the index holds. */
  get size(): number {
    return this.slots.size;
  }

  has(id: string): boolean {
    return this.slots.has(id);
  }

  /** Adds the document, replacing the one of the same id. */
  add(id: string, text: string): void {
    this.remove(id);
    const slot = this.ids.length;
    const terms = termsOf(text);
    this.ids.push(id);
    this.slots.set(id, slot);
    if (slot >= this.lengths.length) this.lengths = grown(this.lengths, slot + 1);
    this.lengths[slot] = terms.length;
    this.totalLength += terms.length;
    const distinct: number[] = [];
    for (const term of terms) {
      let number = this.termNumbers.get(term);
      if (number === undefined) {
        number = this.termNumbers.size;
        this.termNumbers.set(term, number);
        if (number >= this.counts.length) this.counts = grown(this.counts, number + 1);
      }
      const count = this.counts[number] ?? 0;
      if (count === 0) distinct.push(number);
      this.counts[number] = count + 1;
    }
    const needed = 3 * (this.buffered + distinct.length);
    if (needed > this.buffer.length) this.buffer = grown(this.buffer, needed);
    let at = 3 * this.buffered;
    for (const term of distinct) {
      this.buffer[at++] = term;
      this.buffer[at++] = slot;
      this.buffer[at++] = this.counts[term] ?? 0;
      this.counts[term] = 0;
    }
    this.buffered += distinct.length;
    if (this.buffered >= bufferedPostings) this.seal();
  }

  /** Removes the document; false where the index does not hold it. */
  remove(id: string): boolean {
    const slot = this.slots.get(id);
    if (slot === undefined) return false;
    this.slots.delete(id);
    this.ids[slot] = undefined;
    this.totalLength -= this.lengths[slot] ?? 0;
    const removed = this.ids.length - this.slots.size;
    if (removed >= fewestRemovedToCompact && removed > this.slots.size) this.compact();
    return true;
  }

  /**
   * The best `depth` documents that share a term with the query, best first; equal scores stand in ascending order of id
   * (UTF-16 units), so that the order does not depend on how the index was built.
   */
  search(query: string, depth: number): Hit[] {
    this.seal();
    const count = this.slots.size;
    if (count === 0 || depth <= 0) return [];
    if (this.scores.length < this.ids.length) this.scores = new Float64Array(this.lengths.length);
    const { scores, ids, lengths } = this;
    const touched: number[] = [];
    const meanLength = this.totalLength / count;
    const queryCounts = new Map<number, number>();
    for (const term of termsOf(query)) {
      const number = this.termNumbers.get(term);
      if (number !== undefined) queryCounts.set(number, (queryCounts.get(number) ?? 0) + 1);
    }
    const postings: number[] = [];
    for (const [term, queryCount] of queryCounts) {
      postings.length = 0;
      for (const segment of this.segments) {
        decode(segment, term, (slot, tf) => {
          if (ids[slot] !== undefined) postings.push(slot, tf);
        });
      }
      const df = postings.length / 2;
      const weight = queryCount * Math.log(1 + (count - df + 0.5) / (df + 0.5)) * (k1 + 1);
      for (let i = 0; i < postings.length; i += 2) {
        const slot = postings[i] ?? 0;
        const tf = postings[i + 1] ?? 0;
        const before = scores[slot] ?? 0;
        if (before === 0) touched.push(slot);
        scores[slot] = before + (weight * tf) / (tf + k1 * (1 - b + (b * (lengths[slot] ?? 0)) / meanLength));
      }
    }
    const hits = best(touched, scores, ids, depth);
    for (const slot of touched) scores[slot] = 0;
    return hits;
  }

  /** The index as bytes (layout: see `deserialise`), without what was removed. */
  serialise(): Uint8Array {
    this.compact();
    const segment = this.segments[0] ?? noPostings;
    const strings = Buffer.from(JSON.stringify({ terms: [...this.termNumbers.keys()], ids: this.ids }), 'utf8');
    const lengths = this.lengths.subarray(0, this.ids.length);
    const chunks = [strings, lengths, segment.terms, segment.starts, segment.bytes].map(bytesOf);
    const header = new Uint32Array([format, analyzerVersion, ...chunks.map((chunk) => chunk.length)]);
    const body = [bytesOf(header), ...chunks];
    const hash = createHash('sha256');
    for (const chunk of body) hash.update(chunk);
    return bytesOf(Buffer.concat([magic, hash.digest(), ...body]));
  }

  /**
   * Reads what `serialise` wrote: 8 bytes of magic, SHA-256 of the rest, then as 32-bit numbers in the machine's byte
   * order the format, the analyzer's version and the lengths of five chunks, then these chunks. Bytes of another version,
   * cut short or altered give the reason, for the index to be built anew.
   */
  static deserialise(
    bytes: Uint8Array,
  ): { readonly index: Bm25Index } | { readonly index: undefined; readonly reason: string } {
    const refuse = (reason: string) => ({ index: undefined, reason });
    const headerAt = magic.length + 32;
    const bodyAt = headerAt + 4 * 7;
    if (bytes.length < bodyAt || !magic.equals(bytes.subarray(0, magic.length))) return refuse('not a BM25 index');
    const header = new Uint32Array(copyOf(bytes, headerAt, bodyAt).buffer);
    if (header[0] !== format) return refuse(`index format ${header[0] ?? '?'}, this version reads ${format}`);
    if (header[1] !== analyzerVersion)
      return refuse(`made by analyzer version ${header[1] ?? '?'}, this is ${analyzerVersion}`);
    const digest = createHash('sha256').update(bytes.subarray(headerAt)).digest();
    if (!digest.equals(bytes.subarray(magic.length, headerAt))) return refuse('damaged (its checksum does not match)');
    let at = bodyAt;
    const chunks = [...header.subarray(2)].map((length) => copyOf(bytes, at, (at += length)));
    const [strings, lengths, terms, starts, postings] = chunks;
    if (
      strings === undefined ||
      lengths === undefined ||
      terms === undefined ||
      starts === undefined ||
      postings === undefined
    ) {
      return refuse('damaged (a part is missing)');
    }
    // The checksum holds, so these are the bytes that `serialise` wrote.
    const names = JSON.parse(Buffer.from(strings).toString('utf8')) as { terms: string[]; ids: string[] };
    const index = new Bm25Index();
    for (const [number, term] of names.terms.entries()) index.termNumbers.set(term, number);
    index.counts = new Uint32Array(Math.max(1024, names.terms.length));
    index.ids = names.ids;
    for (const [slot, id] of names.ids.entries()) index.slots.set(id, slot);
    index.lengths = new Uint32Array(lengths.buffer);
    for (const length of index.lengths) index.totalLength += length;
    if (terms.length > 0) {
      index.segments.push({
        terms: new Uint32Array(terms.buffer),
        starts: new Uint32Array(starts.buffer),
        bytes: postings,
      });
    }
    return { index };
  }

  /** Turns the buffer into a segment, and merges it with its neighbours while they are of like size. */
  private seal(): void {
    if (this.buffered > 0) {
      this.segments.push(segmentOf(this.buffer.subarray(0, 3 * this.buffered)));
      this.buffered = 0;
      this.buffer = new Uint32Array(3 * 1024);
    }
    while (this.segments.length > 1) {
      const newer = this.segments.at(-1) ?? noPostings;
      const older = this.segments.at(-2) ?? noPostings;
      if (older.bytes.length > 2 * newer.bytes.length) break;
      this.segments.splice(
        -2,
        2,
        merged([older, newer], (slot) => (this.ids[slot] === undefined ? undefined : slot)),
      );
    }
  }

  /** Merges all segments into one and renumbers the slots, so that nothing of the removed documents is left. */
  private compact(): void {
    this.seal();
    if (this.segments.length <= 1 && this.slots.size === this.ids.length) return;
    const renumbered = new Int32Array(this.ids.length).fill(-1);
    const ids: string[] = [];
    const lengths = new Uint32Array(Math.max(this.slots.size, 64));
    for (const [slot, id] of this.ids.entries()) {
      if (id === undefined) continue;
      renumbered[slot] = ids.length;
      lengths[ids.length] = this.lengths[slot] ?? 0;
      ids.push(id);
    }
    const segment = merged(this.segments, (slot) => {
      const to = renumbered[slot] ?? -1;
      return to < 0 ? undefined : to;
    });
    this.segments = segment.terms.length > 0 ? [segment] : [];
    this.ids = ids;
    this.lengths = lengths;
    this.slots = new Map(ids.map((id, slot) => [id, slot]));
  }
}

const magic = Buffer.from('RATBM25\n', 'latin1');
const format = 1;
const noPostings: Segment = { terms: new Uint32Array(0), starts: new Uint32Array(1), bytes: new Uint8Array(0) };

function bytesOf(view: Uint8Array | Uint32Array): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}

/** A copy with a buffer of its own: `slice` of a Node Buffer is a view, and 32-bit views need an aligned start. */
function copyOf(bytes: Uint8Array, start: number, end: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(bytes.subarray(start, end));
}

function grown(array: Uint32Array<ArrayBuffer>, needed: number): Uint32Array<ArrayBuffer> {
  const larger = new Uint32Array(Math.max(needed, 2 * array.length));
  larger.set(array);
  return larger;
}

/** A growing byte array that takes postings of one term after another. */
class PostingWriter {
  private bytes = new Uint8Array(1 << 12);
  length = 0;
  private previous = 0;

  /** Starts the postings of the next term. */
  restart(): void {
    this.previous = 0;
  }

  write(slot: number, tf: number): void {
    if (this.length + 10 > this.bytes.length) {
      const larger = new Uint8Array(2 * this.bytes.length);
      larger.set(this.bytes);
      this.bytes = larger;
    }
    // Slots stay far below 2^30, so the doubled gap fits the 31 bits that shifting can handle.
    this.varint(2 * (slot - this.previous) + (tf === 1 ? 1 : 0));
    if (tf !== 1) this.varint(tf);
    this.previous = slot;
  }

  finish(): Uint8Array {
    return this.bytes.slice(0, this.length);
  }

  private varint(value: number): void {
    let rest = value;
    while (rest > 0x7f) {
      this.bytes[this.length++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    this.bytes[this.length++] = rest;
  }
}

/** A segment of buffered (term, slot, tf) triples with ascending slots. */
function segmentOf(triples: Uint32Array): Segment {
  const count = triples.length / 3;
  let highest = 0;
  for (let i = 0; i < triples.length; i += 3) highest = Math.max(highest, triples[i] ?? 0);
  // Counting sort by term keeps the slots of a term in order.
  const ends = new Uint32Array(highest + 2);
  for (let i = 0; i < triples.length; i += 3) {
    const term = (triples[i] ?? 0) + 1;
    ends[term] = (ends[term] ?? 0) + 1;
  }
  for (let term = 0; term <= highest; term++) ends[term + 1] = (ends[term + 1] ?? 0) + (ends[term] ?? 0);
  const order = new Uint32Array(count);
  for (let i = 0; i < count; i++) {
    const term = triples[3 * i] ?? 0;
    const place = ends[term] ?? 0;
    order[place] = i;
    ends[term] = place + 1;
  }
  const terms: number[] = [];
  const starts: number[] = [];
  const writer = new PostingWriter();
  for (const i of order) {
    const term = triples[3 * i] ?? 0;
    if (term !== terms.at(-1)) {
      terms.push(term);
      starts.push(writer.length);
      writer.restart();
    }
    writer.write(triples[3 * i + 1] ?? 0, triples[3 * i + 2] ?? 0);
  }
  starts.push(writer.length);
  return { terms: Uint32Array.from(terms), starts: Uint32Array.from(starts), bytes: writer.finish() };
}

/** Segments whose slots ascend from one to the next, as one; `place` gives a slot its new number or drops it. */
function merged(segments: readonly Segment[], place: (slot: number) => number | undefined): Segment {
  const cursors = segments.map((segment) => ({ segment, at: 0 }));
  const terms: number[] = [];
  const starts: number[] = [];
  const writer = new PostingWriter();
  for (;;) {
    let term = Infinity;
    for (const { segment, at } of cursors) term = Math.min(term, segment.terms[at] ?? Infinity);
    if (term === Infinity) break;
    const start = writer.length;
    writer.restart();
    for (const cursor of cursors) {
      if (cursor.segment.terms[cursor.at] !== term) continue;
      decodeAt(cursor.segment, cursor.at, (slot, tf) => {
        const to = place(slot);
        if (to !== undefined) writer.write(to, tf);
      });
      cursor.at++;
    }
    if (writer.length === start) continue;
    terms.push(term);
    starts.push(start);
  }
  starts.push(writer.length);
  return { terms: Uint32Array.from(terms), starts: Uint32Array.from(starts), bytes: writer.finish() };
}

/** Calls `posting` for every posting of `term` in `segment`, by ascending slot. */
function decode(segment: Segment, term: number, posting: (slot: number, tf: number) => void): void {
  let low = 0;
  let high = segment.terms.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((segment.terms[middle] ?? 0) < term) low = middle + 1;
    else high = middle;
  }
  if (segment.terms[low] === term) decodeAt(segment, low, posting);
}

function decodeAt(segment: Segment, place: number, posting: (slot: number, tf: number) => void): void {
  const { bytes } = segment;
  const end = segment.starts[place + 1] ?? 0;
  let at = segment.starts[place] ?? 0;
  const varint = () => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++] ?? 0;
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value >>> 0;
    }
  };
  let slot = 0;
  while (at < end) {
    const coded = varint();
    slot += coded >>> 1;
    posting(slot, (coded & 1) === 1 ? 1 : varint());
  }
}

/** The `depth` best of the `touched` slots, best first: a heap with the worst kept one on top spares sorting all. */
function best(
  touched: readonly number[],
  scores: Float64Array,
  ids: readonly (string | undefined)[],
  depth: number,
): Hit[] {
  const hit = (slot: number): Hit => ({ id: ids[slot] ?? '', score: scores[slot] ?? 0 });
  const heap: Hit[] = [];
  const sink = (from: number) => {
    for (let i = from; ;) {
      let worst = i;
      for (const child of [2 * i + 1, 2 * i + 2]) {
        if (compare(heap[child], heap[worst]) > 0) worst = child;
      }
      if (worst === i) return;
      const [a, c] = [heap[i], heap[worst]];
      if (a === undefined || c === undefined) return;
      heap[i] = c;
      heap[worst] = a;
      i = worst;
    }
  };
  for (const slot of touched) {
    if (heap.length < depth) {
      heap.push(hit(slot));
      if (heap.length === depth) for (let i = (depth >> 1) - 1; i >= 0; i--) sink(i);
      continue;
    }
    const worst = heap[0];
    if (worst === undefined || (scores[slot] ?? 0) < worst.score) continue;
    const candidate = hit(slot);
    if (compare(candidate, worst) < 0) {
      heap[0] = candidate;
      sink(0);
    }
  }
  return heap.sort(compare);
}

/** Negative where `x` ranks before `y`. A place beyond the heap ranks before everything, so that it never sinks. */
function compare(x: Hit | undefined, y: Hit | undefined): number {
  if (x === undefined) return -1;
  if (y === undefined) return 1;
  if (x.score !== y.score) return y.score - x.score;
  return x.id < y.id ? -1 : x.id > y.id ? 1 : 0;
}
