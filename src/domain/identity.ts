/** Identities made of hashes. Apart from the rest of `domain` because node:crypto does not exist in a webview. */
import * as crypto from 'node:crypto';
import { createHash, randomBytes } from 'node:crypto';
import type { Judgement } from './judgement.js';

/** SHA-256 of the UTF-8 form of `text`, in lower-case hex. Lone surrogates count as U+FFFD, as every UTF-8 encoder writes them. */
export function sha256(text: string): string {
  return createHash('sha256').update(text.toWellFormed(), 'utf8').digest('hex');
}

/** Identity of a query or document whose source gives none: `q-` or `d-` and the first 16 hex digits of its SHA-256. */
export function idOfText(kind: 'q' | 'd', text: string): string {
  return `${kind}-${sha256(text).slice(0, 16)}`;
}

/**
 * Identity of an answer: SHA-256 (hex) over query_id, doc_id, model id, run_id, sample, label and explanation, each as
 * well-formed UTF-8 preceded by its length in 4 bytes, big-endian; null and absent count as the empty string.
 * Test vectors: test/fixtures/answer-ids.json (checked in TypeScript and Python).
 */
export function answerId(j: Judgement): string {
  const modelId = j.model !== null && 'id' in j.model && typeof j.model['id'] === 'string' ? j.model['id'] : '';
  const label = j.label === null ? '' : String(j.label);
  const parts = [j.query_id, j.doc_id, modelId, j.run_id, String(j.sample), label, j.explanation ?? ''];
  // One buffer for all answers, never asking how long a text will be: every line of a file of millions is hashed so.
  let most = 0;
  for (const part of parts) most += 4 + part.length * longestUnit;
  if (most > scratch.length) scratch = Buffer.allocUnsafeSlow(most);
  let at = 0;
  for (const part of parts) {
    // A lone surrogate is written as U+FFFD, as toWellFormed() would make it.
    const length = scratch.write(part, at + 4);
    scratch.writeUInt32BE(length, at);
    at += 4 + length;
  }
  return hexSha256(scratch.subarray(0, at));
}

/** Bytes that a UTF-16 unit takes at most in UTF-8. */
const longestUnit = 3;
let scratch = Buffer.allocUnsafeSlow(1 << 13);

// In one go where Node can (20.12): less than half the time for the few hundred bytes of an answer.
const oneShot = crypto.hash as typeof crypto.hash | undefined;
const hexSha256 = (bytes: Buffer): string =>
  oneShot === undefined ? createHash('sha256').update(bytes).digest('hex') : oneShot('sha256', bytes, 'hex');

let lastMs = 0;
let counter = 0;

/** A UUIDv7 (RFC 9562, method 1: a 12-bit counter after the milliseconds), strictly greater than the last one of this process. */
export function uuidv7(now = Date.now()): string {
  if (now > lastMs) {
    lastMs = now;
    counter = randomBytes(2).readUInt16BE() & 0x7ff;
  } else if (++counter > 0xfff) {
    lastMs++;
    counter = 0;
  }
  const ms = lastMs.toString(16).padStart(12, '0');
  const rand = randomBytes(8);
  rand.writeUInt8((rand.readUInt8(0) & 0x3f) | 0x80, 0);
  const tail = rand.toString('hex');
  return `${ms.slice(0, 8)}-${ms.slice(8)}-7${counter.toString(16).padStart(3, '0')}-${tail.slice(0, 4)}-${tail.slice(4)}`;
}
