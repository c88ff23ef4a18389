import type { Scalar } from "./scalar.js";
import * as S from "./scalar.js";
import * as T from "./tnum.js";
import type { Word } from "./word.js";
import * as W from "./word.js";

/*
 * What holds of every scalar in a state: what `settle` and `constant` leave, and no more. That the views share a value is
 * not among it, since a branch that can't be taken and wasn't recognised may leave views that don't; nor is that each
 * says all that follows from the others, since reconciling them ends after as many rounds as Linux takes.
 */

const isInt32 = (value: number): boolean => value === (value | 0);

const isWord = ({ lo, hi }: Word): boolean => isInt32(lo) && isInt32(hi);

const isWellFormed = ({ bits, u64, s64, u32, s32 }: Scalar): boolean =>
  [bits.value, bits.mask, u64.min, u64.max, s64.min, s64.max].every(isWord) &&
  [u32.min, u32.max].every((bound) => bound === bound >>> 0) &&
  [s32.min, s32.max].every(isInt32);

/** Known bits bound every range: applying them is the last thing that `settle` does. */
const isWithinBits = ({ bits: { value, mask }, u64, s64, u32, s32 }: Scalar): boolean => {
  const possible = W.or(value, mask);
  const sign = W.and(mask, W.SIGNED_MIN);
  const sign32 = mask.lo & S32_SIGN;
  return (
    !W.below(u64.min, value) &&
    !W.below(possible, u64.max) &&
    !W.less(s64.min, W.or(value, sign)) &&
    !W.less(W.and(possible, W.not(sign)), s64.max) &&
    u32.min >= value.lo >>> 0 &&
    u32.max <= possible.lo >>> 0 &&
    s32.min >= (value.lo | sign32) &&
    s32.max <= (possible.lo & ~sign32)
  );
};

const S32_SIGN = 1 << 31;

/** Bounds that contradicted each other, and so say nothing any more. */
const isForgotten = ({ u64, s64, u32, s32 }: Scalar): boolean => {
  const { u64: anyU64, s64: anyS64, u32: anyU32, s32: anyS32 } = S.UNKNOWN;
  return u64 === anyU64 && s64 === anyS64 && u32 === anyU32 && s32 === anyS32;
};

/** What is wrong with a scalar, in words; `undefined` when nothing is. */
export const scalarFault = (a: Scalar): string | undefined => {
  if (!isWellFormed(a)) return "a bound that isn't of its width";
  if (!W.isZero(W.and(a.bits.value, a.bits.mask))) return "a bit both known and unknown";
  if (S.isEmpty(a)) return "a range whose min is above its max";
  if (!isForgotten(a) && !isWithinBits(a)) return "a range beyond its known bits";
  const single = W.equal(a.u64.min, a.u64.max);
  return single && !T.isConstant(a.bits) ? "a single number with unknown bits" : undefined;
};
