import type { Operation } from "../operation.js";

/** How numbers are written. */
export type NumberStyle = "hex" | "decimal";

/** How a dialect writes what fills the holes of its templates. */
export interface Style {
  /** Before the number of a register. */
  readonly register: string;
  readonly numbers: NumberStyle;
  /** The `imm` of an operation. */
  imm(op: Operation, value: number, numbers: NumberStyle): string;
  /** The 64 bits of an LD_IMM64, signed. */
  imm64(value: bigint, numbers: NumberStyle): string;
  /** What is added to an address. */
  displacement(value: number, numbers: NumberStyle): string;
  /** Where a jump goes, in slots from the next one. */
  distance(value: number, numbers: NumberStyle): string;
  /** Where a local call goes, in slots from the next one. */
  callDistance(value: number, numbers: NumberStyle): string;
  /** A helper or kfunc by number, and its name where that is known. */
  callee(id: number, name: string | undefined, numbers: NumberStyle): string;
}

/** A signed number, with its sign in front of the base's prefix: `-0x5`. */
export const numberText = (value: number | bigint, numbers: NumberStyle): string => {
  if (numbers === "decimal") return `${value}`;
  return value < 0 ? `-0x${(-value).toString(16)}` : `0x${value.toString(16)}`;
};

/** A number that never goes without its sign: `+0x5`. */
const signed = (value: number, numbers: NumberStyle) => `${value < 0 ? "" : "+"}${numberText(value, numbers)}`;

/** What the dialects with mnemonics agree on; they leave out a displacement of nothing in different ways. */
const mnemonicStyle: Style = {
  register: "%r",
  numbers: "decimal",
  imm: (_op, value, numbers) => numberText(value, numbers),
  imm64: (value) => numberText(BigInt.asUintN(64, value), "hex"),
  displacement: signed,
  distance: signed,
  callDistance: signed,
  callee: (id, _name, numbers) => numberText(id, numbers),
};

/** uBPF's: a displacement of nothing is left out, and a helper's name is a comment. */
export const ubpfStyle: Style = {
  ...mnemonicStyle,
  displacement: (value, numbers) => (value === 0 ? "" : signed(value, numbers)),
  callee: (id, name, numbers) => `${numberText(id, numbers)}${name === undefined ? "" : ` # ${name}`}`,
};

/** GNU's: `[%r1+-8]` is the only form of a negative displacement that older versions of `bpf-as` read. */
export const gasStyle: Style = {
  ...mnemonicStyle,
  imm64: (value, numbers) => numberText(value, numbers),
  displacement: (value, numbers) => `+${numberText(value, numbers)}`,
  distance: numberText,
  callDistance: numberText,
};

/** LLVM's. */
export const kernelStyle: Style = {
  register: "",
  numbers: "hex",
  imm: (_op, value, numbers) => numberText(value, numbers),
  imm64: (value, numbers) => numberText(value, numbers),
  displacement: (value, numbers) => ` ${value < 0 ? "-" : "+"} ${numberText(Math.abs(value), numbers)}`,
  distance: signed,
  callDistance: (value, numbers) => `pc${signed(value, numbers)}`,
  callee: (id, name, numbers) => (name === undefined ? numberText(id, numbers) : `${name}#${id}`),
};

/** The kernel's own, which says some numbers in decimal and some in hexadecimal, whatever is asked for. */
export const kernelLogStyle: Style = {
  ...kernelStyle,
  imm: (op, value) => (op.family === "jump" ? `0x${(value >>> 0).toString(16)}` : `${value}`),
  imm64: (value) => numberText(BigInt.asUintN(64, value), "hex"),
  displacement: (value) => ` ${signed(value, "decimal")}`,
  distance: (value) => `pc${signed(value, "decimal")}`,
  callDistance: (value) => `pc${signed(value, "decimal")}`,
  callee: (id, name) => `${name ?? "unknown"}#${id}`,
};
