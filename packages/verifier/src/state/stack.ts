import type { Register, RegisterKind } from "./register.js";

/*
 * A frame's stack: 64 slots of 8 bytes. Slot 0 lies directly below the frame pointer; byte 0 of a slot is the one at the
 * lowest address.
 *
 *      fp-16        fp-8          fp
 *     ├────slot 1────┼────slot 0────┤
 *      0 1 2 … 6 7    0 1 2 … 6 7      byte in slot
 */

/** What a byte of the stack holds. */
export const BYTE = { invalid: 0, spill: 1, misc: 2, zero: 3, dynptr: 4 } as const;
export type ByteKind = (typeof BYTE)[keyof typeof BYTE];

/** Bytes of a slot. */
export const SLOT_BYTES = 8;

/** Eight bytes of stack; immutable. */
export interface Slot {
  /** The kinds of the bytes, four bits each, byte 0 in the lowest. */
  readonly bytes: number;
  /** The register whose low bytes the `spill` bytes hold; what is known of the object that a `dynptr` slot is part of. */
  readonly spilled: Register | undefined;
}

/** Pointers that the kernel keeps no track of on the stack: they are mere bytes there. */
export const NOT_SPILLED: readonly RegisterKind[] = ["dynptr_ptr", "tp_buffer"];

export const EMPTY_SLOT: Slot = { bytes: 0, spilled: undefined };

export const byteKind = (slot: Slot, byte: number): ByteKind => ((slot.bytes >>> (4 * byte)) & 15) as ByteKind;

/** Every byte is `misc` or `invalid`: of unknown content. */
export const hasOnlyGarbage = ({ bytes }: Slot): boolean => (bytes & NEITHER_MISC_NOR_INVALID) === 0;

/** The bits that none of the kinds `misc` and `invalid` has, of all bytes. */
const NEITHER_MISC_NOR_INVALID = ~0x2222_2222;

/** The kinds with those of `count` bytes from `from` replaced. */
const withBytes = (bytes: number, from: number, count: number, kind: ByteKind): number => {
  let result = bytes;
  for (let byte = from; byte < from + count; byte++) {
    result = (result & ~(15 << (4 * byte))) | (kind << (4 * byte));
  }
  return result;
};

/** The kinds of the bytes with those that `change` names turned into unknown data. */
const withMisc = (slot: Slot, change: (kind: ByteKind) => boolean): number => {
  let { bytes } = slot;
  for (let byte = 0; byte < SLOT_BYTES; byte++) {
    if (change(byteKind(slot, byte))) bytes = withBytes(bytes, byte, 1, BYTE.misc);
  }
  return bytes;
};

/** A slot whose lowest `size` bytes hold a register; the others keep what they were, but for an older spill's rest. */
export const spillInto = (slot: Slot, spilled: Register, size: number): Slot => ({
  bytes: withBytes(
    withMisc(slot, (kind) => kind === BYTE.spill),
    0,
    size,
    BYTE.spill,
  ),
  spilled,
});

/**
 * The slot after data without a known value, or zeros, went to some of its bytes. When it held a register, the kernel
 * forgets its zeros too.
 */
export const overwrite = (slot: Slot, from: number, count: number, kind: ByteKind): Slot => {
  const bytes = slot.spilled === undefined ? slot.bytes : withMisc(slot, (old) => old !== BYTE.invalid);
  return { bytes: withBytes(bytes, from, count, kind), spilled: undefined };
};

/** Whether the slot is part of a dynptr. */
export const isDynptrSlot = (slot: Slot): boolean => byteKind(slot, 0) === BYTE.dynptr;

/** A slot that is part of a dynptr. */
export const dynptrSlot = (dynptr: Register): Slot => ({
  bytes: withBytes(0, 0, SLOT_BYTES, BYTE.dynptr),
  spilled: dynptr,
});

/** How many bytes of a register the slot holds, from byte 0; 0 when it holds none. */
export const spilledBytes = (slot: Slot): number => {
  if (slot.spilled === undefined) return 0;
  let count = 0;
  while (count < SLOT_BYTES && byteKind(slot, count) === BYTE.spill) count++;
  return count;
};
