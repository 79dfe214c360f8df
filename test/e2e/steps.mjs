// Counts and times what a flow does, step by step. A step that fails ends its flow: the later ones build on it, and
// count as failed.

/** @typedef {(name: string, body: () => Promise<void>) => Promise<void>} Step */

/** @returns a counter; `flow` runs one flow, whose steps it is handed */
export function counter() {
  const total = { passed: 0, failed: 0 };
  return {
    total,
    /**
     * @param {string} name
     * @param {(step: Step) => Promise<void>} body
     * @param {() => Promise<void>} onFailure evidence is collected here
     */
    async flow(name, body, onFailure) {
      console.log(`\n${name}`);
      const step = async (what, act) => {
        const start = Date.now();
        try {
          await act();
        } catch (error) {
          error.message = `${what}: ${error.message}`;
          throw error;
        }
        total.passed++;
        console.log(`  ✓ ${what} (${((Date.now() - start) / 1000).toFixed(1)} s)`);
      };
      try {
        await body(step);
      } catch (error) {
        total.failed++;
        console.error(`  ✗ ${error.stack}`);
        await onFailure().catch((reason) => console.error(`  (no evidence: ${reason.message})`));
      }
    },
  };
}

/**
 * Waits until a condition holds.
 * @template T
 * @param {string} what said when it never does
 * @param {() => Promise<T | undefined | false | null> | T | undefined | false | null} condition
 * @param {number} [timeoutMs]
 * @returns {Promise<T>} its first truthy value
 */
export async function until(what, condition, timeoutMs = 30_000) {
  const end = Date.now() + timeoutMs;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (Date.now() > end) throw new Error(`${what}: not within ${timeoutMs / 1000} s`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
