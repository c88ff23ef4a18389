import type { Comparison } from "./operation.js";

/** The comparison that holds when the given one does not. There is none for `set`. */
export const NEGATED: Readonly<Record<Exclude<Comparison, "set">, Exclude<Comparison, "set">>> = {
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
};

/** The comparison that holds for (b, a) when the given one holds for (a, b). */
export const FLIPPED: Readonly<Record<Comparison, Comparison>> = {
  eq: "eq",
  ne: "ne",
  set: "set",
  gt: "lt",
  lt: "gt",
  ge: "le",
  le: "ge",
  sgt: "slt",
  slt: "sgt",
  sge: "sle",
  sle: "sge",
};
