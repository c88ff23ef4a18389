import type { Marks } from "../state/marks.js";
import type { State } from "../state/state.js";

/** A state kept at a prune point. The stored states of a path are a chain: `state.parent` is the one before. */
export interface StoredState {
  readonly pc: number;
  /** The instruction that was walked before it was stored. */
  readonly previousPc: number;
  readonly state: State;
  /** Stored states before it on its path. */
  readonly depth: number;
  /** Numbers whose value some path from here on relied on. It grows while there are such paths. */
  readonly precise: Marks;
  /** Paths through it that are not at their end yet. While there are any, the state proves nothing. */
  branches: number;
  hits: number;
  misses: number;
  /** What no path from here on reads has been forgotten. */
  cleaned: boolean;
}
