/** Identities made of hashes. Apart from the rest of `domain` because node:crypto does not exist in a webview. */
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
  const parts = [j.query_id, j.doc_id, modelId, j.run_id, String(j.sample), label, j.explanation ?? ''].map((part) =>
    part.toWellFormed(),
  );
  // One buffer and one update: every line of a file of millions is hashed so.
  const bytes = Buffer.allocUnsafe(parts.reduce((sum, part) => sum + 4 + Buffer.byteLength(part), 0));
  let at = 0;
  for (const part of parts) {
    const length = bytes.write(part, at + 4);
    bytes.writeUInt32BE(length, at);
    at += 4 + length;
  }
  return createHash('sha256').update(bytes).digest('hex');
}

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
