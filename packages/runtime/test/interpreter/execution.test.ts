import { findOperation, instruction } from "@ebpf/asm";
import { describe, expect, it } from "vitest";
import { interpret, Runtime, type RuntimeFault } from "../../src/index.js";
import { asm, programOf } from "../support/program.js";

const runtime = new Runtime({ memoryPages: 16 });

const run = (text: string, memory: Uint8Array = new Uint8Array(), checked = true) =>
  runtime.run(interpret(programOf(asm(text)), runtime, { checked, budget: 10_000 }), { memory });

const faultOf = (text: string, memory?: Uint8Array): Pick<RuntimeFault, "code" | "pc"> => {
  try {
    run(text, memory);
  } catch (error) {
    const { code, pc } = error as RuntimeFault;
    return { code, pc };
  }
  throw new Error("no fault");
};

describe.each([true, false])("loads and stores, checked: %s", (checked) => {
  const VALUE = 0x8182_8384_8586_8788n;
  const SUFFIX = { 1: "b", 2: "h", 4: "w", 8: "dw" } as const;

  it.each([1, 2, 4, 8] as const)("of %i bytes at every alignment", (size) => {
    for (let offset = 0; offset <= 8; offset++) {
      const text = `lddw %r2, 0x8182838485868788\nstx${SUFFIX[size]} [%r1+${offset}], %r2\nldx${SUFFIX[size]} %r0, [%r1+${offset}]\nexit`;
      const { returnValue, context } = run(text, new Uint8Array(16), checked);
      const expected = new Uint8Array(16);
      for (let i = 0; i < size; i++) expected[offset + i] = 0x88 - i;
      expect(context).toEqual(expected);
      expect(returnValue).toBe(BigInt.asUintN(8 * size, VALUE));
    }
  });
});

describe("calls", () => {
  it("keep r6..r9 and the frame of the caller", () => {
    const text = `mov %r6, 6\nmov %r9, 9\nstxdw [%r10-8], %r9\nmov %r1, 1\ncall local f
      add %r0, %r6\nadd %r0, %r9\nldxdw %r1, [%r10-8]\nadd %r0, %r1\nexit
      f:\nmov %r6, 100\nmov %r9, 100\nstxdw [%r10-8], %r9\nmov %r0, %r1\nexit`;
    expect(run(text).returnValue).toBe(1n + 6n + 9n + 9n);
  });

  it("end when there are no more frames", () => {
    expect(faultOf("call local f\nexit\nf:\ncall local f\nexit")).toEqual({ code: "CALL_DEPTH", pc: 2 });
  });

  it("each count may_goto by themselves, up to 8 Mi", () => {
    const text = [
      "call local f\nmov %r6, %r0\ncall local f\nadd %r0, %r6\nexit\nf:\nmov %r0, 0\nadd %r0, 1",
      "ja -3\nexit",
    ];
    const [before, after] = text.map(asm);
    const body = [...before!, instruction(findOperation("may_goto")!, { offset: 1 }), ...after!];
    const program = interpret(programOf(body), runtime, { checked: false });
    // The last turn of each loop adds 1 before may_goto jumps.
    expect(runtime.run(program, { memory: new Uint8Array() }).returnValue).toBe(2n * (8n * 1024n * 1024n + 1n));
  });
});

describe("faults name the instruction", () => {
  it.each([
    ["a load from nowhere", "mov %r0, 0\nldxw %r0, [%r0+4]\nexit", "MEMORY_FAULT", 1],
    ["a pointer with high bits", "lddw %r2, 0x100000000\nadd %r1, %r2\nldxb %r0, [%r1]\nexit", "MEMORY_FAULT", 3],
    ["a loop without end", "mov %r0, 0\nja -1\nexit", "BUDGET_EXCEEDED", 1],
    ["running off the end", "mov %r0, 0", "BAD_INSTRUCTION", 1],
    ["a jump out of the program", "ja +7\nexit", "BAD_INSTRUCTION", 2],
    ["a jump into an LD_IMM64", "ja +1\nlddw %r0, 1\nexit", "BAD_INSTRUCTION", 2],
    ["no such helper", "mov %r0, 0\ncall helper 9999\nexit", "BAD_CALL", 1],
  ])("%s", (_what, text, code, pc) => {
    expect(faultOf(text, new Uint8Array(8))).toEqual({ code, pc });
  });
});

it("runs on after a fault in the middle of a call", () => {
  const program = interpret(programOf(asm("call local f\nexit\nf:\nldxb %r0, [%r1]\nexit")), runtime, {
    checked: true,
  });
  expect(() => runtime.run(program, { context: new Uint8Array() })).toThrow();
  expect(runtime.run(program, { context: Uint8Array.of(7) }).returnValue).toBe(7n);
});
