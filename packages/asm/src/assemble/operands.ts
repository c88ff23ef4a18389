import { highOf, lowOf } from "@ebpf/core";
import { findOperation, type Instruction, instruction, wideInstruction } from "../instruction.js";
import type { Field, Operation } from "../operation.js";
import type { Hole } from "../syntax/syntax.js";
import type { Capture } from "../text/capture.js";
import { errorAt, type Token } from "../text/lexer.js";
import type { Match } from "../text/matcher.js";
import { notKnown, type Resolution, relocate, type Site, within } from "./resolution.js";
import type { Value } from "./symbols.js";

/** An instruction of the text whose operands are computed when all labels are known. */
export interface PendingInstruction extends Match, Site {
  readonly token: Token;
}

/** The fields of a slot under construction; `high` is the second slot's imm. */
interface Draft extends Record<Field, number> {
  op: Operation;
  high: number;
}

/** One operand to put into the draft. */
interface Operand {
  readonly value: Value;
  readonly token: Token;
  readonly at: Site;
  readonly to: Resolution;
}

type Setter = (draft: Draft, operand: Operand) => void;

const plainNumber = ({ value, token }: Operand): bigint => {
  if (value.base !== undefined) throw notKnown(value, token);
  return value.constant;
};

/** 32 bits, written signed or unsigned. */
const imm32 = (value: bigint, token: Token): number => within(value, -0x8000_0000n, 0xffff_ffffn, token) | 0;

const setImm: Setter = (draft, operand) => {
  draft.imm = imm32(plainNumber(operand), operand.token);
};

const setOffset: Setter = (draft, operand) => {
  draft.offset = within(plainNumber(operand), -0x8000n, 0x7fffn, operand.token);
};

const SLOT = 8n;

const wholeSlots = (bytes: bigint, token: Token): bigint => {
  if (bytes % SLOT !== 0n) throw errorAt("OUT_OF_RANGE", token, "the target is not the start of an instruction");
  return bytes / SLOT;
};

/** Slots from the next one to a target, which is a distance already when it is a plain number. */
const distanceTo = ({ value, token, at }: Operand): bigint => {
  if (value.base === undefined) return value.constant;
  if (value.base.section === undefined) throw notKnown(value, token);
  if (value.base.section !== at.section) throw errorAt("OUT_OF_RANGE", token, "a jump can't leave its section");
  return wholeSlots(BigInt(value.base.offset - at.offset) + value.constant, token) - 1n;
};

const setDistance = (draft: Draft, field: "offset" | "imm", operand: Operand): void => {
  const limit = field === "imm" ? 0x8000_0000n : 0x8000n;
  draft[field] = within(distanceTo(operand), -limit, limit - 1n, operand.token);
};

const HELPER_CALL = findOperation("call")!;

/** A call by name goes to a label of this section, else to a helper, else to a symbol that a linker knows. */
const setFunction: Setter = (draft, operand) => {
  const { value, token, at, to } = operand;
  const { base } = value;
  if (base === undefined || base.section === at.section || draft.op.family !== "call") {
    setDistance(draft, "imm", operand);
    return;
  }
  const isName = base.section === undefined && base.name !== undefined && value.constant === 0n;
  const helper = isName ? to.helpers(base.name) : undefined;
  if (helper !== undefined) {
    draft.op = HELPER_CALL;
    draft.src = 0;
    draft.imm = imm32(BigInt(helper), token);
    return;
  }
  draft.imm = imm32(wholeSlots(relocate(at, "call", value, operand), token) - 1n, token);
};

const setImm64: Setter = (draft, operand) => {
  const { value, at } = operand;
  const bits = value.base === undefined ? value.constant : relocate(at, "imm64", value, operand);
  draft.imm = lowOf(bits);
  draft.high = highOf(bits);
};

/** What each hole that takes an expression puts into the slot. */
const SETTERS: Readonly<Record<Exclude<Hole, "dst" | "src" | "dst32" | "src32">, Setter>> = {
  imm: setImm,
  low: setImm,
  more: setImm,
  helper: setImm,
  kfunc: setImm,
  off: setOffset,
  module: setOffset,
  high: (draft, operand) => {
    draft.high = imm32(plainNumber(operand), operand.token);
  },
  to: (draft, operand) => {
    draft.imm |= within(plainNumber(operand), 0n, 0xffffn, operand.token) << 16;
  },
  from: (draft, operand) => {
    draft.imm |= within(plainNumber(operand), 0n, 0xffffn, operand.token);
  },
  imm64: setImm64,
  target: (draft, operand) => {
    const isLong = draft.op.family === "jump" && draft.op.target === "imm";
    setDistance(draft, isLong ? "imm" : "offset", operand);
  },
  function: setFunction,
};

const fill = (draft: Draft, hole: Hole, capture: Capture, at: Site, to: Resolution): void => {
  if (capture.kind === "register") {
    draft[hole === "dst" || hole === "dst32" ? "dst" : "src"] = capture.index;
    return;
  }
  const { token } = capture;
  SETTERS[hole as keyof typeof SETTERS](draft, { value: to.symbols.evaluate(capture.value, token), token, at, to });
};

/**
 * Computes the operands of an instruction.
 *
 * @returns its one or two slots.
 * @throws AsmError `OUT_OF_RANGE`, `UNDEFINED_SYMBOL` or `SYNTAX` at the operand that has no such value.
 */
export const resolveInstruction = (pending: PendingInstruction, to: Resolution): Instruction[] => {
  const draft: Draft = { op: pending.op, dst: 0, src: 0, offset: 0, imm: 0, high: 0, ...pending.op.fixed };
  for (const [hole, capture] of pending.captures) fill(draft, hole, capture, pending, to);
  const { op, high, ...operands } = draft;
  return op.family === "lddw" ? wideInstruction(op, operands.dst, operands.imm, high) : [instruction(op, operands)];
};
