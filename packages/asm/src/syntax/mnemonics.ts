import type { BinaryOperator, JumpOperator, WideMeaning, Width } from "../operation.js";

/*
 * What the dialects have in common. The dialects with mnemonics (gas, ubpf) share most of them, and every dialect shares
 * the forms that none of them has a tradition for.
 */

/** 64 bits go without saying. */
export const widthSuffix = (width: Width): string => (width === 64 ? "" : "32");

export const BINARY: Readonly<Record<BinaryOperator, string>> = {
  add: "add",
  sub: "sub",
  mul: "mul",
  div: "div",
  sdiv: "sdiv",
  or: "or",
  and: "and",
  lsh: "lsh",
  rsh: "rsh",
  arsh: "arsh",
  mod: "mod",
  smod: "smod",
  xor: "xor",
  mov: "mov",
};

export const JUMP: Readonly<Record<Exclude<JumpOperator, "always">, string>> = {
  eq: "jeq",
  ne: "jne",
  gt: "jgt",
  ge: "jge",
  lt: "jlt",
  le: "jle",
  sgt: "jsgt",
  sge: "jsge",
  slt: "jslt",
  sle: "jsle",
  set: "jset",
  may_goto: "may_goto",
  gotox: "gotox",
};

/** A kfunc by its BTF id and the index of its module's BTF, which is 0 for the kernel's own. */
export const KFUNC_CALL = ["call kfunc {imm}, {module}", "call kfunc {imm}"] as const;

/** The meanings of an LD_IMM64 beside a plain value, in the words of bpftool's dumps. */
export const WIDE_OPERAND: Readonly<Record<Exclude<WideMeaning, "value">, string>> = {
  map: "map[fd:{low}]{high}",
  map_value: "map[fd:{low}][0]{high}",
  ksym: "ksym[{low}]{high}",
  function: "subprog[{function}]{high}",
  map_index: "map[idx:{low}]{high}",
  map_index_value: "map[idx:{low}][0]{high}",
};
