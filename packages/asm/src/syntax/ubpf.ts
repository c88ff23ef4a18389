import { SIZE_SUFFIX } from "../operations.js";
import { BINARY, JUMP, KFUNC_CALL, WIDE_OPERAND, widthSuffix } from "./mnemonics.js";
import type { Syntax } from "./syntax.js";

/** The dialect of uBPF and of the bpf_conformance tests: `add32 %r1, 5`, `ldxw %r0, [%r1+8]`. */
export const ubpfSyntax: Syntax = {
  alu: (op) => {
    const suffix = widthSuffix(op.width);
    switch (op.operator) {
      case "neg":
        return [`neg${suffix} {dst}`, `neg${op.width} {dst}`];
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
        const mnemonic = BINARY[op.operator];
        return [`${mnemonic}${suffix} {dst}, ${operand}`, `${mnemonic}${op.width} {dst}, ${operand}`];
      }
    }
  },
  load: (op) => {
    const size = SIZE_SUFFIX[op.size];
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
    op.operand === "imm"
      ? `st${SIZE_SUFFIX[op.size]} [{dst}{off}], {imm}`
      : `stx${SIZE_SUFFIX[op.size]} [{dst}{off}], {src}`,
  ],
  atomic: (op) => {
    const suffix = op.size === 8 ? "" : "32";
    switch (op.operator) {
      case "load_acquire":
        return [`load_acquire${8 * op.size} {dst}, [{src}{off}]`];
      case "store_release":
        return [`store_release${8 * op.size} [{dst}{off}], {src}`];
      case "xchg":
      case "cmpxchg":
        return [`lock ${op.operator}${suffix} [{dst}{off}], {src}`];
      default:
        return [`lock ${op.fetch ? "fetch " : ""}${op.operator}${suffix} [{dst}{off}], {src}`];
    }
  },
  jump: (op) => {
    const suffix = widthSuffix(op.width);
    if (op.operator === "always") return [`ja${suffix} {target}`];
    if (op.operator === "gotox") return ["gotox {dst}"];
    if (op.operand === "none") return [`${JUMP[op.operator]} {target}`];
    return [`${JUMP[op.operator]}${suffix} {dst}, ${op.operand === "imm" ? "{imm}" : "{src}"}, {target}`];
  },
  call: (op) => {
    switch (op.target) {
      case "helper":
        return ["call {helper}", "call helper {helper}"];
      case "local":
        return ["call local {function}", "call {function}"];
      case "kfunc":
        return KFUNC_CALL;
      case "register":
        return ["callx {dst}", "call {dst}", "call helper {dst}"];
    }
  },
  exit: () => ["exit"],
  lddw: (op) => [op.meaning === "value" ? "lddw {dst}, {imm64}" : `lddw {dst}, ${WIDE_OPERAND[op.meaning]}`],
};
