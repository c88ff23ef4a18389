import { type Comparison, FLIPPED } from "@ebpf/asm";
import * as W from "../domain/word.js";
import { RANGE, type Register } from "../state/register.js";
import type { State } from "../state/state.js";

/** Packets are no longer than this, so that an offset plus a variable part can't wrap. */
const MAX_PACKET_OFFSET = 0xffff;

/** The kind of pointer behind which the bytes of a packet pointer end. */
const endOf = (pointer: Register, end: Register): boolean =>
  (pointer.kind === "pkt" && end.kind === "pkt_end") ||
  // The metadata ends where the packet starts: at an unmoved packet pointer.
  (pointer.kind === "pkt_meta" &&
    end.kind === "pkt" &&
    end.offset === 0 &&
    end.id === 0 &&
    W.isZero(end.value.u64.max));

/**
 * Where `pointer` is known to be at or before the end, all bytes between the object's start and the pointer's fixed
 * offset may be accessed, by every pointer with the same variable part. `open`: strictly before the end, one byte more.
 *
 * Sound because pointers of one id have the same variable part v, so start+v+offset ≤ end gives start+v+k < end for
 * every k below offset. Offsets that could wrap are left out.
 */
const extend = (state: State, pointer: Register, open: boolean): void => {
  if (pointer.offset < 0 || (pointer.offset === 0 && open)) return;
  if (W.below(W.fromUint32(MAX_PACKET_OFFSET), pointer.value.u64.max)) return;
  if (W.toUnsignedNumber(pointer.value.u64.max) + pointer.offset > MAX_PACKET_OFFSET) return;
  const range = pointer.offset + (open ? 1 : 0);
  state.mapRegisters((register) =>
    register.kind === pointer.kind && register.id === pointer.id && register.range >= 0 && register.range < range
      ? register.withRange(range)
      : register,
  );
};

/**
 * Remembers that the pointer in a register is at or beyond the end, so that later comparisons of it are known. Copies of
 * it aren't told, as in Linux.
 */
const markEnd = (state: State, register: number, range: number): void => {
  const pointer = state.register(register);
  if (pointer.kind === "pkt") state.setRegister(register, pointer.withRange(range));
};

/** A comparison of the pointers in two registers, and how it came out. */
export interface PacketComparison {
  readonly comparison: Comparison;
  readonly left: number;
  readonly right: number;
  readonly outcome: boolean;
}

/** Learns from comparing a packet pointer with the packet's end, from either side. */
export const boundPacket = (state: State, { comparison, left, right, outcome }: PacketComparison): void => {
  const flipped = endOf(state.register(right), state.register(left));
  if (!flipped && !endOf(state.register(left), state.register(right))) return;
  const register = flipped ? right : left;
  const pointer = state.register(register);
  const order = flipped ? FLIPPED[comparison] : comparison;
  switch (order) {
    case "gt": // pointer > end, else pointer <= end
      if (outcome) markEnd(state, register, RANGE.beyondEnd);
      else extend(state, pointer, false);
      break;
    case "le":
      if (outcome) extend(state, pointer, false);
      else markEnd(state, register, RANGE.beyondEnd);
      break;
    case "lt": // pointer < end, else pointer >= end
      if (outcome) extend(state, pointer, true);
      else markEnd(state, register, RANGE.atEnd);
      break;
    case "ge":
      if (outcome) markEnd(state, register, RANGE.atEnd);
      else extend(state, pointer, true);
      break;
    default:
  }
};
