import type { Scalar } from "../domain/scalar.js";
import * as W from "../domain/word.js";
import type { Register, RegisterKind } from "../state/register.js";
import { BYTE, byteKind, SLOT_BYTES, type Slot } from "../state/stack.js";
import type { Frame, State } from "../state/state.js";

/*
 * States as plain values with bigints: for tools and oracles that look at a walk from outside. Making one costs far more
 * than walking an instruction.
 */

/** What is known of a number: a concrete value lies in all ranges and agrees with the known bits. */
export interface NumberView {
  /** Bits of `mask` are unknown, the others are those of `value`; both unsigned. */
  readonly tnum: { readonly value: bigint; readonly mask: bigint };
  readonly umin: bigint;
  readonly umax: bigint;
  readonly smin: bigint;
  readonly smax: bigint;
  /** Of the low 32 bits. */
  readonly u32min: number;
  readonly u32max: number;
  readonly s32min: number;
  readonly s32max: number;
}

/** The abstract value of a register or of a spilled one. */
export interface RegisterView {
  readonly kind: RegisterKind;
  /** A pointer that may be 0 as well. */
  readonly nullable: boolean;
  /** Fixed part of a pointer's offset, in bytes. */
  readonly offset: number;
  /** The number, or the variable part of a pointer's offset. */
  readonly value: NumberView;
  /** Equal ids mean equal numbers up to `delta`, equal variable parts, or equal nullness; 0 for none. */
  readonly id: number;
  /** What is to be added to the number that the id stands for. */
  readonly delta: number;
  /** The bits to which it is added: a sum of the low 32 is zero-extended. 0 for the value itself. */
  readonly deltaBits: 0 | 32 | 64;
  /** The acquired reference that the pointer stands for, or 0. */
  readonly reference: number;
  /** The name of a map pointer's or map value's map. */
  readonly map: string | undefined;
  /** Tells inner maps from different look-ups apart; 0 for maps that the program names. */
  readonly mapId: number;
  /** Packet pointers: bytes from the packet's start that may be accessed; -1 at the end, -2 beyond it. */
  readonly range: number;
  /** Bytes of memory. */
  readonly size: number;
  /** Stack pointers: the frame's number. */
  readonly frame: number;
}

/** What a byte of the stack holds. */
export type ByteView = "invalid" | "spill" | "misc" | "zero" | "object";

/** Eight bytes of stack that were written. */
export interface SlotView {
  /** Of the lowest byte, from the frame pointer: -8 for the slot below it. */
  readonly offset: number;
  /** Kinds of the bytes, lowest address first. */
  readonly bytes: readonly ByteView[];
  /** The register whose low bytes the `spill` bytes hold. */
  readonly spilled?: RegisterView;
}

/** A function's activation. */
export interface FrameView {
  readonly subprogram: number;
  /** The pc of the call; -1 for the entry. */
  readonly callSite: number;
  /** r0..r10 */
  readonly registers: readonly RegisterView[];
  readonly stack: readonly SlotView[];
}

/** Everything known at one point of one path. */
export interface StateView {
  /** The entry's frame first. */
  readonly frames: readonly FrameView[];
}

const viewNumber = ({ bits, u64, s64, u32, s32 }: Scalar): NumberView => ({
  tnum: { value: W.toBigInt(bits.value), mask: W.toBigInt(bits.mask) },
  umin: W.toBigInt(u64.min),
  umax: W.toBigInt(u64.max),
  smin: W.toSignedBigInt(s64.min),
  smax: W.toSignedBigInt(s64.max),
  u32min: u32.min,
  u32max: u32.max,
  s32min: s32.min,
  s32max: s32.max,
});

const viewRegister = (register: Register): RegisterView => {
  const { kind, nullable, offset, value, id, delta, deltaBits, reference, map, mapId, range, size, frame } = register;
  const number = viewNumber(value);
  const link = { id, delta, deltaBits };
  return { kind, nullable, offset, value: number, ...link, reference, map: map?.name, mapId, range, size, frame };
};

const BYTE_NAMES: Readonly<Record<number, ByteView>> = {
  [BYTE.invalid]: "invalid",
  [BYTE.spill]: "spill",
  [BYTE.misc]: "misc",
  [BYTE.zero]: "zero",
  [BYTE.dynptr]: "object",
};

const viewSlot = (slot: Slot, index: number): SlotView => ({
  offset: -SLOT_BYTES * (index + 1),
  bytes: Array.from({ length: SLOT_BYTES }, (_, byte) => BYTE_NAMES[byteKind(slot, byte)] ?? "object"),
  ...(slot.spilled && { spilled: viewRegister(slot.spilled) }),
});

const viewFrame = ({ subprogram, callSite, registers, stack }: Frame): FrameView => ({
  subprogram,
  callSite,
  registers: registers.map(viewRegister),
  stack: stack.map(viewSlot),
});

/** A copy of a state as plain values; it may be kept. */
export const viewState = (state: State): StateView => ({ frames: state.frames.map(viewFrame) });
