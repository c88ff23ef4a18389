import type { AluOperation, Instruction, Size } from "@ebpf/asm";
import { type ProgramHost, wordsOf } from "@ebpf/runtime";
import type { Bulk, Step } from "../cfg/graph.js";

/** How much of a register is read: nothing, its low 32 bits, or all of it. */
export const DEMAND = { none: 0, low: 1, full: 2 } as const;
export type Demand = (typeof DEMAND)[keyof typeof DEMAND];

/** Told about a register that an instruction reads, and how much of it. */
export type OnRead = (register: number, demand: Demand) => void;

/** Operators whose low 32 bits follow from the low 32 bits of both operands. */
const LOW_FROM_LOW: ReadonlySet<string> = new Set(["add", "sub", "mul", "or", "and", "xor", "neg", "mov"]);

/** Whether the low word of what an operation gives follows from the low words of its operands, with 32-bit operations. */
export const lowFollowsFromLow = ({ operator, operand }: AluOperation, imm: number): boolean =>
  LOW_FROM_LOW.has(operator) || (operator === "lsh" && operand === "imm" && imm < 32);

/**
 * The register that a step writes, or -1. Calls write r0 and leave r1..r5 without a value, which `isCall` tells.
 */
export const writtenBy = ({ slot, base }: Step): number => {
  const { op } = slot;
  switch (op.family) {
    case "alu":
    case "lddw":
      return slot.dst;
    case "load":
      return op.mode === "mem" ? slot.dst : base;
    case "atomic":
      if (op.operator === "load_acquire") return slot.dst;
      if (!op.fetch) return -1;
      return op.operator === "cmpxchg" ? base : slot.src;
    case "call":
      return base;
    default:
      return -1;
  }
};

/**
 * Whether a step does nothing but write its register. Loads of verified programs never fault; the address of a kernel
 * symbol does, because runtimes have none.
 */
export const isPure = ({ slot: { op }, bulk }: Step): boolean =>
  (op.family === "alu" && bulk === undefined) ||
  (op.family === "lddw" && op.meaning !== "ksym") ||
  (op.family === "load" && op.mode === "mem");

const ofStored = (size: Size): Demand => (size === 8 ? DEMAND.full : DEMAND.low);

const readByJump = ({ op, dst, src }: Instruction, read: OnRead): void => {
  if (op.family !== "jump" || op.operator === "always" || op.operator === "may_goto") return;
  const demand = op.width === 64 ? DEMAND.full : DEMAND.low;
  read(dst, demand);
  if (op.operand === "reg") read(src, demand);
};

const readByBulk = ({ index, end, target, from }: Bulk, read: OnRead): void => {
  const registers = [index, ...target.terms];
  for (const part of [end, from]) {
    if ("terms" in part) registers.push(...part.terms);
    else if ("register" in part) registers.push(part.register);
  }
  for (const register of registers) read(register, DEMAND.low);
};

const readByAlu = ({ slot, rotate, unless, bulk }: Step, op: AluOperation, demand: Demand, read: OnRead): void => {
  if (bulk !== undefined) {
    readByBulk(bulk, read);
    return;
  }
  const { operator, operand, width, bits } = op;
  const wide = width === 32 || (demand === DEMAND.low && lowFollowsFromLow(op, slot.imm)) ? DEMAND.low : DEMAND.full;
  if (rotate !== undefined) {
    read(slot.src, width === 32 ? DEMAND.low : DEMAND.full);
    return;
  }
  if (unless !== undefined) {
    readByJump(unless.jump, read);
    read(unless.src, wide);
  }
  switch (operator) {
    case "mov":
      if (operand === "reg") read(slot.src, wide);
      return;
    case "movsx":
    case "addr_space_cast":
      read(slot.src, DEMAND.low);
      return;
    case "le":
    case "be":
    case "bswap":
      read(slot.dst, bits === 64 ? DEMAND.full : DEMAND.low);
      return;
    default:
      read(slot.dst, wide);
      if (operand !== "reg") return;
      read(slot.src, ["lsh", "rsh", "arsh"].includes(operator) ? DEMAND.low : wide);
  }
};

const readByCall = ({ slot, base }: Step, host: ProgramHost, read: OnRead): void => {
  const { op } = slot;
  const callee = op.family === "call" && op.target === "helper" ? host.helper(slot.imm) : undefined;
  if (callee?.kind === "function") {
    for (const word of wordsOf(callee.implementation.parameters)) {
      if (word !== "frame") read(base + 1 + (word >> 1), word % 2 === 0 ? DEMAND.low : DEMAND.full);
    }
    return;
  }
  for (let register = 1; register <= 5; register++) read(base + register, DEMAND.full);
  if (op.family === "call" && op.target === "register") read(slot.dst, DEMAND.full);
};

/** Tells every register that a step reads, where `demand` of what it writes is wanted. */
export const readBy = (step: Step, host: ProgramHost, demand: Demand, read: OnRead): void => {
  const { slot, base } = step;
  const { op } = slot;
  switch (op.family) {
    case "alu":
      readByAlu(step, op, demand, read);
      return;
    case "load":
      if (op.mode !== "abs") read(slot.src, DEMAND.low);
      return;
    case "store":
      read(slot.dst, DEMAND.low);
      if (op.operand === "reg") read(slot.src, ofStored(op.size));
      return;
    case "atomic":
      read(op.operator === "load_acquire" ? slot.src : slot.dst, DEMAND.low);
      if (op.operator !== "load_acquire") read(slot.src, ofStored(op.size));
      if (op.operator === "cmpxchg") read(base, ofStored(op.size));
      return;
    case "jump":
      readByJump(slot, read);
      return;
    case "call":
      readByCall(step, host, read);
      return;
    case "exit":
      read(base, DEMAND.full);
      return;
    case "lddw":
    case "lddw-tail":
    case "raw":
      return;
  }
};
