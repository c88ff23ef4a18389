/*
 * 64-bit words as pairs of int32 halves.
 *
 * Words are immutable. The same word is read as unsigned or as two's complement signed by the operation that needs it.
 */

/** 64 bits; both halves are int32. */
export interface Word {
  readonly lo: number;
  readonly hi: number;
}

/** The word of two halves, of which the low 32 bits count. */
export const word = (lo: number, hi: number): Word => ({ lo: lo | 0, hi: hi | 0 });

export const ZERO: Word = word(0, 0);
export const ONE: Word = word(1, 0);
/** All bits set: the largest unsigned value, and -1. */
export const ONES: Word = word(-1, -1);
export const SIGNED_MIN: Word = word(0, 0x8000_0000);
export const SIGNED_MAX: Word = word(-1, 0x7fff_ffff);

/** The sign-extended word of an int32. */
export const fromInt32 = (value: number): Word => word(value, value >> 31);

/** The zero-extended word of the low 32 bits of `value`. */
export const fromUint32 = (value: number): Word => word(value, 0);

/** The word of an integer of at most 53 bits and its sign. */
export const fromNumber = (value: number): Word => word(value % 0x1_0000_0000, Math.floor(value / 0x1_0000_0000));

export const fromBigInt = (value: bigint): Word =>
  word(Number(BigInt.asIntN(32, value)), Number(BigInt.asIntN(32, value >> 32n)));

export const toBigInt = (a: Word): bigint => (BigInt(a.hi >>> 0) << 32n) | BigInt(a.lo >>> 0);

export const toSignedBigInt = (a: Word): bigint => (BigInt(a.hi) << 32n) | BigInt(a.lo >>> 0);

/** The signed value as a double; exact up to 53 bits. */
export const toNumber = (a: Word): number => a.hi * 0x1_0000_0000 + (a.lo >>> 0);

/** The unsigned value as a double; exact up to 53 bits. */
export const toUnsignedNumber = (a: Word): number => (a.hi >>> 0) * 0x1_0000_0000 + (a.lo >>> 0);

export const equal = (a: Word, b: Word): boolean => a.lo === b.lo && a.hi === b.hi;

export const isZero = (a: Word): boolean => (a.lo | a.hi) === 0;

export const add = (a: Word, b: Word): Word => {
  const low = (a.lo >>> 0) + (b.lo >>> 0);
  return word(low, a.hi + b.hi + (low > 0xffff_ffff ? 1 : 0));
};

export const subtract = (a: Word, b: Word): Word => word(a.lo - b.lo, a.hi - b.hi - (a.lo >>> 0 < b.lo >>> 0 ? 1 : 0));

export const and = (a: Word, b: Word): Word => ({ lo: a.lo & b.lo, hi: a.hi & b.hi });
export const or = (a: Word, b: Word): Word => ({ lo: a.lo | b.lo, hi: a.hi | b.hi });
export const xor = (a: Word, b: Word): Word => ({ lo: a.lo ^ b.lo, hi: a.hi ^ b.hi });
export const not = (a: Word): Word => ({ lo: ~a.lo, hi: ~a.hi });

const swap16 = (a: number): number => ((a & 0xff) << 8) | ((a >>> 8) & 0xff);
const swap32 = (a: number): number => (swap16(a) << 16) | swap16(a >>> 16);

/** The low `bits` bits with their bytes in the other order, zero-extended. */
export const swapBytes = (a: Word, bits: 16 | 32 | 64): Word => {
  if (bits === 64) return word(swap32(a.hi), swap32(a.lo));
  return word(bits === 32 ? swap32(a.lo) : swap16(a.lo), 0);
};

/** Valid for `n` in 0..63. */
export const shiftLeft = (a: Word, n: number): Word => {
  if (n === 0) return a;
  if (n >= 32) return word(0, a.lo << (n - 32));
  return word(a.lo << n, (a.hi << n) | (a.lo >>> (32 - n)));
};

/** Logical; valid for `n` in 0..63. */
export const shiftRight = (a: Word, n: number): Word => {
  if (n === 0) return a;
  if (n >= 32) return word(a.hi >>> (n - 32), 0);
  return word((a.lo >>> n) | (a.hi << (32 - n)), a.hi >>> n);
};

/** Arithmetic; valid for `n` in 0..63. */
export const shiftRightSigned = (a: Word, n: number): Word => {
  if (n === 0) return a;
  if (n >= 32) return word(a.hi >> (n - 32), a.hi >> 31);
  return word((a.lo >>> n) | (a.hi << (32 - n)), a.hi >> n);
};

/** Unsigned `a < b`. */
export const below = (a: Word, b: Word): boolean => (a.hi === b.hi ? a.lo >>> 0 < b.lo >>> 0 : a.hi >>> 0 < b.hi >>> 0);

/** Signed `a < b`. */
export const less = (a: Word, b: Word): boolean => (a.hi === b.hi ? a.lo >>> 0 < b.lo >>> 0 : a.hi < b.hi);

export const minUnsigned = (a: Word, b: Word): Word => (below(b, a) ? b : a);
export const maxUnsigned = (a: Word, b: Word): Word => (below(a, b) ? b : a);
export const minSigned = (a: Word, b: Word): Word => (less(b, a) ? b : a);
export const maxSigned = (a: Word, b: Word): Word => (less(a, b) ? b : a);

/** How many bits are needed to write the unsigned value: 0 for 0, 64 when the top bit is set. */
export const bitLength = (a: Word): number => (a.hi === 0 ? 32 - Math.clz32(a.lo) : 64 - Math.clz32(a.hi));
