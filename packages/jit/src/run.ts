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

/** What a run has to put in order before it begins. */
export interface RunSetup {
  readonly clearStack: boolean;
  /** Instructions that checked programs may take which the program calls. Default: there are none. */
  readonly budget?: number;
}

/** `(context) → r0 low`: one run of a program. */
export const defineRun = (
  module: ModuleBuilder,
  name: string,
  enter: FunctionReference,
  { clearStack, budget }: RunSetup,
): FunctionReference => {
  const run = module.define(name, ["i32"], ["i32"]);
  const { code } = run;
  const CONTEXT = 0;
  storeCell(code, CELL.tailCalls, () => code.i32(MAX_TAIL_CALLS));
  if (budget !== undefined) storeCell(code, CELL.budget, () => code.i32(budget));
  if (clearStack) fill(code, STACK_LIMIT, STACK_TOP);
  code.get(CONTEXT).i32(0).i32(STACK_TOP).call(enter);
  return run;
};
