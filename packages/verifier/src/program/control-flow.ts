import { type Instruction, slotsOf, targetOf } from "@ebpf/asm";
import { reject } from "../report/reject.js";
import type { Subprogram } from "./program.js";

/** Where control may go from an instruction inside its function. A call goes on behind it. */
export const successorsOf = (slot: Instruction, pc: number): readonly number[] => {
  const { op } = slot;
  if (op.family === "exit") return [];
  if (op.family === "jump") {
    const target = targetOf(slot, pc);
    if (op.operator === "always") return [target!];
    return target === undefined ? [] : [pc + 1, target];
  }
  return [pc + slotsOf(slot)];
};

/** Edges between slots of a function, as lists that lie one behind the other. */
export interface Flow {
  /** Behind a slot's instruction, and where its jump goes: -1 for no such edge. */
  readonly next: Int32Array;
  readonly target: Int32Array;
  /** The predecessors of slot `pc` are `predecessors[from[pc]]` up to `predecessors[from[pc + 1]]`. */
  readonly predecessors: Int32Array;
  readonly from: Int32Array;
}

/** The edges of `successorsOf`. */
export const flowOf = (instructions: readonly Instruction[]): Flow => {
  const { length } = instructions;
  const next = new Int32Array(length).fill(-1);
  const target = new Int32Array(length).fill(-1);
  const from = new Int32Array(length + 1);
  instructions.forEach((slot, pc) => {
    for (const successor of successorsOf(slot, pc)) {
      if (successor >= length) continue;
      if (next[pc] === -1) next[pc] = successor;
      else target[pc] = successor;
      from[successor + 1] = from[successor + 1]! + 1;
    }
  });
  for (let pc = 0; pc < length; pc++) from[pc + 1] = from[pc + 1]! + from[pc]!;
  const predecessors = new Int32Array(from[length]!);
  const filled = from.slice();
  for (let pc = 0; pc < length; pc++) {
    for (const successor of [next[pc]!, target[pc]!]) {
      if (successor < 0) continue;
      predecessors[filled[successor]!] = pc;
      filled[successor] = filled[successor]! + 1;
    }
  }
  return { next, target, predecessors, from };
};

const endsFunction = (slot: Instruction | undefined): boolean =>
  slot !== undefined &&
  (slot.op.family === "exit" ||
    (slot.op.family === "jump" && (slot.op.operator === "always" || slot.op.operator === "gotox")));

const checkFunction = (instructions: readonly Instruction[], { start, end }: Subprogram): void => {
  for (let pc = start; pc < end; pc++) {
    const slot = instructions[pc]!;
    const target = slot.op.family === "jump" ? targetOf(slot, pc) : undefined;
    if (target !== undefined && (target < start || target >= end)) {
      reject("JUMP_OUT_OF_RANGE", `jump out of range from insn ${pc} to ${target}`);
    }
  }
  if (!endsFunction(instructions[end - 1])) reject("FALL_THROUGH", "last insn is not an exit or jmp");
};

/** The instructions that can be reached from the start of each function that is called. */
const reach = (instructions: readonly Instruction[], subprograms: readonly Subprogram[]): Uint8Array => {
  const reached = new Uint8Array(instructions.length);
  const work = [0];
  const visit = (pc: number): void => {
    if (instructions[pc]?.op.family === "lddw-tail") {
      reject("JUMP_INTO_WIDE", `jump into the middle of ldimm64 insn ${pc}`);
    }
    if (reached[pc] === 0) {
      reached[pc] = 1;
      work.push(pc);
    }
  };
  reached[0] = 1;
  // Functions that nothing calls keep their listed start as a root: they are dead code, but not unreachable slots.
  for (const { start } of subprograms) visit(start);
  for (let pc = work.pop(); pc !== undefined; pc = work.pop()) {
    const slot = instructions[pc]!;
    if (slotsOf(slot) === 2) reached[pc + 1] = 1;
    for (const next of successorsOf(slot, pc)) visit(next);
  }
  return reached;
};

/** Checks that control stays inside functions. */
export const checkJumps = (instructions: readonly Instruction[], subprograms: readonly Subprogram[]): void => {
  for (const subprogram of subprograms) checkFunction(instructions, subprogram);
};

/** Checks that control reaches every slot. */
export const checkReachable = (instructions: readonly Instruction[], subprograms: readonly Subprogram[]): void => {
  const reached = reach(instructions, subprograms);
  const missed = reached.indexOf(0);
  if (missed >= 0) reject("UNREACHABLE", `unreachable insn ${missed}`);
};
