// Rows for the scripted host, made of real abstracts and of the texts that break editors.
import { readFile } from 'node:fs/promises';

export const scale = {
  name: 'four-grades',
  labels: [
    { value: 0, name: 'irrelevant', description: 'about something else' },
    { value: 1, name: 'related', description: 'touches the topic, does not help to answer' },
    { value: 2, name: 'relevant', description: 'helps to answer' },
    { value: 3, name: 'highly relevant', description: 'answers' },
  ],
};

const stopWords = new Set(
  'a an and affect between do does during for in is it its of on or play role the to with'.split(' '),
);

/** UTF-16 ranges of the query's words in the document. */
function marksOf(query, document) {
  const words = [...new Set(query.toLowerCase().match(/[\p{L}\p{N}]{3,}/gu) ?? [])].filter((w) => !stopWords.has(w));
  if (words.length === 0) return [];
  const pattern = new RegExp(
    `(?<![\\p{L}\\p{N}])(?:${words.map((w) => w.replace(/s$/, '')).join('|')})[\\p{L}]{0,3}(?![\\p{L}\\p{N}])`,
    'giu',
  );
  return [...document.matchAll(pattern)].map((m) => ({ start: m.index, end: m.index + m[0].length, kind: 'term' }));
}

/** A plausible spread of probabilities around `label`. */
function probabilities(label, i) {
  const weights = scale.labels.map(
    ({ value }) => Math.exp(-1.4 * Math.abs(value - label)) + 0.02 * ((i * 7 + value * 3) % 5),
  );
  const sum = weights.reduce((a, b) => a + b, 0);
  return weights.map((w) => w / sum);
}

function row(key, fields) {
  const label = fields.label === undefined ? 0 : fields.label;
  return {
    key,
    queryId: fields.queryId ?? 'q1',
    query: fields.query ?? 'Which document breaks the editor?',
    name: fields.name,
    docId: fields.docId ?? fields.name,
    place: fields.place ?? null,
    document: fields.document,
    marks: fields.marks ?? marksOf(fields.query ?? '', fields.document),
    seen: fields.seen ?? null,
    rank: fields.rank ?? key + 1,
    firstStageRank: fields.firstStageRank ?? key + 1,
    firstStageScore: 14.2 - 0.3 * key,
    score: fields.score ?? 2.4 - 0.17 * key,
    status: fields.status ?? 'ok',
    error: fields.error ?? null,
    label,
    probabilities: probabilities(label, key),
    explanation: fields.explanation ?? null,
    annotation: { decision: null, flagged: false, comment: null },
    draft: null,
    saved: true,
    streaming: false,
  };
}

/** Two rerankings of real abstracts, as a run leaves them. */
export async function realRows() {
  const lines = (await readFile(new URL('fixture/pubmedqa.jsonl', import.meta.url), 'utf8')).trim().split('\n');
  const documents = lines.map((line) => JSON.parse(line));
  const queries = [...new Set(documents.map((d) => d.query))];
  return documents.map((d, key) => {
    const queryNo = queries.indexOf(d.query);
    const place = key % 12;
    const rank = place + 1;
    const label = rank === 1 ? 3 : rank <= 3 ? 2 : rank <= 7 ? 1 : 0;
    return row(key, {
      queryId: `q${queryNo + 1}`,
      query: d.query,
      name: `${d.pmid}.md`,
      docId: `abstracts/${d.year}/${d.pmid}.md#0-${d.document.length}`,
      place: `abstracts/${d.year}/${d.pmid}.md:1-${d.document.split('\n').length}`,
      document: d.document,
      rank,
      firstStageRank: ((place * 5 + 3) % 12) + 1,
      score: 2.31 - 0.29 * place,
      label,
      seen: d.document.length > 1500 ? 1200 : null,
      explanation:
        place < 6
          ? `The document covers ${d.question.replace(/\?$/, '').toLowerCase()}. It says: “${d.conclusion.split('. ')[0]}.”`
          : null,
    });
  });
}

/** Many rows with one malformed line among them, from the same abstracts. */
export async function manyRows(count) {
  const real = await realRows();
  return Array.from({ length: count }, (_, key) => {
    if (key === 7) {
      return {
        key,
        malformed: {
          line: 8,
          reason: 'not valid JSON (Unexpected end of JSON input)',
          text: '{"query_id": "q1", "query": "Do mitoch',
        },
      };
    }
    const from = real[key % real.length];
    return {
      ...from,
      key,
      name: `row ${key + 1} · ${from.name}`,
      queryId: `q${Math.floor(key / 100)}`,
      query: `${from.query} (${Math.floor(key / 100) + 1})`,
      rank: (key % 100) + 1,
    };
  });
}

/** Texts that must stay text. */
export function hostileRows() {
  const attack =
    '<script>window.__pwned = 1</script><img src=x onerror="window.__pwned = 2"><svg onload="window.__pwned=3"></svg> ${window.__pwned = 4} <style>* { display: none }</style>';
  return [
    row(0, { name: attack, document: attack, query: attack, explanation: attack, label: 2, place: attack }),
    row(1, {
      name: '東京.md',
      query: '地下鉄の混雑',
      document: '東京の地下鉄は、朝の通勤時間帯に非常に混雑する。👩‍👩‍👧‍👦🚇 زدحام المترو في الصباح.',
      explanation: '混雑の理由を述べている。👍🏽',
      label: 3,
      marks: [{ start: 3, end: 6, kind: 'term' }],
    }),
    row(2, { name: 'long.txt', document: 'A sentence that goes on. '.repeat(20_000), explanation: 'Long.', label: 1 }),
    row(3, {
      name: 'a'.repeat(300),
      document: `${'unbroken'.repeat(400)}\n\ttabs\n`,
      explanation: 'One word.',
      label: 0,
    }),
    row(4, {
      name: 'failed.md',
      document: 'Text.',
      status: 'failed',
      error:
        'The model’s process ended (signal SIGKILL) while this document was scored. The other rows are kept; resume the run to try again.',
      label: null,
    }),
  ];
}
