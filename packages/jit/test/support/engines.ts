import type { ProgramSpec } from "@ebpf/platform";
import { type Executable, type ExecutionOptions, interpret, type Runtime, RuntimeFault } from "@ebpf/runtime";
import { compile } from "../../src/index.js";

type Load = (spec: ProgramSpec, runtime: Runtime, options: ExecutionOptions) => Executable;

/** Both engines, for tests of what they have in common. */
export const ENGINES: readonly (readonly [name: string, load: Load])[] = [
  ["interpreter", interpret],
  ["jit", compile],
];

/** What a run ends with: r0, or the code and pc of its fault. */
export const outcomeOf = (run: () => bigint): string => {
  try {
    return `0x${run().toString(16)}`;
  } catch (error) {
    if (error instanceof RuntimeFault) return `${error.code} at ${error.pc}`;
    throw error;
  }
};
