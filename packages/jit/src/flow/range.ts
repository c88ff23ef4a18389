import type { AluOperation, AluOperator, Comparison, Instruction } from "@ebpf/asm";

/**
 * Unsigned 64-bit numbers from `low` to `high`. Bounds are exact up to 2^53; a range with a larger `high` is `UNKNOWN`.
 */
export interface Range {
  readonly low: number;
  readonly high: number;
}

/** Larger than every exact bound: no bound is known. */
const UNBOUNDED = 2 ** 64;
const LARGEST_EXACT = 2 ** 53;
const WORD = 2 ** 32;

export const UNKNOWN: Range = { low: 0, high: UNBOUNDED };
/** Every zero-extended 32-bit number. */
export const ANY_WORD: Range = { low: 0, high: WORD - 1 };
const HALF_WORD = 2 ** 31;

export const exactly = (value: number): Range => ({ low: value, high: value });

/** Whether the high 32 bits are 0. */
export const isWord = ({ high }: Range): boolean => high < WORD;

/** Whether it is a number below 2^31, so that signed and unsigned operations on words agree. */
export const isPositiveWord = ({ high }: Range): boolean => high < HALF_WORD;

/** A range from bounds of which the upper may be beyond what is exact. */
const bounded = (low: number, high: number): Range => (high < LARGEST_EXACT && low >= 0 ? { low, high } : UNKNOWN);

/** The least range that holds both. */
export const union = (a: Range, b: Range): Range => {
  if (a.low <= b.low && a.high >= b.high) return a;
  return { low: Math.min(a.low, b.low), high: Math.max(a.high, b.high) };
};

/** What both hold; `undefined` when that is nothing. */
export const intersection = (a: Range, b: Range): Range | undefined => {
  const low = Math.max(a.low, b.low);
  const high = Math.min(a.high, b.high);
  return low <= high ? { low, high } : undefined;
};

/** The sign-extended immediate. */
export const immediate = (imm: number): Range => (imm >= 0 ? exactly(imm) : UNKNOWN);

type Compute = (a: Range, b: Range, slot: Instruction) => Range;

const shiftBy = (count: number): number => 2 ** count;

/** All bits below the highest that either may have. */
const spread = (a: Range, b: Range): Range => {
  const high = Math.max(a.high, b.high);
  return high < WORD ? { low: 0, high: 2 ** (32 - Math.clz32(high)) - 1 } : UNKNOWN;
};

const right = (a: Range, b: Range, bits: 32 | 64): Range => {
  if (b.low !== b.high) return { low: 0, high: a.high };
  const divisor = shiftBy(b.low % bits);
  // Of an unknown number 64 - n bits remain.
  const high = a.high >= LARGEST_EXACT ? UNBOUNDED / divisor - 1 : Math.floor(a.high / divisor);
  return bounded(Math.floor(a.low / divisor), high);
};

const unknown: Compute = () => UNKNOWN;

/**
 * Bounds of what an operation gives, by its operator. Sound: each row bounds the exact result for all operands within
 * bounds, or says that nothing is known where the result could wrap.
 */
const BOUNDS: Readonly<Record<AluOperator, (bits: 32 | 64) => Compute>> = {
  add: () => (a, b) => bounded(a.low + b.low, a.high + b.high),
  sub: () => (a, b) => bounded(a.low - b.high, a.high - b.low),
  mul: () => (a, b) => bounded(a.low * b.low, a.high * b.high),
  // Division by zero gives zero.
  div: () => (a, b) => bounded(0, b.low === 0 ? a.high : Math.floor(a.high / b.low)),
  // A remainder by zero is the dividend.
  mod: () => (a, b) => bounded(0, b.low === 0 ? a.high : Math.min(a.high, b.high - 1)),
  sdiv: () => unknown,
  smod: () => unknown,
  or: () => spread,
  xor: () => spread,
  and: () => (a, b) => bounded(0, Math.min(a.high, b.high)),
  lsh: (bits) => (a, b) => {
    if (b.low !== b.high) return UNKNOWN;
    const factor = shiftBy(b.low % bits);
    return bounded(a.low * factor, a.high * factor);
  },
  rsh: (bits) => (a, b) => right(a, b, bits),
  arsh: (bits) => (a, b) => (a.high < (bits === 32 ? HALF_WORD : LARGEST_EXACT) ? right(a, b, bits) : UNKNOWN),
  neg: () => unknown,
  mov: () => (_a, b) => b,
  movsx: () => (_a, b, { op }) => (b.high < shiftBy((op as AluOperation).bits! - 1) ? b : UNKNOWN),
  le: () => (a, _b, slot) => swapped(a, slot),
  be: () => (a, _b, slot) => swapped(a, slot),
  bswap: () => (a, _b, slot) => swapped(a, slot),
  addr_space_cast: () => () => ANY_WORD,
};

