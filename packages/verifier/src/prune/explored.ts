import { reject } from "../report/reject.js";
import type { StoredState, Walk } from "../walk.js";
import { subsumes } from "./subsume.js";

/** A state is kept only when the walk did this much since it kept the last one. */
const JUMPS_BETWEEN = 2;
const INSTRUCTIONS_BETWEEN = 8;
/** Inside a loop that still goes round, states this close together tell little. */
const LOOP_JUMPS = 20;
const LOOP_INSTRUCTIONS = 100;
/** A stored state that misses this much more often than it hits is dropped: comparing costs more than it saves. */
const MISSES_PER_HIT = 3;
/** The same for an open state at the head of a loop that something else bounds: it is what the loop settles by. */
const MISSES_PER_HIT_OF_BOUNDED = 64;

/** Whether states are compared by what later code relies on, or in all they hold. */
export type Pruning = "linux" | "exact";

/** The states that were stored, by pc: what the walk need not do again. */
export class Explored {
  private readonly states = new Map<number, StoredState[]>();
  private lastJumps = 0;
  private lastProcessed = 0;
  /** States stored in all, and the most at one time. */
  total = 0;
  peak = 0;
  private count = 0;
  private readonly pruning: Pruning;

  constructor(pruning: Pruning) {
    this.pruning = pruning;
  }

  /** True when the current state needs no walk. Else it is stored, if that is worth it. */
  visit(walk: Walk): boolean {
    const { pc } = walk;
    const forced = walk.program.checkpoints.has(pc) || walk.program.spec.flags.testStateFrequency === true;
    let worthIt =
      forced ||
      (walk.jumps - this.lastJumps >= JUMPS_BETWEEN && walk.processed - this.lastProcessed >= INSTRUCTIONS_BETWEEN);
    const stored = this.states.get(pc) ?? [];
    for (const old of stored) {
      if (old.branches > 0) {
        if (this.isSettledLoop(walk, old)) return true;
        if (!forced && walk.jumps - old.jumps < LOOP_JUMPS && walk.processed - old.processed < LOOP_INSTRUCTIONS) {
          worthIt = false;
        }
      } else if (this.proves(walk, old)) {
        old.hits++;
        return true;
      }
      if (worthIt) old.misses++;
    }
    if (worthIt)
      this.store(
        walk,
        stored.filter((old) => isWorthKeeping(old, forced)),
      );
    return false;
  }

  private proves(walk: Walk, old: StoredState): boolean {
    return subsumes(old.state, walk.state, { pc: walk.pc, live: this.live(walk), how: "within" });
  }

  /** The registers to compare, by pc; all of them without liveness. */
  private live(walk: Walk): Uint16Array | undefined {
    return this.pruning === "exact" ? undefined : walk.program.live;
  }

  /**
   * Comparing with a state on the way here. An equal one means the loop makes no progress. At a `may_goto` or a helper
   * that calls back, a state that allows the new one ends the path: something else bounds the loop, and its body was
   * walked from the old state.
   */
  private isSettledLoop(walk: Walk, old: StoredState): boolean {
    const { pc } = walk;
    const bounded = walk.program.checkpoints.has(pc);
    const callsBack = bounded && walk.instruction.op.family === "call";
    if (callsBack) return this.proves(walk, old);
    if (old.state.mayGotoDepth !== walk.state.mayGotoDepth) return bounded && this.proves(walk, old);
    // In another round of a callback's loop, the same state again is how that loop settles.
    if (old.state.callbackDepth !== walk.state.callbackDepth) return false;
    if (subsumes(old.state, walk.state, { pc, live: walk.program.live, how: "exact" })) {
      reject("INFINITE_LOOP", `infinite loop detected at insn ${pc}`);
    }
    return false;
  }

  private store(walk: Walk, others: StoredState[]): void {
    this.lastJumps = walk.jumps;
    this.lastProcessed = walk.processed;
    const state: StoredState = {
      pc: walk.pc,
      state: walk.state.fork(),
      parent: walk.parent,
      branches: 1,
      hits: 0,
      misses: 0,
      processed: walk.processed,
      jumps: walk.jumps,
    };
    const before = this.states.get(walk.pc)?.length ?? 0;
    this.states.set(walk.pc, [...others, state]);
    this.count += others.length + 1 - before;
    this.total++;
    this.peak = Math.max(this.peak, this.count);
    walk.parent = state;
  }
}

/** Dropping a state never loses soundness: it only means that more is walked, up to the limit. */
const isWorthKeeping = ({ branches, hits, misses }: StoredState, bounded: boolean): boolean => {
  const perHit = bounded && branches > 0 ? MISSES_PER_HIT_OF_BOUNDED : MISSES_PER_HIT;
  return misses <= perHit * hits + perHit;
};

/** A path has ended: stored states that have no path open any more prove something from here on. */
export const endPath = (walk: Walk): void => {
  for (let state = walk.parent; state !== undefined; state = state.parent) {
    state.branches--;
    if (state.branches > 0) return;
  }
};
