import { highOf, lowOf } from "@ebpf/core";
import { AsmError } from "./errors.js";
import { findOperation, type Instruction, instruction, type Operands, wideInstruction } from "./instruction.js";
import type { AtomicOperator, BinaryOperator, Comparison, Operation, Size, WideMeaning, Width } from "./operation.js";
import { SIZE_SUFFIX } from "./operations.js";

/** A register as an operand, so that it can't be taken for a number. */
export interface Register {
  readonly register: number;
}

/** A place in memory: a register and a number of bytes added to it. */
export interface MemoryOperand {
  readonly base: Register;
  readonly offset: number;
}

/** Where a jump goes: a label, or a number of slots from the next one. */
export type Target = string | number;

const register = (index: number): Register => Object.freeze({ register: index });

/** The return value. */
export const R0 = register(0);
/** The first argument; `R1` to `R5` do not survive a call. */
export const R1 = register(1);
export const R2 = register(2);
export const R3 = register(3);
export const R4 = register(4);
export const R5 = register(5);
/** The first of the registers that survive a call. */
export const R6 = register(6);
export const R7 = register(7);
export const R8 = register(8);
export const R9 = register(9);
/** The frame pointer, which can't be written. */
export const R10 = register(10);

/** Memory at a register plus an offset in bytes. */
export const at = (base: Register, offset = 0): MemoryOperand => ({ base, offset });

/** Operators with a destination only, by the names of their rows. */
export type UnaryOperation = `neg${Width}` | `${"le" | "be" | "bswap"}${16 | 32 | 64}`;

const row = (name: string): Operation => {
  const op = findOperation(name);
  if (op === undefined) throw new AsmError("UNKNOWN_OPERATION", `there is no operation ${name}`, { text: name });
  return op;
};

/** The operand of an operation that has a row for numbers and one for registers. */
const second = (operand: Register | number): { readonly kind: "reg" | "imm"; readonly operands: Operands } =>
  typeof operand === "number"
    ? { kind: "imm", operands: { imm: operand } }
    : { kind: "reg", operands: { src: operand.register } };

interface Pending {
  readonly op: Operation;
  readonly operands: Operands;
  /** The label that the operation's target field is computed from. */
  readonly label: string;
}

/**
 * Makes programs in TypeScript, operation by operation, with labels.
 *
 * @example
 * const program = new ProgramBuilder()
 *   .load(4, R0, at(R1, 0))
 *   .jump(R0, "gt", 10, "large")
 *   .mov(R0, 1)
 *   .label("large")
 *   .exit()
 *   .build();
 */
export class ProgramBuilder {
  /** One entry a slot; the second slot of an LD_IMM64 is an entry of its own. */
  readonly #slots: (Pending | Instruction)[] = [];
  readonly #labels = new Map<string, number>();

  /** How many slots the program has so far, which is the pc of the next instruction. */
  get pc(): number {
    return this.#slots.length;
  }

  /**
   * Names the place of the next instruction.
   *
   * @throws AsmError `DUPLICATE_SYMBOL`
   */
  label(name: string): this {
    if (this.#labels.has(name)) throw new AsmError("DUPLICATE_SYMBOL", `${name} is defined twice`, { text: name });
    this.#labels.set(name, this.pc);
    return this;
  }

  /**
   * Adds any operation by the name of its row, for example `("add64_imm", { dst: 1, imm: 5 })`.
   *
   * @param label what the operation's target field is computed from, instead of an operand
   * @throws AsmError `UNKNOWN_OPERATION`; `BAD_FIELD` when an operand is out of range or not one of the operation's.
   */
  emit(name: string, operands: Operands = {}, label?: string): this {
    const op = row(name);
    const slot = instruction(op, operands);
    this.#slots.push(label === undefined ? slot : { op, operands, label });
    return this;
  }

  /** Adds slots that were made elsewhere. */
  append(instructions: readonly Instruction[]): this {
    this.#slots.push(...instructions);
    return this;
  }

  /** 64-bit arithmetic: `alu("add", R1, 5)`. */
  alu(operator: BinaryOperator, dst: Register, operand: Register | number): this {
    return this.#alu(`${operator}64`, dst, operand);
  }

  /** 32-bit arithmetic, which clears the high half of the destination. */
  alu32(operator: BinaryOperator, dst: Register, operand: Register | number): this {
    return this.#alu(`${operator}32`, dst, operand);
  }

  #alu(name: string, dst: Register, operand: Register | number): this {
    const { kind, operands } = second(operand);
    return this.emit(`${name}_${kind}`, { dst: dst.register, ...operands });
  }

  mov(dst: Register, operand: Register | number): this {
    return this.alu("mov", dst, operand);
  }

  /** Negation and byte swaps: `unary("be16", R0)`. */
  unary(operation: UnaryOperation, dst: Register): this {
    return this.emit(operation, { dst: dst.register });
  }

  /** Copies the low `bits` of a register, sign-extended to 64 bits. */
  signExtend(bits: 8 | 16 | 32, dst: Register, src: Register): this {
    return this.emit(`movsx${bits}_64`, { dst: dst.register, src: src.register });
  }

  /** Loads `size` bytes, zero-extended. */
  load(size: Size, dst: Register, from: MemoryOperand): this {
    return this.emit(`ldx${SIZE_SUFFIX[size]}`, { dst: dst.register, src: from.base.register, offset: from.offset });
  }

