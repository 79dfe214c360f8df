/**
 * Which line an answer stood in first, for millions of answers: a Map of 64-digit ids takes over 150 bytes an answer, this
 * table 16 bytes a slot. It compares the first 96 bits of the SHA-256, of which two among 10⁷ answers agree by chance once
 * in 10¹⁵ files.
 */
export class AnswerLines {
  /** Four words a slot: three of the id, then the line (0: empty). */
  private table = new Uint32Array(4 << 10);
  private size = 0;

  /** The line that `answerId` (64 hex digits) stood in first: `line` itself (above 0) if it is new. */
  claim(answerId: string, line: number): number {
    if ((this.size + 1) * 16 > this.table.length * 3) this.grow();
    const a = Number.parseInt(answerId.slice(0, 8), 16);
    const b = Number.parseInt(answerId.slice(8, 16), 16);
    const c = Number.parseInt(answerId.slice(16, 24), 16);
    const slot = this.slotOf(this.table, a, b, c);
    const earlier = this.table[slot + 3];
    if (earlier !== undefined && earlier !== 0) return earlier;
    this.table.set([a, b, c, line], slot);
    this.size++;
    return line;
  }

  /** Where the id stands, or the empty slot where it would. */
  private slotOf(table: Uint32Array, a: number, b: number, c: number): number {
    const mask = table.length - 1;
    let slot = (a * 4) & mask;
    while (table[slot + 3] !== 0 && (table[slot] !== a || table[slot + 1] !== b || table[slot + 2] !== c)) {
      slot = (slot + 4) & mask;
    }
    return slot;
  }

  private grow(): void {
    const old = this.table;
    const table = new Uint32Array(old.length * 2);
    for (let i = 0; i < old.length; i += 4) {
      const entry = old.subarray(i, i + 4);
      const [a = 0, b = 0, c = 0, line = 0] = entry;
      if (line !== 0) table.set(entry, this.slotOf(table, a, b, c));
    }
    this.table = table;
  }
}
