import { unknownOf } from "../domain/cast.js";
import { reject } from "../report/reject.js";
import { type Register, scalarRegister } from "../state/register.js";
import type { Walk } from "../walk.js";
import type { Access } from "./access.js";

/** Bytes of struct bpf_flow_keys. */
const FLOW_KEYS_SIZE = 56;

/** The dissected flow of a packet: readable and writable at any known offset. */
export const accessFlowKeys = (_walk: Walk, { register, pointer, offset, size }: Access): Register => {
  const at = pointer.offset + offset;
  if (at < 0 || at + size > FLOW_KEYS_SIZE) {
    reject("OUT_OF_BOUNDS", `invalid access to flow keys off=${at} size=${size}`, register);
  }
  return scalarRegister(unknownOf(size));
};
