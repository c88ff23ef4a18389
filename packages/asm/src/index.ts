export { type AssembleOptions, assemble } from "./assemble/assemble.js";
export type {
  AssembledRelocation,
  AssembledSection,
  AssembledSymbol,
  Assembly,
  SymbolBinding,
  SymbolType,
} from "./assemble/assembly.js";
export {
  at,
  type MemoryOperand,
  ProgramBuilder,
  R0,
  R1,
  R2,
  R3,
  R4,
  R5,
  R6,
  R7,
  R8,
  R9,
  R10,
  type Register,
  type Target,
  type UnaryOperation,
} from "./builder.js";
export { decode, encode, SLOT_SIZE } from "./codec.js";
export { FLIPPED, NEGATED } from "./comparison.js";
export { AsmError, type AsmErrorCode } from "./errors.js";
export { type DisassembleOptions, disassemble } from "./format/disassemble.js";
export { type FormatDialect, type FormatOptions, formatInstruction } from "./format/format.js";
export type { NumberStyle } from "./format/style.js";
export {
  findOperation,
  type Instruction,
  instruction,
  isFunctionReference,
  type Operands,
  rawInstruction,
  slotsOf,
  targetOf,
  wideInstruction,
} from "./instruction.js";
export type * from "./operation.js";
export { OPERATIONS, RAW, WIDE_TAIL } from "./operations.js";
export type { DialectName } from "./syntax/dialect.js";
