import type { AluOperation, AluOperator, Instruction, JumpOperation, Width } from "@ebpf/asm";
import type { Choice, Step } from "../cfg/graph.js";
import { lowFollowsFromLow } from "../flow/effects.js";
import { isPositiveWord, isWord } from "../flow/range.js";
import { lowerBulk } from "./bulk.js";
import type { FunctionWriter } from "./function.js";
import { lowerCondition } from "./jump.js";

/** Leaves the result of an operation on the stack: an i64, or an i32 that is the zero-extended result's low half. */
type Push = (writer: FunctionWriter, slot: Instruction, op: AluOperation) => void;

type Plain = Parameters<FunctionWriter["code"]["op"]>[0];

const pushOf = (writer: FunctionWriter, register: number, width: Width): void => {
  if (width === 64) writer.get(register);
  else writer.getLow(register);
};

const pushSource = (writer: FunctionWriter, slot: Instruction, { operand }: AluOperation, width: Width): void => {
  if (width === 64) writer.source(slot, operand);
  else writer.sourceLow(slot, operand);
};

const pushConstant = ({ code }: FunctionWriter, value: number, width: Width): void => {
  if (width === 64) code.i64(value);
  else code.i32(value);
};

/** Both operands and one instruction; wasm masks shift counts as eBPF does. */
const binary =
  (width: Width, name: Plain): Push =>
  (writer, slot, op) => {
    pushOf(writer, slot.dst, width);
    pushSource(writer, slot, op, width);
    writer.code.op(name);
  };

/** Whether the divisor is known not to be zero. */
const isNeverZero = (writer: FunctionWriter, slot: Instruction, { operand }: AluOperation, width: Width): boolean => {
  if (operand === "imm") return slot.imm !== 0;
  const range = writer.sourceRange(slot, operand);
  return range.low > 0 && (width === 64 || isWord(range));
};

/** Division by zero gives 0, and a remainder by zero the dividend (RFC 9669 §4.1); wasm would trap. */
const guarded =
  (width: Width, kind: "quotient" | "remainder", divide: Push): Push =>
  (writer, slot, op) => {
    if (isNeverZero(writer, slot, op, width)) {
      divide(writer, slot, op);
      return;
    }
    const { code } = writer;
    pushSource(writer, slot, op, width);
    code.op(width === 64 ? "i64.eqz" : "i32.eqz").open("if", `i${width}`);
    if (kind === "quotient") pushConstant(writer, 0, width);
    else pushOf(writer, slot.dst, width);
    code.op("else");
    divide(writer, slot, op);
    code.op("end");
  };

/** Signed division; the quotient of the least number by -1 wraps where wasm would trap. */
const signedDivision =
  (width: Width): Push =>
  (writer, slot, op) => {
    const { code } = writer;
    const divide = binary(width, `i${width}.div_s`);
    const divisor = writer.sourceRange(slot, op.operand);
    if (op.operand === "imm" ? slot.imm !== -1 : width === 64 ? isWord(divisor) : isPositiveWord(divisor)) {
      divide(writer, slot, op);
      return;
    }
    pushSource(writer, slot, op, width);
    pushConstant(writer, -1, width);
    code.op(`i${width}.eq`).open("if", `i${width}`);
    negate(width)(writer, slot, op);
    code.op("else");
    divide(writer, slot, op);
    code.op("end");
  };

const negate =
  (width: Width): Push =>
  (writer, { dst }) => {
    pushConstant(writer, 0, width);
    pushOf(writer, dst, width);
    writer.code.op(`i${width}.sub`);
  };

const move =
  (width: Width): Push =>
  (writer, slot, op) =>
    pushSource(writer, slot, op, width);

const SIGN_EXTENSIONS: Readonly<Record<Width, Readonly<Partial<Record<number, Plain>>>>> = {
  32: { 8: "i32.extend8_s", 16: "i32.extend16_s" },
  64: { 8: "i64.extend8_s", 16: "i64.extend16_s", 32: "i64.extend32_s" },
};

const signExtendingMove =
  (width: Width): Push =>
  (writer, { src }, { bits }) => {
    pushOf(writer, src, width);
    const extension = SIGN_EXTENSIONS[width][bits!];
    // The low half of a number that is extended from 32 bits is that number.
    if (extension !== undefined) writer.code.op(extension);
  };

/** Keeps the low bits as they are: wasm is little-endian. */
const truncate: Push = (writer, { dst }, { bits }) => {
  if (bits === 64) writer.get(dst);
  else writer.getLow(dst);
  if (bits === 16) writer.code.i32(0xffff).op("i32.and");
};

