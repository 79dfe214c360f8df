/** A queue between the child's messages and the `for await` that consumes them: unbounded, one consumer. */
export class EventQueue<T> implements AsyncIterable<T> {
  private readonly items: T[] = [];
  private ended: { readonly error: unknown } | 'cleanly' | undefined;
  private wake: (() => void) | undefined;

  push(item: T): void {
    this.items.push(item);
    this.wake?.();
  }

  end(): void {
    this.ended ??= 'cleanly';
    this.wake?.();
  }

  /** Ends with an error, after what was pushed before has been consumed. */
  fail(error: unknown): void {
    this.ended ??= { error };
    this.wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncIterator<T> {
    for (;;) {
      const item = this.items.shift();
      if (item !== undefined) yield item;
      else if (this.ended === 'cleanly') return;
      else if (this.ended !== undefined) throw this.ended.error;
      else await new Promise<void>((resolve) => (this.wake = resolve));
    }
  }
}
