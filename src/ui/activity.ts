/**
 * How long a person worked on a decision: the seconds of an annotation event. Time stops without window focus and
 * 60 s after the last sign of life, so that a lunch break does not look like a hard document.
 */
const idleMs = 60_000;

export class ActivityClock {
  private activeMs = 0;
  /** Time of the last sign of life while focused; null while not. */
  private last: number | null;

  /** `now` gives milliseconds of a monotonic clock. */
  constructor(
    private readonly now: () => number,
    focused: boolean,
  ) {
    this.last = focused ? now() : null;
  }

  /** A key, a click, a message of the webview. */
  touch(): void {
    this.settle();
  }

  setFocused(focused: boolean): void {
    this.settle();
    if (!focused) this.last = null;
    else this.last ??= this.now();
  }

  /** Active seconds since the last call, to a tenth; starts anew. */
  take(): number {
    this.settle();
    const seconds = Math.round(this.activeMs / 100) / 10;
    this.activeMs = 0;
    return seconds;
  }

  private settle(): void {
    if (this.last === null) return;
    const now = this.now();
    this.activeMs += Math.min(now - this.last, idleMs);
    this.last = now;
  }
}
