import { ByteWriter } from "@ebpf/core";
import type { FunctionInfo } from "@ebpf/platform";

/** Bytes of `struct bpf_func_info`: `insn_off`, `type_id`. */
export const FUNCTION_RECORD_SIZE = 8;

/**
 * The `bpf_func_info` records of a program, or `undefined` when not every function has a type: the kernel takes those of
 * all subprograms or none.
 */
export const encodeFunctions = (functions: readonly FunctionInfo[]): Uint8Array | undefined => {
  if (functions.length === 0 || functions.some(({ typeId }) => typeId === undefined)) return undefined;
  const writer = new ByteWriter("little", FUNCTION_RECORD_SIZE * functions.length);
  for (const { pc, typeId = 0 } of functions) writer.u32(pc).u32(typeId);
  return writer.finish();
};
