// An evaluation for the panel's scripted host: invented numbers in the shape of src/domain/evaluation.ts, the same every
// time, with names and labels of the lengths that real ones have.

/** Uniform numbers in [0, 1), the same sequence for the same seed. */
function generator(seed) {
  let state = seed;
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32;
    return state / 2 ** 32;
  };
}

const metricNames = ['nDCG@10', 'RR@10', 'MAP', 'P@10', 'R@100', 'Judged@10'];
const systems = ['bm25', 'rationale-135m score', 'rationale-135m explain-first'];
const topics = [
  'mitochondria in the lace plant',
  'landolt C and Snellen E acuity',
  'syncope in bathtubs',
  'long-term results of endorectal pull-through',
  'telmisartan and lipids',
  'asthma self-management',
  'bone mineral density after a fracture',
];
const labels = ['irrelevant', 'related', 'relevant', 'highly relevant'];

const estimate = (value, half = 0.04) => ({ value, interval: [value - half, value + half] });
const mean = (values) => values.reduce((sum, v) => sum + v, 0) / values.length;
const clamp = (value) => Math.min(1, Math.max(0, value));

function comparison(queries) {
  const random = generator(7);
  const ids = Array.from({ length: queries }, (_, i) => `q${i + 1}`);
  const base = new Map(ids.map((id) => [id, 0.15 + 0.6 * random()]));
  const tables = systems.map((name, place) => {
    const per_query = Object.fromEntries(
      ids.map((id) => {
        const same = random() < 0.15;
        const value = clamp(base.get(id) + (place === 0 || same ? 0 : 0.05 * place + (random() - 0.45) * 0.5));
        return [
          id,
          Object.fromEntries(metricNames.map((metric, m) => [metric, m === 5 ? 0.9 : clamp(value * (1 - 0.1 * m))])),
        ];
      }),
    );
    const metrics = Object.fromEntries(
      metricNames.map((metric) => [metric, mean(ids.map((id) => per_query[id][metric]))]),
    );
    return {
      name,
      source: `runs/${name.replaceAll(' ', '-')}.judgements.jsonl`,
      table: { queries, queries_not_in_run: place, queries_not_judged: 0, metrics, per_query },
    };
  });
  const pairs = [];
  for (let b = 1; b < tables.length; b++) {
    for (let a = 0; a < b; a++) {
      const per_query = ids
        .map((id, i) => {
          const [baseline, value] = [
            tables[a].table.per_query[id]['nDCG@10'],
            tables[b].table.per_query[id]['nDCG@10'],
          ];
          return { query_id: id, query: topics[i % topics.length], baseline, value, difference: value - baseline };
        })
        .sort((x, y) => y.difference - x.difference);
      const metrics = Object.fromEntries(
        metricNames.map((metric, m) => {
          const differences = ids.map(
            (id) => tables[b].table.per_query[id][metric] - tables[a].table.per_query[id][metric],
          );
          const difference = mean(differences);
          return [
            metric,
            {
              queries,
              difference,
              confidence_interval: [difference - 0.03, difference + 0.03],
              wins: differences.filter((d) => d > 0).length,
              ties: differences.filter((d) => d === 0).length,
              losses: differences.filter((d) => d < 0).length,
              p_value: 0.004 * (m + 1) ** 2,
              p_adjusted: Math.min(1, 0.012 * (m + 1) ** 2),
              resamples: 10_000,
              effect_size: m === 5 ? null : 0.31,
            },
          ];
        }),
      );
      pairs.push({
        baseline: systems[a],
        system: systems[b],
        metrics,
        per_query,
        similarity: { queries, rbo: 0.62, rbo_p: 0.9, tau: 0.41 },
      });
    }
  }
  return { metric: 'nDCG@10', metric_names: metricNames, systems: tables, pairs, common_queries: queries };
}

