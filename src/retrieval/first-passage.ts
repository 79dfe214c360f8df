/** Documents that somebody chose to have looked at, although they share no word with the question. */
import type { Candidate } from '../domain/candidate.js';
import { splitPassages } from './passages.js';

/** The first passage of a document as a candidate with a first-stage score of 0; undefined where there is no text. */
export function firstPassage(name: string, uri: string, text: string, rank: number): Candidate | undefined {
  const [first] = splitPassages(text);
  if (first === undefined) return undefined;
  return {
    doc_id: `${name}#${first.start}-${first.end}`,
    title: name.slice(name.lastIndexOf('/') + 1),
    document: first.text,
    uri,
    range: [first.start, first.end],
    first_stage_rank: rank,
    first_stage_score: 0,
  };
}
