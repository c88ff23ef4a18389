import type { AluOperator, AtomicOperator, JumpOperator, Size, Width } from "../operation.js";
import type { Syntax } from "./syntax.js";
import { WIDE_OPERAND } from "./wide.js";

const SIZE: Readonly<Record<Size, string>> = { 1: "b", 2: "h", 4: "w", 8: "dw" };

const widthSuffix = (width: Width) => (width === 64 ? "" : "32");

/** Operators that are written as `name[32] %dst, operand`; the others have a form of their own. */
type PlainAlu = Exclude<AluOperator, "neg" | "movsx" | "le" | "be" | "bswap" | "addr_space_cast">;

const ALU: Readonly<Record<PlainAlu, string>> = {
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

const ATOMIC: Readonly<Record<AtomicOperator, string>> = {
  add: "add",
  or: "or",
  and: "and",
  xor: "xor",
  xchg: "xchg",
  cmpxchg: "cmpxchg",
  load_acquire: "load_acquire",
  store_release: "store_release",
};

const JUMP: Readonly<Record<JumpOperator, string>> = {
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
  always: "ja",
  may_goto: "may_goto",
  gotox: "gotox",
};

/** The dialect of uBPF and of the bpf_conformance tests: `add32 %r1, 5`, `ldxw %r0, [%r1+8]`. */
export const ubpfSyntax: Syntax = {
  alu: (op) => {
    const suffix = widthSuffix(op.width);
    switch (op.operator) {
      case "neg":
        return [`neg${suffix} {dst}`];
      case "movsx":
        return [`movsx${op.bits}${op.width} {dst}, {src}`];
      case "le":
      case "be":
        return [`${op.operator}${op.bits} {dst}`];
      case "bswap":
        return [`bswap${op.bits} {dst}`, `swap${op.bits} {dst}`];
      case "addr_space_cast":
        return ["addr_space_cast {dst}, {src}, {to}, {from}"];
      default: {
        const operand = op.operand === "imm" ? "{imm}" : "{src}";
        const mnemonic = ALU[op.operator];
        return [`${mnemonic}${suffix} {dst}, ${operand}`, `${mnemonic}${op.width} {dst}, ${operand}`];
      }
    }
  },
  load: (op) => {
    const size = SIZE[op.size];
    switch (op.mode) {
      case "mem":
        return [`ldx${op.signed ? "s" : ""}${size} {dst}, [{src}{off}]`];
      case "abs":
        return [`ldabs${size} {imm}`];
      case "ind":
        return [`ldind${size} {src}, {imm}`];
    }
  },
  store: (op) => [
    op.operand === "imm" ? `st${SIZE[op.size]} [{dst}{off}], {imm}` : `stx${SIZE[op.size]} [{dst}{off}], {src}`,
  ],
  atomic: (op) => {
    const mnemonic = ATOMIC[op.operator];
    if (op.operator === "load_acquire") return [`${mnemonic}${8 * op.size} {dst}, [{src}{off}]`];
    if (op.operator === "store_release") return [`${mnemonic}${8 * op.size} [{dst}{off}], {src}`];
    const fetch = op.fetch && op.operator !== "xchg" && op.operator !== "cmpxchg" ? "fetch " : "";
    return [`lock ${fetch}${mnemonic}${op.size === 8 ? "" : "32"} [{dst}{off}], {src}`];
  },
  jump: (op) => {
    const mnemonic = JUMP[op.operator];
    if (op.operator === "gotox") return [`${mnemonic} {dst}`];
    if (op.operand === "none") return [`${mnemonic}${widthSuffix(op.width)} {target}`];
    return [`${mnemonic}${widthSuffix(op.width)} {dst}, ${op.operand === "imm" ? "{imm}" : "{src}"}, {target}`];
  },
  call: (op) => {
    switch (op.target) {
      case "helper":
        return ["call {helper}", "call helper {helper}"];
      case "local":
        return ["call local {function}", "call {function}"];
      case "kfunc":
        return ["call kfunc {imm}, {module}", "call kfunc {imm}"];
      case "register":
        return ["callx {dst}", "call {dst}", "call helper {dst}"];
    }
  },
  exit: () => ["exit"],
  lddw: (op) => [op.meaning === "value" ? "lddw {dst}, {imm64}" : `lddw {dst}, ${WIDE_OPERAND[op.meaning]}`],
};
