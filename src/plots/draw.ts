/** Every plot by the kind of its data: what the command line, the report and the webview call. */
import { drawConfusion, type ConfusionData } from './confusion.js';
import { drawDifferences, type DifferencesData } from './differences.js';
import { drawDistributions, type DistributionsData } from './distributions.js';
import type { Plot } from './mark.js';
import { drawMetrics, type MetricsData } from './metrics.js';
import { drawMovement, type MovementData } from './movement.js';
import { drawReliability, type ReliabilityData } from './reliability.js';

export type PlotData =
  ConfusionData | DifferencesData | DistributionsData | MetricsData | MovementData | ReliabilityData;

/** In user units (CSS pixels): fits a column of a paper or half a screen. */
export const defaultWidth = 720;
const leastWidth = 300;

/** The picture of `data`, at least 300 units wide; see svg.ts for writing it to a file. */
export function draw(data: PlotData, width = defaultWidth): Plot {
  const wide = Math.max(leastWidth, Math.floor(width));
  switch (data.kind) {
    case 'confusion':
      return drawConfusion(data, wide);
    case 'differences':
      return drawDifferences(data, wide);
    case 'distributions':
      return drawDistributions(data, wide);
    case 'metrics':
      return drawMetrics(data, wide);
    case 'movement':
      return drawMovement(data, wide);
    case 'reliability':
      return drawReliability(data, wide);
  }
}