function movements(count) {
  const random = generator(11);
  return Array.from({ length: count }, (_, q) => {
    const documents = Array.from({ length: 14 }, (_, d) => {
      const place = (shift) => ((d * 5 + q + shift) % 14) + 1;
      const label = Math.floor(random() * 4);
      const answer = (key, rank, explanation) => ({
        key,
        line: key + 1,
        rank,
        score: 2.4 - 0.16 * rank,
        label,
        scale: 'four-grades',
        label_probabilities: labels.map((_, i) => (i === label ? 0.7 : 0.1)),
        explanation,
        status: 'ok',
      });
      const ranks = [d === 3 ? null : place(3), place(0), d === 5 ? null : d + 1];
      return {
        doc_id: `abstracts/${1990 + d}/${10_000 + d}.md`,
        title:
          d % 4 === 0
            ? null
            : `${topics[(q + d) % topics.length]}: what ${d + 2} trials found, and what they left open`,
        relevance: d % 5 === 0 ? null : label > 1 ? label : 0,
        ranks,
        answers: [
          null,
          ranks[1] === null ? null : answer(d, ranks[1], null),
          ranks[2] === null
            ? null
            : answer(
                d,
                ranks[2],
                `The document covers ${topics[(q + d) % topics.length]} and reports what was measured, but does not say why it happens.`,
              ),
        ],
      };
    }).sort((a, b) => (a.ranks[2] ?? 99) - (b.ranks[2] ?? 99));
    return {
      query_id: `q${q + 1}`,
      query: topics[q % topics.length],
      systems,
      documents,
      moved: 0.9 - 0.02 * q,
      tau: 0.2 + 0.01 * q,
    };
  });
}

function confusion(reference, prediction, withKeys) {
  const counts = [
    [412, 55, 9, 0],
    [61, 120, 40, 3],
    [8, 39, 97, 22],
    [0, 2, 18, 54],
  ];
  let key = 0;
  return {
    reference,
    prediction,
    labels: [0, 1, 2, 3],
    label_names: labels,
    counts,
    keys: withKeys
      ? counts.map((row) => row.map((n) => Array.from({ length: Math.min(n, 5) }, () => key++)))
      : counts.map((row) => row.map(() => [])),
    total: counts.flat().reduce((a, b) => a + b, 0),
    accuracy: estimate(0.727),
    macro_f1: estimate(0.681),
    kappa: estimate(0.585),
    kappa_linear: estimate(0.668),
    kappa_quadratic: estimate(0.759),
  };
}

function reliability(shift, items) {
  const bins = Array.from({ length: 10 }, (_, i) => {
    const count = i < 2 ? 0 : 6 * i * i;
    const confidence = (i + 0.55) / 10;
    return {
      low: i / 10,
      high: (i + 1) / 10,
      count,
      confidence: count === 0 ? null : confidence,
      accuracy: count === 0 ? null : clamp(confidence - shift * confidence),
    };
  });
  return { items, bins, ece: estimate(shift * 0.8, 0.01), nll: 0.7 + shift, brier: 0.4 + shift, accuracy: 0.72 };
}

const calibration = () => ({
  model: 'rationale-135m',
  scale: 'four-grades',
  labels: [0, 1, 2, 3],
  all: reliability(0.18, 1700),
  temperature: {
    value: 1.62,
    fitted_queries: 21,
    held_out_queries: 22,
    before: reliability(0.2, 850),
    after: reliability(0.03, 850),
  },
  scores: labels.map((label_name, label) => {
    const random = generator(31 + label);
    const edges = Array.from({ length: 25 }, (_, i) => i / 8);
    const histogram = edges
      .slice(1)
      .map((edge) => Math.round(90 * Math.exp(-((edge - 0.5 - 0.7 * label) ** 2) * 3) + 4 * random()));
    return {
      label,
      label_name,
      count: histogram.reduce((a, b) => a + b, 0),
      quartiles: [0, 0.3 + 0.6 * label, 0.5 + 0.65 * label, 0.8 + 0.65 * label, 3],
      histogram,
      edges,
    };
  }),
});

