import { POINT } from "../program/points.js";
import { reject } from "../report/reject.js";
import { Marks } from "../state/marks.js";
import { NOT_INIT } from "../state/register.js";
import { EMPTY_SLOT } from "../state/stack.js";
import { FRAME_POINTER, type State } from "../state/state.js";
import type { Walk } from "../walk.js";
import { addHistory } from "./history.js";
import { Loops } from "./loops.js";
import type { StoredState } from "./stored.js";
import { type Comparing, mayLoop, subsumes } from "./subsume.js";

/** A state is kept only when the walk did this much since it kept the last one. */
const JUMPS_BETWEEN = 2;
const INSTRUCTIONS_BETWEEN = 8;
/** Inside a loop that still goes round, states this close together tell little. */
const LOOP_JUMPS = 20;
const LOOP_INSTRUCTIONS = 100;
/** A path whose history is longer is cut, so that looking back stays cheap. */
const LONG_HISTORY = 40;
/** A stored state that misses this much more often than it hits is dropped: comparing costs more than it saves. */
const MISSES_PER_HIT = 3;
/** The same for an open state at the head of a loop that something else bounds: it is what the loop settles by. */
const MISSES_PER_HIT_OF_BOUNDED = 64;

/** Whether states are compared by what later code relies on, or in all they hold. */
export type Pruning = "linux" | "exact";

/** What an older state at the same place means for the current one. */
type Found = "proof" | "proof in the same loop" | "nothing" | "nothing, and the path loops";

/** The states that were stored, by pc: what the walk need not do again. */
export class Explored {
  /** By pc and call, as the kernel's hash table has them: newest first. */
  private readonly buckets: (StoredState[] | undefined)[];
  private readonly loops = new Loops();
  private readonly pruning: Pruning;
  private readonly limit: number;
  private lastJumps = 0;
  private lastProcessed = 0;
  /** States stored in all, the most at one time, and the most in one bucket. */
  total = 0;
  peak = 0;
  longestBucket = 0;
  /** States that are looked up, and those dropped from there whose paths haven't ended. */
  private listed = 0;
  private readonly dropped = new Set<StoredState>();

  /** `limit`: states to keep at one time at most. */
  constructor(slots: number, pruning: Pruning, limit: number) {
    this.buckets = new Array<StoredState[] | undefined>(slots).fill(undefined);
    this.pruning = pruning;
    this.limit = limit;
  }

  /** True when the current state needs no walk. Else it is stored, if that is worth it. */
  visit(walk: Walk): boolean {
    const { pc, state } = walk;
    const point = walk.program.points[pc]!;
    const forced =
      (point & POINT.checkpoint) !== 0 ||
      walk.program.spec.flags.testStateFrequency === true ||
      (state.history?.count ?? 0) > LONG_HISTORY;
    const jumps = walk.jumps - this.lastJumps;
    const processed = walk.processed - this.lastProcessed;
    let worthIt = forced || (jumps >= JUMPS_BETWEEN && processed >= INSTRUCTIONS_BETWEEN);
    const bucket = this.bucketAt(pc, state);
    if (this.pruning === "linux") this.cleanStates(walk, bucket);
    const length = bucket.length;
    for (let index = 0; index < bucket.length; index++) {
      const old = bucket[index]!;
      if (old.pc !== pc) continue;
      const found = this.compare(walk, old);
      if (found === "proof" || found === "proof in the same loop") {
        this.prune(walk, old, found === "proof in the same loop");
        return true;
      }
      if (found === "nothing, and the path loops" && !forced && jumps < LOOP_JUMPS && processed < LOOP_INSTRUCTIONS) {
        worthIt = false;
      }
      if (worthIt) old.misses++;
      if (isWorthKeeping(old, (point & POINT.checkpoint) !== 0)) continue;
      bucket.splice(index, 1);
      index--;
      this.listed--;
      if (old.branches > 0) this.dropped.add(old);
    }
    this.longestBucket = Math.max(this.longestBucket, length);
    if (worthIt) this.store(walk, bucket);
    return false;
  }

  /** The latest state of an earlier round of a loop that `of` is in, at `pc`. */
  earlierRound(pc: number, state: State, depth: number): StoredState | undefined {
    return this.bucketAt(pc, state).find(
      (stored) => stored.pc === pc && stored.branches > 0 && stored.depth < depth && sameCalls(stored.state, state),
    );
  }

  /** A path has ended: stored states that have no path open any more prove something from here on. */
  endPath(walk: Walk): void {
    for (let stored = walk.state.parent; stored !== undefined; stored = stored.state.parent) {
      stored.branches--;
      if (stored.branches > 0) return;
      this.loops.leave(walk, stored);
      this.dropped.delete(stored);
    }
  }

  /** Forgets all states: another function is walked. They still count as kept, as they do in the kernel. */
  clear(): void {
    this.buckets.fill(undefined);
  }

  private bucketAt(pc: number, state: State): StoredState[] {
    const at = ((pc ^ state.frame.callSite) >>> 0) % this.buckets.length;
    let bucket = this.buckets[at];
    if (bucket === undefined) {
      bucket = [];
      this.buckets[at] = bucket;
    }
    return bucket;
  }

