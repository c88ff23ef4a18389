import { type ByteOrder, highOf, lowOf } from "@ebpf/core";
import { findOperation, type Instruction, instruction, wideInstruction } from "../instruction.js";
import type { Field, Operation, OperationOf } from "../operation.js";
import type { Hole } from "../syntax/syntax.js";
import { errorAt, type Token } from "../text/lexer.js";
import type { Capture, Match } from "../text/matcher.js";
import type { AssembledRelocation } from "./assembly.js";
import { isPrivateName, type Located, type SymbolTable, type Value } from "./symbols.js";

/** An instruction of the text whose operands are computed when all labels are known. */
export interface PendingInstruction extends Match {
  readonly section: string;
  /** Bytes from the start of the section. */
  readonly offset: number;
  readonly token: Token;
}

/** What resolving operands needs, and what it adds to. */
export interface Resolution {
  readonly symbols: SymbolTable;
  readonly helpers: (name: string) => number | undefined;
  readonly relocations: AssembledRelocation[];
}

type Fields = Record<Field, number>;

/** The fields of a slot under construction; `high` is the second slot's imm. */
interface Draft extends Fields {
  op: Operation;
  high: number;
}

const outOfRange = (token: Token, value: bigint, low: bigint, high: bigint) =>
  errorAt("OUT_OF_RANGE", token, `${value} is outside of ${low}..${high}`);

const within = (value: bigint, low: bigint, high: bigint, token: Token): number => {
  if (value < low || value > high) throw outOfRange(token, value, low, high);
  return Number(value);
};

/** 32 bits, written signed or unsigned. */
const toImm = (value: bigint, token: Token): number => within(value, -0x8000_0000n, 0xffff_ffffn, token) | 0;

const toOffset = (value: bigint, token: Token): number => within(value, -0x8000n, 0x7fffn, token);

const SLOT = 8n;

type Setter = (draft: Draft, value: Value, at: PendingInstruction, token: Token, to: Resolution) => void;

const numeric =
  (set: (draft: Draft, value: bigint, token: Token) => void): Setter =>
  (draft, value, _at, token) => {
    if (value.base !== undefined) throw undefinedSymbol(value, token);
    set(draft, value.constant, token);
  };

const undefinedSymbol = (value: Value, token: Token) =>
  value.base?.section === undefined
    ? errorAt("UNDEFINED_SYMBOL", token, `${value.base?.name ?? "."} is not defined`)
    : errorAt("SYNTAX", token, "an address can't stand here, only a plain number");

/** Slots from the one after `at` to a place in the same section. */
const distanceTo = (value: Value, at: PendingInstruction, token: Token): bigint => {
  const bytes = BigInt(value.base!.offset) + value.constant - BigInt(at.offset) - SLOT;
  if (bytes % SLOT !== 0n) throw errorAt("OUT_OF_RANGE", token, "the target is not the start of an instruction");
  return bytes / SLOT;
};

const jumpDistance = (value: Value, at: PendingInstruction, token: Token): bigint => {
  if (value.base === undefined) return value.constant;
  if (value.base.section === undefined) throw undefinedSymbol(value, token);
  if (value.base.section !== at.section) throw errorAt("OUT_OF_RANGE", token, "a jump can't leave its section");
  return distanceTo(value, at, token);
};

/** The symbol and addend that a relocation names: the symbol itself, or its section when the name is private. */
export const relocationTarget = (value: Value): { readonly symbol: string; readonly addend: bigint } => {
  const { name, section, offset } = value.base!;
  if (name !== undefined && !(section !== undefined && isPrivateName(name))) {
    return { symbol: name, addend: value.constant };
  }
  return { symbol: section!, addend: BigInt(offset) + value.constant };
};

const HELPER = findOperation("call") as OperationOf<"call">;

/** A call by name goes to a label of this section, else to a helper, else to a symbol that a linker knows. */
const setFunction: Setter = (draft, value, at, token, { helpers, relocations }) => {
  if (value.base === undefined) {
    draft.imm = within(value.constant, -0x8000_0000n, 0x7fff_ffffn, token);
    return;
  }
  if (value.base.section === at.section) {
    draft.imm = within(distanceTo(value, at, token), -0x8000_0000n, 0x7fff_ffffn, token);
    return;
  }
  const { name, section } = value.base;
  const helper = section === undefined && name !== undefined && draft.op.family === "call" ? helpers(name) : undefined;
  if (helper !== undefined) {
    draft.op = HELPER;
    draft.imm = helper;
    return;
  }
  const target = relocationTarget(value);
  if (target.addend % SLOT !== 0n)
    throw errorAt("OUT_OF_RANGE", token, "the target is not the start of an instruction");
  draft.imm = toImm(target.addend / SLOT - 1n, token);
  relocations.push({ section: at.section, offset: at.offset, kind: "call", ...target });
};