const rationales = () =>
  [null, 0, 1, 2, 3].map((label) => ({
    model: 'rationale-135m',
    mode: 'explain-first',
    label,
    label_name: label === null ? null : labels[label],
    answers: label === null ? 940 : 470 - 130 * label,
    with_explanation: label === null ? 921 : 462 - 131 * label,
    words_mean: 31.4 + (label ?? 0),
    words_median: 29,
    sentences: label === null ? 1884 : 900 - 220 * label,
    supported_share: label === null ? 0.62 : 0.7 - 0.05 * label,
    contradictions: label === null ? 12 : 3,
    repetitions: label === null ? 8 : 2,
    unparsed: label === null ? 6 : 1,
    truncated: label === null ? 13 : 2,
    failed: 0,
    corrected: label === null ? 41 : 10,
    edit_distance_mean: label === 3 ? null : 0.37,
  }));

/** Everything that the panel can show. */
export function evaluationResults(queries = 43) {
  return {
    comparison: comparison(queries),
    movements: movements(43),
    confusions: [confusion('human', 'rationale-135m', true), confusion('human', 'teacher', false)],
    calibrations: [calibration()],
    rationales: rationales(),
  };
}

const sources = systems.map((name, i) => ({
  name,
  place: `runs/${name.replaceAll(' ', '-')}.${i === 0 ? 'trec' : 'judgements.jsonl'}`,
  kind: i === 0 ? 'run' : 'judgements',
}));
const intervals = ({ systems: tables }) =>
  tables.map(({ table }) =>
    Object.fromEntries(metricNames.map((name) => [name, [table.metrics[name] - 0.05, table.metrics[name] + 0.05]])),
  );

/** What the host sends: the view, and the movements it keeps. */
function scenario(change = {}, results = evaluationResults()) {
  const { movements: kept, confusions, ...rest } = results;
  return {
    movements: kept,
    view: {
      sources,
      reference: { kind: 'file', name: 'qrels.trec' },
      state: { kind: 'ready' },
      notices: [],
      results: {
        ...rest,
        intervals: rest.comparison === null ? [] : intervals(rest.comparison),
        moved: kept.map(({ query_id, query, moved, tau }) => ({ query_id, query, moved, tau })),
        confusions: confusions.map(({ keys, ...matrix }) => ({
          ...matrix,
          opens: keys.map((row) => row.map((k) => k.length)),
        })),
      },
      ...change,
    },
  };
}

const attack =
  '<script>window.__pwned = 1</script><img src=x onerror="window.__pwned = 2"><svg onload="window.__pwned=3"></svg>';

/** Every text that comes from a file is an attack. */
function hostile() {
  const made = scenario();
  const poisoned = JSON.parse(
    JSON.stringify(made).replaceAll('rationale-135m', 'RATIONALE').replaceAll(topics[0], 'TOPIC'),
    (_key, value) =>
      typeof value === 'string' ? value.replaceAll('RATIONALE', `${attack}'"&`).replaceAll('TOPIC', attack) : value,
  );
  return poisoned;
}

const emptyResults = { comparison: null, movements: [], confusions: [], calibrations: [], rationales: [] };

export const evaluationScenarios = {
  evaluation: async () => scenario(),
  'evaluation-single': async () => {
    const results = evaluationResults();
    const { comparison: all } = results;
    return scenario(
      { sources: sources.slice(1, 2) },
      {
        ...results,
        movements: [],
        comparison: { ...all, systems: all.systems.slice(1, 2), pairs: [] },
      },
    );
  },
  'evaluation-many': async () => scenario({}, evaluationResults(2000)),
  'evaluation-loading': async () =>
    scenario({ state: { kind: 'loading', message: 'Reading rationale-135m-score.judgements.jsonl…' }, results: null }),
  'evaluation-failed': async () =>
    scenario({
      state: {
        kind: 'failed',
        message:
          'runs/bm25.trec, line 17 has 4 columns; a TREC run has 6 (qid Q0 docid rank score tag). Nothing was evaluated.',
      },
      notices: ['12 documents of rationale-135m score are ranked for queries that nobody judged: they do not count.'],
    }),
  'evaluation-empty': async () => ({
    movements: [],
    view: { sources: [], reference: null, state: { kind: 'ready' }, notices: [], results: null },
  }),
  'evaluation-unjudged': async () => scenario({ reference: null }, { ...emptyResults, movements: movements(8) }),
  'evaluation-hostile': async () => hostile(),
};
