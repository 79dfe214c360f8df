/** “What carries this label?”: sentences of one document are left out in turn, and the editor fills up as they are scored. */
import type { Counterfactual } from '../domain/evaluation.js';
import { isAbort, messageOf } from '../domain/failure.js';
import type { Judgement } from '../domain/judgement.js';
import { findScale, labelName, type LabelScale } from '../domain/scale.js';
import { utf16Index } from '../domain/text.js';
import { inspectPair, type CounterfactualCache } from '../evaluation/counterfactual.js';
import type { RerankEngine } from '../inference/engine.js';
import { scaleOf } from '../profiles/profile.js';
import type { CarriesView, RowKey } from '../protocol/editor.js';

/** Of one editor: at most one document at a time. */
export class Carries {
  private current: CarriesView | null = null;
  private abort = new AbortController();

  constructor(
    /** Shared by all editors: a document that was looked at before costs nothing. */
    private readonly cache: CounterfactualCache,
    private readonly show: (view: CarriesView | null) => void,
  ) {}

  get view(): CarriesView | null {
    return this.current;
  }

  /** Scores the row's sentences, the most promising first; resolves when that has ended, however it ended. */
  async start(key: RowKey, judgement: Judgement, engine: RerankEngine): Promise<void> {
    this.abort.abort();
    const abort = new AbortController();
    this.abort = abort;
    const set = (view: CarriesView): void => {
      if (this.abort === abort) this.set(view);
    };
    set({ key, state: 'running', message: 'Scoring the whole document…', whole: null, parts: [] });
    let last: CarriesView | null = null;
    try {
      for await (const found of inspectPair(engine, judgement, { signal: abort.signal, cache: this.cache })) {
        last = carriesView(key, judgement, found, scaleOf(engine.profile));
        set(last);
      }
      const parts = last?.parts.length ?? 0;
      const message =
        parts === 0
          ? 'The document is a single sentence: nothing can be left out.'
          : `${engine.profile.id} scored the document without each of the ${parts} sentences that it saw.`;
      if (last !== null) set({ ...last, state: 'done', message });
    } catch (error) {
      const kept = last ?? { key, whole: null, parts: [] };
      if (isAbort(error)) set({ ...kept, state: 'cancelled', message: 'Cancelled. What was scored stands below.' });
      else set({ ...kept, state: 'failed', message: messageOf(error) });
    }
  }

  /** Ends the scoring after the forward in progress; what was scored stays. */
  cancel(): void {
    this.abort.abort();
  }

  /** Takes it off the screen. */
  close(): void {
    this.abort.abort();
    this.abort = new AbortController();
    this.set(null);
  }

  private set(view: CarriesView | null): void {
    this.current = view;
    this.show(view);
  }
}

/** What the editor shows of what was found so far: sentences, the strongest effect first. */
function carriesView(
  key: RowKey,
  { document }: Pick<Judgement, 'document'>,
  found: Counterfactual,
  scale: LabelScale,
): CarriesView {
  const name = (label: number): string => labelName(findScale(found.scale, [scale]), label);
  const sentences = found.changes.filter((change) => change.kind === 'sentence');
  return {
    key,
    state: 'running',
    message: `Scored ${found.changes.length} of ${found.planned} changes…`,
    whole: {
      labels: found.labels.map(name),
      label: name(found.label),
      probabilities: found.label_probabilities,
      expected: found.expected,
    },
    parts: sentences
      .map((change) => ({
        start: utf16Index(document, change.start),
        end: utf16Index(document, change.end),
        text: change.text,
        label: name(change.label),
        probabilities: change.label_probabilities,
        effect: change.effect,
      }))
      .sort((a, b) => Math.abs(b.effect) - Math.abs(a.effect) || a.start - b.start),
  };
}
