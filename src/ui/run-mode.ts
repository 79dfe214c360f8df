/** Which mode a run takes: the setting, and what the model offers. Pure. */
import type { Settings } from '../contributions.js';
import { RationaleError } from '../domain/failure.js';
import type { Mode } from '../domain/judgement.js';
import { modesOf, type Profile } from '../profiles/profile.js';

/** Throws RationaleError naming the setting when the model does not offer the mode that it asks for. */
export function runMode(setting: Settings['rerank.mode'], explain: number, profile: Profile): Mode {
  const offered = modesOf(profile);
  if (setting === 'auto') return explain > 0 && offered.includes('label-first') ? 'label-first' : 'score';
  if (offered.includes(setting)) return setting;
  throw new RationaleError(
    'user',
    `Setting rationale.rerank.mode asks for ${setting}, but the model ${profile.id} offers only ${offered.join(' and ')}. Change the setting, or set rationale.model.folder to a model that offers it.`,
  );
}
