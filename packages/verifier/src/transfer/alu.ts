import type { AluOperation, Instruction } from "@ebpf/asm";
import { checkOffset, checkPointerArithmetic, refuseTwoPointers } from "../check/pointer-arithmetic.js";
import { compute, movedBy } from "../domain/arithmetic.js";
import {
  byteSwapped,
  signExtend,
  signExtend32,
  truncate,
  unknownOf,
  withLowHalf,
  zeroExtend32,
} from "../domain/cast.js";
import * as S from "../domain/scalar.js";
import { settle } from "../domain/settle.js";
import * as W from "../domain/word.js";
import { reject } from "../report/reject.js";
import {
  isPacketPointer,
  isPointer,
  isScalar,
  pointerRegister,
  type Register,
  scalarRegister,
  UNKNOWN_SCALAR,
  unlinked,
  ZERO_SCALAR,
} from "../state/register.js";
import type { Walk } from "../walk.js";

const UNKNOWN_32 = scalarRegister(unknownOf(4));

const move = (walk: Walk, { dst, src }: Instruction, width: 32 | 64): void => {
  const source = walk.read(src);
  walk.checkWritable(dst);
  if (width === 64) {
    walk.write(dst, walk.shareable(src));
    return;
  }
  if (!isScalar(source)) {
    walk.write(dst, UNKNOWN_32);
    return;
  }
  // A number below 2^32 is not changed by zero-extension: the copy stays linked.
  const fits = source.value.u64.max.hi === 0;
  const copy = fits ? walk.shareable(src) : unlinked(source);
  walk.write(dst, copy.withValue(zeroExtend32(copy.value)));
};

const signExtendingMove = (walk: Walk, { dst, src }: Instruction, op: AluOperation): void => {
  const bits = op.bits as 8 | 16 | 32;
  const before = walk.read(src);
  walk.checkWritable(dst);
  if (!isScalar(before)) {
    walk.write(dst, op.width === 64 ? UNKNOWN_SCALAR : UNKNOWN_32);
    return;
  }
  // A number without that sign bit is copied as it is, and both copies learn from comparisons of either.
  const copies = W.below(before.value.u64.max, W.fromUint32((1 << (bits - 1)) >>> 0));
  const source = copies ? walk.shareable(src) : before;
  const value = op.width === 64 ? signExtend(source.value, bits) : signExtend32(source.value, bits === 16 ? 16 : 8);
  walk.write(dst, copies ? source.withValue(value) : scalarRegister(value));
};

/** A pointer at or behind the packet's end may come to lie before it when it moves back; forwards it can't. */
const withoutEnd = (pointer: Register): Register => (pointer.range < 0 ? pointer.withRange(0) : pointer);

/**
 * The pointer moved by a number, whose range is not settled yet. Packet pointers that are moved by an unknown number are an object of
 * their own; what can be accessed behind them stays so only when they move back.
 */
const movePointer = (walk: Walk, pointer: Register, amount: S.Scalar, subtract: boolean): Register => {
  const known = S.constantValue(amount);
  if (known !== undefined) {
    const offset = subtract ? pointer.offset - W.toNumber(known) : pointer.offset + W.toNumber(known);
    if (offset === (offset | 0)) {
      if (offset === pointer.offset) return pointer;
      return (offset < pointer.offset ? withoutEnd(pointer) : pointer).withOffset(offset);
    }
  }
  const value = movedBy(subtract ? "sub" : "add", pointer.value, amount);
  const moved = pointer.withValue(value);
  if (!isPacketPointer(pointer)) return moved;
  const movedBack = subtract && amount.s64.min.hi >= 0;
  return (movedBack ? withoutEnd(moved) : moved.withRange(0)).withLink(walk.newId(), 0, 0);
};

interface Operands {
  readonly left: Register;
  readonly right: Register;
  readonly dst: number;
  readonly src: number;
}

const ARENA_POINTER = pointerRegister("arena", { value: S.UNKNOWN });

