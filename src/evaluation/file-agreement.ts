/** The labels of judgement files against those of people and of each other, scale by scale. */
import type { Agreement, ConfusionMatrix } from '../domain/evaluation.js';
import { RationaleError } from '../domain/failure.js';
import { pairKey } from '../domain/judgement.js';
import { confusionMatrix, raterAgreement, type LabelPair, type RatedItem, type Scale } from './agreement.js';
import { modelOf, scaleLabels, type LabelledFile, type LabelledRow } from './labelled-file.js';

export interface ScaleAgreement {
  readonly scale: string;
  /** Among the annotators; null where no answer was labelled by two. */
  readonly annotators: Agreement | null;
  /** Each model × human, of both files, then each model × each model of the other file. Cells hold rows of the first file, or of the other where only that is in the matrix. */
  readonly matrices: readonly ConfusionMatrix[];
}

/**
 * Agreement in `file`, and with `other` (a teacher's answers on the same pairs) where it is given. Human labels of either
 * file count for both: a label belongs to the pair. @throws RationaleError where there is nothing to compare.
 */
export function agreementOf(file: LabelledFile, other: LabelledFile | null = null): ScaleAgreement[] {
  const files = other === null ? [file] : [file, other];
  const scales = [...new Set(files.flatMap(({ rows }) => rows.map(({ row }) => row.judgement.scale)))];
  const found = scales.map((name): ScaleAgreement => {
    const { labels, names } = scaleLabels(
      name,
      files.flatMap((f) => f.scales),
      [],
    );
    const scale = { labels, names };
    const human = humanLabels(files, name);
    const sides = files.map((f) => byModel(f, name));
    const matrices = [
      ...sides.flatMap((side) => [...side].map(([model, rows]) => againstHumans(model, rows, human, scale))),
      ...[...(sides[0] ?? [])].flatMap(([model, rows]) =>
        [...(sides[1] ?? [])].map(([teacher, theirs]) => againstEachOther(teacher, theirs, model, rows, scale)),
      ),
    ].filter(({ total }) => total > 0);
    const rated = raterAgreement(
      files.flatMap((f) => ratedItems(f, name)),
      scale,
    );
    return { scale: name, annotators: rated.items > 0 ? rated : null, matrices };
  });
  const kept = found.filter(({ annotators, matrices }) => annotators !== null || matrices.length > 0);
  if (kept.length === 0) {
    throw new RationaleError(
      'user',
      other === null
        ? `${file.path} has no answer with a label that anybody accepted or corrected. Decide on some rows in the editor and save, or give another judgement file of the same pairs with --with.`
        : `${file.path} and ${other.path} label no pair on the same scale, and nobody decided on a label in either.`,
    );
  }
  return kept;
}

function byModel(file: LabelledFile, scale: string): ReadonlyMap<string, readonly LabelledRow[]> {
  const models = new Map<string, LabelledRow[]>();
  for (const labelled of file.rows) {
    if (labelled.row.judgement.scale !== scale || labelled.row.judgement.label === null) continue;
    const model = modelOf(labelled.row);
    const rows = models.get(model);
    if (rows === undefined) models.set(model, [labelled]);
    else rows.push(labelled);
  }
  return models;
}

/** Settled labels by pair; a pair whose answers were settled differently has none. */
function humanLabels(files: readonly LabelledFile[], scale: string): ReadonlyMap<string, number | null> {
  const labels = new Map<string, number | null>();
  for (const { rows } of files) {
    for (const { row, human } of rows) {
      if (human === null || row.judgement.scale !== scale) continue;
      const key = pairKey(row.judgement);
      const known = labels.get(key);
      labels.set(key, known === undefined || known === human ? human : null);
    }
  }
  return labels;
}

function againstHumans(
  model: string,
  rows: readonly LabelledRow[],
  human: ReadonlyMap<string, number | null>,
  scale: Scale,
): ConfusionMatrix {
  const pairs = rows.flatMap(({ row, human: own }): LabelPair[] => {
    const reference = own ?? human.get(pairKey(row.judgement)) ?? null;
    const { label, query_id } = row.judgement;
    return reference === null || label === null
      ? []
      : [{ group: query_id, reference, prediction: label, key: row.key }];
  });
  return confusionMatrix({ reference: 'human', prediction: model }, pairs, scale);
}

/** Where a side answered a pair several times, its first answer counts. */
function againstEachOther(
  teacher: string,
  theirs: readonly LabelledRow[],
  model: string,
  rows: readonly LabelledRow[],
  scale: Scale,
): ConfusionMatrix {
  const labels = new Map<string, number>();
  for (const { row } of theirs) {
    const key = pairKey(row.judgement);
    if (row.judgement.label !== null && !labels.has(key)) labels.set(key, row.judgement.label);
  }
  const seen = new Set<string>();
  const pairs = rows.flatMap(({ row }): LabelPair[] => {
    const key = pairKey(row.judgement);
    const reference = labels.get(key);
    const { label, query_id } = row.judgement;
    if (reference === undefined || label === null || seen.has(key)) return [];
    seen.add(key);
    return [{ group: query_id, reference, prediction: label, key: row.key }];
  });
  return confusionMatrix(
    { reference: teacher === model ? `${teacher} (other file)` : teacher, prediction: model },
    pairs,
    scale,
  );
}

function ratedItems(file: LabelledFile, scale: string): RatedItem[] {
  return file.rows.flatMap(({ row, reviews }): RatedItem[] => {
    if (reviews.length < 2 || row.judgement.scale !== scale) return [];
    const labels = new Map(
      reviews.flatMap(({ annotator, label }) => (label === null ? [] : [[annotator, label] as const])),
    );
    return [{ group: row.judgement.query_id, labels, key: row.key }];
  });
}
