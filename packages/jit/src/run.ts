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

/** What pushes the words that a program begins with. */
export interface EntryWords {
  readonly r1: () => Code;
  readonly r2: () => Code;
  readonly frame: () => Code;
}

/** Calls a program's first function; leaves the low word of r0 on the stack, and the high one in its cell. */
export const callMain = (code: Code, main: FunctionReference, { r1, r2, frame }: EntryWords): void => {
  r1().op("i64.extend_i32_u");
  r2().op("i64.extend_i32_u").i64(0).i64(0).i64(0);
  frame().call(main);
  splitResult(code);
};

/** What a run has to put in order before it begins. */
export interface RunSetup {
  readonly clearStack: boolean;
  /** Instructions that the run may take, where anything counts them. */
  readonly budget?: number;
}

/** Whether a program of the module goes on with another one. */
export const makesTailCalls = (module: ModuleBuilder): boolean =>
  module.imports.some(({ name }) => name === "tail_call_target");

/** `(context) → r0 low`: one run of a program. */
export const defineRun = (
  module: ModuleBuilder,
  name: string,
  main: FunctionReference,
  { clearStack, budget }: RunSetup,
): FunctionReference => {
  const run = module.define(name, ["i32"], ["i32"]);
  const { code } = run;
  const CONTEXT = 0;
  if (makesTailCalls(module)) storeCell(code, CELL.tailCalls, () => code.i32(MAX_TAIL_CALLS));
  if (budget !== undefined) storeCell(code, CELL.budget, () => code.i32(budget));
  if (clearStack) fill(code, STACK_LIMIT, STACK_TOP);
  callMain(code, main, { r1: () => code.get(CONTEXT), r2: () => code.i32(0), frame: () => code.i32(STACK_TOP) });
  return run;
};
