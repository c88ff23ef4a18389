import type { Family, Operation, OperationOf } from "../operation.js";

/*
 * How operations are written: a template per row of the operation table, for example `{dst} += {imm}`. The printer fills
 * a template's holes; the parser matches the same templates, so a mnemonic stands in exactly one place.
 */

/** What a hole accepts and prints. */
export type HoleKind =
  | "register" // r0..r10
  | "register32" // the low half of a register, where the dialect tells it apart
  | "value" // an expression
  | "number" // an expression without symbols; a name after `call` is a function, unless the assembler finds none
  | "displacement" // nothing, or an expression that begins with its sign
  | "target"; // a place in the code: a label, or a distance from the next slot

/** The holes of templates, each with its kind. A hole that stands twice must be filled alike. */
export const HOLES = {
  dst: "register",
  src: "register",
  dst32: "register32",
  src32: "register32",
  /** The signed 32 bits of `imm`. */
  imm: "value",
  /** The 64 bits of an LD_IMM64, or a symbol whose address a loader puts there. */
  imm64: "value",
  /** The `imm` of an LD_IMM64's first slot. */
  low: "value",
  /** The `imm` of an LD_IMM64's second slot. */
  high: "displacement",
  /** The `imm` of a packet load, added to a register. */
  more: "displacement",
  /** The `offset` of a memory operand. */
  off: "displacement",
  /** The `offset` field as a plain number. */
  module: "value",
  /** High half of `imm`: the address space cast to. */
  to: "value",
  /** Low half of `imm`: the address space cast from. */
  from: "value",
  /** Where a jump goes. */
  target: "target",
  /** Where a local call or an LD_IMM64 of a function goes. */
  function: "target",
  /** A helper's number. */
  helper: "number",
  /** A kfunc's BTF id. */
  kfunc: "number",
} as const satisfies Record<string, HoleKind>;

export type Hole = keyof typeof HOLES;

/** Families that have a text of their own; the others print as raw words. */
export type WrittenFamily = Exclude<Family, "lddw-tail" | "raw">;

/** The templates of one operation: the first is printed, all are understood. */
export type Templates = readonly [string, ...string[]];

/** The whole syntax of a dialect, complete by type: a function per family that gives an operation's templates. */
export type Syntax = { readonly [F in WrittenFamily]: (op: OperationOf<F>) => Templates };

/** The templates of `op`, or `undefined` when it has no text of its own. */
export const templatesOf = (syntax: Syntax, op: Operation): Templates | undefined => {
  if (op.family === "lddw-tail" || op.family === "raw") return undefined;
  return (syntax[op.family] as (op: Operation) => Templates)(op);
};

/** A piece of a template: text as it is, or a hole. */
export type Piece = { readonly text: string } | { readonly hole: Hole };

/** Splits a template into its pieces. */
export const piecesOf = (template: string): Piece[] =>
  template
    .split(/\{(\w+)\}/)
    .map((part, i) => (i % 2 === 0 ? { text: part } : { hole: part as Hole }))
    .filter((piece) => !("text" in piece) || piece.text !== "");
