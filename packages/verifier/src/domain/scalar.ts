import { type Interval, interval, S32, S64, U32, U64 } from "./interval.js";
import type { Tnum } from "./tnum.js";
import * as T from "./tnum.js";
import type { Word } from "./word.js";
import * as W from "./word.js";

/** What is known of a 64-bit number: five views, each of which holds for every concrete value. Immutable. */
export interface Scalar {
  readonly bits: Tnum;
  readonly u64: Interval<Word>;
  readonly s64: Interval<Word>;
  /** Of the low 32 bits. */
  readonly u32: Interval<number>;
  readonly s32: Interval<number>;
}

/** Nothing is known. */
export const UNKNOWN: Scalar = { bits: T.UNKNOWN, u64: U64, s64: S64, u32: U32, s32: S32 };

/** Exactly one value. */
export const constant = (value: Word): Scalar => {
  const unsigned = value.lo >>> 0;
  const whole = interval(value, value);
  return {
    bits: T.constant(value),
    u64: whole,
    s64: whole,
    u32: interval(unsigned, unsigned),
    s32: interval(value.lo, value.lo),
  };
};

export const constantOf = (value: number): Scalar => constant(W.fromNumber(value));

export const ZERO: Scalar = constant(W.ZERO);

export const isConstant = (a: Scalar): boolean => T.isConstant(a.bits);

/** The value, where there is only one. */
export const constantValue = (a: Scalar): Word | undefined => (T.isConstant(a.bits) ? a.bits.value : undefined);

/** Whether a number has one value by its bits and more by its range: what is left of one behind a branch that can't be taken. */
export const hasLostRange = (a: Scalar): boolean => T.isConstant(a.bits) && !W.equal(a.u64.min, a.u64.max);

const sameWords = (a: Interval<Word>, b: Interval<Word>): boolean =>
  a === b || (W.equal(a.min, b.min) && W.equal(a.max, b.max));

const sameNumbers = (a: Interval<number>, b: Interval<number>): boolean =>
  a === b || (a.min === b.min && a.max === b.max);

export const equal = (a: Scalar, b: Scalar): boolean =>
  a === b ||
  (T.equal(a.bits, b.bits) &&
    sameWords(a.u64, b.u64) &&
    sameWords(a.s64, b.s64) &&
    sameNumbers(a.u32, b.u32) &&
    sameNumbers(a.s32, b.s32));

/** True when `a` allows every value that `b` allows, in each view. */
export const contains = (a: Scalar, b: Scalar): boolean =>
  a === b ||
  (!W.below(b.u64.min, a.u64.min) &&
    !W.below(a.u64.max, b.u64.max) &&
    !W.less(b.s64.min, a.s64.min) &&
    !W.less(a.s64.max, b.s64.max) &&
    a.u32.min <= b.u32.min &&
    a.u32.max >= b.u32.max &&
    a.s32.min <= b.s32.min &&
    a.s32.max >= b.s32.max &&
    T.contains(a.bits, b.bits));

/** True when the concrete value is possible. */
export const holds = (a: Scalar, value: Word): boolean => {
  const unsigned = value.lo >>> 0;
  return (
    T.holds(a.bits, value) &&
    !W.below(value, a.u64.min) &&
    !W.below(a.u64.max, value) &&
    !W.less(value, a.s64.min) &&
    !W.less(a.s64.max, value) &&
    a.u32.min <= unsigned &&
    unsigned <= a.u32.max &&
    a.s32.min <= value.lo &&
    value.lo <= a.s32.max
  );
};

/** True when some view says that no value is possible. */
export const isEmpty = ({ u64, s64, u32, s32 }: Scalar): boolean =>
  W.below(u64.max, u64.min) || W.less(s64.max, s64.min) || u32.max < u32.min || s32.max < s32.min;
