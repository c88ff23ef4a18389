import { isPacketPointer, UNKNOWN_SCALAR } from "../state/register.js";
import type { Walk } from "../walk.js";

/** Packet pointers are mere numbers after the packet may have moved, also those on the stack. */
export const forgetPacket = (walk: Walk): void => {
  walk.state.mapRegisters((register) =>
    isPacketPointer(register) || register.kind === "pkt_end" ? UNKNOWN_SCALAR : register,
  );
};
