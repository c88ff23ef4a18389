import type { Comparison, Width } from "@ebpf/asm";
import type { Cells, Step } from "./step.js";

type Build = (r: Cells, d: number, s: number, taken: number, next: number) => Step;

/** Signed and unsigned 64-bit order compare the high halves first and the low halves, unsigned, when those are equal. */
const COMPARE64: Readonly<Record<Comparison, Build>> = {
  eq: (r, d, s, taken, next) => () => (r[d] === r[s] && r[d + 1] === r[s + 1] ? taken : next),
  ne: (r, d, s, taken, next) => () => (r[d] !== r[s] || r[d + 1] !== r[s + 1] ? taken : next),
  set: (r, d, s, taken, next) => () => ((r[d]! & r[s]!) | (r[d + 1]! & r[s + 1]!) ? taken : next),
  gt: (r, d, s, taken, next) => () => (below(r, s, d) ? taken : next),
  ge: (r, d, s, taken, next) => () => (below(r, d, s) ? next : taken),
  lt: (r, d, s, taken, next) => () => (below(r, d, s) ? taken : next),
  le: (r, d, s, taken, next) => () => (below(r, s, d) ? next : taken),
  sgt: (r, d, s, taken, next) => () => (less(r, s, d) ? taken : next),
  sge: (r, d, s, taken, next) => () => (less(r, d, s) ? next : taken),
  slt: (r, d, s, taken, next) => () => (less(r, d, s) ? taken : next),
  sle: (r, d, s, taken, next) => () => (less(r, s, d) ? next : taken),
};

/** Unsigned `a < b`. */
const below = (r: Cells, a: number, b: number): boolean => {
  const highA = r[a + 1]!;
  const highB = r[b + 1]!;
  return highA === highB ? r[a]! >>> 0 < r[b]! >>> 0 : highA >>> 0 < highB >>> 0;
};

/** Signed `a < b`. */
const less = (r: Cells, a: number, b: number): boolean => {
  const highA = r[a + 1]!;
  const highB = r[b + 1]!;
  return highA === highB ? r[a]! >>> 0 < r[b]! >>> 0 : highA < highB;
};

const COMPARE32: Readonly<Record<Comparison, Build>> = {
  eq: (r, d, s, taken, next) => () => (r[d] === r[s] ? taken : next),
  ne: (r, d, s, taken, next) => () => (r[d] !== r[s] ? taken : next),
  set: (r, d, s, taken, next) => () => (r[d]! & r[s]! ? taken : next),
  gt: (r, d, s, taken, next) => () => (r[d]! >>> 0 > r[s]! >>> 0 ? taken : next),
  ge: (r, d, s, taken, next) => () => (r[d]! >>> 0 >= r[s]! >>> 0 ? taken : next),
  lt: (r, d, s, taken, next) => () => (r[d]! >>> 0 < r[s]! >>> 0 ? taken : next),
  le: (r, d, s, taken, next) => () => (r[d]! >>> 0 <= r[s]! >>> 0 ? taken : next),
  sgt: (r, d, s, taken, next) => () => (r[d]! > r[s]! ? taken : next),
  sge: (r, d, s, taken, next) => () => (r[d]! >= r[s]! ? taken : next),
  slt: (r, d, s, taken, next) => () => (r[d]! < r[s]! ? taken : next),
  sle: (r, d, s, taken, next) => () => (r[d]! <= r[s]! ? taken : next),
};

const BY_WIDTH: Readonly<Record<Width, Readonly<Record<Comparison, Build>>>> = { 32: COMPARE32, 64: COMPARE64 };

/** RFC 9669 §4.3: a conditional jump, to step `taken` or `next`. */
export const compareStep = (
  { operator, width }: { readonly operator: Comparison; readonly width: Width },
  [r, d, s]: readonly [Cells, number, number],
  taken: number,
  next: number,
): Step => BY_WIDTH[width][operator](r, d, s, taken, next);
