import { type ByteOrder, joinHalvesSigned } from "@ebpf/core";
import { encode } from "../codec.js";
import { AsmError } from "../errors.js";
import { type Instruction, targetOf } from "../instruction.js";
import type { Field, Operation } from "../operation.js";
import { OPERATIONS } from "../operations.js";
import type { DialectName } from "../syntax/dialect.js";
import { gasSyntax } from "../syntax/gas.js";
import { kernelSyntax } from "../syntax/kernel.js";
import { kernelLogSyntax } from "../syntax/kernel-log.js";
import { type Hole, piecesOf, type Syntax, templatesOf } from "../syntax/syntax.js";
import { ubpfSyntax } from "../syntax/ubpf.js";
import { gasStyle, kernelLogStyle, kernelStyle, type NumberStyle, type Style, ubpfStyle } from "./style.js";

/** The dialects, and the text of kernel logs: `(b7) r1 = 1`, which leaves out what a log doesn't show. */
export type FormatDialect = DialectName | "kernel-log";

/** How one instruction is written. */
export interface FormatOptions {
  readonly dialect: FormatDialect;
  /** Each dialect has its own habit when not given; kernel logs never ask. */
  readonly numbers?: NumberStyle;
  /** Byte order of raw words; `little` when not given. */
  readonly order?: ByteOrder;
  /** The label at a pc that a jump or local call goes to, instead of a distance. */
  readonly label?: (pc: number) => string | undefined;
  /** The symbol that a relocation puts into the instruction at a pc, which is written instead of an address. */
  readonly relocation?: (pc: number) => string | undefined;
  /** Written beside a helper's number. */
  readonly helperName?: (id: number) => string | undefined;
  /** Written beside a kfunc's BTF id, in kernel logs only. */
  readonly kfuncName?: (id: number) => string | undefined;
}

/** What each kind of text is printed with. */
const WRITERS: Readonly<Record<FormatDialect, { readonly syntax: Syntax; readonly style: Style }>> = {
  kernel: { syntax: kernelSyntax, style: kernelStyle },
  "kernel-log": { syntax: kernelLogSyntax, style: kernelLogStyle },
  gas: { syntax: gasSyntax, style: gasStyle },
  ubpf: { syntax: ubpfSyntax, style: ubpfStyle },
};

/** One instruction about to be written. */
interface Site {
  readonly slot: Instruction;
  /** The second slot's imm. */
  readonly high: number;
  readonly pc: number;
  readonly style: Style;
  readonly numbers: NumberStyle;
  readonly options: FormatOptions;
}

const register =
  (field: "dst" | "src", low: boolean) =>
  ({ slot, style }: Site) =>
    `${style.register || (low ? "w" : "r")}${slot[field]}`;

const imm = ({ slot, style, numbers }: Site) => style.imm(slot.op, slot.imm, numbers);

const optional = (value: number, { style, numbers }: Site) => (value === 0 ? "" : style.displacement(value, numbers));

const plain = (value: number, { style, slot, numbers }: Site) => style.imm(slot.op, value, numbers);

const destination = (site: Site, distance: (value: number, numbers: NumberStyle) => string): string => {
  const { slot, pc, options, numbers } = site;
  const target = targetOf(slot, pc)!;
  return options.label?.(target) ?? distance(target - pc - 1, numbers);
};

/** The value of an LD_IMM64, or the symbol whose address comes there and what is added to it. */
const wideValue = ({ slot, high, pc, style, numbers, options }: Site): string => {
  const value = joinHalvesSigned(slot.imm, high);
  const symbol = options.relocation?.(pc);
  if (symbol === undefined) return style.imm64(value, numbers);
  // What a log shows is the sum already.
  if (options.dialect === "kernel-log") return symbol;
  return value === 0n ? symbol : `${symbol}${value < 0n ? "" : "+"}${value}`;
};

const localCallee = (site: Site): string => {
  const symbol = site.slot.imm === -1 ? site.options.relocation?.(site.pc) : undefined;
  return symbol ?? destination(site, site.style.callDistance);
};

/** What fills each hole. */
const FILL: Readonly<Record<Hole, (site: Site) => string>> = {
  dst: register("dst", false),
  src: register("src", false),
  dst32: register("dst", true),
  src32: register("src", true),
  imm,
  low: imm,
  imm64: wideValue,
  high: (site) => optional(site.high, site),
  more: (site) => optional(site.slot.imm, site),
  off: ({ slot, style, numbers }) => style.displacement(slot.offset, numbers),
  module: (site) => plain(site.slot.offset, site),
  to: (site) => plain(site.slot.imm >>> 16, site),
  from: (site) => plain(site.slot.imm & 0xffff, site),
  target: (site) => destination(site, site.style.distance),
  function: localCallee,
  helper: ({ slot, style, numbers, options }) => style.callee(slot.imm, options.helperName?.(slot.imm), numbers),
  kfunc: ({ slot, style, numbers, options }) => style.callee(slot.imm, options.kfuncName?.(slot.imm), numbers),
};

const rawWord = (slot: Instruction, order: ByteOrder): string => {
  const bytes = encode([slot], order);
  const word = new DataView(bytes.buffer).getBigUint64(0, order === "little");
  return `.quad 0x${word.toString(16).padStart(16, "0")}`;
};

/** What a log shows of a slot that is no known operation: the kernel looks at the opcode and not at reserved fields. */
const looksLike = (slot: Instruction): Operation => {
  const rows = OPERATIONS.filter((op) => op.opcode === slot.opcode);
  const agrees = (op: Operation) => Object.entries(op.fixed).every(([field, value]) => slot[field as Field] === value);
  return rows.find(agrees) ?? rows[0] ?? slot.op;
};

/**
 * Writes the instruction at `pc` as text: one line, without its label. A slot that is no known operation, or half of an
 * LD_IMM64, is written as a raw word.
 *
 * @param instructions the program, because an LD_IMM64 takes two slots of it
 * @throws AsmError `OUT_OF_RANGE` when the program has no such pc.
 */
export const formatInstruction = (instructions: readonly Instruction[], pc: number, options: FormatOptions): string => {
  const slot = instructions[pc];
  if (slot === undefined) throw new AsmError("OUT_OF_RANGE", `the program has no pc ${pc}`, { text: `${pc}` });
  const next = instructions[pc + 1];
  const { syntax, style } = WRITERS[options.dialect];
  const isLog = options.dialect === "kernel-log";
  const op = isLog && slot.op.family === "raw" ? looksLike(slot) : slot.op;
  const template = templatesOf(syntax, op)?.[0];
  if (template === undefined || (op.family === "lddw" && next?.op.family !== "lddw-tail")) {
    return rawWord(slot, options.order ?? "little");
  }
  const high = op.family === "lddw" ? next!.imm : 0;
  const site: Site = { slot: { ...slot, op }, high, pc, style, numbers: options.numbers ?? style.numbers, options };
  const text = piecesOf(template)
    .map((piece) => ("text" in piece ? piece.text : FILL[piece.hole](site)))
    .join("");
  return isLog ? `(${slot.opcode.toString(16).padStart(2, "0")}) ${text}` : text;
};