const pointerArithmetic = (walk: Walk, op: AluOperation, { left, right, dst, src }: Operands): Register => {
  // Whatever is computed with it, an arena's address is cut off to fit the arena.
  if (left.kind === "arena" || right.kind === "arena") return ARENA_POINTER;
  if (isPointer(left) && isPointer(right)) {
    if (op.operator === "sub") return UNKNOWN_SCALAR;
    refuseTwoPointers(op.operator, dst);
  }
  const flipped = isPointer(right);
  const [pointer, amount] = flipped ? [right, left] : [left, right];
  if (op.operand === "reg") walk.markPrecise(flipped ? dst : src);
  // Such a number is only met where the program never comes, and Linux doesn't care what it leads to.
  if (S.hasLostRange(amount.value)) return UNKNOWN_SCALAR;
  // Linux doesn't note that the high half of a 32-bit difference is zero.
  if (op.width === 32 && op.operator === "sub") return UNKNOWN_SCALAR;
  // Linux 6.18 takes such a sum for a pointer into the entry's frame: where it isn't, no verdict of ours could be right.
  if (flipped && pointer.kind === "fp" && pointer.frame !== 0) {
    reject("UNSUPPORTED_ACCESS", "a stack pointer added to a number in a subprogram is not modelled yet", dst);
  }
  checkPointerArithmetic(op.operator, pointer, amount, { register: dst, flipped, width: op.width });
  // Where a pointer is added to a number, Linux doesn't note for which acquired object it stands.
  const origin = flipped ? pointer.withoutReference() : pointer;
  const moved = movePointer(walk, origin, amount.value, op.operator === "sub");
  checkOffset(moved, moved);
  return moved.value === S.ZERO ? moved : moved.withValue(settle(moved.value));
};

/**
 * A link that survives adding or subtracting a constant: `r1 = r0 + 8` still tells about r0. A sum of 32 bits tells
 * about numbers of 32 bits alone.
 */
const linkAfterAdding = (
  { operator, width }: AluOperation,
  { left, right, sum }: { readonly left: Register; readonly right: Register; readonly sum: Register },
): Register => {
  if ((operator !== "add" && operator !== "sub") || left.id === 0 || left.deltaBits !== 0) return sum;
  const value = S.constantValue(width === 64 ? right.value : zeroExtend32(right.value));
  if (value === undefined || (width === 64 && value.hi !== value.lo >> 31)) return sum;
  if (width === 32 && left.value.u64.max.hi !== 0) return sum;
  if (operator === "sub" && value.lo === -0x8000_0000) return sum;
  return sum.withLink(left.id, operator === "add" ? value.lo : -value.lo, width);
};

const checkConstantOperand = (op: AluOperation, imm: number): void => {
  const { operator } = op;
  if ((operator === "div" || operator === "mod" || operator === "sdiv" || operator === "smod") && imm === 0) {
    reject("DIVISION_BY_ZERO", "div by zero");
  }
  if ((operator === "lsh" || operator === "rsh" || operator === "arsh") && (imm < 0 || imm >= op.width)) {
    reject("BAD_SHIFT", `invalid shift ${imm}`);
  }
};

const MINUS_ONE = scalarRegister(S.constant(W.ONES));

/**
 * Whether a number is a sign that an arithmetic shift spread over all bits, -1 or 0, used as a mask: all of it, or its low half.
 */
const signOf = (op: AluOperation, { value }: Register): "whole" | "low half" | undefined => {
  if (op.operator !== "and" && op.operator !== "or") return undefined;
  if (W.equal(value.s64.min, W.ONES) && W.isZero(value.s64.max)) return "whole";
  return value.s32.min === -1 && value.s32.max === 0 ? "low half" : undefined;
};

