/** Parses what the webview sends: a webview shows untrusted text, so its messages are data until they are checked. */
import * as v from 'valibot';
import { reviewStates } from '../domain/review.js';
import { RationaleError } from '../domain/failure.js';
import { actionIds } from '../protocol/actions.js';
import { orders, type FromWebview } from '../protocol/editor.js';
import type { FromEvaluation } from '../protocol/evaluation.js';

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

const editorMessage = v.variant('type', [
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
  ...(['clearSubset', 'cancelCarries', 'closeCarries'] as const).map((type) =>
    v.strictObject({ type: v.literal(type) }),
  ),
  v.strictObject({ type: v.literal('decide'), key: index, decision, advance: v.boolean() }),
  v.strictObject({ type: v.literal('draft'), key: index, text: v.nullable(text) }),
  v.strictObject({ type: v.literal('run'), action: v.picklist(actionIds), key: v.nullable(index) }),
  v.strictObject({ type: v.literal('problem'), message: text }),
]);

/** Longest picture taken, in characters: a PNG of some 3000 × 3000 pixels has less than a tenth. */
const longestPicture = 50_000_000;

const evaluationMessage = v.variant('type', [
  ...(['ready', 'addSources', 'chooseReference', 'refresh', 'cancel', 'writeReport'] as const).map((type) =>
    v.strictObject({ type: v.literal(type) }),
  ),
  v.strictObject({ type: v.literal('removeSource'), source: index }),
  v.strictObject({ type: v.literal('setMetric'), metric: text }),
  v.strictObject({ type: v.literal('selectQuery'), queryId: text }),
  v.strictObject({ type: v.literal('openAnswer'), source: index, key: index }),
  v.strictObject({ type: v.literal('openQuery'), source: index, queryId: text }),
  v.strictObject({ type: v.literal('openCell'), matrix: index, reference: index, prediction: index }),
  v.strictObject({
    type: v.literal('savePicture'),
    name: text,
    format: v.picklist(['svg', 'png']),
    content: v.pipe(text, v.maxLength(longestPicture)),
  }),
  v.strictObject({ type: v.literal('problem'), message: text }),
]);

/** The editor's message, typed. Throws RationaleError (bug) naming the field that is wrong. */
export function parseFromWebview(value: unknown): FromWebview {
  return checked(v.safeParse(editorMessage, value), 'the editor');
}

/** The evaluation panel's message, typed. Throws RationaleError (bug) naming the field that is wrong. */
export function parseFromEvaluation(value: unknown): FromEvaluation {
  return checked(v.safeParse(evaluationMessage, value), 'the evaluation panel');
}

function checked<T>(
  parsed:
    | { readonly success: true; readonly output: T }
    | { readonly success: false; readonly issues: readonly [v.BaseIssue<unknown>, ...v.BaseIssue<unknown>[]] },
  sender: string,
): T {
  if (parsed.success) return parsed.output;
  const [issue] = parsed.issues;
  const path = issue.path?.map((p) => String(p.key)).join('.') ?? 'message';
  throw new RationaleError('bug', `${sender} sent a message that is none: ${path}: ${issue.message}`);
}
