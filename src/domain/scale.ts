/** Label scales: what the integers of a judgement file mean. A file may hold several; each row names its own. */

interface ScaleLabel {
  readonly value: number;
  readonly name: string;
  readonly description: string;
}

export interface LabelScale {
  readonly name: string;
  /** In ascending order of relevance. */
  readonly labels: readonly ScaleLabel[];
}

/** The paper's scale (wording of its reward-model prompt, ../docs/formats/judgements.md). The default where a row names none. */
export const interankScale: LabelScale = {
  name: 'interank',
  labels: [
    { value: 0, name: 'irrelevant', description: 'provides no useful information on the question' },
    { value: 1, name: 'partially relevant', description: 'provides context, but does not answer the question' },
    { value: 2, name: 'relevant', description: 'provides useful information to answer the question' },
  ],
};

/** The scale of the embedded model. */
export const fourGradesScale: LabelScale = {
  name: 'four-grades',
  labels: [
    { value: 0, name: 'irrelevant', description: 'about something else' },
    { value: 1, name: 'related', description: 'touches the topic, does not help to answer' },
    { value: 2, name: 'relevant', description: 'helps to answer' },
    { value: 3, name: 'highly relevant', description: 'answers' },
  ],
};

const builtIn: ReadonlyMap<string, LabelScale> = new Map([interankScale, fourGradesScale].map((s) => [s.name, s]));

/**
 * The scale called `name`: one of `declared` (run file or sidecar), else a built-in one, else undefined: labels of an
 * unknown scale are shown as bare numbers, never guessed.
 */
export function findScale(name: string, declared: readonly LabelScale[] = []): LabelScale | undefined {
  return declared.find((s) => s.name === name) ?? builtIn.get(name);
}

/** The name of a label on a scale, or the number itself where the scale does not know it. */
export function labelName(scale: LabelScale | undefined, label: number): string {
  return scale?.labels.find((l) => l.value === label)?.name ?? String(label);
}
