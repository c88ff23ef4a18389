import {
  findOperation,
  type Instruction,
  instruction,
  OPERATIONS,
  type Operation,
  type OperationOf,
  wideInstruction,
} from "@ebpf/asm";
import type { ProgramSpec } from "@ebpf/platform";
import { describe, expect, it } from "vitest";
import { type RejectionCode, verify } from "../src/index.js";
import { MAPS, program } from "./programs.js";

const op = (name: string): Operation => findOperation(name)!;
const set = (dst: number, imm: number): Instruction => instruction(op("mov64_imm"), { dst, imm });
const END: readonly Instruction[] = [set(0, 0), instruction(op("exit"))];
const STORE_ZERO = instruction(op("stdw"), { dst: 10, offset: -8, imm: 0 });

/** A program around one operation, and what Linux says of it: accepted, or the rule it breaks. */
interface Visit {
  readonly slots: readonly Instruction[];
  readonly rejected?: RejectionCode;
  readonly spec?: Partial<ProgramSpec>;
}

const alu = (row: OperationOf<"alu">): Visit => {
  if (row.operator === "addr_space_cast") {
    return { slots: [instruction(row, { dst: 0, src: 1, imm: 1 }), ...END], rejected: "ARENA" };
  }
  const operands = { dst: 2, ...(row.uses.includes("src") && { src: 3 }), ...(row.uses.includes("imm") && { imm: 3 }) };
  return {
    slots: [set(2, 40), set(3, 3), instruction(row, { ...operands, imm: operands.imm ?? row.fixed.imm ?? 0 }), ...END],
  };
};

const load = (row: OperationOf<"load">): Visit => {
  if (row.mode === "mem") return { slots: [STORE_ZERO, instruction(row, { dst: 0, src: 10, offset: -8 }), ...END] };
  const context = instruction(op("mov64_reg"), { dst: 6, src: 1 });
  const slots = [context, set(2, 0), instruction(row, row.mode === "ind" ? { src: 2, imm: 0 } : { imm: 0 }), ...END];
  return { slots, spec: { type: "socket_filter" } };
};

const atomic = (row: OperationOf<"atomic">): Visit => {
  const operands = row.operator === "load_acquire" ? { dst: 2, src: 10 } : { dst: 10, src: 2 };
  return { slots: [STORE_ZERO, set(0, 0), set(2, 1), instruction(row, { ...operands, offset: -8 }), ...END] };
};

const jump = (row: OperationOf<"jump">): Visit => {
  if (row.operator === "gotox") return { slots: [instruction(row, { dst: 1 })], rejected: "UNSUPPORTED_INDIRECT_JUMP" };
  const registers = { ...(row.uses.includes("dst") && { dst: 2 }), ...(row.uses.includes("src") && { src: 3 }) };
  const number = row.target === "imm" ? { imm: 0 } : { offset: 0, ...(row.uses.includes("imm") && { imm: 7 }) };
  return { slots: [set(2, 1), set(3, 2), instruction(row, { ...registers, ...number }), ...END] };
};

const KTIME = 5;

const call = (row: OperationOf<"call">): Visit => {
  switch (row.target) {
    case "helper":
      return { slots: [instruction(row, { imm: KTIME }), ...END] };
    case "local":
      return { slots: [instruction(row, { imm: 2 }), ...END, ...END] };
    case "kfunc":
      return { slots: [instruction(row, { imm: 1 }), ...END], rejected: "UNSUPPORTED_KFUNC" };
    case "register":
      return { slots: [instruction(row, { dst: 1 }), ...END], rejected: "REGISTER_CALL" };
  }
};

const wide = (row: OperationOf<"lddw">): Visit => {
  const pair = (low: number): Instruction[] => wideInstruction(row, 2, low, 0);
  switch (row.meaning) {
    case "value":
      return { slots: [...pair(7), ...END] };
    case "map":
    case "map_value":
      return { slots: [...pair(1), ...END], spec: { maps: new Map([[1, MAPS.array]]) } };
    case "function":
      return {
        slots: [...pair(3), ...END, ...END],
        spec: { functions: [{ pc: 4, name: "f", typeId: 1, linkage: "static" }] },
      };
    case "ksym":
      return { slots: [...pair(1), ...END], rejected: "UNSUPPORTED_KERNEL_SYMBOL" };
    case "map_index":
    case "map_index_value":
      return { slots: [...pair(0), ...END], rejected: "UNSUPPORTED_MAP" };
  }
};

const visitOf = (row: Operation): Visit => {
  switch (row.family) {
    case "alu":
      return alu(row);
    case "load":
      return load(row);
    case "store":
      return {
        slots: [
          set(2, 1),
          instruction(row, { dst: 10, offset: -8, ...(row.operand === "reg" ? { src: 2 } : { imm: 1 }) }),
          ...END,
        ],
      };
    case "atomic":
      return atomic(row);
    case "jump":
      return jump(row);
    case "call":
      return call(row);
    case "exit":
      return { slots: END };
    case "lddw":
      return wide(row);
    default:
      return { slots: [instruction(row), ...END], rejected: "BAD_INSTRUCTION" };
  }
};

describe("every operation of the table", () => {
  for (const row of OPERATIONS) {
    const { slots, rejected, spec } = visitOf(row);
    it(`${row.name} is ${rejected === undefined ? "accepted" : rejected}`, () => {
      const report = verify(program("r0 = 0\nexit", { instructions: slots, ...spec }));
      expect(report.rejection?.code).toBe(rejected);
      // A rejection must come from the operation itself, which a preceding one would hide.
      if (report.rejection?.pc !== undefined) expect(slots[report.rejection.pc]?.op).toBe(row);
    });
  }
});
