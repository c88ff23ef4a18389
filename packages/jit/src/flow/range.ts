import { type AluOperation, type AluOperator, type Comparison, type Instruction, NEGATED } from "@ebpf/asm";

/**
 * Unsigned 64-bit numbers from `low` to `high`, `stride` apart (0 for a single number). Bounds are exact up to 2^53;
 * with a larger `high`, nothing is known of the upper end, and the stride is 1.
 */
export interface Range {
  readonly low: number;
  readonly high: number;
  readonly stride: number;
}

/** Larger than every exact bound: no bound is known. */
const UNBOUNDED = 2 ** 64;
const LARGEST_EXACT = 2 ** 53;
const WORD = 2 ** 32;

export const UNKNOWN: Range = { low: 0, high: UNBOUNDED, stride: 1 };

/** All numbers up to `high`. */
export const upTo = (high: number): Range => ({ low: 0, high, stride: high === 0 ? 0 : 1 });

/** Every zero-extended 32-bit number. */
export const ANY_WORD: Range = upTo(WORD - 1);
const HALF_WORD = 2 ** 31;

export const exactly = (value: number): Range => ({ low: value, high: value, stride: 0 });

/** Whether the high 32 bits are 0. */
export const isWord = ({ high }: Range): boolean => high < WORD;

/** Whether it is a number below 2^31, so that signed and unsigned operations on words agree. */
export const isPositiveWord = ({ high }: Range): boolean => high < HALF_WORD;

const greatestCommonDivisor = (a: number, b: number): number => (b === 0 ? a : greatestCommonDivisor(b, a % b));

/** A range from bounds of which the upper may be beyond what is exact. */
const bounded = (low: number, high: number, stride = 1): Range => {
  if (!(high < LARGEST_EXACT && low >= 0)) return UNKNOWN;
  return low === high ? exactly(low) : { low, high, stride };
};

/** The least range that holds both. */
export const union = (a: Range, b: Range): Range => {
  const stride = greatestCommonDivisor(greatestCommonDivisor(a.stride, b.stride), Math.abs(a.low - b.low));
  if (a.low <= b.low && a.high >= b.high && stride === a.stride) return a;
  return { low: Math.min(a.low, b.low), high: Math.max(a.high, b.high), stride };
};

/** The numbers of a range that lie between two bounds; `undefined` when there is none. */
export const within = (range: Range, least: number, most: number): Range | undefined => {
  const { stride } = range;
  const step = Math.max(stride, 1);
  const low = range.low >= least ? range.low : range.low + step * Math.ceil((least - range.low) / step);
  const high = range.high <= most ? range.high : low + step * Math.floor((most - low) / step);
  if (!(low <= high)) return undefined;
  return low === high ? exactly(low) : { low, high, stride: high < LARGEST_EXACT ? stride : 1 };
};

/** The sign-extended immediate. */
export const immediate = (imm: number): Range => (imm >= 0 ? exactly(imm) : UNKNOWN);

type Compute = (a: Range, b: Range, slot: Instruction) => Range;

const shiftBy = (count: number): number => 2 ** count;

/** All bits below the highest that either may have. */
const spread = (a: Range, b: Range): Range => {
  const high = Math.max(a.high, b.high);
  return high < WORD ? upTo(2 ** (32 - Math.clz32(high)) - 1) : UNKNOWN;
};

const right = (a: Range, b: Range, bits: 32 | 64): Range => {
  if (b.low !== b.high) return bounded(0, a.high);
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
  add: () => (a, b) => bounded(a.low + b.low, a.high + b.high, greatestCommonDivisor(a.stride, b.stride)),
  sub: () => (a, b) => bounded(a.low - b.high, a.high - b.low, greatestCommonDivisor(a.stride, b.stride)),
  mul: () => (a, b) => bounded(a.low * b.low, a.high * b.high, b.low === b.high ? a.stride * b.low : 1),
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
    return bounded(a.low * factor, a.high * factor, a.stride * factor);
  },
  rsh: (bits) => (a, b) => right(a, b, bits),
  arsh: (bits) => (a, b) => (a.high < (bits === 32 ? HALF_WORD : LARGEST_EXACT) ? right(a, b, bits) : UNKNOWN),
  neg: () => unknown,
  mov: () => (_a, b) => b,
  movsx:
    () =>
    (_a, b, { op }) =>
      b.high < shiftBy((op as AluOperation).bits! - 1) ? b : UNKNOWN,
  le: () => (a, _b, slot) => swapped(a, slot),
  be: () => (a, _b, slot) => swapped(a, slot),
  bswap: () => (a, _b, slot) => swapped(a, slot),
  addr_space_cast: () => () => ANY_WORD,
};

const swapped = (_a: Range, { op }: Instruction): Range => {
  const { bits } = op as AluOperation;
  return bits === 64 ? UNKNOWN : upTo(shiftBy(bits!) - 1);
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
  return a.low + imm >= 0 && a.high < LARGEST_EXACT ? { ...a, low: a.low + imm, high: a.high + imm } : UNKNOWN;
};

const UNSIGNED = { sgt: "gt", sge: "ge", slt: "lt", sle: "le" } as const;

/** Bounds that a comparison sets. */
type Bounds = readonly [least: number, most: number];

/** Bounds that leave out the one value of `other`, where that stands at the end of `range`. */
const otherThan = (range: Range, other: Range): Bounds => {
  if (other.low !== other.high) return [range.low, range.high];
  return [range.low + (range.low === other.low ? 1 : 0), range.high - (range.high === other.low ? 1 : 0)];
};

/** What bounds both operands when a comparison holds. Where bounds are unknown, arithmetic on them changes nothing. */
const HOLDS: Readonly<
  Record<"eq" | "ne" | "gt" | "ge" | "lt" | "le", (a: Range, b: Range) => readonly [Bounds, Bounds]>
> = {
  eq: (a, b) => [
    [b.low, b.high],
    [a.low, a.high],
  ],
  ne: (a, b) => [otherThan(a, b), otherThan(b, a)],
  gt: (a, b) => [
    [b.low + 1, UNBOUNDED],
    [0, a.high - 1],
  ],
  ge: (a, b) => [
    [b.low, UNBOUNDED],
    [0, a.high],
  ],
  lt: (a, b) => [
    [0, b.high - 1],
    [a.low + 1, UNBOUNDED],
  ],
  le: (a, b) => [
    [0, b.high],
    [a.low, UNBOUNDED],
  ],
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
  const [boundsA, boundsB] = HOLDS[unsigned](a, b);
  const left = within(a, ...boundsA);
  const other = within(b, ...boundsB);
  return left && other && [left, other];
};
