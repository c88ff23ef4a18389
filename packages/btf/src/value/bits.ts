import type { ByteOrder } from "@ebpf/core";

/*
 * A scalar at any bit. Compilers number bits along the byte order: from the least significant bit of each byte on
 * little-endian machines, from the most significant on big-endian ones. So a field always covers consecutive bits, and
 * whole integers are the special case that starts at a byte.
 *
 *   little   byte 0: 7654 3210   byte 1: fedc ba98        big   byte 0: 0123 4567   byte 1: 89ab cdef
 */

interface Span {
  readonly first: number;
  readonly bytes: number;
  /** Bits to the right of the field once its bytes are read as one number. */
  readonly shift: bigint;
  readonly mask: bigint;
}

const spanOf = (bitOffset: number, bitSize: number, order: ByteOrder): Span => {
  const first = Math.floor(bitOffset / 8);
  const bytes = Math.ceil((bitOffset + bitSize) / 8) - first;
  const before = bitOffset - 8 * first;
  const shift = order === "little" ? before : 8 * bytes - before - bitSize;
  return { first, bytes, shift: BigInt(shift), mask: (1n << BigInt(bitSize)) - 1n };
};

const gather = (bytes: Uint8Array, span: Span, order: ByteOrder): bigint => {
  let value = 0n;
  for (let i = 0; i < span.bytes; i++) {
    const at = order === "little" ? span.bytes - 1 - i : i;
    value = (value << 8n) | BigInt(bytes[span.first + at]!);
  }
  return value;
};

/** Reads `bitSize` bits as an unsigned number; they lie inside of `bytes`. */
export const readBits = (bytes: Uint8Array, bitOffset: number, bitSize: number, order: ByteOrder): bigint => {
  const span = spanOf(bitOffset, bitSize, order);
  return (gather(bytes, span, order) >> span.shift) & span.mask;
};

/** Writes the low `bitSize` bits of `value`; they lie inside of `bytes`. Bits around them stay. */
export const writeBits = (
  bytes: Uint8Array,
  field: { readonly bitOffset: number; readonly bitSize: number },
  order: ByteOrder,
  value: bigint,
): void => {
  const span = spanOf(field.bitOffset, field.bitSize, order);
  const kept = gather(bytes, span, order) & ~(span.mask << span.shift);
  let rest = kept | ((value & span.mask) << span.shift);
  for (let i = 0; i < span.bytes; i++) {
    const at = order === "little" ? i : span.bytes - 1 - i;
    bytes[span.first + at] = Number(rest & 0xffn);
    rest >>= 8n;
  }
};
