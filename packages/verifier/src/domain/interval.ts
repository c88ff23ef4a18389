import type { Word } from "./word.js";
import * as W from "./word.js";

/*
 * Intervals of 64- and 32-bit numbers, read as unsigned or signed. An interval whose min is above its max is empty; it
 * comes from conditions that cannot be, and `settle` deals with it.
 */

/** All values from `min` to `max`, both included. */
export interface Interval<T> {
  readonly min: T;
  readonly max: T;
}

export const U64: Interval<Word> = { min: W.ZERO, max: W.ONES };
export const S64: Interval<Word> = { min: W.SIGNED_MIN, max: W.SIGNED_MAX };
/** 32-bit bounds are plain numbers: 0..2^32-1 unsigned, -2^31..2^31-1 signed. */
export const U32: Interval<number> = { min: 0, max: 0xffff_ffff };
export const S32: Interval<number> = { min: -0x8000_0000, max: 0x7fff_ffff };

export const interval = <T>(min: T, max: T): Interval<T> => ({ min, max });

/** Sums that wrap all or not at all stay an interval; when only some wrap, nothing is known. */
export const addUnsigned = (a: Interval<Word>, b: Interval<Word>): Interval<Word> => {
  const min = W.add(a.min, b.min);
  const max = W.add(a.max, b.max);
  return W.below(min, a.min) === W.below(max, a.max) ? interval(min, max) : U64;
};

export const subtractUnsigned = (a: Interval<Word>, b: Interval<Word>): Interval<Word> => {
  const min = W.subtract(a.min, b.max);
  const max = W.subtract(a.max, b.min);
  return W.below(a.min, b.max) === W.below(a.max, b.min) ? interval(min, max) : U64;
};

const signedSumWraps = (a: Word, b: Word, sum: Word): boolean => ((a.hi ^ sum.hi) & (b.hi ^ sum.hi)) < 0;

const signedDifferenceWraps = (a: Word, b: Word, difference: Word): boolean =>
  ((a.hi ^ b.hi) & (a.hi ^ difference.hi)) < 0;

export const addSigned = (a: Interval<Word>, b: Interval<Word>): Interval<Word> => {
  const min = W.add(a.min, b.min);
  const max = W.add(a.max, b.max);
  return signedSumWraps(a.min, b.min, min) || signedSumWraps(a.max, b.max, max) ? S64 : interval(min, max);
};

export const subtractSigned = (a: Interval<Word>, b: Interval<Word>): Interval<Word> => {
  const min = W.subtract(a.min, b.max);
  const max = W.subtract(a.max, b.min);
  return signedDifferenceWraps(a.min, b.max, min) || signedDifferenceWraps(a.max, b.min, max)
    ? S64
    : interval(min, max);
};

const wrap32 = (min: number, max: number): Interval<number> => {
  const wrapsMin = min < 0 || min > U32.max;
  const wrapsMax = max < 0 || max > U32.max;
  return wrapsMin === wrapsMax ? interval(min >>> 0, max >>> 0) : U32;
};

const clamp32 = (min: number, max: number): Interval<number> =>
  min < S32.min || max > S32.max ? S32 : interval(min, max);

export const addUnsigned32 = (a: Interval<number>, b: Interval<number>): Interval<number> =>
  wrap32(a.min + b.min, a.max + b.max);

export const subtractUnsigned32 = (a: Interval<number>, b: Interval<number>): Interval<number> =>
  wrap32(a.min - b.max, a.max - b.min);

export const addSigned32 = (a: Interval<number>, b: Interval<number>): Interval<number> =>
  clamp32(a.min + b.min, a.max + b.max);

export const subtractSigned32 = (a: Interval<number>, b: Interval<number>): Interval<number> =>
  clamp32(a.min - b.max, a.max - b.min);

/** A product over a box is least and greatest in corners. */
export const multiplyUnsigned = (a: Interval<Word>, b: Interval<Word>): Interval<Word> => {
  const max = W.toBigInt(a.max) * W.toBigInt(b.max);
  if (max >> 64n !== 0n) return U64;
  return interval(W.fromBigInt(W.toBigInt(a.min) * W.toBigInt(b.min)), W.fromBigInt(max));
};

export const multiplySigned = (a: Interval<Word>, b: Interval<Word>): Interval<Word> => {
  const [a0, a1, b0, b1] = [a.min, a.max, b.min, b.max].map(W.toSignedBigInt) as [bigint, bigint, bigint, bigint];
  const corners = [a0 * b0, a0 * b1, a1 * b0, a1 * b1];
  if (corners.some((corner) => corner !== BigInt.asIntN(64, corner))) return S64;
  const words = corners.map(W.fromBigInt);
  return interval(words.reduce(W.minSigned), words.reduce(W.maxSigned));
};

/** Products of 32-bit numbers may round as doubles, but never across 2^32, so the test for overflow is exact. */
export const multiplyUnsigned32 = (a: Interval<number>, b: Interval<number>): Interval<number> => {
  const max = a.max * b.max;
  return max > U32.max ? U32 : interval(a.min * b.min, max);
};

export const multiplySigned32 = (a: Interval<number>, b: Interval<number>): Interval<number> => {
  const corners = [a.min * b.min, a.min * b.max, a.max * b.min, a.max * b.max];
  return clamp32(Math.min(...corners), Math.max(...corners));
};

/** The signed reading of an unsigned interval, where it does not cross the sign. */
export const signedOf = ({ min, max }: Interval<Word>): Interval<Word> => (W.less(max, min) ? S64 : interval(min, max));

export const signedOf32 = ({ min, max }: Interval<number>): Interval<number> =>
  (max | 0) < (min | 0) ? S32 : interval(min | 0, max | 0);