const swapped = (_a: Range, { op }: Instruction): Range => {
  const { bits } = op as AluOperation;
  return bits === 64 ? UNKNOWN : { low: 0, high: shiftBy(bits!) - 1 };
};

const lowWord = (range: Range): Range => (isWord(range) ? range : ANY_WORD);

/** Bounds of what an ALU instruction leaves in its destination. `a` is the destination before, `b` the source register. */
export const computeRange = (slot: Instruction, op: AluOperation, a: Range, b: Range): Range => {
  const { operator, width, operand } = op;
  // Byte swaps of 64 bits stand in the 32-bit class.
  if (width === 32 && op.bits !== 64) {
    const source = operand === "imm" ? exactly(slot.imm >>> 0) : lowWord(b);
    return lowWord(decrement(slot, op, lowWord(a)) ?? BOUNDS[operator](32)(lowWord(a), source, slot));
  }
  const source = operand === "imm" ? immediate(slot.imm) : b;
  return decrement(slot, op, a) ?? BOUNDS[operator](64)(a, source, slot);
};

/** Compilers subtract by adding a negative number. */
const decrement = ({ imm }: Instruction, { operator, operand }: AluOperation, a: Range): Range | undefined => {
  if (operator !== "add" || operand !== "imm" || imm >= 0) return undefined;
  return a.low + imm >= 0 && a.high < LARGEST_EXACT ? { low: a.low + imm, high: a.high + imm } : UNKNOWN;
};

/** The comparison that holds when the given one does not. */
const NEGATED = {
  eq: "ne",
  ne: "eq",
  gt: "le",
  le: "gt",
  ge: "lt",
  lt: "ge",
  sgt: "sle",
  sle: "sgt",
  sge: "slt",
  slt: "sge",
} as const satisfies Partial<Record<Comparison, Comparison>>;

const UNSIGNED = { sgt: "gt", sge: "ge", slt: "lt", sle: "le" } as const;

/** Cuts a value off at the end of a range. */
const without = (range: Range, value: number): Range => ({
  low: range.low === value ? value + 1 : range.low,
  high: range.high === value ? value - 1 : range.high,
});

/** What holds of both operands when a comparison does. Where bounds are unknown, arithmetic on them changes nothing. */
const HOLDS: Readonly<Record<"eq" | "ne" | "gt" | "ge" | "lt" | "le", (a: Range, b: Range) => readonly [Range, Range]>> =
  {
    eq: (a, b) => [b, a],
    ne: (a, b) => [b.low === b.high ? without(a, b.low) : a, a.low === a.high ? without(b, a.low) : b],
    gt: (a, b) => [{ low: b.low + 1, high: UNBOUNDED }, { low: 0, high: a.high - 1 }],
    ge: (a, b) => [{ low: b.low, high: UNBOUNDED }, { low: 0, high: a.high }],
    lt: (a, b) => [{ low: 0, high: b.high - 1 }, { low: a.low + 1, high: UNBOUNDED }],
    le: (a, b) => [{ low: 0, high: b.high }, { low: a.low, high: UNBOUNDED }],
  };

/**
 * What is known of both operands once the comparison went this way; `undefined` when it can't go this way.
 *
 * Signed comparisons are read as unsigned ones where no operand can be negative, 32-bit ones as 64-bit ones where both
 * operands are zero-extended.
 */
export const refineRanges = (
  { operator, width }: { readonly operator: Comparison; readonly width: 32 | 64 },
  [a, b]: readonly [Range, Range],
  outcome: boolean,
): readonly [Range, Range] | undefined => {
  if (operator === "set" || (width === 32 && !(isWord(a) && isWord(b)))) return [a, b];
  const holding = outcome ? operator : NEGATED[operator];
  const isSigned = holding in UNSIGNED;
  const limit = width === 32 ? HALF_WORD : LARGEST_EXACT;
  if (isSigned && !(a.high < limit && b.high < limit)) return [a, b];
  const unsigned = isSigned ? UNSIGNED[holding as keyof typeof UNSIGNED] : (holding as keyof typeof HOLDS);
  const [restA, restB] = HOLDS[unsigned](a, b);
  const left = intersection(a, restA);
  const rightSide = intersection(b, restB);
  return left && rightSide && [left, rightSide];
};
