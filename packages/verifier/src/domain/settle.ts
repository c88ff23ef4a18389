import { interval, S32, S64, U32, U64 } from "./interval.js";
import { constant, holds, isEmpty, type Scalar, UNKNOWN } from "./scalar.js";
import type { Tnum } from "./tnum.js";
import * as T from "./tnum.js";
import type { Word } from "./word.js";
import * as W from "./word.js";

/*
 * The one place where the views of a scalar learn from one another. Every step replaces a bound by one that holds for
 * all values that both views allow, so no possible value is lost; each rule is as sharp as Linux 6.18's, and no sharper,
 * because a sharper one would accept what the kernel refuses.
 */

/** The bounds while they are worked on. */
class Bounds {
  bits: Tnum;
  umin: Word;
  umax: Word;
  smin: Word;
  smax: Word;
  u32min: number;
  u32max: number;
  s32min: number;
  s32max: number;

  constructor({ bits, u64, s64, u32, s32 }: Scalar) {
    this.bits = bits;
    this.umin = u64.min;
    this.umax = u64.max;
    this.smin = s64.min;
    this.smax = s64.max;
    this.u32min = u32.min;
    this.u32max = u32.max;
    this.s32min = s32.min;
    this.s32max = s32.max;
  }

  atLeast(value: Word): void {
    this.umin = W.maxUnsigned(this.umin, value);
  }
  atMost(value: Word): void {
    this.umax = W.minUnsigned(this.umax, value);
  }
  atLeastSigned(value: Word): void {
    this.smin = W.maxSigned(this.smin, value);
  }
  atMostSigned(value: Word): void {
    this.smax = W.minSigned(this.smax, value);
  }
  within32(min: number, max: number): void {
    this.u32min = Math.max(this.u32min, min >>> 0);
    this.u32max = Math.min(this.u32max, max >>> 0);
  }
  withinSigned32(min: number, max: number): void {
    this.s32min = Math.max(this.s32min, min | 0);
    this.s32max = Math.min(this.s32max, max | 0);
  }

  toScalar(): Scalar {
    return {
      bits: this.bits,
      u64: interval(this.umin, this.umax),
      s64: interval(this.smin, this.smax),
      u32: interval(this.u32min, this.u32max),
      s32: interval(this.s32min, this.s32max),
    };
  }
}

const SIGN32 = 0x8000_0000 | 0;
const SIGN64 = W.SIGNED_MIN;

/** Known bits bound the value from below, possible bits from above; signed, an unknown sign bit counts as set below. */
const rangeFromBits = (b: Bounds): void => {
  const { value, mask } = b.bits;
  const possible = W.or(value, mask);
  b.atLeast(value);
  b.atMost(possible);
  b.atLeastSigned(W.or(value, W.and(mask, SIGN64)));
  b.atMostSigned(W.or(value, W.and(mask, W.not(SIGN64))));
  b.within32(value.lo, possible.lo);
  b.withinSigned32(value.lo | (mask.lo & SIGN32), value.lo | (mask.lo & ~SIGN32));
};

/**
 * The value, where only one of the unsigned range agrees with the known bits. Of a range without values, which a branch
 * that can't be taken leaves, Linux takes the lower end when that agrees, or the last number that agrees, where that comes next or
 * none does.
 */
const onlyValue = ({ bits, umin, umax }: Bounds): Word | undefined => {
  if (W.equal(bits.mask, W.ONES)) return undefined;
  const last = W.or(bits.value, bits.mask);
  const after = T.next(bits, umin) ?? last;
  if (T.holds(bits, umin)) return W.below(umax, after) ? umin : undefined;
  if (W.equal(after, last)) return last;
  return !W.below(umax, after) && W.below(umax, T.next(bits, after) ?? last) ? after : undefined;
};

/** Learns from the known bits; tells the value where they leave only one. */
const fromBits = (b: Bounds): Word | undefined => {
  rangeFromBits(b);
  return onlyValue(b);
};

/**
 * The low halves of an interval of 64-bit numbers, where its high halves agree, or where they differ by one and the low
 * halves go through 0xffffffff → 0, which is an interval when read as signed.
 *
 * @param orderOnly whether low halves in the wrong order tell nothing: Linux asks only where the bounds are signed
 */
const lowHalves = (b: Bounds, min: Word, max: Word, orderOnly: boolean): void => {
  if (min.hi === max.hi) {
    if (!orderOnly || min.lo >>> 0 <= max.lo >>> 0) b.within32(min.lo, max.lo);
    if (min.lo <= max.lo) b.withinSigned32(min.lo, max.lo);
  } else if (((min.hi + 1) | 0) === max.hi && min.lo < 0 && max.lo >= 0) {
    b.withinSigned32(min.lo, max.lo);
  }
};

