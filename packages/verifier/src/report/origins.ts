import type { AtomicOperation, Instruction } from "@ebpf/asm";
import { calleeAt, type Program } from "../program/program.js";
import { type PastStep, type Place, pastOf } from "../prune/history.js";
import { FRAME_POINTER, type State } from "../state/state.js";

/*
 * Where the value in a register came from: the way back along the rejected path, over copies, arithmetic, comparisons,
 * spills, calls and returns, to the instruction that made it. Nothing is decided by it: it tells the author of a program
 * what to look at.
 */

/** Instructions gone back over at most. */
const REACH = 100_000;
/** Instructions told of at most. */
const PARTS = 16;

/** The instructions that had a part in a value. */
export interface Origin {
  /** Oldest first; each once, in a loop where it had a part last. */
  readonly pcs: readonly number[];
  /** Whether there may be older ones. */
  readonly truncated: boolean;
}

/** What an instruction has to do with the value: nothing, or it made it, or it had it from another place. */
type Part = "none" | "made" | Place;

const isArgument = (register: number): boolean => register >= 1 && register <= 5;

/** A call leaves its result in r0, and nothing in the registers of arguments. */
const overResult = ({ kind, index }: Place): Part =>
  kind === "register" && (index === 0 || isArgument(index)) ? "made" : "none";

const loadedByAtomic = ({ dst, src }: Instruction, { operator, fetch }: AtomicOperation): number => {
  if (operator === "load_acquire") return dst;
  if (!fetch) return -1;
  return operator === "cmpxchg" ? 0 : src;
};

const overLoad = (place: Place, register: number, { entry }: PastStep): Part => {
  if (place.kind !== "register" || place.index !== register) return "none";
  return entry?.slot ?? "made";
};

const overStore = (place: Place, source: number | undefined, { entry }: PastStep): Part => {
  const slot = entry?.slot;
  if (place.kind !== "slot" || slot?.frame !== place.frame || slot.index !== place.index) return "none";
  return source === undefined ? "made" : { ...place, kind: "register", index: source };
};

const overAlu = (place: Place, { dst, src }: Instruction, op: Instruction["op"] & { family: "alu" }): Part => {
  if (place.kind !== "register" || place.index !== dst) return "none";
  if (op.operator !== "mov" && op.operator !== "movsx") return place;
  return op.operand === "reg" && src !== FRAME_POINTER ? { ...place, index: src } : "made";
};

/** Follows one value back. */
class Trail {
  private readonly program: Program;
  private place: Place;
  /** The frame that the way is in. */
  private depth: number;

  constructor(program: Program, place: Place) {
    this.program = program;
    this.place = place;
    this.depth = place.frame;
  }

  /** Goes back over an instruction; says whether it had a part in the value, and whether the value begins with it. */
  back(step: PastStep): "none" | "part" | "made" {
    const part = this.over(step);
    if (part === "none" || part === "made") return part;
    this.place = part;
    return "part";
  }

  private over(step: PastStep): Part {
    const slot = this.program.instructions[step.pc]!;
    const { op } = slot;
    if (op.family === "call") return this.overCall(step, op.target === "local");
    if (op.family === "exit") return this.overExit(step);
    const { place } = this;
    if (place.frame !== this.depth && place.kind === "register") return "none";
    switch (op.family) {
      case "alu":
        return overAlu(place, slot, op);
      case "load":
        return op.mode === "mem" ? overLoad(place, slot.dst, step) : overResult(place);
      case "lddw":
        return overLoad(place, slot.dst, step);
      case "store":
        return overStore(place, op.operand === "reg" ? slot.src : undefined, step);
      case "atomic": {
        const loaded = overLoad(place, loadedByAtomic(slot, op), step);
        return loaded === "none" ? overStore(place, slot.src, step) : loaded;
      }
      case "jump": {
        // A comparison tells something of the value.
        const compares = slot.dst === place.index || (op.operand === "reg" && slot.src === place.index);
        return compares && op.uses.includes("dst") && place.kind === "register" ? place : "none";
      }
      default:
        return "none";
    }
  }

  /** A call that was not entered, or the one that the function was entered by. */
  private overCall({ pc, nextPc }: PastStep, isLocal: boolean): Part {
    const { place, depth, program } = this;
    const entered = isLocal && !calleeAt(program, pc).global;
    if (!entered && (!program.callbackCalls.has(pc) || nextPc === pc + 1)) {
      return place.frame === depth ? overResult(place) : "none";
    }
    this.depth--;
    if (place.frame !== depth) return "none";
    const passed = entered && place.kind === "register" && isArgument(place.index);
    return passed ? { ...place, frame: depth - 1 } : "made";
  }

  /** The exit of a function that the path came back from. */
  private overExit({ nextPc }: PastStep): Part {
    const { place, depth, program } = this;
    this.depth++;
    if (place.frame !== depth || place.kind === "slot" || program.callbackCalls.has(nextPc)) return "none";
    if (place.index === 0) return { ...place, frame: depth + 1 };
    return isArgument(place.index) ? "made" : "none";
  }
}

/** Where the value in a register came from that `state`, about to walk `pc`, has in its running function. */
export const originOf = (program: Program, state: State, pc: number, register: number): Origin => {
  const trail = new Trail(program, { frame: state.frame.index, kind: "register", index: register });
  const pcs = new Set<number>();
  const told = (truncated: boolean): Origin => ({ pcs: [...pcs].reverse(), truncated });
  let steps = 0;
  for (const step of pastOf(state, pc)) {
    // The first one is the instruction that was refused.
    if (steps++ === 0) continue;
    if (steps > REACH || pcs.size === PARTS) return told(true);
    const part = trail.back(step);
    if (part !== "none") pcs.add(step.pc);
    if (part === "made") break;
  }
  return told(false);
};