/** Reverses the bytes of the low `bits`; wasm has no instruction for it. */
const swap: Push = (writer, { dst }, { bits }) => {
  const { code } = writer;
  writer.getLow(dst);
  swapWord(writer);
  if (bits === 16) code.i32(16).op("i32.shr_u");
  if (bits !== 64) return;
  code.op("i64.extend_i32_u").i64(32).op("i64.shl");
  writer.getHigh(dst);
  swapWord(writer);
  code.op("i64.extend_i32_u", "i64.or");
};

/** Swaps the bytes of the word on the stack: rotations bring each byte to its place, masks join them. */
const swapWord = ({ code, word }: FunctionWriter): void => {
  code.tee(word).i32(8).op("i32.rotl").i32(0x00ff00ff).op("i32.and");
  code.get(word).i32(8).op("i32.rotr").i32(0xff00ff00).op("i32.and", "i32.or");
};

/** The operations in one width. */
const operations = (width: Width): Readonly<Record<AluOperator, Push>> => ({
  add: binary(width, `i${width}.add`),
  sub: binary(width, `i${width}.sub`),
  mul: binary(width, `i${width}.mul`),
  div: guarded(width, "quotient", binary(width, `i${width}.div_u`)),
  sdiv: guarded(width, "quotient", signedDivision(width)),
  mod: guarded(width, "remainder", binary(width, `i${width}.rem_u`)),
  smod: guarded(width, "remainder", binary(width, `i${width}.rem_s`)),
  or: binary(width, `i${width}.or`),
  and: binary(width, `i${width}.and`),
  xor: binary(width, `i${width}.xor`),
  lsh: binary(width, `i${width}.shl`),
  rsh: binary(width, `i${width}.shr_u`),
  arsh: binary(width, `i${width}.shr_s`),
  neg: negate(width),
  mov: move(width),
  movsx: signExtendingMove(width),
  le: truncate,
  be: swap,
  bswap: swap,
  // There is one address space, of 32-bit addresses.
  addr_space_cast: (writer, { src }) => pushOf(writer, src, width),
});

const BY_WIDTH: Readonly<Record<Width, Readonly<Record<AluOperator, Push>>>> = {
  32: operations(32),
  64: operations(64),
};

/**
 * The width in which an operation is carried out: 32 bits where that gives the same, because the operands are small or
 * because nobody reads the high half of the result.
 */
const widthFor = (writer: FunctionWriter, slot: Instruction, op: AluOperation): Width => {
  const { operator, operand, width, bits } = op;
  if (bits !== undefined && operator !== "movsx") return bits === 64 ? 64 : 32;
  if (width === 32 || operator === "addr_space_cast") return 32;
  if (writer.flow === undefined) return 64;
  const left = writer.range(slot.dst);
  const right = writer.sourceRange(slot, operand);
  switch (operator) {
    case "div":
    case "mod":
      return isWord(left) && isWord(right) ? 32 : 64;
    case "sdiv":
    case "smod":
      return isPositiveWord(left) && isPositiveWord(right) ? 32 : 64;
    case "rsh":
      return isWord(left) && right.high < 32 ? 32 : 64;
    case "arsh":
      return isPositiveWord(left) && right.high < 32 ? 32 : 64;
    case "movsx":
      return writer.result === "narrow" ? 32 : 64;
    default:
      return writer.result === "narrow" && lowFollowsFromLow(op, slot.imm) ? 32 : 64;
  }
};

const lowerChoice = (writer: FunctionWriter, { dst, src }: Instruction, { jump, src: other }: Choice): void => {
  const width = writer.result === "narrow" ? 32 : 64;
  pushOf(writer, src, width);
  pushOf(writer, other, width);
  lowerCondition(writer, jump, jump.op as JumpOperation);
  writer.code.op("select");
  if (width === 64) writer.set(dst);
  else writer.setLow(dst);
};

/** RFC 9669 §4.1 and §4.2: arithmetic, moves and byte swaps. */
export const lowerAlu = (writer: FunctionWriter, { slot, rotate, unless, bulk }: Step, op: AluOperation): void => {
  if (bulk !== undefined) {
    lowerBulk(writer, bulk);
    writer.setLow(slot.dst);
    return;
  }
  if (unless !== undefined) {
    lowerChoice(writer, slot, unless);
    return;
  }
  const width = rotate === undefined ? widthFor(writer, slot, op) : op.width;
  if (rotate === undefined) BY_WIDTH[width][op.operator](writer, slot, op);
  else {
    pushOf(writer, slot.src, width);
    pushConstant(writer, rotate, width);
    writer.code.op(`i${width}.rotl`);
  }
  if (width === 64) writer.set(slot.dst);
  else writer.setLow(slot.dst);
};
