/**
 * What evaluation tools read: TREC runs and qrels (trec_eval, ir_measures) and BEIR folders. TREC lines are split at white
 * space, so their ids are percent-encoded as everywhere here (retrieval/trec.ts), and a map gives the plain ones back.
 */
import type { JsonObject } from '../domain/json.js';
import { encodeId, formatRun } from '../retrieval/trec.js';
import type { Exclusion, LabelledRow } from './canonical.js';
import { modelId, type JudgementExporter, type LabelExporter, type SideLine } from './exporter.js';
import { rankedRows } from './ranked-query.js';

const encoded =
  'White space, control characters and `%` in ids are percent-encoded; `ids.jsonl` maps what was changed back.';

export const trecRun: JudgementExporter = {
  id: 'trec-run',
  title: 'TREC run of the model (trec_eval, ir_measures)',
  card: `TREC run, \`qid Q0 docid rank score tag\`: the model's ranking with strictly falling scores (trec_eval breaks ties by document id, and compares 32-bit floats). Judgements of the model, not of people. ${encoded}`,
  needs: 'judgement',
  perQuery: true,
  dataFile: (split) => `${split}.run`,
  text: { line: textOf },
  convertQuery: (rows) => {
    const named = rows.filter(({ judgement }) => judgement.query_id !== '' && judgement.doc_id !== '');
    const unnamed = rows.filter((row) => !named.includes(row));
    const { ranking, excluded } = rankedRows(named);
    const left = [...excluded, ...unnamed.map((row) => ({ row, reason: 'unsafe_id' as const }))];
    const [first] = ranking;
    if (first === undefined) return { lines: [], excluded: left };
    const { query_id } = first.row.judgement;
    const documents = ranking.map(({ row, score }) => ({ doc_id: row.judgement.doc_id, score }));
    const tag = modelId(first.row) ?? 'rationale';
    const lines = formatRun([{ query_id, ranking: documents }], tag === '' ? 'rationale' : tag).split('\n');
    return {
      lines: lines.slice(0, -1).map((text) => ({ text })),
      excluded: left,
      side: [...mapped('query', query_id), ...documents.flatMap(({ doc_id }) => mapped('document', doc_id))],
    };
  },
};

export const trecQrels: LabelExporter = {
  id: 'trec-qrels',
  title: 'TREC qrels of the human labels',
  card: `TREC qrels, \`qid 0 docid relevance\`: the labels that people gave or accepted, each pair once. trec_eval's nDCG takes them as linear gains. ${encoded}`,
  needs: 'label',
  perQuery: true,
  dataFile: (split) => `${split}.qrels`,
  text: { line: textOf },
  convertQuery: (rows) => {
    const { judged, excluded } = judgedPairs(rows, (id) => id !== '');
    return {
      lines: judged.map(({ judgement: j, human }) => ({
        text: `${encodeId(j.query_id)} 0 ${encodeId(j.doc_id)} ${human.label}`,
      })),
      excluded,
      side: judged.flatMap(({ judgement: j }) => [...mapped('query', j.query_id), ...mapped('document', j.doc_id)]),
    };
  },
};

export const beirQrels: LabelExporter = {
  id: 'beir',
  title: 'BEIR folder: human labels as qrels, with corpus and queries',
  card: 'BEIR: `GenericDataLoader(data_folder=…).load(split="train")` reads `corpus.jsonl`, `queries.jsonl` and `qrels/train.tsv` (validation: `qrels/dev.tsv`). The qrels are the labels that people gave or accepted, each pair once; the corpus holds only judged documents.',
  needs: 'label',
  perQuery: true,
  dataFile: (split) => `qrels/${split === 'train' ? 'train' : 'dev'}.tsv`,
  text: { header: 'query-id\tcorpus-id\tscore', line: textOf },
  convertQuery: (rows) => {
    const { judged, excluded } = judgedPairs(rows, standsInTable);
    return {
      lines: judged.map(({ judgement: j, human }) => ({ text: `${j.query_id}\t${j.doc_id}\t${human.label}` })),
      excluded,
      side: judged.flatMap(({ judgement: j }): SideLine[] => [
        { file: 'corpus.jsonl', key: j.doc_id, line: { _id: j.doc_id, title: j.title ?? '', text: j.document } },
        { file: 'queries.jsonl', key: j.query_id, line: { _id: j.query_id, text: j.query } },
      ]),
    };
  },
};

function textOf(line: JsonObject): string {
  return typeof line['text'] === 'string' ? line['text'] : '';
}

/** BEIR's loader reads the table with Python's csv: a quote at the start of a cell opens a quoted one. */
function standsInTable(id: string): boolean {
  return id !== '' && !id.startsWith('"') && !/[\t\r\n]/.test(id);
}

/**
 * Each (query, document) once. Qrels have no place for two opinions: where the answers on a pair were labelled
 * differently, the pair is left out.
 */
function judgedPairs(
  rows: readonly LabelledRow[],
  usable: (id: string) => boolean,
): { readonly judged: LabelledRow[]; readonly excluded: { row: LabelledRow; reason: Exclusion }[] } {
  const labels = new Map<string, Set<number>>();
  for (const { judgement, human } of rows) {
    const known = labels.get(judgement.doc_id) ?? new Set<number>();
    labels.set(judgement.doc_id, known.add(human.label));
  }
  const judged: LabelledRow[] = [];
  const excluded: { row: LabelledRow; reason: Exclusion }[] = [];
  const written = new Set<string>();
  for (const row of rows) {
    const { query_id, doc_id } = row.judgement;
    if (!usable(query_id) || !usable(doc_id)) excluded.push({ row, reason: 'unsafe_id' });
    else if ((labels.get(doc_id)?.size ?? 0) > 1) excluded.push({ row, reason: 'disagreement' });
    else if (written.has(doc_id)) excluded.push({ row, reason: 'repeated_pair' });
    else {
      written.add(doc_id);
      judged.push(row);
    }
  }
  return { judged, excluded };
}

function mapped(kind: 'query' | 'document', id: string): SideLine[] {
  const written = encodeId(id);
  return written === id ? [] : [{ file: 'ids.jsonl', key: `${kind} ${written}`, line: { kind, written, id } }];
}
