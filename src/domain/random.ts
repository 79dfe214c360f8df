/** Random numbers from a seed: what is drawn here comes out the same on every machine. */

/** Uniform numbers in [0, 1) from a seed (mulberry32: 32 bits of state are plenty for resampling queries and drawing tokens). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
