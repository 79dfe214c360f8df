/**
 * Knows which answers have been written, so that the second of two equal ones is reported by the import and not found by
 * the reader of the file. Twelve bytes an answer: a million of them must not fill the memory.
 */
import type { Judgement } from '../../domain/judgement.js';

/**
 * A hash table from 64 bits of an answer's identity to the line it was written to. Two answers that share all 64 bits
 * would be taken for one; among a million that happens with a probability of 3 in 100 million.
 */
export class WrittenAnswers {
  private capacity = 1 << 12;
  private high = new Uint32Array(this.capacity);
  private low = new Uint32Array(this.capacity);
  /** 0: a free place. */
  private lines = new Uint32Array(this.capacity);
  private count = 0;

  /** The line (from 1) where an equal answer stands, or 0 after remembering that this one stands in `line`. */
  add(row: Judgement, line: number): number {
    const hash = new TextHash();
    // The parts of answer_id (src/domain/identity.ts).
    hash.add(row.query_id);
    hash.add(row.doc_id);
    hash.add(row.model !== null && 'id' in row.model && typeof row.model['id'] === 'string' ? row.model['id'] : '');
    hash.add(row.run_id);
    hash.add(`${row.sample} ${row.label ?? ''}`);
    hash.add(row.explanation ?? '');
    if (this.count * 2 >= this.capacity) this.grow();
    const high = hash.a >>> 0;
    const low = hash.b >>> 0;
    const place = this.placeOf(high, low);
    const earlier = this.lines[place] ?? 0;
    if (earlier !== 0) return earlier;
    this.high[place] = high;
    this.low[place] = low;
    this.lines[place] = line;
    this.count++;
    return 0;
  }

  private placeOf(high: number, low: number): number {
    let place = low & (this.capacity - 1);
    while (this.lines[place] !== 0 && (this.high[place] !== high || this.low[place] !== low)) {
      place = (place + 1) & (this.capacity - 1);
    }
    return place;
  }

  private grow(): void {
    const { high, low, lines } = this;
    this.capacity *= 2;
    this.high = new Uint32Array(this.capacity);
    this.low = new Uint32Array(this.capacity);
    this.lines = new Uint32Array(this.capacity);
    for (const [i, line] of lines.entries()) {
      if (line === 0) continue;
      const place = this.placeOf(high[i] ?? 0, low[i] ?? 0);
      this.high[place] = high[i] ?? 0;
      this.low[place] = low[i] ?? 0;
      this.lines[place] = line;
    }
  }
}

/** Two independent 32-bit multiplicative hashes over UTF-16 units, each part closed by its length. */
class TextHash {
  a = 0x811c9dc5;
  b = 0x9747b28c;

  add(text: string): void {
    let { a, b } = this;
    for (let i = 0; i < text.length; i++) {
      const unit = text.charCodeAt(i);
      a = Math.imul(a ^ unit, 0x01000193);
      b = Math.imul(b ^ unit, 0x5bd1e995);
      b ^= b >>> 15;
    }
    a = Math.imul(a ^ text.length, 0x85ebca6b);
    b = Math.imul(b ^ text.length, 0xc2b2ae35);
    this.a = a ^ (a >>> 13);
    this.b = b ^ (b >>> 16);
  }
}