const imm = numeric((draft, value, token) => {
  draft.imm = toImm(value, token);
});

const offset = numeric((draft, value, token) => {
  draft.offset = toOffset(value, token);
});

/** What each hole that takes an expression puts into the slot. */
const SETTERS: Readonly<Record<Exclude<Hole, "dst" | "src" | "dst32" | "src32">, Setter>> = {
  imm,
  low: imm,
  more: imm,
  helper: imm,
  kfunc: imm,
  off: offset,
  module: offset,
  high: numeric((draft, value, token) => {
    draft.high = toImm(value, token);
  }),
  to: numeric((draft, value, token) => {
    draft.imm |= within(value, 0n, 0xffffn, token) << 16;
  }),
  from: numeric((draft, value, token) => {
    draft.imm |= within(value, 0n, 0xffffn, token);
  }),
  imm64: (draft, value, at, _token, { relocations }) => {
    let { constant } = value;
    if (value.base !== undefined) {
      const target = relocationTarget(value);
      relocations.push({ section: at.section, offset: at.offset, kind: "imm64", ...target });
      constant = target.addend;
    }
    draft.imm = lowOf(constant);
    draft.high = highOf(constant);
  },
  target: (draft, value, at, token) => {
    const distance = jumpDistance(value, at, token);
    if (draft.op.family === "jump" && draft.op.target === "imm") {
      draft.imm = within(distance, -0x8000_0000n, 0x7fff_ffffn, token);
    } else {
      draft.offset = toOffset(distance, token);
    }
  },
  function: setFunction,
};

const REGISTER_FIELD: Readonly<Partial<Record<Hole, Field>>> = { dst: "dst", dst32: "dst", src: "src", src32: "src" };

const fill = (draft: Draft, hole: Hole, capture: Capture, at: PendingInstruction, to: Resolution): void => {
  if (capture.kind === "register") {
    draft[REGISTER_FIELD[hole]!] = capture.index;
    return;
  }
  const value = to.symbols.evaluate(capture.value, capture.token);
  SETTERS[hole as keyof typeof SETTERS](draft, value, at, capture.token, to);
};

/**
 * Computes the operands of an instruction.
 *
 * @returns its one or two slots.
 * @throws AsmError `OUT_OF_RANGE`, `UNDEFINED_SYMBOL` or `SYNTAX` at the operand that has no such value.
 */
export const resolveInstruction = (at: PendingInstruction, to: Resolution): Instruction[] => {
  const fixed = at.op.fixed;
  const draft: Draft = {
    op: at.op,
    dst: fixed.dst ?? 0,
    src: fixed.src ?? 0,
    offset: fixed.offset ?? 0,
    imm: fixed.imm ?? 0,
    high: 0,
  };
  for (const [hole, capture] of at.captures) fill(draft, hole, capture, at, to);
  const { op, high, ...fields } = draft;
  if (op.family === "lddw") return wideInstruction(op, fields.dst, fields.imm, high);
  return [instruction(op, op === at.op ? fields : { imm: fields.imm })];
};

/** Bytes of the text whose value is computed when all labels are known. */
export interface PendingValue extends Located {
  readonly section: string;
  readonly offset: number;
  /** 1, 2, 4 or 8 bytes. */
  readonly size: number;
}

/**
 * Computes a data value and writes it into its section; an address becomes a relocation, with its addend in place.
 *
 * @throws AsmError `OUT_OF_RANGE` when the value does not fit, `SYNTAX` when an address can't be stored in so few bytes.
 */
export const writeValue = (at: PendingValue, to: Resolution, section: DataView, order: ByteOrder): void => {
  const value = to.symbols.evaluate(at.value, at.token);
  let { constant } = value;
  if (value.base !== undefined) {
    if (at.size < 4) throw errorAt("SYNTAX", at.token, "an address needs 4 or 8 bytes");
    const target = relocationTarget(value);
    to.relocations.push({ section: at.section, offset: at.offset, kind: at.size === 4 ? "abs32" : "abs64", ...target });
    constant = target.addend;
  }
  const bits = BigInt(8 * at.size);
  within(constant, -(1n << (bits - 1n)), (1n << bits) - 1n, at.token);
  for (let i = 0; i < at.size; i++) {
    const byte = Number(BigInt.asUintN(8, constant >> BigInt(8 * i)));
    section.setUint8(at.offset + (order === "little" ? i : at.size - 1 - i), byte);
  }
};
