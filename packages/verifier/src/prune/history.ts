import type { State } from "../state/state.js";

/*
 * How a path came from its last stored state to where it is: only what the instructions themselves don't tell. Between
 * two entries the path went straight on. A list that branches share, newest entry first.
 */

/** A register or stack slot of some frame. */
export interface Place {
  readonly frame: number;
  /** `register`: 0..9; `slot`: 0 for the eight bytes below the frame pointer. */
  readonly kind: "register" | "slot";
  readonly index: number;
}

/** What happened at one instruction of a path. Filled in while the instruction is walked, and not changed after. */
export interface HistoryEntry {
  readonly pc: number;
  /** The instruction that was walked before it. */
  readonly previousPc: number;
  /** The stack slot that it filled from or spilled to. */
  slot: Place | undefined;
  /** A comparison's operands that are stack pointers: precision of numbers doesn't go there. */
  sourceIsStack: boolean;
  destinationIsStack: boolean;
  /** Numbers that learned from one another here. */
  linked: readonly Place[];
  /** Registers that were followed back from an instruction before the next entry, and that instruction. */
  followedFrom: number;
  followed: number;
  readonly before: HistoryEntry | undefined;
  /** Entries up to and with this one. */
  readonly count: number;
}

const NONE: readonly Place[] = [];

/** Adds an empty entry to a path's history. */
export const addHistory = (state: State, pc: number, previousPc: number): HistoryEntry => {
  const before = state.history;
  const entry: HistoryEntry = {
    pc,
    previousPc,
    slot: undefined,
    sourceIsStack: false,
    destinationIsStack: false,
    linked: NONE,
    followedFrom: -1,
    followed: 0,
    before,
    count: (before?.count ?? 0) + 1,
  };
  state.history = entry;
  return entry;
};

/** An instruction of a path, seen from its end. */
export interface PastStep {
  readonly pc: number;
  /** The instruction that was walked after it; -1 for the last one. */
  readonly nextPc: number;
  readonly entry: HistoryEntry | undefined;
}

/** The instructions that led to `state`, newest first, from the one at `pc` to the path's beginning. */
export function* pastOf(state: State, pc: number): Generator<PastStep> {
  let segment = state;
  let nextPc = -1;
  let at = pc;
  for (;;) {
    let entry = segment.history;
    for (;;) {
      const here = entry?.pc === at ? entry : undefined;
      yield { pc: at, nextPc, entry: here };
      nextPc = at;
      if (at === segment.firstPc && (entry === undefined || (entry.count === 1 && here !== undefined))) break;
      at = here === undefined ? at - 1 : here.previousPc;
      entry = here === undefined ? entry : here.before;
    }
    const stored = segment.parent;
    if (stored === undefined || stored.previousPc < 0) return;
    at = stored.previousPc;
    segment = stored.state;
  }
}
