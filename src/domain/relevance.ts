/** Whether anything in a ranking looks relevant at all: "nothing does" is an answer, and is said plainly. */
import type { Judgement } from './judgement.js';
import { findScale, type LabelScale } from './scale.js';

/**
 * The sentence for a query none of whose documents looks relevant, or null. That is so when every label read is its
 * scale's lowest, or the highest expected label lies below half a step of the scale. Undefined labels say nothing.
 */
export function nothingRelevant(rows: readonly Judgement[], scales: readonly LabelScale[]): string | null {
  let judged = 0;
  let lowest = true;
  let bestExpected: number | null = null;
  let halfStep = 0;
  let name = '';
  for (const j of rows) {
    const scale = findScale(j.scale, scales);
    const [low, next] = scale?.labels ?? [];
    if (j.label === null || low === undefined || next === undefined) continue;
    judged++;
    name = low.name;
    halfStep = low.value + (next.value - low.value) / 2;
    if (j.label !== low.value) lowest = false;
    const expected = j.score_parts?.['expected'];
    if (expected !== undefined && (bestExpected === null || expected > bestExpected)) bestExpected = expected;
  }
  if (judged === 0 || !(lowest || (bestExpected !== null && bestExpected < halfStep))) return null;
  const who = judged === 1 ? 'the only document judged' : `all ${judged} documents judged`;
  return lowest
    ? `Nothing looks relevant: the model labels ${who} “${name}”. The order below is only the least unlikely first.`
    : `Nothing looks relevant: the model expects a label near “${name}” for ${who}. The order below is only the least unlikely first.`;
}
