import type { AluOperator } from "@ebpf/asm";
import { zeroExtend32 } from "./cast.js";
import * as I from "./interval.js";
import { interval, S32, S64, U32, U64 } from "./interval.js";
import { constantValue, hasLostRange, type Scalar, UNKNOWN, ZERO } from "./scalar.js";
import { settle } from "./settle.js";
import * as T from "./tnum.js";
import * as W from "./word.js";

/*
 * The transfer functions of binary operators on scalars. Each view is computed by itself and then reconciled; a view that
 * an operator says nothing about is left full. γ(result) ⊇ { x op y : x ∈ γ(a), y ∈ γ(b) } for every one.
 */

/** Operators whose results are tracked; all others give an unknown number. */
export type TrackedOperator = Extract<
  AluOperator,
  "add" | "sub" | "mul" | "and" | "or" | "xor" | "lsh" | "rsh" | "arsh"
>;

type Transfer = (a: Scalar, b: Scalar) => Scalar;

const add: Transfer = (a, b) => ({
  bits: T.add(a.bits, b.bits),
  u64: I.addUnsigned(a.u64, b.u64),
  s64: I.addSigned(a.s64, b.s64),
  u32: I.addUnsigned32(a.u32, b.u32),
  s32: I.addSigned32(a.s32, b.s32),
});

const sub: Transfer = (a, b) => ({
  bits: T.subtract(a.bits, b.bits),
  u64: I.subtractUnsigned(a.u64, b.u64),
  s64: I.subtractSigned(a.s64, b.s64),
  u32: I.subtractUnsigned32(a.u32, b.u32),
  s32: I.subtractSigned32(a.s32, b.s32),
});

const mul: Transfer = (a, b) => ({
  bits: T.multiply(a.bits, b.bits),
  u64: I.multiplyUnsigned(a.u64, b.u64),
  s64: I.multiplySigned(a.s64, b.s64),
  u32: I.multiplyUnsigned32(a.u32, b.u32),
  s32: I.multiplySigned32(a.s32, b.s32),
});

/** `x & y` is at most the smaller operand; `bits` bounds it from below. */
const and: Transfer = (a, b) => {
  const bits = T.and(a.bits, b.bits);
  const u64 = interval(bits.value, W.minUnsigned(a.u64.max, b.u64.max));
  const u32 = interval(bits.value.lo >>> 0, Math.min(a.u32.max, b.u32.max));
  return { bits, u64, s64: I.signedOf(u64), u32, s32: I.signedOf32(u32) };
};

/** `x | y` is at least the larger operand; `bits` bounds it from above. */
const or: Transfer = (a, b) => {
  const bits = T.or(a.bits, b.bits);
  const possible = W.or(bits.value, bits.mask);
  const u64 = interval(W.maxUnsigned(a.u64.min, b.u64.min), possible);
  const u32 = interval(Math.max(a.u32.min, b.u32.min), possible.lo >>> 0);
  return { bits, u64, s64: I.signedOf(u64), u32, s32: I.signedOf32(u32) };
};

const xor: Transfer = (a, b) => {
  const bits = T.xor(a.bits, b.bits);
  return { ...UNKNOWN, bits };
};

/** Shifts are tracked for known distances below the width: all 64 bits of the distance count, also of a 32-bit shift. */
const distance = (b: Scalar, width: 32 | 64): number | undefined => {
  const value = constantValue(b);
  if (hasLostRange(b)) return undefined;
  return value !== undefined && value.hi === 0 && value.lo >>> 0 < width ? value.lo : undefined;
};

/** The low half of a left shift. When the result may be beyond the highest bit, only `bits` knows more. */
const shiftLeftLow = (a: Scalar, n: number): Pick<Scalar, "u32" | "s32"> => {
  if (n > 31 || a.u32.max > 2 ** (31 - n)) return { u32: U32, s32: S32 };
  return { u32: interval(a.u32.min * 2 ** n, a.u32.max * 2 ** n), s32: S32 };
};

