import type { ProgramSpec } from "@ebpf/platform";
import { functionStarts } from "@ebpf/runtime";
import { functionInfos } from "../function-btf.js";

/** The program with its function records renewed, where it has any: their places moved with the instructions. */
export const describeFunctions = (spec: ProgramSpec): ProgramSpec =>
  spec.functions.length === 0 ? spec : { ...spec, functions: functionInfos(functionStarts(spec.instructions)) };
