import { type Comparison, NEGATED } from "@ebpf/asm";
import { type Interval, interval } from "./interval.js";
import { type Scalar, UNKNOWN } from "./scalar.js";
import { settle } from "./settle.js";
import * as T from "./tnum.js";
import type { Word } from "./word.js";
import * as W from "./word.js";

/*
 * Comparisons of two scalars: whether the outcome is known, and what each outcome teaches about both operands.
 */

type Width = 32 | 64;

/** Comparisons and the negation of `set`. */
type Condition = Comparison | "clear";

const negation = (comparison: Comparison): Condition => (comparison === "set" ? "clear" : NEGATED[comparison]);

interface Order<V> {
  readonly view: (a: Scalar) => Interval<V>;
  readonly less: (a: V, b: V) => boolean;
}

const UNSIGNED: Order<Word> = { view: (a) => a.u64, less: W.below };
const SIGNED: Order<Word> = { view: (a) => a.s64, less: W.less };
const UNSIGNED32: Order<number> = { view: (a) => a.u32, less: (a, b) => a < b };
const SIGNED32: Order<number> = { view: (a) => a.s32, less: (a, b) => a < b };

const disjoint = <V>(order: Order<V>, a: Scalar, b: Scalar): boolean => {
  const [x, y] = [order.view(a), order.view(b)];
  return order.less(y.max, x.min) || order.less(x.max, y.min);
};

/** `a < b`, where it is known. */
const decideLess = <V>(order: Order<V>, a: Scalar, b: Scalar): boolean | undefined => {
  const [x, y] = [order.view(a), order.view(b)];
  if (order.less(x.max, y.min)) return true;
  return order.less(x.min, y.max) ? undefined : false;
};

const negated = (known: boolean | undefined): boolean | undefined => (known === undefined ? undefined : !known);

const decideEqual = (a: Scalar, b: Scalar, width: Width): boolean | undefined => {
  const [x, y] = width === 64 ? [a.bits, b.bits] : [T.low(a.bits), T.low(b.bits)];
  if (T.isConstant(x) && T.isConstant(y)) return W.equal(x.value, y.value);
  if (!T.overlap(x, y)) return false;
  if (width === 64 && (disjoint(UNSIGNED, a, b) || disjoint(SIGNED, a, b))) return false;
  if (disjoint(UNSIGNED32, a, b) || disjoint(SIGNED32, a, b)) return false;
  return undefined;
};

/** Whether a common bit is set: surely, when a bit known to be set meets a constant; surely not, when none may be. */
const decideSet = (a: Scalar, b: Scalar, width: Width): boolean | undefined => {
  let [x, y] = width === 64 ? [a.bits, b.bits] : [T.low(a.bits), T.low(b.bits)];
  if (!T.isConstant(y)) [x, y] = [y, x];
  if (!T.isConstant(y)) return undefined;
  if (!W.isZero(W.and(x.value, y.value))) return true;
  return W.isZero(W.and(W.or(x.value, x.mask), y.value)) ? false : undefined;
};

const decideOrder = <V>(kind: "gt" | "ge" | "lt" | "le", order: Order<V>, a: Scalar, b: Scalar) => {
  switch (kind) {
    case "lt":
      return decideLess(order, a, b);
    case "gt":
      return decideLess(order, b, a);
    case "ge":
      return negated(decideLess(order, a, b));
    case "le":
      return negated(decideLess(order, b, a));
  }
};

/** The outcome of a comparison, where every pair of values gives the same. */
export const decide = (comparison: Comparison, a: Scalar, b: Scalar, width: Width): boolean | undefined => {
  switch (comparison) {
    case "eq":
      return decideEqual(a, b, width);
    case "ne":
      return negated(decideEqual(a, b, width));
    case "set":
      return decideSet(a, b, width);
    case "gt":
    case "ge":
    case "lt":
    case "le":
      return width === 64 ? decideOrder(comparison, UNSIGNED, a, b) : decideOrder(comparison, UNSIGNED32, a, b);
    case "sgt":
    case "sge":
    case "slt":
    case "sle": {
      const kind = comparison.slice(1) as "gt" | "ge" | "lt" | "le";
      return width === 64 ? decideOrder(kind, SIGNED, a, b) : decideOrder(kind, SIGNED32, a, b);
    }
  }
};

/** Both operands, after a comparison. */
export type Pair = readonly [Scalar, Scalar];

const meet = (a: Interval<Word>, b: Interval<Word>, signed: boolean): Interval<Word> =>
  signed
    ? interval(W.maxSigned(a.min, b.min), W.minSigned(a.max, b.max))
    : interval(W.maxUnsigned(a.min, b.min), W.minUnsigned(a.max, b.max));

const meet32 = (a: Interval<number>, b: Interval<number>): Interval<number> =>
  interval(Math.max(a.min, b.min), Math.min(a.max, b.max));

const refineEqual = (a: Scalar, b: Scalar, width: Width): Pair => {
  if (width === 64) {
    const u64 = meet(a.u64, b.u64, false);
    const s64 = meet(a.s64, b.s64, true);
    const bits = T.intersect(a.bits, b.bits);
    return [
      { ...a, u64, s64, bits },
      { ...b, u64, s64, bits },
    ];
  }
  const u32 = meet32(a.u32, b.u32);
  const s32 = meet32(a.s32, b.s32);
  const low = T.intersect(T.low(a.bits), T.low(b.bits));
  return [
    { ...a, u32, s32, bits: T.withLow(a.bits, low) },
    { ...b, u32, s32, bits: T.withLow(b.bits, low) },
  ];
};

