import { assemble } from "@ebpf/asm";
import { type MapSpec, type ProgramSpec, programSpec } from "@ebpf/platform";

/** An XDP program of kernel-style assembly. */
export const program = (text: string, { type = "xdp", ...rest }: Partial<ProgramSpec> = {}): ProgramSpec =>
  programSpec(type, assemble(text, { dialect: "kernel" }).sections[0]!.instructions, rest);

/** The smallest program. */
export const PASS = "r0 = 2\nexit";

/** An array of four 8-byte values. */
export const array = (rest: Partial<MapSpec> = {}): MapSpec => ({
  name: "numbers",
  type: "array",
  keySize: 4,
  valueSize: 8,
  maxEntries: 4,
  flags: 0,
  ...rest,
});

/** Little-endian bytes. */
export const u32 = (value: number): Uint8Array => new Uint8Array(Uint32Array.of(value).buffer);
export const u64 = (value: bigint): Uint8Array => new Uint8Array(BigUint64Array.of(value).buffer);
