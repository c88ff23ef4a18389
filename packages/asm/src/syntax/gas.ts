import type { AtomicOperator } from "../operation.js";
import { SIZE_SUFFIX } from "../operations.js";
import { BINARY, JUMP, KFUNC_CALL, WIDE_OPERAND, widthSuffix } from "./mnemonics.js";
import type { Syntax } from "./syntax.js";

type LockedOperator = Exclude<AtomicOperator, "load_acquire" | "store_release">;

/** Names without and with `fetch`; exchanges always fetch. */
const ATOMIC: Readonly<Record<LockedOperator, readonly [plain: string, fetching: string]>> = {
  add: ["aadd", "afadd"],
  or: ["aor", "afor"],
  and: ["aand", "afand"],
  xor: ["axor", "afxor"],
  xchg: ["axchg", "axchg"],
  cmpxchg: ["acmp", "acmp"],
};

/** GNU "normal" syntax: `add32 %r1,5`, `ldxw %r0,[%r1+8]`. What binutils has no word for is named in its spirit. */
export const gasSyntax: Syntax = {
  alu: (op) => {
    const suffix = widthSuffix(op.width);
    switch (op.operator) {
      case "neg":
        return [`neg${suffix} {dst}`];
      case "movsx":
        return [`movs${suffix} {dst},{src},${op.bits}`];
      case "le":
      case "be":
        return [`end${op.operator} {dst},${op.bits}`];
      case "bswap":
        return [`bswap {dst},${op.bits}`];
      case "addr_space_cast":
        return ["addr_space_cast {dst},{src},{to},{from}"];
      default:
        return [`${BINARY[op.operator]}${suffix} {dst},${op.operand === "imm" ? "{imm}" : "{src}"}`];
    }
  },
  load: (op) => {
    const size = SIZE_SUFFIX[op.size];
    switch (op.mode) {
      case "mem":
        return [`ldx${op.signed ? "s" : ""}${size} {dst},[{src}{off}]`];
      case "abs":
        return [`ldabs${size} {imm}`];
      case "ind":
        return [`ldind${size} {src},{imm}`];
    }
  },
  store: (op) => [
    op.operand === "imm"
      ? `st${SIZE_SUFFIX[op.size]} [{dst}{off}],{imm}`
      : `stx${SIZE_SUFFIX[op.size]} [{dst}{off}],{src}`,
  ],
  atomic: (op) => {
    if (op.operator === "load_acquire") return [`ldacq${SIZE_SUFFIX[op.size]} {dst},[{src}{off}]`];
    if (op.operator === "store_release") return [`strel${SIZE_SUFFIX[op.size]} [{dst}{off}],{src}`];
    const mnemonic = ATOMIC[op.operator][op.fetch ? 1 : 0];
    const text = `${mnemonic}${op.size === 8 ? "" : "32"} [{dst}{off}],{src}`;
    // Since version 2.41 binutils writes `aadd`; the older name is understood by all.
    return mnemonic === "aadd" ? [`xadd${SIZE_SUFFIX[op.size]} [{dst}{off}],{src}`, text] : [text];
  },
  jump: (op) => {
    if (op.operator === "always") return [op.target === "imm" ? "jal {target}" : "ja {target}"];
    if (op.operator === "gotox") return ["gotox {dst}"];
    if (op.operand === "none") return [`${JUMP[op.operator]} {target}`];
    const operand = op.operand === "imm" ? "{imm}" : "{src}";
    return [`${JUMP[op.operator]}${widthSuffix(op.width)} {dst},${operand},{target}`];
  },
  call: (op) => {
    switch (op.target) {
      case "helper":
        return ["call {helper}"];
      case "local":
        return ["call local {function}", "call {function}"];
      case "kfunc":
        return KFUNC_CALL;
      case "register":
        return ["callx {dst}", "call {dst}"];
    }
  },
  exit: () => ["exit"],
  lddw: (op) => [op.meaning === "value" ? "lddw {dst},{imm64}" : `lddw {dst},${WIDE_OPERAND[op.meaning]}`],
};
