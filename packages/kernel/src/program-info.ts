import { ByteWriter } from "@ebpf/core";
import type { FunctionInfo, LineInfo, ProgramSpec } from "@ebpf/platform";

/** Bytes of `struct bpf_func_info`: `insn_off`, `type_id`. */
export const FUNCTION_RECORD_SIZE = 8;

/** Bytes of `struct bpf_line_info`: `insn_off`, `file_name_off`, `line_off`, `line_col`. */
export const LINE_RECORD_SIZE = 16;

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

/**
 * The lines of a program that the kernel takes: pcs that rise, and the first instruction of every function among them.
 * Nothing else of a program depends on lines, so a program that has others is loaded without.
 */
export const loadableLines = ({ lines, functions, instructions }: ProgramSpec): readonly LineInfo[] => {
  const pcs = new Set(lines.map(({ pc }) => pc));
  const rising = lines.every(({ pc }, i) => pc < instructions.length && (i === 0 || pc > lines[i - 1]!.pc));
  const inCode = lines.every(({ pc }) => instructions[pc]?.op.family !== "lddw-tail");
  return rising && inCode && functions.every(({ pc }) => pcs.has(pc)) ? lines : [];
};

/** Texts that line records refer to. */
export const textsOf = (lines: readonly LineInfo[]): Set<string> =>
  new Set(lines.flatMap(({ file, text }) => [file, text]));

/** The `bpf_line_info` records, with the offsets of their texts in the BTF's strings. Line and column share a word. */
export const encodeLines = (lines: readonly LineInfo[], offsets: ReadonlyMap<string, number>): Uint8Array => {
  const writer = new ByteWriter("little", LINE_RECORD_SIZE * lines.length);
  for (const { pc, file, text, line, column } of lines) {
    const place = ((line << 10) | Math.min(column, 0x3ff)) >>> 0;
    writer
      .u32(pc)
      .u32(offsets.get(file) ?? 0)
      .u32(offsets.get(text) ?? 0)
      .u32(place);
  }
  return writer.finish();
};
