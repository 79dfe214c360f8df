/** A ranking with its rationales as Markdown, to paste into an issue, a mail or a notebook. Pure. */
import type { JudgementDocument } from '../annotation/document.js';
import type { Judgement } from '../domain/judgement.js';
import type { RowKey } from '../protocol/editor.js';
import { linkTarget } from './document-place.js';
import { labelView, nameOf, placeOf } from './row-view.js';

/**
 * The rows `keys` in their order, one heading per query, one numbered item per document with its label, score and
 * rationale; documents with a URI are linked, where `placeOfUri` says (a path from where it is pasted, or a URI). People's labels and rationales count where they differ, and say so.
 */
export function rankingMarkdown(
  document: JudgementDocument,
  keys: readonly RowKey[],
  placeOfUri: (uri: string) => string = (uri) => uri,
): string {
  const lines: string[] = [];
  let query: string | undefined;
  let number = 0;
  for (const key of keys) {
    const row = document.judgementRow(key);
    if (row === undefined) continue;
    const j = row.judgement;
    if (j.query_id !== query) {
      query = j.query_id;
      number = 0;
      lines.push(...(lines.length === 0 ? [] : ['']), `## ${escaped(j.query)}`, '');
    }
    number++;
    const { decision } = document.annotation(key);
    const label = decision?.label ?? j.label;
    const view = label === null ? null : labelView(j, label, document.scales);
    const corrected = decision?.label !== undefined && decision.label !== j.label;
    const facts = [
      view === null
        ? j.status
        : corrected
          ? `${view.name} (corrected)`
          : `${view.name}${view.probability === null ? '' : ` ${Math.round(view.probability * 100)} %`}`,
      ...(j.score === null ? [] : [`score ${j.score.toFixed(3)}`]),
      ...(j.rank === null || j.first_stage_rank === null ? [] : [`first stage ${j.first_stage_rank}`]),
    ];
    lines.push(`${number}. **${linked(j, placeOfUri)}** (${facts.join(', ')})`);
    const explanation = decision?.explanation ?? j.explanation;
    if (explanation !== null && explanation.trim() !== '') {
      const edited = decision?.explanation !== undefined && decision.explanation !== j.explanation;
      for (const line of `${explanation.trim()}${edited ? ' (edited)' : ''}`.split(/\r?\n/)) {
        lines.push(line.trim() === '' ? '   >' : `   > ${escaped(line)}`);
      }
    }
  }
  return lines.length === 0 ? '' : `${lines.join('\n')}\n`;
}

function linked(j: Judgement, placeOfUri: (uri: string) => string): string {
  const text = escaped(j.title ?? placeOf(j) ?? nameOf(j));
  // Angle brackets allow spaces and parentheses in a destination; the few characters they do not are encoded.
  return j.uri === null
    ? text
    : `[${text}](<${linkTarget(placeOfUri(j.uri)).replace(/[<>\n\r]/g, encodeURIComponent)}>)`;
}

/** Untrusted text as Markdown that shows itself: no link, image, HTML or heading of its own. */
function escaped(text: string): string {
  return text.replace(/\s+/g, ' ').replace(/[\\`*_[\]<>#|~!&]/g, (c) => `\\${c}`);
}
