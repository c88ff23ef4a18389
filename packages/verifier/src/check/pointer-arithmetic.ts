import type { AluOperator } from "@ebpf/asm";
import * as S from "../domain/scalar.js";
import * as W from "../domain/word.js";
import { reject } from "../report/reject.js";
import { kindName, type Register, type RegisterKind } from "../state/register.js";

/** Offsets of pointers stay below this, fixed and variable part each. */
const MAX_OFFSET = 1 << 29;

/** How messages write operators; signed ones like the others. */
const SYMBOLS: Readonly<Partial<Record<AluOperator, string>>> = {
  add: "+=",
  and: "&=",
  or: "|=",
  xor: "^=",
  mul: "*=",
  div: "/=",
  sdiv: "/=",
  mod: "%=",
  smod: "%=",
  lsh: "<<=",
  rsh: ">>=",
  arsh: "s>>=",
};

const MOVABLE: ReadonlySet<RegisterKind> = new Set([
  "ctx",
  "map_value",
  "map_key",
  "fp",
  "pkt",
  "pkt_meta",
  "mem",
  "tp_buffer",
  "ptr",
  "func",
  "dynptr_ptr",
]);

/** Refuses arithmetic between two pointers. */
export const refuseTwoPointers = (operator: AluOperator, register: number): never =>
  reject("POINTER_ARITHMETIC", `R${register} pointer ${SYMBOLS[operator] ?? operator} pointer prohibited`, register);

const isZeroOffset = (amount: S.Scalar): boolean => {
  const value = S.constantValue(amount);
  return value !== undefined && W.isZero(value);
};

/** Only some kinds may be moved at all; others only by known amounts, or by nothing. */
const checkMovable = (operator: AluOperator, pointer: Register, amount: S.Scalar, register: number): void => {
  if (pointer.nullable) {
    reject(
      "POINTER_ARITHMETIC",
      `R${register} pointer arithmetic on ${kindName(pointer)} prohibited, null-check it first`,
      register,
    );
  }
  if (MOVABLE.has(pointer.kind)) return;
  if (pointer.kind === "flow_keys" && S.isConstant(amount)) return;
  if (pointer.kind === "map_ptr" && operator === "add" && isZeroOffset(amount)) return;
  reject("POINTER_ARITHMETIC", `R${register} pointer arithmetic on ${kindName(pointer)} prohibited`, register);
};

/**
 * Offsets are bounded, fixed and variable part each: those of a pointer, and what is added to it. The fixed part of a number
 * is by how much it differs from the one that it is linked to.
 *
 * @param offset the pointer, or the number
 */
export const checkOffset = (offset: Register, pointer: Register): void => {
  const value = S.constantValue(offset.value);
  const fixed = offset.kind === "scalar" ? offset.delta : offset.offset;
  if (
    value !== undefined &&
    (W.less(W.fromInt32(MAX_OFFSET - 1), value) || W.less(value, W.fromInt32(1 - MAX_OFFSET)))
  ) {
    reject(
      "POINTER_OUT_OF_BOUNDS",
      `math between ${kindName(pointer)} pointer and ${W.toSignedBigInt(value)} is not allowed`,
    );
  }
  if (fixed >= MAX_OFFSET || fixed <= -MAX_OFFSET) {
    reject("POINTER_OUT_OF_BOUNDS", `${kindName(pointer)} pointer offset ${fixed} is not allowed`);
  }
  const { min } = offset.value.s64;
  if (W.equal(min, W.SIGNED_MIN)) {
    reject(
      "POINTER_OUT_OF_BOUNDS",
      `math between ${kindName(pointer)} pointer and register with unbounded min value is not allowed`,
    );
  }
  if (W.less(W.fromInt32(MAX_OFFSET - 1), min) || W.less(min, W.fromInt32(1 - MAX_OFFSET))) {
    reject(
      "POINTER_OUT_OF_BOUNDS",
      `value ${W.toSignedBigInt(min)} makes ${kindName(pointer)} pointer be out of bounds`,
    );
  }
};

/** Decides whether `pointer op amount` is defined. `flipped`: the number stood left of the operator. */
export const checkPointerArithmetic = (
  operator: AluOperator,
  pointer: Register,
  amount: Register,
  { register, flipped, width }: { register: number; flipped: boolean; width: 32 | 64 },
): void => {
  if (width === 32) reject("POINTER_ARITHMETIC", `R${register} 32-bit pointer arithmetic prohibited`, register);
  checkMovable(operator, pointer, amount.value, register);
  checkOffset(amount, pointer);
  checkOffset(pointer, pointer);
  if (operator === "add") return;
  if (operator === "sub") {
    if (flipped) reject("POINTER_ARITHMETIC", `R${register} tried to subtract pointer from scalar`, register);
    if (pointer.kind === "fp") {
      reject("POINTER_ARITHMETIC", `R${register} subtraction from stack pointer prohibited`, register);
    }
    return;
  }
  const symbol = SYMBOLS[operator] ?? operator;
  const bitwise = operator === "and" || operator === "or" || operator === "xor";
  reject(
    "POINTER_ARITHMETIC",
    bitwise
      ? `R${register} bitwise operator ${symbol} on pointer prohibited`
      : `R${register} pointer arithmetic with ${symbol} operator prohibited`,
    register,
  );
};
