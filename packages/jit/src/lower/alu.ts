import type { AluOperation, AluOperator, Instruction, Width } from "@ebpf/asm";
import type { FunctionWriter } from "./function.js";

type Lower = (writer: FunctionWriter, slot: Instruction, op: AluOperation) => void;

type Plain = Parameters<FunctionWriter["code"]["op"]>[number];

/** `dst = dst OP source` with one instruction; wasm masks shift counts as eBPF does. */
const binary64 =
  (name: Plain & `i64.${string}`): Lower =>
  (writer, slot, { operand }) => {
    writer.get(slot.dst);
    writer.source(slot, operand).op(name);
    writer.set(slot.dst);
  };

/** The same on low halves; the result is zero-extended. */
const binary32 =
  (name: Plain & `i32.${string}`): Lower =>
  (writer, slot, { operand }) => {
    writer.getLow(slot.dst);
    writer.sourceLow(slot, operand).op(name, "i64.extend_i32_u");
    writer.set(slot.dst);
  };

/** Division by zero gives 0, and a remainder by zero the dividend (RFC 9669 §4.1); wasm would trap. */
const guarded = (divide: Lower, kind: "quotient" | "remainder"): Lower => {
  return (writer, slot, op) => {
    const { code } = writer;
    if (op.operand === "imm" && slot.imm !== 0) {
      divide(writer, slot, op);
      return;
    }
    if (op.width === 64) writer.source(slot, op.operand).op("i64.eqz");
    else writer.sourceLow(slot, op.operand).op("i32.eqz");
    code.open("if");
    if (kind === "quotient") code.i64(0);
    else zeroExtend(writer, slot.dst, op.width);
    writer.set(slot.dst);
    code.op("else");
    divide(writer, slot, op);
    code.op("end");
  };
};

/** Leaves a register on the stack, of which an operation of this width keeps as much. */
const zeroExtend = (writer: FunctionWriter, register: number, width: Width): void => {
  if (width === 64) writer.get(register);
  else writer.getLow(register).op("i64.extend_i32_u");
};

/** Signed division; the quotient of the least number by -1 wraps where wasm would trap. */
const signedDivision: Lower = (writer, slot, op) => {
  const { code } = writer;
  const wide = op.width === 64;
  const divide = wide ? binary64("i64.div_s") : binary32("i32.div_s");
  if (op.operand === "imm" && slot.imm !== -1) {
    divide(writer, slot, op);
    return;
  }
  if (wide) writer.source(slot, op.operand).i64(-1).op("i64.eq");
  else writer.sourceLow(slot, op.operand).i32(-1).op("i32.eq");
  code.open("if");
  negate(writer, slot, op);
  code.op("else");
  divide(writer, slot, op);
  code.op("end");
};

const negate: Lower = (writer, { dst }, { width }) => {
  if (width === 64) {
    writer.code.i64(0);
    writer.get(dst).op("i64.sub");
  } else {
    writer.code.i32(0);
    writer.getLow(dst).op("i32.sub", "i64.extend_i32_u");
  }
  writer.set(dst);
};

const move: Lower = (writer, slot, { operand, width }) => {
  if (width === 64) writer.source(slot, operand);
  else writer.sourceLow(slot, operand).op("i64.extend_i32_u");
  writer.set(slot.dst);
};

const SIGN_EXTENSIONS: Readonly<Record<Width, Readonly<Partial<Record<number, Plain>>>>> = {
  32: { 8: "i32.extend8_s", 16: "i32.extend16_s" },
  64: { 8: "i64.extend8_s", 16: "i64.extend16_s", 32: "i64.extend32_s" },
};

const signExtendingMove: Lower = (writer, { dst, src }, { width, bits }) => {
  const extension = SIGN_EXTENSIONS[width][bits!]!;
  if (width === 64) writer.get(src).op(extension);
  else writer.getLow(src).op(extension, "i64.extend_i32_u");
  writer.set(dst);
};