/** Walks both values of a sign by themselves: 0 later, -1 now. */
const splitSign = (walk: Walk, dst: number, sign: "whole" | "low half"): void => {
  const { value } = walk.state.register(dst);
  const [none, all] =
    sign === "whole" ? [ZERO_SCALAR, MINUS_ONE] : [0, -1].map((low) => scalarRegister(withLowHalf(value, low)));
  const zero = walk.state.fork();
  zero.setRegister(dst, none!);
  walk.branchTo(walk.pc, zero);
  walk.state.setRegister(dst, all!);
};

const binary = (walk: Walk, slot: Instruction, op: AluOperation): void => {
  const { dst } = slot;
  const right = op.operand === "reg" ? walk.read(slot.src) : walk.immediate(op.width);
  const left = walk.read(dst);
  if (op.operand === "imm") checkConstantOperand(op, slot.imm);
  walk.checkWritable(dst);
  if (isPointer(left) || isPointer(right)) {
    walk.write(dst, pointerArithmetic(walk, op, { left, right, dst, src: slot.src }));
    return;
  }
  const sign = S.isConstant(right.value) ? signOf(op, left) : undefined;
  if (sign !== undefined) {
    splitSign(walk, dst, sign);
    binary(walk, slot, op);
    return;
  }
  const linked = op.operand === "reg" && slot.src === dst ? unlinked(left) : left;
  const sum = scalarRegister(compute(op.operator, op.width, left.value, right.value));
  walk.write(dst, linkAfterAdding(op, { left: linked, right, sum }));
};

const negate = (walk: Walk, { dst }: Instruction, op: AluOperation): void => {
  const operand = walk.read(dst);
  walk.checkWritable(dst);
  if (isPointer(operand)) walk.write(dst, UNKNOWN_SCALAR);
  else walk.write(dst, scalarRegister(compute("neg", op.width, operand.value, operand.value)));
};

/** `le` and `be` are swaps on a machine of the other order, and cut the number off on their own. */
const swapBytes = (walk: Walk, { dst }: Instruction, op: AluOperation): void => {
  const operand = walk.read(dst);
  walk.checkWritable(dst);
  const swaps = op.operator === "bswap" || (op.operator === "be") === (walk.program.spec.byteOrder === "little");
  const bits = op.bits as 16 | 32 | 64;
  if (isPointer(operand)) walk.write(dst, UNKNOWN_SCALAR);
  else if (swaps) walk.write(dst, scalarRegister(byteSwapped(operand.value, bits)));
  else if (bits !== 64) walk.write(dst, scalarRegister(truncate(operand.value, bits === 32 ? 4 : 2)));
};

/** By what `imm` holds: from the arena's address space to the program's, or back to a number. */
const CAST = { toPointer: 1, toNumber: 1 << 16 } as const;

/** Any number becomes a pointer into the program's arena: its low half is the offset. */
const castAddress = (walk: Walk, { dst, src, imm }: Instruction): void => {
  walk.read(src);
  walk.checkWritable(dst);
  if (!walk.program.usesArena) {
    const message = "addr_space_cast insn can only be used in a program that has an associated arena";
    reject("ARENA", message, src);
  }
  if (imm !== CAST.toPointer && imm !== CAST.toNumber) {
    reject("ARENA", "addr_space_cast insn can only convert between address space 1 and 0", src);
  }
  walk.write(dst, imm === CAST.toPointer ? ARENA_POINTER : UNKNOWN_SCALAR);
};

/** Arithmetic, logic, moves and byte swaps. */
export const stepAlu = (walk: Walk, slot: Instruction, op: AluOperation): void => {
  switch (op.operator) {
    case "mov":
      if (op.operand === "reg") move(walk, slot, op.width);
      else walk.write(slot.dst, walk.immediate(op.width));
      break;
    case "movsx":
      signExtendingMove(walk, slot, op);
      break;
    case "neg":
      negate(walk, slot, op);
      break;
    case "le":
    case "be":
    case "bswap":
      swapBytes(walk, slot, op);
      break;
    case "addr_space_cast":
      castAddress(walk, slot);
      break;
    default:
      binary(walk, slot, op);
  }
  walk.pc++;
};
