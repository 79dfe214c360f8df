/** The little that outlives the webview: sizes, open sections, dismissed notices. Small and versioned. */

interface Checkpoint {
  readonly version: 1;
  /** Share of the list in the width (side by side) and in the height (stacked), in percent. */
  readonly split: number;
  readonly stackedSplit: number;
  readonly open: readonly string[];
  readonly dismissed: readonly string[];
  readonly scrollTop: number;
}

const initial: Checkpoint = { version: 1, split: 36, stackedSplit: 38, open: [], dismissed: [], scrollTop: 0 };

class CheckpointStore {
  #state = initial;
  #write: (state: Checkpoint) => void = () => undefined;

  /** Restores what `saved` holds, if this version wrote it, and writes changes with `write`. */
  connect(saved: unknown, write: (state: Checkpoint) => void): void {
    this.#write = write;
    if (typeof saved !== 'object' || saved === null || !('version' in saved) || saved.version !== initial.version)
      return;
    const known = saved as Partial<Checkpoint>;
    this.#state = { ...initial, ...known };
  }

  get state(): Checkpoint {
    return this.#state;
  }

  update(change: Partial<Omit<Checkpoint, 'version'>>): void {
    this.#state = { ...this.#state, ...change };
    this.#write(this.#state);
  }

  isOpen(section: string): boolean {
    return this.#state.open.includes(section);
  }

  setOpen(section: string, open: boolean): void {
    if (open === this.isOpen(section)) return;
    const rest = this.#state.open.filter((s) => s !== section);
    this.update({ open: open ? [...rest, section] : rest });
  }
}

export const checkpoint = new CheckpointStore();
