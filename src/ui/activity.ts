/**
 * How long a person worked on a decision: the seconds of an annotation event. Counted per row, from the time it was
 * selected. Time stops without window focus and 60 s after the last sign of life, so that a lunch break does not look
 * like a hard document.
 */
const idleMs = 60_000;

export class ActivityClock {
  private activeMs = 0;
  /** Time of the last sign of life while focused; null while not. */
  private last: number | null;
  /** The row being worked on, and the one before it, whose text may be committed only after it was left. */
  private row: string | null = null;
  private left: { readonly row: string; readonly activeMs: number } | null = null;

  /** `now` gives milliseconds of a monotonic clock. */
  constructor(
    private readonly now: () => number,
    focused: boolean,
  ) {
    this.last = focused ? now() : null;
  }

  /** A sign of life of somebody who works on `row`; on another row than before the count starts anew. */
  touch(row: string): void {
    this.settle();
    this.show(row);
  }

  /** `row` is what is shown now, whoever or whatever selected it: no sign of life. */
  show(row: string): void {
    if (row === this.row) return;
    const spent = this.peek();
    this.left = this.row === null ? null : { row: this.row, activeMs: this.activeMs + spent };
    this.row = row;
    this.activeMs = 0;
    if (this.last !== null) this.last = this.now();
  }

  setFocused(focused: boolean): void {
    this.settle();
    if (!focused) this.last = null;
    else this.last ??= this.now();
  }

  /** Active seconds on `row` since it was selected or last taken, to a tenth; starts anew. 0 for a row long left. */
  take(row: string): number {
    let ms = 0;
    if (row === this.row) {
      this.settle();
      ms = this.activeMs;
      this.activeMs = 0;
    } else if (row === this.left?.row) {
      ms = this.left.activeMs;
      this.left = null;
    }
    return Math.round(ms / 100) / 10;
  }

  private settle(): void {
    this.activeMs += this.peek();
    if (this.last !== null) this.last = this.now();
  }

  /** What has been spent since the last sign of life. */
  private peek(): number {
    return this.last === null ? 0 : Math.min(this.now() - this.last, idleMs);
  }
}
