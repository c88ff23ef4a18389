export { type AssembleOptions, assemble } from "./assemble/assemble.js";
export type {
  AssembledRelocation,
  AssembledSection,
  AssembledSymbol,
  Assembly,
  SymbolBinding,
  SymbolType,
} from "./assemble/assembly.js";
export { decode, encode, SLOT_SIZE } from "./codec.js";
export { AsmError, type AsmErrorCode } from "./errors.js";
export { type DisassembleOptions, disassemble } from "./format/disassemble.js";
export { type FormatDialect, type FormatOptions, formatInstruction } from "./format/format.js";
export type { NumberStyle } from "./format/style.js";
export {
  findOperation,
  type Instruction,
  instruction,
  type Operands,
  rawInstruction,
  slotsOf,
  targetOf,
  wideInstruction,
} from "./instruction.js";
export type * from "./operation.js";
export { OPERATIONS, RAW, WIDE_TAIL } from "./operations.js";
export type { DialectName } from "./syntax/dialect.js";
