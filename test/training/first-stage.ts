/** For training/tests/test_bm25.py: the extension's own terms and BM25 rankings of whatever texts Python sends. */
import { termsOf } from '../../src/retrieval/analyzer.js';
import { Bm25Index } from '../../src/retrieval/bm25.js';
import { received, send } from '../python/exchange.js';

const { texts, documents, queries, depth } = received() as {
  readonly texts: readonly string[];
  readonly documents: readonly (readonly [id: string, text: string])[];
  readonly queries: readonly string[];
  readonly depth: number;
};
const index = new Bm25Index();
for (const [id, text] of documents) index.add(id, text);
send({ terms: texts.map(termsOf), hits: queries.map((query) => index.search(query, depth)) });
