/**
 * Rows from the files of a test collection: pairs of qrels and runs with the texts they name. BEIR folders and TREC files
 * differ in where the files lie and what they look like; what becomes of a pair is here, the same for both.
 */
import { documentText } from '../../retrieval/beir.js';
import { trecOrder } from '../../retrieval/trec.js';
import { readQrelsLines, readQueryTexts, readRunLines, type PairLine } from './collection-files.js';
import { CorpusTexts } from './corpus-texts.js';
import type { ImportedJudgement, ImportedRecord, ImportOptions } from './importer.js';

/** Relevance in qrels has a meaning that only their track defines (1 is relevant here, marginal there). */
const qrelsScale = 'qrels';

export interface CollectionPaths {
  readonly corpus: string;
  readonly queries: string;
  readonly qrels?: string;
  readonly run?: string;
}

interface Labelled {
  readonly line: number;
  readonly value: number;
}

type Row = ImportedRecord & { readonly line: number };

/**
 * The rows of a run, in its order, with the labels of the qrels; then those that the qrels alone name. A retrieved document
 * without a label is a row to be judged. `line` is of the run, and of the qrels for what they alone name. Holds ids and
 * numbers in memory, never the texts of documents. Throws RationaleError when a file cannot be read.
 */
export async function* readCollection(paths: CollectionPaths, options: ImportOptions): AsyncGenerator<Row> {
  const queries = await readQueryTexts(paths.queries);
  const labels = new Map<string, Map<string, Labelled>>();
  const faults: Row[] = [];
  if (paths.qrels !== undefined) {
    for await (const pair of readQrelsLines(paths.qrels)) addPair(labels, pair, faults, 'qrels');
  }
  const scores = new Map<string, Map<string, Labelled>>();
  if (paths.run !== undefined) {
    for await (const pair of readRunLines(paths.run)) addPair(scores, pair, faults, 'run');
  }
  yield* faults;
  const wanted = new Set([...labels.values(), ...scores.values()].flatMap((documents) => [...documents.keys()]));
  const corpus = await CorpusTexts.open(paths.corpus, wanted);
  const row = async (query_id: string, doc_id: string, rest: Partial<ImportedJudgement>): Promise<ImportedRecord> => {
    const query = queries.get(query_id);
    if (query === undefined) return { kind: 'skipped', reason: `a query that has no text in the queries: ${query_id}` };
    const document = await corpus.get(doc_id);
    if (document === undefined)
      return { kind: 'skipped', reason: `a document that the corpus does not hold: ${doc_id}` };
    const { title, text } = document;
    return {
      kind: 'judgement',
      judgement: {
        query_id,
        query,
        doc_id,
        title,
        document: documentText({ doc_id, title, text }),
        scale: options.scale ?? qrelsScale,
        ...rest,
      },
    };
  };
  try {
    for (const [query, documents] of scores) {
      const order = trecOrder(new Map([...documents].map(([id, { value }]) => [id, value])));
      const ranks = new Map(order.map((id, i) => [id, i + 1]));
      for (const [id, { line, value }] of documents) {
        const label = labels.get(query)?.get(id)?.value ?? null;
        const place = { first_stage_rank: ranks.get(id) ?? null, first_stage_score: value };
        yield { line, ...(await row(query, id, { label, status: label === null ? 'pending' : 'ok', ...place })) };
      }
    }
    for (const [query, documents] of labels) {
      for (const [id, { line, value }] of documents) {
        if (scores.get(query)?.has(id) === true) continue;
        yield { line, ...(await row(query, id, { label: value, status: 'ok' })) };
      }
    }
  } finally {
    await corpus.close();
  }
}

/** Keeps a pair, or says why not: a pair that comes again with another number contradicts itself. */
function addPair(
  pairs: Map<string, Map<string, Labelled>>,
  pair: PairLine,
  faults: Row[],
  what: 'run' | 'qrels',
): void {
  const { line } = pair;
  if ('reason' in pair) {
    faults.push({ line, kind: 'skipped', reason: pair.reason });
    return;
  }
  const { query, document, value } = pair;
  let documents = pairs.get(query);
  if (documents === undefined) pairs.set(query, (documents = new Map<string, Labelled>()));
  const earlier = documents.get(document);
  if (earlier === undefined) documents.set(document, { line, value });
  else {
    const told = earlier.value === value ? 'again' : `with ${value}, not ${earlier.value} as in line ${earlier.line}`;
    faults.push({
      line,
      kind: 'skipped',
      reason: `a pair that stands already in the ${what}: "${document}" of query "${query}" ${told}`,
    });
  }
}
