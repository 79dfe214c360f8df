/** How a row of a judgement file is named everywhere: in messages, in the editor and in what an evaluation points at. */

/** Index of a row's line in the file, from 0: stable while a run is reordered. */
export type RowKey = number;
