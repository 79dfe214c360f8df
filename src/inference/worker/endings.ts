/**
 * Where generated text ends: at a stop string, at the anchor before the label, or not yet. Works on text, not on tokens,
 * because both may straddle tokens. Pure.
 */

export interface Endings {
  readonly stops: readonly string[];
  /** The answer template's text before the label (explain-first), or null where no label follows. */
  readonly anchor: string | null;
}

export type Ending =
  /** `at` is where the ending begins; a text that ends there is what is kept. */
  | { readonly kind: 'stop'; readonly at: number }
  /** `after` is one past the anchor's last character that is no white space. */
  | { readonly kind: 'anchor'; readonly at: number; readonly after: number };

/**
 * The earliest ending in `text`, or undefined; of two at one place the anchor. A stop that opens the text is ignored: a
 * rationale may begin on a new line. The anchor counts with the last character of the white space before it (models write
 * one line break where a template has two), and without any where it opens the text.
 */
export function findEnding(text: string, { stops, anchor }: Endings): Ending | undefined {
  const lead = text.length - text.trimStart().length;
  let found: Ending | undefined;
  const earlier = (ending: Ending): void => {
    if (found === undefined || ending.at < found.at) found = ending;
  };
  if (anchor !== null) {
    const core = anchor.trim();
    const literal = marker(anchor);
    const at = text.indexOf(literal);
    if (text.startsWith(core, lead)) earlier({ kind: 'anchor', at: 0, after: lead + core.length });
    else if (at >= 0) earlier({ kind: 'anchor', at, after: at + literal.length });
  }
  for (const stop of stops) {
    const at = text.indexOf(stop, lead);
    if (at >= 0) earlier({ kind: 'stop', at });
  }
  return found;
}

/** `text` without an end that may still become a stop or the anchor: what can be shown while it is written. */
export function settledText(text: string, { stops, anchor }: Endings): string {
  // The anchor may open the text without the white space that is otherwise part of it.
  if (anchor?.trim().startsWith(text.trim()) === true) return '';
  const markers = anchor === null ? stops : [...stops, marker(anchor)];
  let held = 0;
  for (const mark of markers) {
    for (let length = Math.min(mark.length - 1, text.length); length > held; length--) {
      if (text.endsWith(mark.slice(0, length))) held = length;
    }
  }
  return text.slice(0, text.length - held);
}

/** The anchor as it is looked for: with the last character of its leading white space, without what trails. */
function marker(anchor: string): string {
  const core = anchor.trim();
  return anchor.slice(Math.max(0, anchor.indexOf(core) - 1)).trimEnd();
}
