import fc from "fast-check";
import {
  type Field,
  type Instruction,
  instruction,
  OPERATIONS,
  type Operation,
  rawInstruction,
  wideInstruction,
} from "../src/index.js";

const register = fc.integer({ min: 0, max: 10 });
const int16 = fc.oneof(fc.integer({ min: -0x8000, max: 0x7fff }), fc.integer({ min: -4, max: 4 }));
const int32 = fc.oneof(fc.integer(), fc.integer({ min: -4, max: 4 }), fc.constant(-0x8000_0000));

const FIELD: Readonly<Record<Field, fc.Arbitrary<number>>> = {
  dst: register,
  src: register,
  offset: int16,
  imm: int32,
};

/** Any well-formed instruction of one operation, as its one or two slots. */
export const anyOf = (op: Operation): fc.Arbitrary<Instruction[]> => {
  const fields = Object.fromEntries(op.uses.map((field) => [field, FIELD[field]]));
  return fc.tuple(fc.record(fields), int32).map(([operands, high]) => {
    if (op.family === "lddw") return wideInstruction(op, operands.dst ?? 0, operands.imm ?? 0, high);
    return [instruction(op, operands)];
  });
};

/** Any well-formed instruction. */
export const anyInstruction: fc.Arbitrary<Instruction[]> = fc.oneof(...OPERATIONS.map(anyOf));

/** Any program of well-formed instructions, wherever its jumps go. */
export const anyProgram: fc.Arbitrary<Instruction[]> = fc
  .array(anyInstruction, { maxLength: 12 })
  .map((list) => list.flat());

/** Any slot at all. */
export const anySlot: fc.Arbitrary<Instruction> = fc
  .record({
    opcode: fc.oneof(fc.integer({ min: 0, max: 255 }), fc.constant(0x18), fc.constant(0)),
    dst: fc.integer({ min: 0, max: 15 }),
    src: fc.integer({ min: 0, max: 15 }),
    offset: int16,
    imm: int32,
  })
  .map(({ opcode, ...operands }) => rawInstruction(opcode, operands));