/** What `within64` says of whole numbers holds for their low halves too. */
const within32 = (b: Bounds): void => {
  lowHalves(b, b.umin, b.umax, false);
  lowHalves(b, b.smin, b.smax, true);
  if ((b.u32min | 0) <= (b.u32max | 0)) b.withinSigned32(b.u32min, b.u32max);
  if (b.s32min >>> 0 <= b.s32max >>> 0) b.within32(b.s32min, b.s32max);
  else if (b.u32max < b.s32min >>> 0) {
    b.s32min = b.u32min | 0;
    b.u32max = Math.min(b.u32max, b.s32max >>> 0);
  } else if (b.s32max >>> 0 < b.u32min) {
    b.s32max = b.u32max | 0;
    b.u32min = Math.max(b.u32min, b.s32min >>> 0);
  }
};

/**
 * An interval that does not cross the sign is the same interval in the other reading. One that does is two pieces
 *
 *     unsigned  0 ├────smax┤ . . . . . ├smin────┤ 2^64-1
 *
 * and an unsigned interval that meets only one of them lies in that piece.
 */
const within64 = (b: Bounds): void => {
  if (!W.less(b.umax, b.umin)) {
    b.atLeastSigned(b.umin);
    b.atMostSigned(b.umax);
  }
  if (!W.below(b.smax, b.smin)) {
    b.atLeast(b.smin);
    b.atMost(b.smax);
  } else if (W.below(b.umax, b.smin)) {
    b.smin = b.umin;
    b.atMost(b.smax);
  } else if (W.below(b.smax, b.umin)) {
    b.smax = b.umax;
    b.atLeast(b.smin);
  }
};

/** A bound's high half stands; its low half can be no further out than the low half's own bounds. */
const between32And64 = (b: Bounds): void => {
  b.atLeast(W.word(b.u32min, b.umin.hi));
  b.atMost(W.word(b.u32max, b.umax.hi));
  b.atLeastSigned(W.word(b.u32min, b.smin.hi));
  b.atMostSigned(W.word(b.u32max, b.smax.hi));
  // A sign-extended number whose low half is not negative has no high bits.
  if (b.s32min >= 0 && !W.less(b.smin, W.fromInt32(S32.min)) && !W.less(W.fromInt32(S32.max), b.smax)) {
    b.smin = W.fromInt32(b.s32min);
    b.umin = b.smin;
    b.smax = W.fromInt32(b.s32max);
    b.umax = b.smax;
    b.bits = T.intersect(b.bits, T.range(b.umin, b.umax));
  }
};

const toBits = (b: Bounds): void => {
  const whole = T.intersect(b.bits, T.range(b.umin, b.umax));
  const low = T.intersect(T.low(whole), T.range(W.fromUint32(b.u32min), W.fromUint32(b.u32max)));
  b.bits = T.withLow(whole, low);
};

/** Rounds of deduction; two find almost everything, the third is what the kernel does. */
const ROUNDS = 3;

/**
 * Reconciles the views of a scalar.
 *
 * A scalar without values comes from a branch that can't be taken but wasn't recognised; as the kernel does, its bounds
 * are forgotten, but not its bits.
 */
export const settle = (scalar: Scalar): Scalar => {
  const { value } = scalar.bits;
  if (T.isConstant(scalar.bits) && holds(scalar, value)) return constant(value);
  const b = new Bounds(scalar);
  const known = fromBits(b);
  if (known !== undefined) return constant(known);
  for (let round = 0; round < ROUNDS; round++) {
    within32(b);
    within64(b);
    between32And64(b);
  }
  toBits(b);
  const found = fromBits(b);
  if (found !== undefined) return constant(found);
  const settled = b.toScalar();
  return isEmpty(settled) ? { ...UNKNOWN, bits: settled.bits } : settled;
};

/** The scalar that an unsigned interval gives. */
export const ofUnsigned = (min: Word, max: Word): Scalar => settle({ ...UNKNOWN, u64: interval(min, max) });

/** The scalar that a signed interval gives. */
export const ofSigned = (min: Word, max: Word): Scalar => settle({ ...UNKNOWN, s64: interval(min, max) });

/** The scalar that known bits give. */
export const ofBits = (bits: Tnum): Scalar => settle({ bits, u64: U64, s64: S64, u32: U32, s32: S32 });
