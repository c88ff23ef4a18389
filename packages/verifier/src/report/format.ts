import { isConstant, type Tnum } from "../domain/tnum.js";
import { toBigInt } from "../domain/word.js";

const hex = (value: bigint): string => `0x${value.toString(16)}`;

/** A tristate number as kernel logs print it: `(0x4; 0x3)` is 4..7, a known number stands alone. */
export const formatTnum = (t: Tnum): string => {
  const value = toBigInt(t.value);
  if (isConstant(t)) return value === 0n ? "0" : hex(value);
  return `(${hex(value)}; ${hex(toBigInt(t.mask))})`;
};
