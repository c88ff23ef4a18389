import type { WalkEmit } from "../report/events.js";
import { isScalar, type Register } from "../state/register.js";
import type { State } from "../state/state.js";
import type { Walk } from "../walk.js";
import { stepBack, Wanted } from "./backtrack.js";
import type { HistoryEntry } from "./history.js";
import type { StoredState } from "./stored.js";

/*
 * Which numbers matter. A stored state proves a later one only if no path from it relied on a number that the later one
 * has otherwise; so whenever a rule relies on a number, the way back to where it came from is walked, and the number is
 * marked as precise in every stored state that the way goes by. Marks are kept beside a stored state and never in values:
 * the current state needs none, because rules take every number in it as it is.
 */

const scalarAt = (register: Register | undefined): boolean => register !== undefined && isScalar(register);

const allScalars = ({ state, precise }: StoredState, found: (frame: number, name: string) => void): void => {
  state.frames.forEach(({ index, registers, stack }) => {
    for (let register = 0; register < 10; register++) {
      if (!scalarAt(registers[register]) || precise.hasRegister(index, register)) continue;
      precise.addRegister(index, register);
      found(index, `r${register}`);
    }
    stack.forEach(({ spilled }, slot) => {
      if (!scalarAt(spilled) || precise.hasSlot(index, slot)) return;
      precise.addSlot(index, slot);
      found(index, `fp${-8 * (slot + 1)}`);
    });
  });
};

/**
 * Whether this way back was gone before: the same registers were followed from the same place of the path. Marks stay, so
 * going it again would find nothing. In a loop that is counted down this saves going over all rounds in each of them.
 */
const isFollowed = (wanted: Wanted, entry: HistoryEntry | undefined, pc: number): boolean =>
  entry?.followedFrom === pc && wanted.isWithin(entry.followed);

const noteFollowed = (entry: HistoryEntry | undefined, pc: number, register: number): void => {
  if (entry === undefined) return;
  entry.followed = (entry.followedFrom === pc ? entry.followed : 0) | (1 << register);
  entry.followedFrom = pc;
};

/** Follows numbers back through a walk. */
export class Precision {
  private readonly wanted = new Wanted();
  private readonly walk: Walk;
  /** Whether the last search marked something that wasn't marked before. */
  private changed = false;
  private isSilent = false;

  constructor(walk: Walk) {
    this.walk = walk;
  }

  /** The current path relies on the number in a register of the running function. */
  markRegister(register: number): void {
    const { state, pc } = this.walk;
    if (!isScalar(state.register(register))) return;
    const { wanted } = this;
    wanted.addRegister(state.frame.index, register);
    wanted.frame = state.frame.index;
    this.search(state, pc);
    noteFollowed(state.history, pc, register);
  }

  /** The current path relies on the number spilled to a slot. */
  markSlot(frame: number, slot: number): void {
    this.wanted.addSlot(frame, slot);
    this.search(this.walk.state, this.walk.pc);
  }

  /**
   * A path that came to `pc` with `state` was ended because `proof` allows all of it: it relies on the same numbers.
   *
   * @returns whether that told something new
   */
  markFrom(proof: StoredState, state: State, pc: number): boolean {
    const { frames } = proof.state;
    this.changed = false;
    for (let index = frames.length - 1; index >= 0; index--) {
      if (!proof.precise.touches(index)) continue;
      const registers = proof.precise.registers(index);
      for (let register = 0; register < 10; register++) {
        if (registers & (1 << register)) this.wanted.addRegister(index, register);
      }
      const slots = proof.precise.slots(index);
      for (const slot of slots) this.wanted.addSlot(index, slot);
      this.emit?.({ kind: "precision", step: "propagate", frame: index, registers, slots });
    }
    this.search(state, pc);
    return this.changed;
  }

  /** Does something that Linux doesn't, so that its log doesn't tell of it. */
  silently(work: () => void): void {
    this.isSilent = true;
    work();
    this.isSilent = false;
  }

  private get emit(): WalkEmit | undefined {
    return this.isSilent ? undefined : this.walk.emit;
  }

