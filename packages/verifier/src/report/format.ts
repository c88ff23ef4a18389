import type { Tnum } from "../domain/tnum.js";
import { isConstant } from "../domain/tnum.js";
import { toBigInt } from "../domain/word.js";

/*
 * Numbers as kernel logs print them: small ones in decimal, others in hexadecimal.
 */

const UNSIGNED_DECIMAL = 0xffffn;
const SIGNED_DECIMAL = [-0x8000n, 0x7fffn] as const;

/** An unsigned 64-bit number. */
export const formatUnsigned = (value: bigint): string =>
  value <= UNSIGNED_DECIMAL ? `${value}` : `0x${value.toString(16)}`;

/** Whether a signed number is printed in decimal. */
export const isDecimal = (value: bigint): boolean => value >= SIGNED_DECIMAL[0] && value <= SIGNED_DECIMAL[1];

/** A signed 64-bit number; in hexadecimal as its two's complement. */
export const formatSigned = (value: bigint): string =>
  isDecimal(value) ? `${value}` : `0x${BigInt.asUintN(64, value).toString(16)}`;

/** A tristate number: `(0x4; 0x3)` is 4..7, a known number stands alone. */
export const formatTnum = (t: Tnum): string => {
  const value = toBigInt(t.value);
  if (isConstant(t)) return formatUnsigned(value);
  return `(0x${value.toString(16)}; 0x${toBigInt(t.mask).toString(16)})`;
};
