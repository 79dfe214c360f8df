// PubMedQA's abstracts as Markdown files. Apart from make-examples.mjs because the place of a document in its file
// (path and code points) must be computed from the very text that is written.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * The 1,000 labelled rows of PubMedQA (PQA-L), in file order.
 * @param {string} source folder with pqal.jsonl
 */
export function readAbstracts(source) {
  return readFileSync(join(source, 'pqal.jsonl'), 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
}

/**
 * One abstract as a Markdown file: its sections as paragraphs that begin with their own label, as PubMed prints them. No
 * title, for the data has none, and no headings: the embedded model would quote them. `path` is relative to examples/;
 * `range` are the code points of `document` in `text`, end exclusive.
 */
export function markdownOf(row) {
  const document = row.contexts
    .map((text, i) => {
      const label = row.section_labels[i];
      // PubMed's own word for a section without a label.
      return label === undefined || label === 'UNLABELLED' ? text : `${sentenceCase(label)}: ${text}`;
    })
    .join('\n\n');
  return {
    path: `pubmedqa/${row.year ?? 'undated'}/${row.pmid}.md`,
    text: `${document}\n`,
    document,
    range: [0, [...document].length],
  };
}

function sentenceCase(label) {
  return label.charAt(0) + label.slice(1).toLowerCase();
}