  /** Every number of every stored state on the way to `state` counts as precise. */
  markAll(state: State): void {
    const { emit } = this;
    emit?.({ kind: "precision", step: "all", frame: state.frames.length - 1 });
    for (let stored = state.parent; stored !== undefined; stored = stored.state.parent) {
      allScalars(stored, (frame, name) => {
        this.changed = true;
        emit?.({ kind: "precision", step: "force", frame, name });
      });
    }
    this.wanted.clear();
  }

  private search(from: State, at: number): void {
    const { wanted } = this;
    wanted.frame = from.frames.length - 1;
    if (wanted.isEmpty) return;
    let state = from;
    let lastPc = at;
    let nextPc = -1;
    for (let first = true; ; first = false) {
      this.tell(lastPc, state.firstPc, nextPc);
      if (lastPc < 0 ? !this.endsAtEntry(state) : !this.searchSegment(state, lastPc, nextPc, first)) {
        this.markAll(from);
        return;
      }
      const stored = state.parent;
      if (wanted.isEmpty) return;
      if (stored === undefined) break;
      this.markStored(stored);
      if (wanted.isEmpty) return;
      nextPc = state.firstPc;
      lastPc = stored.previousPc;
      state = stored.state;
    }
    this.markAll(from);
  }

  private tell(last: number, first: number, next: number): void {
    this.emit?.({ kind: "precision", step: "search", frame: this.wanted.frame, last, first, next });
  }

  /** The numbers that a global function is given are any numbers: nothing is before them. */
  private endsAtEntry(state: State): boolean {
    const { wanted } = this;
    const [frame] = state.frames;
    const onlyArguments = (wanted.registers(0) & ~0b11_1110) === 0 && wanted.slots(0).length === 0;
    if (state.frames.length > 1 || frame!.subprogram === 0 || !onlyArguments) return false;
    wanted.clear();
    return true;
  }

  /** Goes back from `lastPc` to where the state that `state` descends from was stored. */
  private searchSegment(state: State, lastPc: number, next: number, skipFirst: boolean): boolean {
    const { walk, wanted } = this;
    let entry = state.history;
    let pc = lastPc;
    let nextPc = next;
    for (let skip = skipFirst; ; skip = false) {
      const here = entry?.pc === pc ? entry : undefined;
      if (!skip) {
        this.tellStep(pc);
        if (!stepBack(walk.program, wanted, { pc, nextPc, entry: here })) return false;
      }
      if (wanted.isEmpty) return true;
      if (walk.emit === undefined && isFollowed(wanted, entry, pc)) {
        wanted.clear();
        return true;
      }
      nextPc = pc;
      if (pc === state.firstPc && (entry === undefined || (entry.count === 1 && here !== undefined))) return true;
      if (here === undefined) pc--;
      else {
        pc = here.previousPc;
        entry = here.before;
      }
      if (pc < 0) return false;
    }
  }

  private tellStep(pc: number): void {
    const { walk, wanted, emit } = this;
    if (emit === undefined || walk.program.instructions[pc]!.op.family === "lddw-tail") return;
    const { frame } = wanted;
    const registers = wanted.registers(frame);
    emit({ kind: "precision", step: "back", frame, registers, slots: wanted.slots(frame), pc });
  }

  /** Marks what is wanted in a stored state, and wants on what was not marked before. */
  private markStored(stored: StoredState): void {
    const { wanted } = this;
    for (let index = wanted.frame; index >= 0; index--) {
      const frame = stored.state.frames[index];
      if (wanted.touches(index)) {
        for (let register = 0; register <= 10; register++) {
          if (!wanted.hasRegister(index, register)) continue;
          const marks = scalarAt(frame?.registers[register]) && !stored.precise.hasRegister(index, register);
          if (marks) stored.precise.addRegister(index, register);
          else wanted.deleteRegister(index, register);
          this.changed ||= marks;
        }
        for (const slot of wanted.slots(index)) {
          const marks = scalarAt(frame?.slot(slot).spilled) && !stored.precise.hasSlot(index, slot);
          if (marks) stored.precise.addSlot(index, slot);
          else wanted.deleteSlot(index, slot);
          this.changed ||= marks;
        }
      }
      const registers = wanted.registers(index);
      const slots = this.emit === undefined ? [] : wanted.slots(index);
      this.emit?.({ kind: "precision", step: "stored", frame: index, registers, slots, stored });
    }
  }
}
