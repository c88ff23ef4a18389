import type { LoadOperation } from "@ebpf/asm";
import { MAP_FLAGS } from "@ebpf/platform";
import { LINUX_HELPERS, MAP_HEADER, type ProgramHost, type RuntimeMap } from "@ebpf/runtime";
import type { InstructionFacts } from "@ebpf/verifier";
import type { Step } from "../cfg/graph.js";
import type { Range } from "./range.js";

/** Whether a map holds what it holds for good: neither programs nor the host can write to it. */
const isConstant = ({ frozen, spec }: RuntimeMap): boolean =>
  frozen && spec.type === "array" && (spec.flags & MAP_FLAGS.readOnlyProgram) !== 0;

/**
 * The number that a load of a constant map's bytes gives, such as those of `.rodata`; `undefined` where that isn't
 * known, or is no number that ranges hold.
 *
 * @param base what is known of the register that the address is made from
 * @param facts of the load: ranges tell the address, and the verifier which map it belongs to
 */
export const loadedConstant = (
  { slot }: Step,
  { size, signed }: LoadOperation,
  {
    base,
    host,
    facts,
  }: { readonly base: Range; readonly host: ProgramHost; readonly facts: InstructionFacts | undefined },
): number | undefined => {
  const map = facts?.map === undefined ? undefined : host.mapOf(facts.map);
  const address = base.low + slot.offset;
  if (map === undefined || base.low !== base.high || !isConstant(map) || !map.permits(address, size, false)) {
    return undefined;
  }
  const bytes = host.runtime.memory.bytes.subarray(address, address + size);
  const value = bytes.reduceRight((high, byte) => high * 256 + byte, 0);
  const isNegative = signed && bytes.at(-1)! >= 0x80;
  return isNegative || value > Number.MAX_SAFE_INTEGER ? undefined : value;
};

/** The address that a look-up in an array gives whenever it is made, on a machine of one processor. */
export const lookedUpConstant = (
  { slot }: Step,
  host: ProgramHost,
  facts: InstructionFacts | undefined,
): number | undefined => {
  const { runtime } = host;
  const map = facts?.map === undefined ? undefined : host.mapOf(facts.map);
  if (map === undefined || facts?.entry === undefined || runtime.cpus !== 1 || map.valuesAddress === 0)
    return undefined;
  const name = runtime.platform.helpers.get(slot.imm)?.name ?? "";
  if (runtime.implementations[name] !== LINUX_HELPERS[name]) return undefined;
  return map.valuesAddress + facts.entry * runtime.memory.cell(map.handle + MAP_HEADER.entrySize);
};
