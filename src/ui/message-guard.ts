/** Parses what the webview sends: a webview shows untrusted text, so its messages are data until they are checked. */
import * as v from 'valibot';
import { reviewStates } from '../domain/review.js';
import { RationaleError } from '../domain/failure.js';
import { actionIds } from '../protocol/actions.js';
import { orders, type FromWebview } from '../protocol/editor.js';

const index = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const text = v.string();

const decision = v.variant('kind', [
  v.strictObject({ kind: v.literal('accept') }),
  v.strictObject({ kind: v.literal('label'), label: v.pipe(v.number(), v.safeInteger()) }),
  v.strictObject({ kind: v.literal('explanation'), text }),
  v.strictObject({ kind: v.literal('skip') }),
  v.strictObject({ kind: v.literal('cannot_judge') }),
  v.strictObject({ kind: v.literal('flag'), flagged: v.boolean() }),
  v.strictObject({ kind: v.literal('comment'), text: v.nullable(text) }),
  v.strictObject({ kind: v.literal('clear') }),
]);

const message = v.variant('type', [
  v.strictObject({ type: v.literal('ready') }),
  v.strictObject({
    type: v.literal('getRows'),
    revision: index,
    start: index,
    count: v.pipe(index, v.maxValue(1_000)),
  }),
  v.strictObject({ type: v.literal('select'), key: index }),
  v.strictObject({
    type: v.literal('move'),
    to: v.picklist(['next', 'previous', 'first', 'last', 'next-undecided']),
  }),
  v.strictObject({
    type: v.literal('setFilter'),
    filter: v.strictObject({
      queryId: v.nullable(text),
      review: v.array(v.picklist(reviewStates)),
      labels: v.array(v.number()),
      text,
    }),
  }),
  v.strictObject({ type: v.literal('setOrder'), order: v.picklist(orders) }),
  v.strictObject({ type: v.literal('decide'), key: index, decision, advance: v.boolean() }),
  v.strictObject({ type: v.literal('draft'), key: index, text: v.nullable(text) }),
  v.strictObject({ type: v.literal('run'), action: v.picklist(actionIds), key: v.nullable(index) }),
  v.strictObject({ type: v.literal('problem'), message: text }),
]);

/** The message, typed. Throws RationaleError (bug) naming the field that is wrong. */
export function parseFromWebview(value: unknown): FromWebview {
  const parsed = v.safeParse(message, value);
  if (parsed.success) return parsed.output;
  const issue = parsed.issues[0];
  const path = issue.path?.map((p) => String(p.key)).join('.') ?? 'message';
  throw new RationaleError('bug', `the editor sent a message that is none: ${path}: ${issue.message}`);
}