const MASKS: Readonly<Record<16 | 32, readonly [number, number]>> = { 16: [0xffff, 0], 32: [-1, 0] };

/** Keeps the low bits as they are: wasm is little-endian. */
const truncate: Lower = (writer, { dst }, { bits }) => {
  if (bits !== 16 && bits !== 32) return;
  writer
    .get(dst)
    .i64(...MASKS[bits])
    .op("i64.and");
  writer.set(dst);
};

/** Reverses the bytes of the low `bits`; wasm has no instruction for it. */
const swap: Lower = (writer, { dst }, { bits }) => {
  if (bits === 64) {
    swapLow32(writer, () => writer.getLow(dst));
    writer.code.i64(32).op("i64.shl");
    swapLow32(writer, () => writer.getHigh(dst));
    writer.code.op("i64.or");
  } else {
    swapLow32(writer, () => writer.getLow(dst));
    if (bits === 16) writer.code.i64(16).op("i64.shr_u");
  }
  writer.set(dst);
};

/** Swaps the bytes of a word, and leaves it zero-extended: rotations bring each byte to its place, masks join them. */
const swapLow32 = ({ code, word }: FunctionWriter, push: () => void): void => {
  push();
  code.tee(word).i32(8).op("i32.rotl").i32(0x00ff00ff).op("i32.and");
  code.get(word).i32(8).op("i32.rotr").i32(0xff00ff00).op("i32.and", "i32.or", "i64.extend_i32_u");
};

/** There is one address space, of 32-bit addresses. */
const castAddress: Lower = (writer, { dst, src }) => {
  writer.getLow(src).op("i64.extend_i32_u");
  writer.set(dst);
};

const ALU64: Readonly<Record<AluOperator, Lower>> = {
  add: binary64("i64.add"),
  sub: binary64("i64.sub"),
  mul: binary64("i64.mul"),
  div: guarded(binary64("i64.div_u"), "quotient"),
  sdiv: guarded(signedDivision, "quotient"),
  mod: guarded(binary64("i64.rem_u"), "remainder"),
  smod: guarded(binary64("i64.rem_s"), "remainder"),
  or: binary64("i64.or"),
  and: binary64("i64.and"),
  xor: binary64("i64.xor"),
  lsh: binary64("i64.shl"),
  rsh: binary64("i64.shr_u"),
  arsh: binary64("i64.shr_s"),
  neg: negate,
  mov: move,
  movsx: signExtendingMove,
  le: truncate,
  be: swap,
  bswap: swap,
  addr_space_cast: castAddress,
};

const ALU32: Readonly<Record<AluOperator, Lower>> = {
  add: binary32("i32.add"),
  sub: binary32("i32.sub"),
  mul: binary32("i32.mul"),
  div: guarded(binary32("i32.div_u"), "quotient"),
  sdiv: guarded(signedDivision, "quotient"),
  mod: guarded(binary32("i32.rem_u"), "remainder"),
  smod: guarded(binary32("i32.rem_s"), "remainder"),
  or: binary32("i32.or"),
  and: binary32("i32.and"),
  xor: binary32("i32.xor"),
  lsh: binary32("i32.shl"),
  rsh: binary32("i32.shr_u"),
  arsh: binary32("i32.shr_s"),
  neg: negate,
  mov: move,
  movsx: signExtendingMove,
  le: truncate,
  be: swap,
  bswap: swap,
  addr_space_cast: castAddress,
};

const BY_WIDTH: Readonly<Record<Width, Readonly<Record<AluOperator, Lower>>>> = { 32: ALU32, 64: ALU64 };

/** RFC 9669 §4.1 and §4.2: arithmetic, moves and byte swaps. */
export const lowerAlu = (writer: FunctionWriter, slot: Instruction, op: AluOperation): void =>
  BY_WIDTH[op.width][op.operator](writer, slot, op);
