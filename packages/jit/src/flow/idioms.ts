import type { AluOperation, Instruction, Width } from "@ebpf/asm";
import type { Block, Graph, Step } from "../cfg/graph.js";
import { writtenBy } from "./effects.js";
import { operation } from "./operation.js";

/** Whether a step does what its slot says, and no more. */
const doesWhatItSays = ({ rotate, unless, bulk }: Step): boolean =>
  rotate === undefined && unless === undefined && bulk === undefined;

interface Made {
  readonly by: "lsh" | "rsh" | "zero_extend" | "add";
  readonly of: Value;
  readonly count: number;
  readonly width: Width;
}

/** A value that some step of a block made, or that came into the block. */
interface Value {
  /** How it was made, of what, and with which count; absent when that is of no use here. */
  readonly made?: Made;
  /** Where it is first held: the register, and how many steps had been written by then. */
  readonly register: number;
  readonly after: number;
}

const alu = (op: AluOperation, dst: number, src: number): Instruction => ({
  op,
  opcode: op.opcode,
  dst,
  src,
  offset: 0,
  imm: 0,
});

/** Operators that join disjoint bits. */
const JOINS: ReadonlySet<string> = new Set(["or", "xor", "add"]);

/** Finds in one block what compilers spell out in several instructions, and what one operation can do. */
class IdiomFinder {
  readonly steps: Step[] = [];
  /** Temporary registers in use. */
  temporaries = 0;
  readonly #values = new Map<number, Value>();
  readonly #captures: { readonly value: Value; readonly register: number }[] = [];
  /** The first sum of two values, by the values: later ones differ from it by a constant. */
  readonly #sums = new Map<Value, Map<Value, { readonly value: Value; readonly offset: number }>>();
  readonly #firstTemporary: number;

  constructor(firstTemporary: number) {
    this.#firstTemporary = firstTemporary;
  }

  add(step: Step): void {
    const better = this.#recognize(step) ?? step;
    this.steps.push(better);
    this.#note(better);
  }

  /** The steps, with the copies of values that are used after their register was overwritten. */
  finish(): readonly Step[] {
    const first = this.steps[0];
    if (first === undefined) return this.steps;
    const { pc, base } = first;
    const copy = operation("mov64_reg");
    for (const { value, register } of this.#captures.sort((a, b) => b.value.after - a.value.after)) {
      this.steps.splice(value.after, 0, { pc, base, slot: alu(copy, register, value.register) });
    }
    return this.steps;
  }

