import { ASSIGNMENT, cast, kernelSyntax, memory } from "./kernel.js";
import type { Syntax, Templates } from "./syntax.js";

/** In logs the 64-bit atomics are called `atomic64_…`. */
const atomicName = (size: number, name: string) => `atomic${size === 8 ? "64" : ""}_${name}`;

/**
 * The text of the kernel's verifier log where it differs from LLVM's: memory operands always name whole registers, and
 * atomics have the names of the kernel's own functions.
 */
export const kernelLogSyntax: Syntax = {
  ...kernelSyntax,
  load: (op) => {
    if (op.mode === "mem") return [`{dst} = ${memory("src", op.size, op.signed)}`];
    return op.mode === "abs" ? kernelSyntax.load(op) : [`r0 = *${cast(op.size)}skb[{src} + {imm}]`];
  },
  store: (op) => [`${memory("dst", op.size)} = ${op.operand === "imm" ? "{imm}" : "{src}"}`],
  atomic: (op): Templates => {
    const place = `${cast(op.size)}({dst}{off})`;
    switch (op.operator) {
      case "load_acquire":
        return [`{dst} = load_acquire(${cast(op.size)}({src}{off}))`];
      case "store_release":
        return [`store_release(${place}, {src})`];
      case "xchg":
        return [`{src} = ${atomicName(op.size, "xchg")}(${place}, {src})`];
      case "cmpxchg":
        return [`r0 = ${atomicName(op.size, "cmpxchg")}(${place}, r0, {src})`];
      default:
        if (op.fetch) return [`{src} = ${atomicName(op.size, `fetch_${op.operator}`)}(${place}, {src})`];
        return [`lock ${memory("dst", op.size)} ${ASSIGNMENT[op.operator]} {src}`];
    }
  },
  call: (op) => (op.target === "kfunc" ? ["call {kfunc}"] : kernelSyntax.call(op)),
  lddw: () => ["{dst} = {imm64}"],
};
