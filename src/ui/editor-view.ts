/** What an editor shows as a whole: snapshots for the webview, as pure functions of document, run and navigation. */
import type { JudgementDocument } from '../annotation/document.js';
import { sha256 } from '../domain/identity.js';
import type { Judgement } from '../domain/judgement.js';
import { reviewStates, type ReviewState } from '../domain/review.js';
import { findScale, type LabelScale } from '../domain/scale.js';
import type { EditorView, Notice, RowDetail, RowKey, RowSummary, RunView } from '../protocol/editor.js';
import { matchRanges } from '../retrieval/analyzer.js';
import type { Run } from '../runs/run.js';
import type { EditorNavigation } from './editor-navigation.js';
import { profileHashOf, profileOfRow, type KnownProfile } from './row-profile.js';
import { rowDetail, rowSummary, type ShownJudgement } from './row-view.js';
import { nothingRelevant } from '../domain/relevance.js';
import { liveRunView, recordedRunView } from './run-view.js';

/** An open judgement file, whoever shows it. */
export interface ShownFile {
  readonly fileName: string;
  readonly document: JudgementDocument;
  /** The run that is filling the file, or that failed to; null for every other file. */
  readonly run: Run | null;
  /** Rationales being written: the text so far. */
  readonly streaming: ReadonlyMap<RowKey, string>;
  /** Why nothing can be changed, or null. */
  readonly readonly: string | null;
  /** The file changed on disk while decisions were unsaved and has not been read again. */
  readonly changedOnDisk: boolean;
  /** Documents can be opened from their URIs. */
  readonly canOpen: boolean;
  /** Profiles at hand beside that of the file's own run: the embedded and the configured model's. */
  readonly profiles: readonly KnownProfile[];
}

/** The header and the frame of the list. */
export function editorView(file: ShownFile, navigation: EditorNavigation): EditorView {
  const { document } = file;
  const queries = new Map<string, { queryId: string; query: string; rows: number }>();
  const counts = Object.fromEntries(reviewStates.map((state) => [state, 0])) as Record<ReviewState, number>;
  const usedScales = new Map<string, LabelScale>();
  const usedProfiles = new Set<string>();
  let pending = 0;
  let judgements = 0;
  for (const row of document.rows) {
    if (row.kind === 'malformed') continue;
    const j = row.judgement;
    judgements++;
    if (j.status === 'pending') pending++;
    const profile = profileHashOf(j.model);
    if (profile !== null) usedProfiles.add(profile);
    counts[document.review(row.key)]++;
    const query = queries.get(j.query_id);
    if (query === undefined) queries.set(j.query_id, { queryId: j.query_id, query: j.query, rows: 1 });
    else query.rows++;
    if (!usedScales.has(j.scale)) {
      const scale = findScale(j.scale, document.scales);
      if (scale !== undefined) usedScales.set(j.scale, scale);
    }
  }
  const run = runView(file, { total: judgements, pending });
  return {
    revision: navigation.revision,
    fileName: file.fileName,
    kind: run === null ? 'judgements' : 'run',
    readonly: file.readonly,
    run,
    notices: noticesOf(file, run, [...queries.keys()], usedProfiles),
    queries: [...queries.values()],
    scales: [...usedScales.values()],
    count: navigation.keys.length,
    total: document.rows.length,
    reviewCounts: counts,
    order: navigation.order,
    filter: navigation.filter,
    subset: navigation.subset === null ? null : { title: navigation.subset.title, rows: navigation.subset.keys.size },
    selected: navigation.selected,
    unsaved: document.unsavedCount,
    annotator: document.annotator,
  };
}

/** Lines `start` … `start + count` of the list, fewer at its end. */
export function rowSummaries(
  file: ShownFile,
  navigation: EditorNavigation,
  start: number,
  count: number,
): RowSummary[] {
  const { document } = file;
  const from = Math.max(0, start);
  const keys = navigation.keys.slice(from, from + Math.max(0, count));
  let previous = queryOf(document, navigation.keys[from - 1]);
  return keys.flatMap((key): RowSummary[] => {
    const row = document.row(key);
    if (row === undefined) return [];
    if (row.kind === 'malformed') {
      return [{ kind: 'malformed', key, line: row.line, reason: row.reason, text: row.text }];
    }
    const starts = row.judgement.query_id !== previous;
    previous = row.judgement.query_id;
    return [rowSummary(shown(file, key, row.judgement), document.scales, starts)];
  });
}

