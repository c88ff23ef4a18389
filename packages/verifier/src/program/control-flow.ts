import { type Instruction, isFunctionReference, slotsOf, targetOf } from "@ebpf/asm";
import { reject } from "../report/reject.js";
import type { Subprogram } from "./program.js";

/** Edges between slots of a function, as lists that lie one behind the other. */
export interface Flow {
  /** Behind a slot's instruction, and where its jump goes: -1 for no such edge. A call goes on behind it. */
  readonly next: Int32Array;
  readonly target: Int32Array;
  /** The predecessors of slot `pc` are `predecessors[from[pc]]` up to `predecessors[from[pc + 1]]`. */
  readonly predecessors: Int32Array;
  readonly from: Int32Array;
}

/** The edges of instructions whose jumps stay inside their functions. */
export const flowOf = (instructions: readonly Instruction[]): Flow => {
  const { length } = instructions;
  const next = new Int32Array(length).fill(-1);
  const target = new Int32Array(length).fill(-1);
  for (let pc = 0; pc < length; pc++) {
    const slot = instructions[pc]!;
    const { op } = slot;
    const jump = op.family === "jump" ? targetOf(slot, pc) : undefined;
    const ends = op.family === "exit" || (op.family === "jump" && (op.operator === "always" || jump === undefined));
    const behind = pc + slotsOf(slot);
    if (!ends && behind < length) next[pc] = behind;
    if (jump === undefined || jump >= length) continue;
    if (next[pc] === -1) next[pc] = jump;
    else target[pc] = jump;
  }
  return { next, target, ...predecessorsOf(next, target) };
};

const predecessorsOf = (next: Int32Array, target: Int32Array): Pick<Flow, "predecessors" | "from"> => {
  const { length } = next;
  const from = new Int32Array(length + 1);
  const count = (successor: number): void => {
    if (successor >= 0) from[successor + 1] = from[successor + 1]! + 1;
  };
  for (let pc = 0; pc < length; pc++) {
    count(next[pc]!);
    count(target[pc]!);
  }
  for (let pc = 0; pc < length; pc++) from[pc + 1] = from[pc + 1]! + from[pc]!;
  const predecessors = new Int32Array(from[length]!);
  const filled = from.slice();
  const enter = (successor: number, pc: number): void => {
    if (successor < 0) return;
    predecessors[filled[successor]!] = pc;
    filled[successor] = filled[successor]! + 1;
  };
  for (let pc = 0; pc < length; pc++) {
    enter(next[pc]!, pc);
    enter(target[pc]!, pc);
  }
  return { predecessors, from };
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

/** The second slot of a wide instruction is passed with the first, and must not be reached by itself. */
const PASSED = 1;
const REACHED = 2;

/** The slots that can be reached from the entry, or else from an exception callback, through calls as well. */
const reach = (
  instructions: readonly Instruction[],
  subprograms: readonly Subprogram[],
  { next, target }: Flow,
): Uint8Array => {
  const reached = new Uint8Array(instructions.length);
  const work: number[] = [];
  const visit = (pc: number): void => {
    if (pc < 0 || reached[pc] === REACHED) return;
    reached[pc] = REACHED;
    if (instructions[pc]!.op.family === "lddw") reached[pc + 1] ||= PASSED;
    work.push(pc);
  };
  visit(0);
  for (const { start, exceptionCallback } of subprograms) if (exceptionCallback) visit(start);
  for (let pc = work.pop(); pc !== undefined; pc = work.pop()) {
    visit(next[pc]!);
    visit(target[pc]!);
    const slot = instructions[pc]!;
    if (isFunctionReference(slot)) visit(targetOf(slot, pc)!);
  }
  return reached;
};

/** Checks that control stays inside functions. */
export const checkJumps = (instructions: readonly Instruction[], subprograms: readonly Subprogram[]): void => {
  for (const subprogram of subprograms) checkFunction(instructions, subprogram);
};

/** Checks that control reaches every slot. */
export const checkReachable = (
  instructions: readonly Instruction[],
  subprograms: readonly Subprogram[],
  flow: Flow,
): void => {
  const reached = reach(instructions, subprograms, flow);
  instructions.forEach(({ op }, pc) => {
    if (reached[pc] === 0) reject("UNREACHABLE", `unreachable insn ${pc}`);
    if (op.family === "lddw-tail" && reached[pc] === REACHED) {
      reject("JUMP_INTO_WIDE", `jump into the middle of ldimm64 insn ${pc - 1}`);
    }
  });
};
