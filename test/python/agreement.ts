/** For agreement.py: our measures over labels, probabilities, rankings and paired values that Python sends. */
import { confusionMatrix, raterAgreement } from '../../src/evaluation/agreement.js';
import { fitTemperature, reliability, tempered } from '../../src/evaluation/calibration.js';
import { comparePaired, holm } from '../../src/evaluation/compare.js';
import { kendallTau, rankBiasedOverlap } from '../../src/evaluation/similarity.js';
import { received, send } from './exchange.js';

type Case =
  | { readonly measure: 'confusion'; readonly reference: readonly number[]; readonly prediction: readonly number[] }
  /** By item, by rater; null where the rater gave no label. */
  | { readonly measure: 'alpha'; readonly ratings: readonly (readonly (number | null)[])[] }
  | {
      readonly measure: 'calibration';
      readonly probabilities: readonly (readonly number[])[];
      readonly human: readonly number[];
      readonly bins: number;
    }
  | {
      readonly measure: 'rankings';
      readonly one: readonly string[];
      readonly other: readonly string[];
      readonly p: number;
    }
  | { readonly measure: 'paired'; readonly values: readonly number[]; readonly baseline: readonly number[] }
  | { readonly measure: 'holm'; readonly p: readonly number[] };

const noScale = { labels: [], names: [] };

function answer(request: Case): unknown {
  switch (request.measure) {
    case 'confusion':
      return confusionMatrix(
        { reference: 'human', prediction: 'model' },
        request.reference.map((reference, i) => ({
          group: `q${i % 7}`,
          reference,
          prediction: request.prediction[i] ?? NaN,
        })),
        noScale,
      );
    case 'alpha':
      return raterAgreement(
        request.ratings.map((labels, i) => ({
          group: `q${i % 7}`,
          labels: new Map(labels.flatMap((label, rater) => (label === null ? [] : [[`r${rater}`, label] as const]))),
        })),
        noScale,
      );
    case 'calibration': {
      const items = request.probabilities.map((probabilities, i) => ({
        group: `q${i % 7}`,
        probabilities,
        human: request.human[i] ?? NaN,
      }));
      const temperature = fitTemperature(items);
      return {
        reliability: reliability(items, request.bins),
        temperature,
        tempered: request.probabilities.map((p) => tempered(p, temperature)),
      };
    }
    case 'rankings':
      return {
        rbo: rankBiasedOverlap(request.one, request.other, request.p),
        tau: kendallTau(request.one, request.other),
      };
    case 'paired':
      return comparePaired(request.values, request.baseline);
    case 'holm':
      return holm(request.p);
  }
}

send((received() as readonly Case[]).map(answer));
