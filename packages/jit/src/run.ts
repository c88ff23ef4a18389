import { CELL, MAX_TAIL_CALLS, STACK_LIMIT, STACK_TOP } from "@ebpf/runtime";
import type { Code } from "./wasm/code.js";
import type { FunctionReference, ModuleBuilder } from "./wasm/module.js";

/** Writes a cell with the word that `push` leaves on the stack. */
export const storeCell = (code: Code, address: number, push: () => Code): void => {
  code.i32(0);
  push().memory("i32.store", address);
};

/** Fills the memory between two addresses with zeros. */
export const fill = (code: Code, start: number, end: number): void => {
  code
    .i32(start)
    .i32(0)
    .i32(end - start)
    .memoryFill();
};

/** Splits the 64-bit result on the stack: the low word stays, the high one goes to its cell. */
export const splitResult = (code: Code): void => {
  const result = code.local("i64");
  code.set(result).i32(0).get(result).i64(32).op("i64.shr_u", "i32.wrap_i64").memory("i32.store", CELL.resultHigh);
  code.get(result).op("i32.wrap_i64");
};

/** A run of a program, from its entry in the topmost frame. */
export interface Run {
  /** The program, as it is entered from outside. */
  readonly entry: FunctionReference;
  /** What is put in order before it begins. */
  readonly clearStack: boolean;
  /** Instructions that the run may take, where anything counts them. */
  readonly budget?: number;
}

/** Runs a program on the context whose address `pushContext` leaves on the stack; the low word of r0 takes its place. */
export const writeRun = (
  module: ModuleBuilder,
  code: Code,
  { entry, clearStack, budget }: Run,
  pushContext: () => Code,
): void => {
  if (module.hasTable) storeCell(code, CELL.tailCalls, () => code.i32(MAX_TAIL_CALLS));
  if (budget !== undefined) storeCell(code, CELL.budget, () => code.i32(budget));
  if (clearStack) fill(code, STACK_LIMIT, STACK_TOP);
  pushContext().i32(0).i32(STACK_TOP).call(entry);
};

/** `(context) → r0 low`: one run of a program. */
export const defineRun = (module: ModuleBuilder, name: string, run: Run): FunctionReference => {
  const defined = module.define(name, ["i32"], ["i32"]);
  const { code } = defined;
  const CONTEXT = 0;
  writeRun(module, code, run, () => code.get(CONTEXT));
  return defined;
};
