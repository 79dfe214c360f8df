/** What a setting may hold. VS Code underlines a wrong value in settings.json and hands it over all the same. Pure. */
import { settingProperties, type SettingKey } from '../contributions.js';

interface Wanted {
  readonly type: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly enum?: readonly unknown[];
}

/** What is wrong with the value of a setting, as a sentence that names it, or null. */
export function settingProblem(key: SettingKey, value: unknown): string | null {
  const { type, minimum, maximum, enum: words } = settingProperties[key] as Wanted;
  if (words !== undefined && !words.includes(value)) {
    return `Setting rationale.${key} must be one of ${words.join(', ')}, but is ${value === undefined ? 'nothing' : JSON.stringify(value)}.`;
  }
  const fits = type === 'integer' ? Number.isSafeInteger(value) : typeof value === type;
  const inside = typeof value !== 'number' || (value >= (minimum ?? -Infinity) && value <= (maximum ?? Infinity));
  if (fits && inside) return null;
  const bounds = [
    ...(minimum === undefined ? [] : [`at least ${minimum}`]),
    ...(maximum === undefined ? [] : [`at most ${maximum}`]),
  ].join(' and ');
  const wanted = `${type === 'integer' ? 'a whole number' : `a ${type}`}${bounds === '' ? '' : `, ${bounds}`}`;
  return `Setting rationale.${key} must be ${wanted}, but is ${value === undefined ? 'nothing' : JSON.stringify(value)}.`;
}
