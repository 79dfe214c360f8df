/** Which profile a row was asked with: one file may hold rows of several models, and a teacher's file has no run record. Pure. */
import { isJsonObject } from '../domain/json.js';
import type { Judgement } from '../domain/judgement.js';
import { promptText } from '../profiles/chat.js';
import { promptFor, type Profile } from '../profiles/profile.js';
import { promptInputOf } from '../profiles/template.js';

/** A profile that is at hand: of the file's run, of the embedded model, of the configured one. */
export interface KnownProfile {
  readonly profile: Profile;
  /** SHA-256 (hex) of its profile.json, as rows record it; null where nobody has recorded it. */
  readonly sha256: string | null;
  /** The run whose rows were asked with it, or null. */
  readonly runId: string | null;
}

/** The `profile_sha256` that a row's (or a run's) model records, or null. */
export function profileHashOf(model: unknown): string | null {
  const hash = isJsonObject(model) ? model['profile_sha256'] : undefined;
  return typeof hash === 'string' ? hash : null;
}

/**
 * The profile of the row's model by its recorded hash; without a match the one whose prompt hashes to `prompt_sha256`;
 * else that of the row's own run. Null where none is known, so that no prompt and no notice of another model is shown.
 */
export function profileOfRow(
  j: Judgement,
  known: readonly KnownProfile[],
  sha256: (text: string) => string,
): Profile | null {
  const hash = profileHashOf(j.model);
  const byHash = hash === null ? undefined : known.find((k) => k.sha256 === hash);
  const found =
    byHash ??
    known.find((k) => asked(j, k.profile, sha256)) ??
    known.find((k) => k.runId !== null && k.runId === j.run_id);
  return found?.profile ?? null;
}

function asked(j: Judgement, profile: Profile, sha256: (text: string) => string): boolean {
  const prompt = j.prompt_sha256 === null ? undefined : promptFor(profile, j.mode);
  if (prompt === undefined) return false;
  const text = promptText(profile, prompt, promptInputOf(j));
  return text !== null && sha256(text) === j.prompt_sha256;
}
