import { type Btf, BtfBuilder } from "@ebpf/btf";
import type { FunctionInfo } from "@ebpf/platform";
import { FuzzError } from "./errors.js";

/** Functions that a generated program can have. */
const MAX_FUNCTIONS = 32;

const nameOf = (index: number): string => `f${index}`;

const build = (): { readonly btf: Btf; readonly firstFunction: number } => {
  const builder = new BtfBuilder();
  const int = builder.add({ kind: "int", name: "int", size: 4, encoding: "signed", bitOffset: 0, bits: 32 });
  const prototype = builder.add({ kind: "func_proto", returnType: int, parameters: [] });
  const firstFunction = builder.nextId;
  for (let index = 0; index < MAX_FUNCTIONS; index++) {
    builder.add({ kind: "func", name: nameOf(index), type: prototype, linkage: "static" });
  }
  return { btf: builder.build(), firstFunction };
};

const { btf, firstFunction } = build();

/** Types of static functions `f0`, `f1`, … without parameters: what Linux wants to see of programs with callbacks. */
export const FUNCTION_BTF: Btf = btf;

/**
 * Function records for functions that begin at the given slots, in order of pc.
 *
 * @throws FuzzError `BAD_CASE` when there are more than 32
 */
export const functionInfos = (starts: readonly number[]): FunctionInfo[] => {
  if (starts.length > MAX_FUNCTIONS) throw new FuzzError("BAD_CASE", `${starts.length} functions are too many`);
  return starts.map((pc, index) => ({ pc, name: nameOf(index), typeId: firstFunction + index, linkage: "static" }));
};
