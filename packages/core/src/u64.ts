/*
 * 64-bit values as two 32-bit halves.
 *
 * The verifier's domains and the interpreter hold a 64-bit value as a pair of numbers, because a bigint add-and-clamp
 * measures five to ten times slower. A half is any number whose low 32 bits matter; results are int32.
 */

/** The low half of a 64-bit value, as int32. */
export const lowOf = (value: bigint): number => Number(BigInt.asIntN(32, value));

/** The high half of a 64-bit value, as int32. */
export const highOf = (value: bigint): number => Number(BigInt.asIntN(32, value >> 32n));

/** The unsigned 64-bit value of two halves. */
export const joinHalves = (low: number, high: number): bigint => (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);

/** The signed 64-bit value of two halves. */
export const joinHalvesSigned = (low: number, high: number): bigint => (BigInt(high | 0) << 32n) | BigInt(low >>> 0);

/**
 * Bits 32..63 of the product of two unsigned 32-bit numbers, as int32.
 *
 * Schoolbook on 16-bit digits: every partial sum stays below 2^53, so doubles are exact.
 */
const multiplyHigh32 = (a: number, b: number): number => {
  const a0 = a & 0xffff;
  const a1 = a >>> 16;
  const b0 = b & 0xffff;
  const b1 = b >>> 16;
  const middle = a1 * b0 + ((a0 * b0) >>> 16);
  const carry = (middle & 0xffff) + a0 * b1;
  return (a1 * b1 + Math.floor(middle / 0x10000) + Math.floor(carry / 0x10000)) | 0;
};

/** The high half of the low 64 bits of a product; its low half is `Math.imul(aLow, bLow)`. */
export const multiplyHighHalf = (aLow: number, aHigh: number, bLow: number, bHigh: number): number =>
  (multiplyHigh32(aLow, bLow) + Math.imul(aLow, bHigh) + Math.imul(aHigh, bLow)) | 0;