/** Everything about the selected row; null where none is selected or its line is malformed. */
export function selectedDetail(file: ShownFile, navigation: EditorNavigation): RowDetail | null {
  const key = navigation.selected?.key;
  const row = key === undefined ? undefined : file.document.judgementRow(key);
  if (row === undefined) return null;
  return rowDetail(shown(file, row.key, row.judgement), {
    scales: file.document.scales,
    profile: profileOfRow(row.judgement, knownProfiles(file), sha256),
    termRanges: matchRanges,
    sha256,
    canOpen: file.canOpen,
  });
}

/** The header's view of the run that writes or wrote the file, or null. */
function runView(file: ShownFile, rows: { readonly total: number; readonly pending: number }): RunView | null {
  if (file.run !== null) return liveRunView(file.run.state);
  const record = file.document.run;
  return record === null ? null : recordedRunView(record.seal, rows);
}

function shown(file: ShownFile, key: RowKey, judgement: Judgement): ShownJudgement {
  return {
    key,
    judgement,
    annotation: file.document.annotation(key),
    review: file.document.review(key),
    saved: file.document.saved(key),
    draft: file.document.draft(key),
    streaming: file.streaming.get(key) ?? null,
  };
}

/** The run's own profile first. */
function knownProfiles(file: ShownFile): KnownProfile[] {
  const run = file.run?.record ?? file.document.run;
  const own =
    run?.profile === undefined || run.profile === null
      ? []
      : [{ profile: run.profile, sha256: profileHashOf(run.model), runId: run.run_id }];
  return [...own, ...file.profiles];
}

/** What the profiles of the run and of the rows' models say about their rationales, each once. */
function rationaleNotices(file: ShownFile, used: ReadonlySet<string>): string[] {
  const concerned = knownProfiles(file).filter((k) => k.runId !== null || (k.sha256 !== null && used.has(k.sha256)));
  return [...new Set(concerned.flatMap((k) => k.profile.rationale_notice ?? []))];
}

function queryOf(document: JudgementDocument, key: RowKey | undefined): string | undefined {
  return key === undefined ? undefined : document.judgementRow(key)?.judgement.query_id;
}

function noticesOf(
  file: ShownFile,
  run: RunView | null,
  queryIds: readonly string[],
  usedProfiles: ReadonlySet<string>,
): Notice[] {
  const { document } = file;
  const notices: Notice[] = [];
  const resume = { id: 'resumeRun', title: 'Resume' } as const;
  if (run?.state === 'failed') {
    notices.push({
      severity: 'error',
      text: `The run failed. What was judged is kept. ${run.message}`,
      action: resume,
    });
  }
  if (run?.state === 'interrupted') {
    const text = `This run was interrupted: ${run.done} of ${run.total} documents are judged (or another program is still writing it).`;
    notices.push(
      file.readonly === null ? { severity: 'warning', text, action: resume } : { severity: 'warning', text },
    );
  }
  if (run?.state === 'cancelled' && file.readonly === null) {
    notices.push({
      severity: 'info',
      text: `The run was cancelled; what was judged is kept. ${run.message}.`,
      action: resume,
    });
  }
  if (run !== null && queryIds.length === 1 && run.state !== 'loading' && run.state !== 'scoring') {
    const rows = document.rows.flatMap((row) => (row.kind === 'judgement' ? [row.judgement] : []));
    const text = nothingRelevant(rows, document.scales);
    if (text !== null) notices.push({ severity: 'info', text });
  }
  if (file.changedOnDisk) {
    notices.push({
      severity: 'warning',
      text: `${file.fileName} changed on disk. Your unsaved decisions are kept; what is shown is the file as it was. Save, then run “File: Revert File” to see the new content.`,
    });
  }
  for (const text of document.notices) notices.push({ severity: 'warning', text });
  if (document.conflicts.length > 0) {
    const what = document.conflicts.map((c) => `${c.what} on ${c.docId}`).join('; ');
    notices.push({
      severity: 'warning',
      text: `Unsaved decisions on answers that are no longer in this file are kept and return with their answers: ${what}.`,
    });
  }
  for (const text of rationaleNotices(file, usedProfiles)) notices.push({ severity: 'info', text });
  return notices;
}
