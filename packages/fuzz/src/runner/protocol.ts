import type { CaseJson } from "../fuzz-case.js";
import type { Finding } from "../oracle/outcome.js";

/** Where a case comes from: the seed of its batch, and its number in it. */
export interface Origin {
  readonly seed: number;
  readonly index: number;
}

/** A finding with the smallest case that was found for it. */
export interface CaseFinding extends Finding {
  readonly origin: Origin;
  /** How many cases showed it. */
  readonly count: number;
  readonly case: CaseJson;
}

/** What a worker is started with. */
export interface WorkerTask {
  readonly oracle: string;
  readonly seed: number;
  /** Which of the worker threads it is: each has batches of its own. */
  readonly worker: number;
  /** The number of the first batch. */
  readonly batch: number;
  /** Keys that need no shrinking any more. */
  readonly known: readonly string[];
  /** Cases to mutate. */
  readonly seeds: readonly CaseJson[];
  /** Signs of life, see `HEARTBEAT`. */
  readonly heartbeat: SharedArrayBuffer;
}

/** Words of the heartbeat: the batch's seed, the case's number in it, and a count that grows with every check. */
export const HEARTBEAT = { seed: 0, index: 1, beats: 2, words: 3 } as const;

/** What a worker reports after a batch. */
export interface BatchReport {
  readonly batch: number;
  readonly runs: number;
  /** How often each outcome was had. */
  readonly notes: Readonly<Record<string, number>>;
  readonly findings: readonly CaseFinding[];
  /** Cases that showed something new. */
  readonly interesting: readonly CaseJson[];
}

export type WorkerMessage =
  | { readonly kind: "batch"; readonly report: BatchReport }
  | { readonly kind: "unavailable"; readonly reason: string };
