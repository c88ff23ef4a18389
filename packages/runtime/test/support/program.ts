import { assemble, findOperation, type Instruction, type Operation, wideInstruction } from "@ebpf/asm";
import { type MapSpec, type ProgramSpec, programSpec } from "@ebpf/platform";

/** A program of nothing but instructions, and maps by handle. */
export const programOf = (
  instructions: readonly Instruction[],
  { type = "unspec", ...more }: Partial<Pick<ProgramSpec, "type" | "maps" | "byteOrder">> = {},
): ProgramSpec => programSpec(type, instructions, more);

/** Assembles the conformance dialect. A line `lddw_map D, N` loads the map with handle N into rD; jumps must not cross it. */
export const asm = (text: string): readonly Instruction[] => {
  const parts = text.split(/^\s*(lddw_map \d+, \d+)\s*$/m);
  return parts.flatMap((part) => {
    const map = /^lddw_map (\d+), (\d+)$/.exec(part);
    if (map !== null) return wide("lddw_map", Number(map[1]), Number(map[2]));
    return part.trim() === "" ? [] : (assemble(part, { dialect: "ubpf" }).sections[0]?.instructions ?? []);
  });
};

/** The row of an operation that is known to exist. */
export const operation = (name: string): Operation => findOperation(name) as Operation;

/** A 64-bit load with another meaning than a value. */
export const wide = (name: string, dst: number, low: number, high = 0): Instruction[] =>
  wideInstruction(operation(name), dst, low, high);

/** A map's description with defaults. */
export const mapOf = (spec: Partial<MapSpec> & Pick<MapSpec, "type">): MapSpec => ({
  name: spec.type,
  keySize: 4,
  valueSize: 8,
  maxEntries: 8,
  flags: 0,
  ...spec,
});

/** Little-endian bytes of a number. */
export const bytesOf = (value: bigint | number, size: number): Uint8Array =>
  Uint8Array.from({ length: size }, (_, i) => Number((BigInt(value) >> BigInt(8 * i)) & 0xffn));

/** The number that little-endian bytes hold. */
export const numberOf = (bytes: Uint8Array | undefined): bigint | undefined =>
  bytes?.reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n);
