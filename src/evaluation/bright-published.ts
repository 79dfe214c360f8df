/**
 * Published results on BRIGHT (nDCG@10 × 100), for reference beside one's own. A reranker's number means nothing without
 * its first stage, so every row names it: rows of different first stages are not comparable.
 * Sources: BRIGHT leaderboard of 2026-04-22 (brightbenchmark.github.io), README of AQ-MedAI/Diver, tables of the papers
 * of E2Rank and TFRank.
 */

/** Domains in the order of the leaderboard: folder names of the data set, and how they are abbreviated. */
export const brightDomains = [
  ['biology', 'Bio'],
  ['earth_science', 'Earth'],
  ['economics', 'Econ'],
  ['psychology', 'Psy'],
  ['robotics', 'Rob'],
  ['stackoverflow', 'Stack'],
  ['sustainable_living', 'Sus'],
  ['leetcode', 'Leet'],
  ['pony', 'Pony'],
  ['aops', 'AoPS'],
  ['theoremqa_questions', 'TheoQ'],
  ['theoremqa_theorems', 'TheoT'],
] as const;

export interface PublishedRow {
  readonly name: string;
  readonly first_stage: string;
  /** In the order of `brightDomains`; null where only the mean was published. */
  readonly domains: readonly number[] | null;
  readonly mean: number;
}

const gte = 'gte-Qwen1.5-7B';
const reasonIr = 'ReasonIR-8B, GPT-4 query, top 100';

export const publishedRows: readonly PublishedRow[] = [
  {
    name: 'InteRank-3B',
    first_stage: `${gte} (which query: not published)`,
    domains: [51.2, 51.4, 22.4, 31.9, 17.3, 26.6, 22.4, 24.5, 23.1, 13.5, 19.3, 25.5],
    mean: 27.4,
  },
  {
    name: `${gte}, original query`,
    first_stage: 'none: is one',
    domains: [30.6, 36.4, 17.8, 24.6, 13.2, 22.2, 14.8, 25.5, 9.9, 14.4, 27.8, 32.9],
    mean: 22.5,
  },
  {
    name: `${gte}, GPT-4 reasoning query`,
    first_stage: 'none: is one',
    domains: [35.5, 43.1, 24.3, 34.3, 15.4, 22.9, 23.9, 25.4, 5.2, 4.6, 28.7, 34.6],
    mean: 24.8,
  },
  { name: 'BM25, original query', first_stage: 'none: is one', domains: null, mean: 14.5 },
  { name: 'BM25, GPT-4 reasoning query', first_stage: 'none: is one', domains: null, mean: 27.0 },
  { name: 'TFRank-8B', first_stage: 'BM25', domains: null, mean: 22.6 },
  { name: 'no reranking', first_stage: reasonIr, domains: null, mean: 30.5 },
  { name: 'RankZephyr-7B', first_stage: reasonIr, domains: null, mean: 22.6 },
  { name: 'Rank1-7B', first_stage: reasonIr, domains: null, mean: 24.3 },
  { name: 'ERank-4B', first_stage: reasonIr, domains: null, mean: 30.5 },
  { name: 'ReasonRank-7B', first_stage: reasonIr, domains: null, mean: 35.7 },
];