  #valueIn(register: number): Value {
    const known = this.#values.get(register);
    if (known !== undefined) return known;
    const value = { register, after: 0 };
    this.#values.set(register, value);
    return value;
  }

  #recognize(step: Step): Step | undefined {
    const { op } = step.slot;
    if (op.family === "load" && op.mode === "mem") return this.#access(step, "src");
    if (op.family === "store") return this.#access(step, "dst");
    if (op.family !== "alu") return undefined;
    if (JOINS.has(op.operator) && op.operand === "reg") return this.#rotation(step, op);
    const { made } = this.#valueIn(step.slot.dst);
    // A shift to the top and back.
    if (op.width !== 64 || op.operand !== "imm" || step.slot.imm !== 32) return undefined;
    if (made?.by !== "lsh" || made.width !== 64 || made.count !== 32) return undefined;
    const source = (): number => this.#registerOf(made.of);
    if (op.operator === "rsh") return { ...step, slot: alu(operation("mov32_reg"), step.slot.dst, source()) };
    if (op.operator === "arsh") return { ...step, slot: alu(operation("movsx32_64"), step.slot.dst, source()) };
    return undefined;
  }

  /**
   * An access at a sum with a constant, which the access itself can add. Addresses of verified accesses are above
   * `MAX_DISPLACEMENT`, so what it is added to is no more negative than the address would be.
   */
  #access(step: Step, field: "src" | "dst"): Step | undefined {
    const value = this.#valueIn(step.slot[field]);
    const { root, offset } = rootOf(value);
    const displacement = step.slot.offset + offset;
    if (root === value || displacement < 0 || displacement > MAX_DISPLACEMENT) return undefined;
    return { ...step, slot: { ...step.slot, [field]: this.#registerOf(root), offset: displacement } };
  }

  /** `x << n` joined with `x >> (width - n)`. */
  #rotation(step: Step, { width }: AluOperation): Step | undefined {
    const parts = [step.slot.dst, step.slot.src].map((register) => stripped(this.#valueIn(register), width).made);
    const left = parts.find((part) => part?.by === "lsh");
    const right = parts.find((part) => part?.by === "rsh");
    if (left === undefined || right === undefined || left.width !== width || right.width !== width) return undefined;
    if (left.of !== right.of || left.count === 0 || left.count + right.count !== width) return undefined;
    const src = this.#registerOf(left.of);
    return { ...step, slot: { ...step.slot, src }, rotate: left.count };
  }

  /** A register that holds the value here: the one that did first, or a temporary one. */
  #registerOf(value: Value): number {
    for (const [register, held] of this.#values) if (held === value) return register;
    const captured = this.#captures.find((capture) => capture.value === value);
    if (captured !== undefined) return captured.register;
    const register = this.#firstTemporary + this.temporaries++;
    this.#captures.push({ value, register });
    return register;
  }

  #note(step: Step): void {
    const { slot, base } = step;
    const { op } = slot;
    if (op.family === "call") for (let register = 1; register <= 5; register++) this.#renew(base + register);
    const written = writtenBy(step);
    if (written === -1) return;
    if (op.family === "alu" && doesWhatItSays(step)) this.#noteAlu(slot, op);
    else this.#renew(written);
  }

  #noteSum(dst: number, src: number): void {
    const left = rootOf(this.#valueIn(dst));
    const right = rootOf(this.#valueIn(src));
    const offset = left.offset + right.offset;
    const sums = this.#sums.get(left.root) ?? new Map();
    this.#sums.set(left.root, sums);
    const first = sums.get(right.root);
    if (first !== undefined) {
      this.#renew(dst, { by: "add", of: first.value, count: offset - first.offset, width: 64 });
      return;
    }
    this.#renew(dst);
    sums.set(right.root, { value: this.#valueIn(dst), offset });
  }

  #renew(register: number, made?: Made): void {
    this.#values.set(register, { register, after: this.steps.length, ...(made && { made }) });
  }

  #noteAlu(slot: Instruction, { operator, operand, width }: AluOperation): void {
    const { dst, src, imm } = slot;
    if (operator === "add" && width === 64) {
      if (operand === "imm") this.#renew(dst, { by: "add", of: this.#valueIn(dst), count: imm, width });
      else this.#noteSum(dst, src);
      return;
    }
    if (operator === "mov" && operand === "reg") {
      const source = this.#valueIn(src);
      if (width === 64) this.#values.set(dst, source);
      else this.#renew(dst, { by: "zero_extend", of: source, count: 0, width });
    } else if ((operator === "lsh" || operator === "rsh") && operand === "imm") {
      this.#renew(dst, { by: operator, of: stripped(this.#valueIn(dst), width), count: imm & (width - 1), width });
    } else this.#renew(dst);
  }
}

/** The largest displacement that an access may get; everything that programs may access lies above it. */
const MAX_DISPLACEMENT = 0x7fff;

/** The value below additions of constants, and their sum. */
const rootOf = (value: Value): { readonly root: Value; readonly offset: number } => {
  let root = value;
  let offset = 0;
  while (root.made?.by === "add") {
    offset += root.made.count;
    root = root.made.of;
  }
  return { root, offset };
};

/** Below zero extensions, which 32-bit operations don't see. */
const stripped = (value: Value, width: Width): Value => {
  let inner = value;
  while (width === 32 && inner.made?.by === "zero_extend") inner = inner.made.of;
  return inner;
};

/**
 * Rotations, zero and sign extensions by two shifts, and accesses at a sum with a constant, each as one operation. What
 * only they needed is left in place, where nobody wants it any more.
 *
 * @param registers virtual registers of the graph
 */
export const findIdioms = (
  { blocks }: Graph,
  registers: number,
): { readonly graph: Graph; readonly registers: number } => {
  let temporaries = 0;
  const rewritten = blocks.map((block): Block => {
    const finder = new IdiomFinder(registers);
    for (const step of block.steps) finder.add(step);
    temporaries = Math.max(temporaries, finder.temporaries);
    return { ...block, steps: finder.finish() };
  });
  return { graph: { blocks: rewritten }, registers: registers + temporaries };
};