const isConstantAt = (a: Scalar, width: Width): boolean => T.isConstant(width === 64 ? a.bits : T.low(a.bits));

/** Being unequal to a constant moves a bound that is that constant. */
const exclude = (a: Scalar, value: Word, width: Width): Scalar => {
  if (width === 64) {
    const { u64, s64 } = a;
    return {
      ...a,
      u64: interval(
        W.equal(u64.min, value) ? W.add(value, W.ONE) : u64.min,
        W.equal(u64.max, value) ? W.subtract(value, W.ONE) : u64.max,
      ),
      s64: interval(
        W.equal(s64.min, value) ? W.add(value, W.ONE) : s64.min,
        W.equal(s64.max, value) ? W.subtract(value, W.ONE) : s64.max,
      ),
    };
  }
  const unsigned = value.lo >>> 0;
  const { u32, s32 } = a;
  return {
    ...a,
    u32: interval(u32.min === unsigned ? u32.min + 1 : u32.min, u32.max === unsigned ? u32.max - 1 : u32.max),
    s32: interval(s32.min === value.lo ? s32.min + 1 : s32.min, s32.max === value.lo ? s32.max - 1 : s32.max),
  };
};

const isPowerOfTwo = (a: Word): boolean => !W.isZero(a) && W.isZero(W.and(a, W.subtract(a, W.ONE)));

/** A single common bit that is set is known to be set; common bits that are clear are known to be clear. */
const refineBits = (a: Scalar, constant: Scalar, width: Width, set: boolean): Scalar => {
  const value = width === 64 ? constant.bits.value : T.low(constant.bits).value;
  if (set) {
    if (!isPowerOfTwo(value)) return a;
    const bits = T.or(width === 64 ? a.bits : T.low(a.bits), T.constant(value));
    return { ...a, bits: width === 64 ? bits : T.withLow(a.bits, bits) };
  }
  const bits = T.and(width === 64 ? a.bits : T.low(a.bits), T.constant(W.not(value)));
  return { ...UNKNOWN, bits: width === 64 ? bits : T.withLow(a.bits, bits) };
};

const withConstantSecond = (a: Scalar, b: Scalar, width: Width, refineOne: (a: Scalar, b: Scalar) => Scalar): Pair => {
  if (isConstantAt(b, width)) return [refineOne(a, b), b];
  return isConstantAt(a, width) ? [a, refineOne(b, a)] : [a, b];
};

/** `a < b` (or `a <= b`): a's upper bound comes from b, b's lower one from a. */
const refineLess = (
  a: Scalar,
  b: Scalar,
  width: Width,
  { strict, signed }: { strict: boolean; signed: boolean },
): Pair => {
  if (width === 64) {
    const view = signed ? "s64" : "u64";
    const [min, max] = signed ? [W.maxSigned, W.minSigned] : [W.maxUnsigned, W.minUnsigned];
    const step = strict ? W.ONE : W.ZERO;
    return [
      { ...a, [view]: interval(a[view].min, max(a[view].max, W.subtract(b[view].max, step))) },
      { ...b, [view]: interval(min(W.add(a[view].min, step), b[view].min), b[view].max) },
    ];
  }
  const view = signed ? "s32" : "u32";
  const step = strict ? 1 : 0;
  return [
    { ...a, [view]: interval(a[view].min, Math.min(a[view].max, b[view].max - step)) },
    { ...b, [view]: interval(Math.max(a[view].min + step, b[view].min), b[view].max) },
  ];
};

const swapped = ([a, b]: Pair): Pair => [b, a];

const narrow = (condition: Condition, a: Scalar, b: Scalar, width: Width): Pair => {
  switch (condition) {
    case "eq":
      return refineEqual(a, b, width);
    case "ne":
      return withConstantSecond(a, b, width, (x, y) => exclude(x, y.bits.value, width));
    case "set":
      return withConstantSecond(a, b, width, (x, y) => refineBits(x, y, width, true));
    case "clear":
      return withConstantSecond(a, b, width, (x, y) => refineBits(x, y, width, false));
    case "lt":
      return refineLess(a, b, width, { strict: true, signed: false });
    case "le":
      return refineLess(a, b, width, { strict: false, signed: false });
    case "slt":
      return refineLess(a, b, width, { strict: true, signed: true });
    case "sle":
      return refineLess(a, b, width, { strict: false, signed: true });
    case "gt":
      return swapped(narrow("lt", b, a, width));
    case "ge":
      return swapped(narrow("le", b, a, width));
    case "sgt":
      return swapped(narrow("slt", b, a, width));
    case "sge":
      return swapped(narrow("sle", b, a, width));
  }
};

/** What both operands can still be when the comparison came out as `outcome`. */
export const refine = (comparison: Comparison, a: Scalar, b: Scalar, width: Width, outcome: boolean): Pair => {
  const [x, y] = narrow(outcome ? comparison : negation(comparison), a, b, width);
  return [x === a ? a : settle(x), y === b ? b : settle(y)];
};

/**
 * What a number can still be when its comparison with itself came out as `outcome`. Linux learns from both operands in
 * turn, also where the outcome can't be; nothing holds a value then.
 */
export const refineSelf = (comparison: Comparison, a: Scalar, width: Width, outcome: boolean): Scalar => {
  const [x, y] = narrow(outcome ? comparison : negation(comparison), a, a, width);
  if (x === a && y === a) return a;
  return settle({
    bits: x.bits,
    u64: meet(x.u64, y.u64, false),
    s64: meet(x.s64, y.s64, true),
    u32: meet32(x.u32, y.u32),
    s32: meet32(x.s32, y.s32),
  });
};
