/** Every export format, by its id: the one list that menus, `--help` and the plan read. */
import { axolotlDpo, axolotlKto, axolotlSft } from './axolotl.js';
import { beirQrels, trecQrels, trecRun } from './evaluation-formats.js';
import type { Exporter } from './exporter.js';
import { interank, interankPairs, interankRewarded } from './interank.js';
import { llamaFactoryDpo, llamaFactoryKto, llamaFactorySft } from './llama-factory.js';
import { openrlhfPairs, openrlhfRl, openrlhfSft } from './openrlhf.js';
import { rankLlm } from './rank-llm-export.js';
import { trlDpo, trlDpoText } from './trl-dpo.js';
import { trlGrpo } from './trl-grpo.js';
import { trlKto } from './trl-kto.js';
import { trlReward } from './trl-reward.js';
import { trlMessages, trlSft, trlSftText } from './trl-sft.js';
import { trlStepwise } from './trl-stepwise.js';
import { verlRl, verlRm, verlSft } from './verl.js';

const exporters = {
  'trl-sft': trlSft,
  'trl-dpo': trlDpo,
  'trl-sft-text': trlSftText,
  'trl-dpo-text': trlDpoText,
  'trl-messages': trlMessages,
  'trl-kto': trlKto,
  'trl-reward': trlReward,
  'trl-grpo': trlGrpo,
  'trl-stepwise': trlStepwise,
  interank,
  'interank-rewarded': interankRewarded,
  'interank-pairs': interankPairs,
  'verl-rl': verlRl,
  'verl-sft': verlSft,
  'verl-rm': verlRm,
  'openrlhf-sft': openrlhfSft,
  'openrlhf-dpo': openrlhfPairs,
  'openrlhf-rl': openrlhfRl,
  'llama-factory-sft': llamaFactorySft,
  'llama-factory-dpo': llamaFactoryDpo,
  'llama-factory-kto': llamaFactoryKto,
  'axolotl-sft': axolotlSft,
  'axolotl-dpo': axolotlDpo,
  'axolotl-kto': axolotlKto,
  'rank-llm': rankLlm,
  'trec-run': trecRun,
  'trec-qrels': trecQrels,
  beir: beirQrels,
} as const satisfies Record<string, Exporter>;

export type ExportFormat = keyof typeof exporters;
export const exportFormats = Object.keys(exporters) as ExportFormat[];

export function exporterOf(format: ExportFormat): Exporter {
  return exporters[format];
}

/** One line about a format, for menus and `--help`. */
export function formatTitle(format: ExportFormat): string {
  return exporters[format].title;
}
