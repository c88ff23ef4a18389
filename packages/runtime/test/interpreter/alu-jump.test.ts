import { type AluOperation, type Instruction, instruction, type JumpOperation, OPERATIONS } from "@ebpf/asm";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { interpret, Runtime } from "../../src/index.js";
import { BOUNDARIES, evaluateAlu, evaluateJump } from "../support/oracle.js";
import { asm, bytesOf, programOf } from "../support/program.js";

const runtime = new Runtime({ memoryPages: 16 });
const LOAD_OPERANDS = asm("ldxdw %r6, [%r1]\nldxdw %r7, [%r1+8]");

/** A function of two operands in memory. */
const evaluator = (instructions: readonly Instruction[]) => {
  const program = interpret(programOf([...LOAD_OPERANDS, ...instructions]), runtime, { checked: false });
  return (a: bigint, b: bigint): bigint =>
    runtime.run(program, { memory: Uint8Array.from([...bytesOf(a, 8), ...bytesOf(b, 8)]) }).returnValue;
};

const immediate = (value: bigint): number => Number(BigInt.asIntN(32, value));
const u64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const value = fc.oneof(fc.constantFrom(...BOUNDARIES), u64);

const alu = OPERATIONS.filter((op): op is AluOperation => op.family === "alu");
const jumps = OPERATIONS.filter(
  (op): op is JumpOperation => op.family === "jump" && !["always", "may_goto", "gotox"].includes(op.operator),
);

describe.each(alu.map((op) => [op.name, op] as const))("%s", (_name, op) => {
  const build = (imm: number) =>
    evaluator([
      instruction(op, { dst: 6, ...(op.operand === "imm" ? { imm } : op.operand === "reg" ? { src: 7 } : {}) }),
      ...asm("mov %r0, %r6\nexit"),
    ]);

  it("agrees with the RFC on all pairs of boundary values", () => {
    const wrong: string[] = [];
    const registers = build(0);
    for (const b of BOUNDARIES) {
      const imm = immediate(b);
      const evaluate = op.operand === "imm" ? build(imm) : registers;
      const source = op.operand === "imm" ? BigInt.asUintN(64, BigInt(imm)) : b;
      for (const a of BOUNDARIES) {
        if (evaluate(a, source) !== evaluateAlu(op, a, source)) wrong.push(`${a} ${source}`);
      }
    }
    expect(wrong).toEqual([]);
  });
});

describe("random operands", () => {
  it.each(alu.filter(({ operand }) => operand !== "imm").map((op) => [op.name, op] as const))("%s", (_name, op) => {
    const use = op.operand === "reg" ? { dst: 6, src: 7 } : { dst: 6 };
    const evaluate = evaluator([instruction(op, use), ...asm("mov %r0, %r6\nexit")]);
    fc.assert(
      fc.property(value, value, (a, b) => evaluate(a, b) === evaluateAlu(op, a, b)),
      { seed: 1, numRuns: 300 },
    );
  });
});

describe.each(jumps.map((op) => [op.name, op] as const))("%s", (_name, op) => {
  const build = (imm: number) =>
    evaluator([
      instruction(op, { dst: 6, offset: 2, ...(op.operand === "imm" ? { imm } : { src: 7 }) }),
      ...asm("mov %r0, 0\nexit\nmov %r0, 1\nexit"),
    ]);

  it("agrees with the RFC on all pairs of boundary values", () => {
    const wrong: string[] = [];
    const registers = build(0);
    for (const b of BOUNDARIES) {
      const imm = immediate(b);
      const evaluate = op.operand === "imm" ? build(imm) : registers;
      const source = op.operand === "imm" ? BigInt.asUintN(64, BigInt(imm)) : b;
      for (const a of BOUNDARIES) {
        if ((evaluate(a, source) === 1n) !== evaluateJump(op, a, source)) wrong.push(`${a} ${source}`);
      }
    }
    expect(wrong).toEqual([]);
  });
});

describe("operands of one register", () => {
  it.each(alu.filter(({ operand }) => operand === "reg").map((op) => [op.name, op] as const))("%s", (_name, op) => {
    const evaluate = evaluator([instruction(op, { dst: 6, src: 6 }), ...asm("mov %r0, %r6\nexit")]);
    for (const a of BOUNDARIES) expect(evaluate(a, 0n)).toBe(evaluateAlu(op, a, a));
  });
});
