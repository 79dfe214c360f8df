/** Annotation events: the append-only record of what people decided (docs/formats/corrections.md). */

export const eventActions = ['accept', 'correct', 'skip', 'cannot_judge', 'flag', 'comment', 'retract'] as const;
export type EventAction = (typeof eventActions)[number];

export interface AnnotationEvent {
  /** UUIDv7, monotonic in a process: its order is the order of decisions. */
  readonly id: string;
  /** ISO 8601, UTC. */
  readonly at: string;
  readonly annotator: string;
  readonly query_id: string;
  readonly doc_id: string;
  readonly answer_id?: string;
  readonly action: EventAction;
  readonly label?: number;
  readonly explanation?: string;
  /** Code-point ranges into `document`, end exclusive. */
  readonly evidence?: readonly (readonly [number, number])[];
  readonly reasons?: readonly string[];
  readonly note?: string;
  readonly blind?: boolean;
  /** Active seconds spent on the decision (stops without window focus and after 60 s idle). */
  readonly seconds: number;
  readonly batch?: string;
  /** Id of the event or batch that a `retract` takes back. */
  readonly retracts?: string;
}
