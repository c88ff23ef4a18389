import { joinHalves } from "@ebpf/core";
import type { ProgramSpec } from "@ebpf/platform";
import type { Executable, ExecutionOptions } from "../executable.js";
import { ProgramHost } from "../program-host.js";
import type { Runtime } from "../runtime.js";
import { type Cells, FRAME, pairOf } from "./cells.js";
import { CodeBuilder } from "./code.js";
import { Machine } from "./machine.js";
import { translate } from "./translate.js";

/** What can be seen of an interpreted program before an instruction; it changes with the next one. */
export interface StepState {
  /** The end of the current stack frame. */
  readonly frame: number;
  /** The unsigned value of a register. */
  register(index: number): bigint;
}

export interface InterpreterOptions extends ExecutionOptions {
  /** Called before each instruction, for tools that watch a run. */
  readonly onStep?: (pc: number, state: StepState) => void;
}

/**
 * Makes a program ready to be interpreted in a runtime.
 *
 * @throws RuntimeError `BAD_PROGRAM` for a program that no engine can take, `LIMIT` for one that is too large,
 * `UNKNOWN_MAP` for a reference to a map that is not there, and what creating the program's maps throws.
 */
export const interpret = (spec: ProgramSpec, runtime: Runtime, options: InterpreterOptions): Executable => {
  const host = new ProgramHost(runtime, spec, options);
  const builder = new CodeBuilder(spec.instructions.length);
  const { onStep } = options;
  const state = stateOf(builder.cells);
  const trace = (pc: number, next: number) => () => {
    onStep?.(pc, state);
    return next;
  };
  const machine = new Machine(runtime.memory, translate(host, builder, onStep && trace));
  host.setCallback((pc, frame, words) => machine.callback(pc, frame, words));
  return {
    spec,
    budget: host.budget,
    enter: (r1, r2, frame) => machine.enter(r1, r2, frame),
  };
};

const stateOf = (cells: Cells): StepState => ({
  get frame() {
    return cells[FRAME]!;
  },
  register: (index) => joinHalves(cells[pairOf(index)]!, cells[pairOf(index) + 1]!),
});
