import type { Word } from "./word.js";
import * as W from "./word.js";

/*
 * Tristate numbers: each of 64 bits is known to be 0, known to be 1, or unknown.
 *
 *   value bit  mask bit   the bit is
 *       0          0       0
 *       1          0       1
 *       0          1       unknown          (value and mask never share a bit)
 *
 * γ(t) = { x : x & ~t.mask = t.value }.
 */

/** A tristate number; immutable. */
export interface Tnum {
  readonly value: Word;
  readonly mask: Word;
}

const tnum = (value: Word, mask: Word): Tnum => ({ value, mask });

/** Nothing is known. */
export const UNKNOWN: Tnum = tnum(W.ZERO, W.ONES);

export const constant = (value: Word): Tnum => tnum(value, W.ZERO);

export const isConstant = (t: Tnum): boolean => W.isZero(t.mask);

export const equal = (a: Tnum, b: Tnum): boolean => a === b || (W.equal(a.value, b.value) && W.equal(a.mask, b.mask));

/** The least tnum that holds every value of the unsigned interval: the common leading bits. */
export const range = (min: Word, max: Word): Tnum => {
  const bits = W.bitLength(W.xor(min, max));
  if (bits === 64) return UNKNOWN;
  const mask = W.subtract(W.shiftLeft(W.ONE, bits), W.ONE);
  return tnum(W.and(min, W.not(mask)), mask);
};

/** True when γ(a) ⊇ γ(b). */
export const contains = (a: Tnum, b: Tnum): boolean =>
  W.isZero(W.and(b.mask, W.not(a.mask))) && W.equal(a.value, W.and(b.value, W.not(a.mask)));

/** True when the value is one of γ(t). */
export const holds = (t: Tnum, value: Word): boolean => W.equal(W.and(value, W.not(t.mask)), t.value);

/** False only when no value is in both. */
export const overlap = (a: Tnum, b: Tnum): boolean => {
  const known = W.not(W.or(a.mask, b.mask));
  return W.isZero(W.and(W.xor(a.value, b.value), known));
};

/** What both say. Valid for overlapping tnums; else the result holds nothing of meaning. */
export const intersect = (a: Tnum, b: Tnum): Tnum => {
  const mask = W.and(a.mask, b.mask);
  return tnum(W.and(W.or(a.value, b.value), W.not(mask)), mask);
};

/** The least tnum that holds the values of both. */
export const join = (a: Tnum, b: Tnum): Tnum => {
  const mask = W.or(W.or(a.mask, b.mask), W.xor(a.value, b.value));
  return tnum(W.and(a.value, W.not(mask)), mask);
};

/**
 * Sound because a result bit differs between two members only where an operand bit is unknown or a carry may differ;
 * the sums of the smallest and of the largest members show every such carry.
 */
export const add = (a: Tnum, b: Tnum): Tnum => {
  const masks = W.add(a.mask, b.mask);
  const smallest = W.add(a.value, b.value);
  const carries = W.xor(W.add(masks, smallest), smallest);
  const mask = W.or(carries, W.or(a.mask, b.mask));
  return tnum(W.and(smallest, W.not(mask)), mask);
};

/** As `add`, with borrows: the extreme differences are value+mask on one side and value-mask on the other. */
export const subtract = (a: Tnum, b: Tnum): Tnum => {
  const middle = W.subtract(a.value, b.value);
  const borrows = W.xor(W.add(middle, a.mask), W.subtract(middle, b.mask));
  const mask = W.or(borrows, W.or(a.mask, b.mask));
  return tnum(W.and(middle, W.not(mask)), mask);
};

export const negate = (a: Tnum): Tnum => subtract(constant(W.ZERO), a);

export const and = (a: Tnum, b: Tnum): Tnum => {
  const value = W.and(a.value, b.value);
  const possible = W.and(W.or(a.value, a.mask), W.or(b.value, b.mask));
  return tnum(value, W.and(possible, W.not(value)));
};

export const or = (a: Tnum, b: Tnum): Tnum => {
  const value = W.or(a.value, b.value);
  return tnum(value, W.and(W.or(a.mask, b.mask), W.not(value)));
};

