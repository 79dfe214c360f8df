/**
 * Labels as people and tools write them: integers, or the names that a scale gives them. Never guessed: what is neither is
 * refused with a reason, and so is a number that the scale does not have.
 */
import type { Json } from '../../domain/json.js';
import { findScale, type LabelScale } from '../../domain/scale.js';
import { readLabel, shown, type LabelRead } from './fields.js';

/**
 * Reads a label written as an integer, as its name on the scale `scale` ("partially relevant"), or as both ("2: relevant").
 * On a scale that is not known, any integer is taken. `declared`: scales beside the built-in ones.
 */
export function readScaleLabel(
  value: Json | undefined,
  scale: string,
  field: string,
  declared: readonly LabelScale[] = [],
): LabelRead {
  const known = findScale(scale, declared);
  const read = readLabel(value, field);
  if (!read.ok && typeof value === 'string' && known !== undefined) {
    const found = labelByName(value, known);
    if (found !== undefined) return { ok: true, label: found, notes: [] };
    const has = known.labels.map((label) => `${label.value} ${label.name}`).join(', ');
    return {
      ok: false,
      reason: `"${field}" is neither an integer nor a name on the scale "${scale}" (${has}): ${shown(value)}`,
    };
  }
  if (read.ok && read.label !== null && known !== undefined) {
    const { label } = read;
    if (!known.labels.some((each) => each.value === label)) {
      const values = known.labels.map((each) => each.value).join(', ');
      return {
        ok: false,
        reason: `"${field}" is not on the scale "${scale}" (${values}): ${label}; name the scale of the file`,
      };
    }
  }
  return read;
}

function labelByName(text: string, scale: LabelScale): number | undefined {
  const numbered = /^\s*(\d{1,4})\s*[-–—:.)(=]+\s*(.*?)\)?\s*$/su.exec(text);
  const name = plain(numbered?.[2] ?? text);
  const label = scale.labels.find((each) => plain(each.name) === name);
  // A number beside a name has to be the name's own: "1 - irrelevant" counts from 1, and taking either would be a guess.
  if (label === undefined || (numbered !== null && Number(numbered[1]) !== label.value)) return undefined;
  return label.value;
}

function plain(name: string): string {
  const words = name
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, ' ')
    .trim();
  return words === 'not relevant' || words === 'non relevant' || words === 'nonrelevant' ? 'irrelevant' : words;
}