  private compare(walk: Walk, old: StoredState): Found {
    if (old.branches > 0) return this.compareOpen(walk, old);
    const inLoop = this.loops.isOpen(walk, old);
    if (!this.proves(walk, old, inLoop || this.pruning === "exact" ? "within" : "relied")) return "nothing";
    return inLoop ? "proof in the same loop" : "proof";
  }

  /**
   * Comparing with a state on the way here. At a `may_goto` or a helper that calls back, a state that allows the new one
   * ends the path: something else bounds the loop, and its body was walked from the old state. Anywhere else an equal one
   * means that the loop makes no progress.
   */
  private compareOpen(walk: Walk, old: StoredState): Found {
    const { pc, state, program } = walk;
    // Another run of a function that is called later: its state may be the same, but the first run isn't done.
    const { asyncEntries } = old.state.frame;
    if (asyncEntries > 0 && asyncEntries !== state.frame.asyncEntries) return "nothing, and the path loops";
    if (program.callbackCalls.has(pc)) {
      return this.proves(walk, old, "within") ? "proof in the same loop" : "nothing, and the path loops";
    }
    const sameDepth = old.state.mayGotoDepth === state.mayGotoDepth;
    if ((program.points[pc]! & POINT.checkpoint) !== 0 && !sameDepth && this.proves(walk, old, "within")) {
      return "proof in the same loop";
    }
    if (
      sameDepth &&
      old.state.callbackDepth === state.callbackDepth &&
      mayLoop(old, state) &&
      this.proves(walk, old, "same")
    ) {
      walk.emit?.({ kind: "infinite loop", current: state, old });
      reject("INFINITE_LOOP", `infinite loop detected at insn ${pc}`);
    }
    return "nothing, and the path loops";
  }

  private proves(walk: Walk, old: StoredState, how: Comparing): boolean {
    const live = this.pruning === "exact" ? undefined : walk.program.live;
    return subsumes(old, walk.state, { live, how });
  }

  /** The path ends: it relies on all that the older state's paths relied on. */
  private prune(walk: Walk, old: StoredState, sameLoop: boolean): void {
    old.hits++;
    if ((walk.program.points[walk.pc]! & POINT.jump) !== 0) addHistory(walk.state, walk.pc, walk.previousPc);
    walk.precision.markFrom(old, walk.state, walk.pc);
    if (!sameLoop) return;
    this.loops.addBackEdge(walk, old);
    this.updatePeak();
  }

  /** Forgets what no path read of states whose paths have all ended. */
  private cleanStates(walk: Walk, bucket: readonly StoredState[]): void {
    for (const stored of bucket) {
      if (stored.cleaned || stored.branches > 0 || stored.pc !== walk.pc) continue;
      if (!sameCalls(stored.state, walk.state) || this.loops.isOpen(walk, stored)) continue;
      clean(walk, stored);
    }
  }

  private store(walk: Walk, bucket: StoredState[]): void {
    this.lastJumps = walk.jumps;
    this.lastProcessed = walk.processed;
    const { state } = walk;
    const stored: StoredState = {
      pc: walk.pc,
      previousPc: walk.previousPc,
      state: state.fork(),
      depth: (state.parent?.depth ?? -1) + 1,
      precise: new Marks(state.frames.length),
      branches: 1,
      hits: 0,
      misses: 0,
      cleaned: false,
    };
    bucket.unshift(stored);
    this.listed++;
    this.total++;
    this.updatePeak();
    this.loops.enter(walk, stored);
    state.parent = stored;
    state.firstPc = walk.pc;
    state.history = undefined;
  }

  /** States kept now, those that only open paths need and back edges of loops among them. */
  get kept(): number {
    return this.listed + this.dropped.size + this.loops.edges;
  }

  private updatePeak(): void {
    const { kept } = this;
    if (kept > this.limit) {
      reject("TOO_MANY_STATES", `more than ${this.limit} states are kept at one time, the caller's limit`);
    }
    this.peak = Math.max(this.peak, kept);
  }
}

const sameCalls = (a: State, b: State): boolean =>
  a.frames.length === b.frames.length &&
  a.frames.every(({ callSite }, index) => callSite === b.frames[index]!.callSite);

const clean = (walk: Walk, stored: StoredState): void => {
  stored.cleaned = true;
  const { state, precise } = stored;
  for (const frame of state.frames) {
    const live = walk.program.live[state.frames[frame.index + 1]?.callSite ?? stored.pc]!;
    for (let register = 0; register < FRAME_POINTER; register++) {
      if ((live & (1 << register)) !== 0) continue;
      frame.registers[register] = NOT_INIT;
      precise.deleteRegister(frame.index, register);
    }
    for (let slot = 0; slot < frame.stack.length; slot++) {
      if (walk.stackLiveness.isLive(state, stored.pc, frame.index, slot)) continue;
      frame.setSlot(slot, EMPTY_SLOT);
      precise.deleteSlot(frame.index, slot);
    }
  }
};

/** Dropping a state never loses soundness: it only means that more is walked, up to the limit. */
const isWorthKeeping = ({ branches, hits, misses }: StoredState, bounded: boolean): boolean => {
  const perHit = bounded && branches > 0 ? MISSES_PER_HIT_OF_BOUNDED : MISSES_PER_HIT;
  return misses <= perHit * hits + perHit;
};
