import type { HelperPrototype } from "@ebpf/platform";
import { checkMapValue } from "../access/map-value.js";
import { checkPacketRange } from "../access/packet.js";
import { checkRegion, type RegionAccess } from "../access/region.js";
import { checkHelperWrite, helperReadsStack, helperWritesStack } from "../access/stack.js";
import { reject } from "../report/reject.js";
import { kindName } from "../state/register.js";
import type { Walk } from "../walk.js";
import { notMemory } from "./expected.js";

/** How memory is used: `write` leaves nothing of what it held, so that it need not hold anything; `update` may. */
export type MemoryUse = "read" | "write" | "update";

/** Memory that a helper is given. */
export interface MemoryArgument extends Omit<RegionAccess, "offset"> {
  readonly use: MemoryUse;
  readonly helper: Pick<HelperPrototype, "name" | "packetArguments">;
}

const checkPacket = (walk: Walk, { use, helper }: MemoryArgument, access: RegionAccess): void => {
  const { rules } = walk.program;
  if (!(helper.packetArguments || rules.packetArguments) || !rules.packetReadable) {
    reject("BAD_ARGUMENT", "helper access to the packet is not allowed", access.register);
  }
  if (use !== "read" && !rules.packetWritable) {
    reject("PACKET_WRITE", "cannot write into packet", access.register);
  }
  checkPacketRange(access);
};

/**
 * Checks that the helper may use `size` bytes behind the pointer.
 *
 * @returns what the use does to the state, to be done when the whole call is right
 */
export const checkMemory = (walk: Walk, argument: MemoryArgument): (() => void) | undefined => {
  // Written out, because this is done for every pointer that a helper is given: a spread takes many times as long.
  const { register, pointer, size, use, neverEmpty = false } = argument;
  const access: RegionAccess = { register, pointer, offset: 0, size, neverEmpty };
  if (pointer.nullable) notMemory(register, pointer);
  switch (pointer.kind) {
    case "pkt":
    case "pkt_meta":
      checkPacket(walk, argument, access);
      return undefined;
    case "map_key":
      if (use !== "read") reject("READ_ONLY", `R${register} cannot write into map_key`, register);
      checkRegion(access, pointer.map!.keySize, "map_key");
      return undefined;
    case "map_value":
      checkMapValue(walk, access, use === "read" ? "read" : "write");
      return undefined;
    case "mem":
      if (use !== "read" && pointer.readOnly) {
        reject("READ_ONLY", `R${register} cannot write into ${kindName(pointer)}`, register);
      }
      checkRegion(access, pointer.size, "mem");
      return undefined;
    case "fp":
      // Only maps without keys or values have nothing to give.
      if (access.size === 0 && access.neverEmpty) reject("WRONG_MAP_TYPE", "invalid zero-sized read", register);
      if (use === "write") checkHelperWrite(walk, access);
      else helperReadsStack(walk, access, use === "read" ? "read from" : "write to");
      return use === "read" ? undefined : () => helperWritesStack(walk, access, use);
    default:
      return notMemory(register, pointer);
  }
};
