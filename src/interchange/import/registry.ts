/** Every importer, in the order in which equal detections are preferred: the more particular format first. */
import { argillaImporter } from './argilla.js';
import { beirImporter } from './beir.js';
import { chatImporter, rank1Importer, tfrankImporter } from './chat.js';
import type { Importer } from './importer.js';
import { interankImporter } from './interank.js';
import { labelStudioImporter } from './label-studio.js';
import { potatoImporter } from './potato.js';
import { rankLlmImporter } from './rank-llm.js';
import { tableImporter } from './table.js';
import { trecImporter } from './trec.js';
import { trlImporter } from './trl.js';
import { umbrelaImporter } from './umbrela.js';

export const importers: readonly Importer[] = [
  interankImporter,
  tfrankImporter,
  rank1Importer,
  trlImporter,
  chatImporter,
  rankLlmImporter,
  umbrelaImporter,
  argillaImporter,
  labelStudioImporter,
  potatoImporter,
  beirImporter,
  trecImporter,
  tableImporter,
];
