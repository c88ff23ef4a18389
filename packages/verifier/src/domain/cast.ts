import { interval, S32, S64, U32 } from "./interval.js";
import { constant, constantValue, type Scalar, UNKNOWN } from "./scalar.js";
import { ofSigned, settle } from "./settle.js";
import * as T from "./tnum.js";
import * as W from "./word.js";

/** The low 32 bits, zero-extended: what every 32-bit operation leaves. */
export const zeroExtend32 = (a: Scalar): Scalar =>
  settle({ bits: T.low(a.bits), u64: interval(W.ZERO, W.word(-1, 0)), s64: S64, u32: a.u32, s32: a.s32 });

/** The low `bytes` bytes, zero-extended. When no bits above them vary or are set, the bounds stand. */
export const truncate = (a: Scalar, bytes: 1 | 2 | 4 | 8): Scalar => {
  if (bytes === 8 || a === UNKNOWN_BYTES.get(bytes)) return a;
  return cutOff(a, bytes);
};

const cutOff = (a: Scalar, bytes: 1 | 2 | 4): Scalar => {
  if (bytes === 4) return zeroExtend32(a);
  const mask = W.fromUint32((1 << (8 * bytes)) - 1);
  const above = W.not(mask);
  const fits = W.equal(W.and(a.u64.min, above), W.and(a.u64.max, above));
  const u64 = fits ? interval(W.and(a.u64.min, mask), W.and(a.u64.max, mask)) : interval(W.ZERO, mask);
  return settle({ bits: T.truncate(a.bits, bytes), u64, s64: S64, u32: U32, s32: S32 });
};

const signExtendWord = (a: W.Word, bits: number): W.Word => W.shiftRightSigned(W.shiftLeft(a, 64 - bits), 64 - bits);

/** The low `bits` bits, sign-extended to 64. */
export const signExtend = (a: Scalar, bits: 8 | 16 | 32 | 64): Scalar => {
  if (bits === 64) return a;
  const value = constantValue(a);
  if (value !== undefined) return constant(signExtendWord(value, bits));
  const sameAbove = W.equal(W.shiftRightSigned(a.s64.min, bits), W.shiftRightSigned(a.s64.max, bits));
  const min = signExtendWord(a.s64.min, bits);
  const max = signExtendWord(a.s64.max, bits);
  if (sameAbove && min.hi < 0 === max.hi < 0) return ofSigned(min, max);
  const largest = W.subtract(W.shiftLeft(W.ONE, bits - 1), W.ONE);
  return ofSigned(W.not(largest), largest);
};

/**
 * The low `bits` bits, sign-extended to 32 and then zero-extended. As Linux does it: from the 32-bit bounds alone, so
 * what `bits` knows of single bits is lost.
 */
export const signExtend32 = (a: Scalar, bits: 8 | 16): Scalar => {
  const value = constantValue(a);
  if (value !== undefined) return constant(W.fromUint32(extend32(value.lo, bits)));
  const min = extend32(a.s32.min, bits);
  const max = extend32(a.s32.max, bits);
  const monotone = a.s32.min >> bits === a.s32.max >> bits && min < 0 === max < 0;
  const largest = 2 ** (bits - 1) - 1;
  const range = monotone
    ? ofSigned(W.fromInt32(min), W.fromInt32(max))
    : ofSigned(W.fromInt32(~largest), W.fromInt32(largest));
  return zeroExtend32(range);
};

const extend32 = (a: number, bits: 8 | 16): number => (a << (32 - bits)) >> (32 - bits);

/** The low `bits` bits against their byte order, zero-extended. The bounds are those that the known bits give. */
export const byteSwapped = (a: Scalar, bits: 16 | 32 | 64): Scalar =>
  settle({ ...UNKNOWN, bits: T.swapBytes(a.bits, bits) });

/** What a load of `bytes` bytes of unknown memory gives. */
export const unknownOf = (bytes: 1 | 2 | 4 | 8): Scalar => UNKNOWN_BYTES.get(bytes)!;

/** Made once, because most loads give one of them. */
const UNKNOWN_BYTES: ReadonlyMap<number, Scalar> = new Map<number, Scalar>([
  [1, cutOff(UNKNOWN, 1)],
  [2, cutOff(UNKNOWN, 2)],
  [4, cutOff(UNKNOWN, 4)],
  [8, UNKNOWN],
]);

/** The same number with another low half. */
export const withLowHalf = (a: Scalar, low: number): Scalar => {
  const bits = T.withLow(a.bits, T.constant(W.fromInt32(low)));
  return settle({ ...a, bits, u32: interval(low >>> 0, low >>> 0), s32: interval(low, low) });
};
