/** What every engine offers, local or remote. */
import type { ModelIdentity } from '../domain/judgement.js';
import type { Profile } from '../profiles/profile.js';
import type { JudgementEvent, RerankRequest } from '../protocol/inference.js';

export interface RerankEngine {
  readonly profile: Profile;
  /** Loads the model if it is not loaded. Throws RationaleError when it cannot be. */
  load(signal?: AbortSignal): Promise<ModelIdentity>;
  /**
   * Judges the pairs in their order. Events of one pair come in order: `scored` (not in explain-first, where the label
   * comes last), then for each sample `token`s and `judged` (modes with a rationale), or `failed` at any point; one pair's
   * failure does not end the others. Aborting ends the iteration with an AbortError after the forward in progress. Throws
   * RationaleError when the engine itself died.
   */
  judge(request: RerankRequest, signal: AbortSignal): AsyncIterable<JudgementEvent>;
  dispose(): Promise<void>;
}
