/**
 * Errors with a category, so that every surface (notification, terminal, exit code) treats one kind alike.
 * `user`: the input or a setting is wrong; `environment`: disk, memory, a missing file; `bug`: ours.
 */
export class RationaleError extends Error {
  override readonly name = 'RationaleError';
  constructor(
    readonly category: 'user' | 'environment' | 'bug',
    /** What failed, on which file, line or setting, what was kept, what to try. */
    message: string,
    options?: { readonly cause?: unknown },
  ) {
    super(message, options);
  }
}

/** The message of anything thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** True for an error of Node's with one of these codes (`ENOENT`, `EEXIST`, …). */
export function hasCode(error: unknown, ...codes: readonly string[]): boolean {
  return error instanceof Error && 'code' in error && codes.includes(String(error.code));
}

/** True for the error that AbortSignal and the engine throw on cancellation, which is silent. */
export function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === 'AbortError';
}
