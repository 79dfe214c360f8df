/** How numbers and states are said in the editor: one wording for the eye, the tooltip and the screen reader. */
import type { LabelView, RowDetail, RowSummary } from '../src/protocol/editor.js';
import type { ReviewState } from '../src/domain/review.js';
import { decimal, signed } from '../src/plots/words.js';
import type { IconName } from './icons.js';

export const reviewWords: Readonly<
  Record<ReviewState, { readonly name: string; readonly icon: IconName; readonly hint: string }>
> = {
  unseen: { name: 'Not judged', icon: 'unseen', hint: 'no answer yet' },
  prefilled: { name: 'To review', icon: 'prefilled', hint: 'the model answered, nobody has decided' },
  accepted: { name: 'Accepted', icon: 'accepted', hint: 'label and rationale stand as they are' },
  corrected: { name: 'Corrected', icon: 'corrected', hint: 'label or rationale was changed' },
  skipped: { name: 'Skipped', icon: 'skipped', hint: 'left for later' },
  cannot_judge: { name: 'Cannot judge', icon: 'cannotJudge', hint: 'cannot be told from this text' },
  flagged: { name: 'Flagged', icon: 'flag', hint: 'flagged, not decided' },
  stale: { name: 'Outdated', icon: 'stale', hint: 'decided on an answer that has changed since' },
};

/** A probability in [0, 1] as whole percent; never 0 % or 100 % for what is not quite. */
export function percent(p: number): string {
  const value = Math.round(p * 100);
  if (value === 0 && p > 0) return '<1 %';
  if (value === 100 && p < 1) return '>99 %';
  return `${value} %`;
}

/** Scores of different profiles lie on different scales: three significant places, a true minus sign. */
export function number(value: number): string {
  const text = Math.abs(value) >= 100 ? value.toFixed(0) : value.toFixed(Math.abs(value) >= 10 ? 1 : 2);
  return text.replace('-', '\u2212');
}

export interface Movement {
  readonly direction: 'up' | 'down' | 'same';
  /** `↑3`, `↓2` or `=`. */
  readonly short: string;
  /** `up 3 from first stage 7`. */
  readonly long: string;
}

/** Where a document stands now against the first stage, or null when one of the two is unknown. */
export function movement(rank: number | null, firstStageRank: number | null): Movement | null {
  if (rank === null || firstStageRank === null) return null;
  const by = firstStageRank - rank;
  if (by === 0) return { direction: 'same', short: '=', long: `as in the first stage` };
  const steps = Math.abs(by);
  return by > 0
    ? { direction: 'up', short: `\u2191${steps}`, long: `up ${steps} from first stage ${firstStageRank}` }
    : { direction: 'down', short: `\u2193${steps}`, long: `down ${steps} from first stage ${firstStageRank}` };
}

/** A label in words, with its probability where there is one. */
function labelWords(label: LabelView): string {
  return label.probability === null ? label.name : `${label.name}, ${percent(label.probability)}`;
}

/** Everything a row shows, as one sentence for screen readers. */
export function rowWords(row: RowSummary): string {
  if (row.kind === 'malformed') return `Line ${row.line} cannot be read: ${row.reason}`;
  const moved = movement(row.rank, row.firstStageRank);
  const parts = [
    row.startsQuery ? `Query: ${row.query}` : '',
    row.rank === null ? '' : `Rank ${row.rank}`,
    moved?.long ?? '',
    row.name,
    row.correctedLabel !== null ? `Label corrected to ${row.correctedLabel.name}` : '',
    row.label !== null ? `${row.correctedLabel !== null ? 'model said' : 'Label'} ${labelWords(row.label)}` : '',
    row.score === null ? '' : `Score ${number(row.score)}`,
    statusWords(row),
    row.streaming ? 'Rationale is being written' : '',
    reviewWords[row.review].name,
    row.flagged && row.review !== 'flagged' ? 'Flagged' : '',
    row.draft ? 'Has a draft' : '',
    row.saved ? '' : 'Not saved',
  ];
  return parts.filter((part) => part !== '').join('. ');
}

/** What a status other than `ok` means, or the empty string. */
export function statusWords(row: Pick<RowDetail, 'status' | 'label'>): string {
  switch (row.status) {
    case 'ok':
      return '';
    case 'pending':
      // Scores come one by one, but a row takes decisions only when nothing more will be written to it.
      return row.label === null ? 'Waiting for its score' : 'Scored, not final yet';
    case 'truncated':
      return 'Answer cut off';
    case 'unparsed':
      return 'No label found in the answer';
    case 'failed':
      return 'Failed';
  }
}

/** A metric or share with three places and a true minus sign. */
export function threePlaces(value: number): string {
  return decimal(value, 3);
}

/** A difference with three places and its sign. */
export function signedNumber(value: number): string {
  return signed(value, 3);
}

/** `0.41 to 0.48`, or nothing where there is no interval. */
export function interval(bounds: readonly [number, number] | null): string {
  return bounds === null ? '' : `${decimal(bounds[0], 3)} to ${decimal(bounds[1], 3)}`;
}

/** A p-value as papers write it: never 0. */
export function pValue(p: number): string {
  return p < 0.001 ? '< 0.001' : decimal(p, 3);
}
