import { highOf, joinHalves, joinHalvesSigned, lowOf } from "@ebpf/core";
import type { Cells } from "./cells.js";
import type { Action } from "./code.js";

const DIVISIONS = {
  div: (a: bigint, b: bigint) => (b === 0n ? 0n : a / b),
  mod: (a: bigint, b: bigint) => (b === 0n ? a : a % b),
} as const;

const signed32 = (low: number): bigint => BigInt(low);

/** RFC 9669 §4.1: `div64` and `mod64` on numbers that need all of their bits, and the signed ones. */
export const divisionAction = (
  operator: "div" | "mod" | "sdiv" | "smod",
  width: 32 | 64,
  [r, d, s]: readonly [Cells, number, number],
  next: number,
): Action => {
  const divide = DIVISIONS[operator === "div" || operator === "sdiv" ? "div" : "mod"];
  const read = operator === "div" || operator === "mod" ? joinHalves : width === 64 ? joinHalvesSigned : signed32;
  return () => {
    const result = divide(read(r[d]!, r[d + 1]!), read(r[s]!, r[s + 1]!));
    r[d] = lowOf(result);
    r[d + 1] = width === 64 ? highOf(result) : 0;
    return next;
  };
};