export const xor = (a: Tnum, b: Tnum): Tnum => {
  const mask = W.or(a.mask, b.mask);
  return tnum(W.and(W.xor(a.value, b.value), W.not(mask)), mask);
};

/**
 * Long multiplication over the bits of `a`. For an unknown bit the sum so far is joined with the sum that takes it, so
 * every choice of unknown bits stays inside.
 */
export const multiply = (a: Tnum, b: Tnum): Tnum => {
  let sum = constant(W.ZERO);
  let { value, mask } = a;
  let addend = b;
  while (!W.isZero(value) || !W.isZero(mask)) {
    if ((value.lo & 1) !== 0) sum = add(sum, addend);
    else if ((mask.lo & 1) !== 0) sum = join(sum, add(sum, addend));
    value = W.shiftRight(value, 1);
    mask = W.shiftRight(mask, 1);
    addend = shiftLeft(addend, 1);
  }
  return sum;
};

/** Valid for `n` in 0..63, like the other shifts. */
export const shiftLeft = (a: Tnum, n: number): Tnum => tnum(W.shiftLeft(a.value, n), W.shiftLeft(a.mask, n));

export const shiftRight = (a: Tnum, n: number): Tnum => tnum(W.shiftRight(a.value, n), W.shiftRight(a.mask, n));

/** An unknown sign bit spreads as unknown bits. */
export const shiftRightSigned = (a: Tnum, n: number): Tnum =>
  tnum(W.shiftRightSigned(a.value, n), W.shiftRightSigned(a.mask, n));

/** The arithmetic shift of the low 32 bits, as a zero-extended tnum; valid for `n` in 0..31. */
export const shiftRightSigned32 = (a: Tnum, n: number): Tnum =>
  tnum(W.fromUint32(a.value.lo >> n), W.fromUint32(a.mask.lo >> n));

/** The low 32 bits, zero-extended. */
export const low = (a: Tnum): Tnum =>
  a.value.hi === 0 && a.mask.hi === 0 ? a : tnum(W.fromUint32(a.value.lo), W.fromUint32(a.mask.lo));

/** The low `bytes` bytes, zero-extended; valid for 1, 2, 4 and 8. */
export const truncate = (a: Tnum, bytes: number): Tnum => {
  if (bytes === 8) return a;
  if (bytes === 4) return low(a);
  const keep = (1 << (8 * bytes)) - 1;
  return tnum(W.fromUint32(a.value.lo & keep), W.fromUint32(a.mask.lo & keep));
};

/** The low `bits` bits with their bytes in the other order, zero-extended. */
export const swapBytes = (a: Tnum, bits: 16 | 32 | 64): Tnum =>
  tnum(W.swapBytes(a.value, bits), W.swapBytes(a.mask, bits));

/** The high half of `a` above the low half of `b`. */
export const withLow = (a: Tnum, b: Tnum): Tnum => tnum(W.word(b.value.lo, a.value.hi), W.word(b.mask.lo, a.mask.hi));

/** True when every member is a multiple of `size`, a power of two. */
export const isAligned = (a: Tnum, size: number): boolean => ((a.value.lo | a.mask.lo) & (size - 1)) === 0;

/**
 * The smallest number above `after` that agrees with the known bits; `undefined` when there is none.
 *
 * It is `value` plus the smallest part s of `mask` above d = after - value. Where d has bits outside of `mask`, everything below
 * the highest of them is used up, so the carry goes into the next bit of `mask` above it.
 */
export const next = ({ value, mask }: Tnum, after: Word): Word | undefined => {
  if (W.below(after, value)) return value;
  if (!W.below(after, W.or(value, mask))) return undefined;
  const distance = W.subtract(after, value);
  const outside = W.bitLength(W.and(distance, W.not(mask)));
  const below = outside === 0 ? W.ZERO : W.shiftRight(W.ONES, 64 - outside);
  const carried = W.add(W.or(W.or(distance, W.not(mask)), below), W.ONE);
  return W.or(value, W.and(carried, mask));
};
