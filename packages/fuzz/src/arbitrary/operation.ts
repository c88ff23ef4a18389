import {
  type ConformanceGroup,
  type CpuVersion,
  type Family,
  type Field,
  type Instruction,
  instruction,
  OPERATIONS,
  type Operands,
  type Operation,
  wideInstruction,
} from "@ebpf/asm";
import fc from "fast-check";
import { constant32 } from "./constant.js";

/** Which rows of the operation table to draw from. */
export interface OperationFilter {
  /** Operations that this version of the instruction set has; all when absent. */
  readonly cpu?: CpuVersion | undefined;
  readonly groups?: readonly ConformanceGroup[] | undefined;
  readonly families?: readonly Family[] | undefined;
}

const VERSIONS: readonly CpuVersion[] = ["v1", "v2", "v3", "v4"];

/** The rows that the filter lets through. */
export const operationsOf = ({ cpu, groups, families }: OperationFilter = {}): readonly Operation[] =>
  OPERATIONS.filter(
    (op) =>
      (cpu === undefined || VERSIONS.indexOf(op.cpu) <= VERSIONS.indexOf(cpu)) &&
      (groups?.includes(op.group) ?? true) &&
      (families?.includes(op.family) ?? true),
  );

const int16 = fc.oneof(fc.integer({ min: -4, max: 4 }), fc.integer({ min: -0x8000, max: 0x7fff }));

const FIELD: Readonly<Record<Field, () => fc.Arbitrary<number>>> = {
  dst: () => fc.integer({ min: 0, max: 10 }),
  src: () => fc.integer({ min: 0, max: 10 }),
  offset: () => int16,
  imm: constant32,
};

/** Instructions of one operation with any operands, as their one or two slots. */
export const instructionOf = (op: Operation): fc.Arbitrary<readonly Instruction[]> => {
  const fields: Partial<Record<Field, fc.Arbitrary<number>>> = {};
  for (const field of op.uses) fields[field] = FIELD[field]();
  return fc.tuple(fc.record(fields), constant32()).map(([operands, high]) => withOperands(op, operands, high));
};

/** The operation's slots with those of the operands that it has. */
export const withOperands = (op: Operation, operands: Operands, high = 0): readonly Instruction[] => {
  const used: Operands = {};
  for (const field of op.uses) used[field] = operands[field] ?? 0;
  return op.family === "lddw" ? wideInstruction(op, used.dst ?? 0, used.imm ?? 0, high) : [instruction(op, used)];
};

/** Well-formed instructions of any operation that the filter lets through, as their one or two slots. */
export const instructions = (filter: OperationFilter = {}): fc.Arbitrary<readonly Instruction[]> =>
  fc.oneof(...operationsOf(filter).map(instructionOf));
