import { unknownOf } from "../domain/cast.js";
import * as W from "../domain/word.js";
import { reject } from "../report/reject.js";
import { type Register, scalarRegister } from "../state/register.js";
import type { Walk } from "../walk.js";
import type { Access } from "./access.js";
import type { RegionAccess } from "./region.js";

/**
 * The accessed bytes lie in the range that a comparison with the packet's end gave. The range counts from the start of
 * the object with the same variable part, so the variable part drops out.
 */
export const checkPacketRange = ({ register, pointer, offset, size, neverEmpty }: RegionAccess): void => {
  if (W.less(pointer.value.s64.min, W.ZERO)) {
    reject(
      "NEGATIVE_OFFSET",
      `R${register} min value is negative, either use unsigned index or do a if (index >=0) check.`,
      register,
    );
  }
  const at = pointer.offset + offset;
  const outside = `R${register} offset is outside of the packet`;
  if (pointer.range < 0) reject("PACKET_OUT_OF_BOUNDS", outside, register);
  if (at < 0 || at + size > pointer.range || (size === 0 && neverEmpty)) {
    const details = `invalid access to packet, off=${at} size=${size}, R${register}(id=${pointer.id},off=${at},r=${pointer.range})`;
    reject("PACKET_OUT_OF_BOUNDS", `${details}\n${outside}`, register);
  }
};

export const accessPacket = (walk: Walk, access: Access): Register => {
  const { rules } = walk.program;
  if (access.kind === "write" && !rules.packetWritable) {
    reject("PACKET_WRITE", "cannot write into packet", access.register);
  }
  checkPacketRange(access);
  return scalarRegister(unknownOf(access.size));
};
