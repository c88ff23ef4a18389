import type { AtomicOperator, BinaryOperator, Comparison, Size, Width } from "../operation.js";
import { KFUNC_CALL, WIDE_OPERAND } from "./mnemonics.js";
import type { Syntax, Templates } from "./syntax.js";

/** The assignment that each binary operator is written as. */
export const ASSIGNMENT: Readonly<Record<BinaryOperator, string>> = {
  add: "+=",
  sub: "-=",
  mul: "*=",
  div: "/=",
  sdiv: "s/=",
  or: "|=",
  and: "&=",
  lsh: "<<=",
  rsh: ">>=",
  arsh: "s>>=",
  mod: "%=",
  smod: "s%=",
  xor: "^=",
  mov: "=",
};

export const COMPARISON: Readonly<Record<Comparison, string>> = {
  eq: "==",
  ne: "!=",
  gt: ">",
  ge: ">=",
  lt: "<",
  le: "<=",
  sgt: "s>",
  sge: "s>=",
  slt: "s<",
  sle: "s<=",
  set: "&",
};

const dstOf = (width: Width) => (width === 64 ? "{dst}" : "{dst32}");
const srcOf = (width: Width) => (width === 64 ? "{src}" : "{src32}");

/** A pointer cast as C writes it. */
export const cast = (size: Size, signed = false): string => `(${signed ? "s" : "u"}${8 * size} *)`;

/** Memory that `dst` or `src` points to. */
export const memory = (register: "dst" | "src", size: Size, signed = false): string =>
  `*${cast(size, signed)}({${register}}{off})`;

const atomic = (operator: AtomicOperator, size: Size, fetch: boolean): Templates => {
  const wide = size === 8;
  const src = wide ? "{src}" : "{src32}";
  switch (operator) {
    case "load_acquire": {
      const text = (dst: string) => `${dst} = load_acquire(${cast(size)}({src}{off}))`;
      return wide ? [text("{dst}")] : [text("{dst32}"), text("{dst}")];
    }
    case "store_release": {
      const text = (from: string) => `store_release(${cast(size)}({dst}{off}), ${from})`;
      return [text(src), text("{src}")];
    }
    case "xchg":
      return [wide ? "{src} = xchg_64({dst}{off}, {src})" : "{src32} = xchg32_32({dst}{off}, {src32})"];
    case "cmpxchg":
      return [wide ? "r0 = cmpxchg_64({dst}{off}, r0, {src})" : "w0 = cmpxchg32_32({dst}{off}, w0, {src32})"];
    default: {
      if (fetch) return [`${src} = atomic_fetch_${operator}(${cast(size)}({dst}{off}), ${src})`];
      const text = (from: string) => `lock ${memory("dst", size)} ${ASSIGNMENT[operator]} ${from}`;
      return [text(src), text("{src}")];
    }
  }
};

/**
 * The C-like text of LLVM's assembler and of clang's inline assembly, as `llvm-objdump --mcpu=v4` prints it: narrow
 * accesses name the low half of the register, `w0 = *(u8 *)(r1 + 0x8)`.
 */
export const kernelSyntax: Syntax = {
  alu: (op) => {
    const dst = dstOf(op.width);
    switch (op.operator) {
      case "neg":
        return [`${dst} = -${dst}`];
      case "movsx":
        return [`${dst} = (s${op.bits})${srcOf(op.width)}`];
      case "le":
      case "be":
      case "bswap":
        return [`{dst} = ${op.operator}${op.bits} {dst}`];
      case "addr_space_cast":
        return ["{dst} = addr_space_cast({src}, {to}, {from})"];
      default:
        return [`${dst} ${ASSIGNMENT[op.operator]} ${op.operand === "imm" ? "{imm}" : srcOf(op.width)}`];
    }
  },
  load: (op) => {
    switch (op.mode) {
      case "mem": {
        const value = memory("src", op.size, op.signed);
        return op.signed || op.size === 8 ? [`{dst} = ${value}`] : [`{dst32} = ${value}`, `{dst} = ${value}`];
      }
      case "abs":
        return [`r0 = *${cast(op.size)}skb[{imm}]`];
      case "ind":
        return [`r0 = *${cast(op.size)}skb[{src}{more}]`];
    }
  },
  store: (op) => {
    const place = memory("dst", op.size);
    if (op.operand === "imm") return [`${place} = {imm}`];
    return op.size === 8 ? [`${place} = {src}`] : [`${place} = {src32}`, `${place} = {src}`];
  },
  atomic: (op) => atomic(op.operator, op.size, op.fetch),
  jump: (op) => {
    switch (op.operator) {
      case "always":
        return [op.target === "imm" ? "gotol {target}" : "goto {target}"];
      case "may_goto":
        return ["may_goto {target}"];
      case "gotox":
        return ["gotox {dst}"];
      default: {
        const right = op.operand === "imm" ? "{imm}" : srcOf(op.width);
        return [`if ${dstOf(op.width)} ${COMPARISON[op.operator]} ${right} goto {target}`];
      }
    }
  },
  call: (op) => {
    switch (op.target) {
      case "helper":
        return ["call {helper}"];
      case "local":
        return ["call {function}"];
      case "kfunc":
        return KFUNC_CALL;
      case "register":
        return ["callx {dst}"];
    }
  },
  exit: () => ["exit"],
  lddw: (op) => {
    if (op.meaning === "value") return ["{dst} = {imm64} ll"];
    const src = op.fixed.src ?? 0;
    return [
      `{dst} = ${WIDE_OPERAND[op.meaning]}`,
      `ld_pseudo {dst}, ${src}, {imm64}`,
      `ld_pseudo {dst}, 0x${src}, {imm64}`,
    ];
  },
};