  /** Loads `size` bytes, sign-extended. */
  loadSigned(size: 1 | 2 | 4, dst: Register, from: MemoryOperand): this {
    return this.emit(`ldxs${SIZE_SUFFIX[size]}`, { dst: dst.register, src: from.base.register, offset: from.offset });
  }

  /** Stores the low `size` bytes of a register, or a number. */
  store(size: Size, to: MemoryOperand, value: Register | number): this {
    const { kind, operands } = second(value);
    const name = `${kind === "imm" ? "st" : "stx"}${SIZE_SUFFIX[size]}`;
    return this.emit(name, { dst: to.base.register, offset: to.offset, ...operands });
  }

  /** Changes memory atomically and forgets what was there. */
  atomic(operator: "add" | "or" | "and" | "xor", size: 4 | 8, to: MemoryOperand, src: Register): this {
    return this.#atomic(`atomic_${operator}${8 * size}`, to, src);
  }

  /** Changes memory atomically and returns what was there in `src`, or in r0 for `cmpxchg`. */
  fetch(
    operator: Exclude<AtomicOperator, "load_acquire" | "store_release">,
    size: 4 | 8,
    to: MemoryOperand,
    src: Register,
  ): this {
    const always = operator === "xchg" || operator === "cmpxchg";
    return this.#atomic(`atomic_${always ? "" : "fetch_"}${operator}${8 * size}`, to, src);
  }

  #atomic(name: string, to: MemoryOperand, src: Register): this {
    return this.emit(name, { dst: to.base.register, offset: to.offset, src: src.register });
  }

  /** Jumps when a 64-bit comparison holds: `jump(R1, "sgt", -1, "loop")`. */
  jump(left: Register, comparison: Comparison, right: Register | number, target: Target): this {
    return this.#jump(`j${comparison}64`, left, right, target);
  }

  /** Jumps when a comparison of low halves holds. */
  jump32(left: Register, comparison: Comparison, right: Register | number, target: Target): this {
    return this.#jump(`j${comparison}32`, left, right, target);
  }

  #jump(name: string, left: Register, right: Register | number, target: Target): this {
    const { kind, operands } = second(right);
    return this.#to(`${name}_${kind}`, "offset", target, { dst: left.register, ...operands });
  }

  #to(name: string, field: "offset" | "imm", target: Target, operands: Operands = {}): this {
    if (typeof target === "string") return this.emit(name, operands, target);
    return this.emit(name, { ...operands, [field]: target });
  }

  goto(target: Target): this {
    return this.#to("ja", "offset", target);
  }

  /** A jump that reaches any program, of 32 bits instead of 16. */
  gotol(target: Target): this {
    return this.#to("gotol", "imm", target);
  }

  /** Jumps once the kernel's budget for such loops is used up. */
  mayGoto(target: Target): this {
    return this.#to("may_goto", "offset", target);
  }

  /** Calls a helper by number. */
  call(helper: number): this {
    return this.emit("call", { imm: helper });
  }

  /** Calls a function of this program. */
  callLocal(target: Target): this {
    return this.#to("call_local", "imm", target);
  }

  /** Calls a kernel function by its BTF id. */
  callKfunc(id: number, module = 0): this {
    return this.emit("call_kfunc", { imm: id, offset: module });
  }

  exit(): this {
    return this.emit("exit");
  }

  /** Puts 64 bits into a register: a number of -2^63 to 2^64-1. */
  lddw(dst: Register, value: bigint): this {
    if (value < -(1n << 63n) || value >= 1n << 64n) {
      throw new AsmError("BAD_FIELD", `${value} does not fit into 64 bits`, { text: `${value}` });
    }
    return this.loadWide("value", dst, { low: lowOf(value), high: highOf(value) });
  }

  /** Puts what a handle stands for into a register: `loadWide("map", R1, { low: fd })`. */
  loadWide(meaning: WideMeaning, dst: Register, { low, high = 0 }: { low: number; high?: number }): this {
    const op = row(meaning === "value" ? "lddw" : `lddw_${meaning}`);
    return this.append(wideInstruction(op, dst.register, low, high));
  }

  /** Puts the address of a function of this program into a register, for a callback. */
  loadFunction(dst: Register, label: string): this {
    const [head, tail] = wideInstruction(row("lddw_function"), dst.register, 0, 0);
    this.#slots.push({ op: head.op, operands: { dst: dst.register }, label }, tail);
    return this;
  }

  /**
   * The program, with labels resolved.
   *
   * @throws AsmError `UNDEFINED_SYMBOL`; `BAD_FIELD` when a label is too far away for its field.
   */
  build(): Instruction[] {
    return this.#slots.map((slot, pc) => ("opcode" in slot ? slot : this.#resolve(slot, pc)));
  }

  #resolve({ op, operands, label }: Pending, pc: number): Instruction {
    const target = this.#labels.get(label);
    if (target === undefined) throw new AsmError("UNDEFINED_SYMBOL", `${label} is not defined`, { text: label });
    const field = op.family === "jump" && op.target === "offset" ? "offset" : "imm";
    return instruction(op, { ...operands, [field]: target - pc - 1 });
  }
}