const lsh: Transfer = (a, b) => {
  const n = distance(b, 64);
  if (n === undefined) return UNKNOWN;
  const overflows = W.below(W.shiftLeft(W.ONE, 63 - n), a.u64.max);
  // A sign-extended 32-bit number shifted left by 32 keeps its order.
  const s64 =
    n === 32 && W.equal(W.fromInt32(a.s64.max.lo), a.s64.max) && W.equal(W.fromInt32(a.s64.min.lo), a.s64.min)
      ? interval(W.shiftLeft(a.s64.min, 32), W.shiftLeft(a.s64.max, 32))
      : n === 32
        ? interval(W.word(0, a.s32.min), W.word(0, a.s32.max))
        : S64;
  return {
    bits: T.shiftLeft(a.bits, n),
    u64: overflows ? U64 : interval(W.shiftLeft(a.u64.min, n), W.shiftLeft(a.u64.max, n)),
    s64,
    ...shiftLeftLow(a, n),
  };
};

const rsh: Transfer = (a, b) => {
  const n = distance(b, 64);
  if (n === undefined) return UNKNOWN;
  const u64 = interval(W.shiftRight(a.u64.min, n), W.shiftRight(a.u64.max, n));
  return { ...UNKNOWN, bits: T.shiftRight(a.bits, n), u64 };
};

const arsh: Transfer = (a, b) => {
  const n = distance(b, 64);
  if (n === undefined) return UNKNOWN;
  const s64 = interval(W.shiftRightSigned(a.s64.min, n), W.shiftRightSigned(a.s64.max, n));
  return { ...UNKNOWN, bits: T.shiftRightSigned(a.bits, n), s64 };
};

/** Shifts of the low half are not the low half of shifts: they have transfers of their own. */
const lsh32: Transfer = (a, b) => {
  const n = distance(b, 32);
  if (n === undefined) return UNKNOWN;
  return { ...UNKNOWN, bits: T.shiftLeft(a.bits, n), ...shiftLeftLow(a, n) };
};

const rsh32: Transfer = (a, b) => {
  const n = distance(b, 32);
  if (n === undefined) return UNKNOWN;
  return {
    ...UNKNOWN,
    bits: T.shiftRight(T.low(a.bits), n),
    u32: interval(a.u32.min >>> n, a.u32.max >>> n),
  };
};

const arsh32: Transfer = (a, b) => {
  const n = distance(b, 32);
  if (n === undefined) return UNKNOWN;
  return { ...UNKNOWN, bits: T.shiftRightSigned32(a.bits, n), s32: interval(a.s32.min >> n, a.s32.max >> n) };
};

const TRANSFERS: Readonly<Record<32 | 64, Readonly<Record<TrackedOperator, Transfer>>>> = {
  64: { add, sub, mul, and, or, xor, lsh, rsh, arsh },
  32: { add, sub, mul, and, or, xor, lsh: lsh32, rsh: rsh32, arsh: arsh32 },
};

const isTracked = (operator: AluOperator): operator is TrackedOperator => operator in TRANSFERS[64];

const SHIFTS: ReadonlySet<AluOperator> = new Set(["lsh", "rsh", "arsh"]);

/** The variable part of a pointer, moved by a number; nothing deduced yet. Linux has no 32-bit ranges of pointers. */
export const movedBy = (operator: "add" | "sub", pointer: Scalar, amount: Scalar): Scalar => ({
  ...TRANSFERS[64][operator](pointer, amount),
  u32: U32,
  s32: S32,
});

/**
 * `a op b` for an operator of two numbers, at 32 or 64 bits. Where nothing is computed, Linux forgets the high half of a
 * 32-bit result too, although it is zero.
 */
export const compute = (operator: AluOperator, width: 32 | 64, a: Scalar, b: Scalar): Scalar => {
  if (operator === "neg") return compute("sub", width, ZERO, a);
  if (!isTracked(operator) || (SHIFTS.has(operator) && distance(b, width) === undefined)) return UNKNOWN;
  const result = TRANSFERS[width][operator](a, b);
  return width === 64
    ? settle(result)
    : zeroExtend32(settle({ ...UNKNOWN, bits: T.withLow(T.UNKNOWN, result.bits), u32: result.u32, s32: result.s32 }));
};
