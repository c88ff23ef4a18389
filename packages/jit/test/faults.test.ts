import { type Instruction, instruction, rawInstruction } from "@ebpf/asm";
import { linux, type MapSpec } from "@ebpf/platform";
import { Runtime } from "@ebpf/runtime";
import { describe, expect, it } from "vitest";
import { asm, bytesOf, mapOf, operation, programOf, wide } from "../../runtime/test/support/program.js";
import { ENGINES, outcomeOf } from "./support/engines.js";

const runtime = new Runtime({ memoryPages: 64 });

describe.each(ENGINES)("unverified code in the %s", (_engine, load) => {
  const run = (
    instructions: readonly Instruction[],
    {
      maps,
      memory = new Uint8Array(16),
      budget,
    }: { maps?: ReadonlyMap<number, MapSpec>; memory?: Uint8Array; budget?: number } = {},
  ): string => {
    const spec = programOf(instructions, maps === undefined ? {} : { maps });
    const program = load(spec, runtime, { checked: true, ...(budget !== undefined && { budget }) });
    return outcomeOf(() => runtime.run(program, { memory }).returnValue);
  };

  describe("memory", () => {
    it.each([
      ["stack, lowest byte", "mov %r0, 0\nldxb %r0, [%r10-512]\nexit", "0x0"],
      ["below the stack", "ldxb %r0, [%r10-513]\nexit", "MEMORY_FAULT at 0"],
      ["stack, last 8 bytes", "stdw [%r10-8], 3\nldxdw %r0, [%r10-8]\nexit", "0x3"],
      ["across the stack's end", "ldxdw %r0, [%r10-7]\nexit", "MEMORY_FAULT at 0"],
      ["above the stack", "stb [%r10], 3\nexit", "MEMORY_FAULT at 0"],
      ["given memory, last byte", "ldxb %r0, [%r1+15]\nexit", "0x0"],
      ["behind the given memory", "ldxh %r0, [%r1+15]\nexit", "MEMORY_FAULT at 0"],
      ["before the given memory", "mov %r2, 1\nldxb %r0, [%r1-1]\nexit", "MEMORY_FAULT at 1"],
      ["NULL", "mov %r1, 0\nldxb %r0, [%r1]\nexit", "MEMORY_FAULT at 1"],
      ["a small number", "mov %r1, 4096\nstxw [%r1+4], %r1\nexit", "MEMORY_FAULT at 1"],
      ["an address with bit 32", "lddw %r2, 0x100000000\nadd %r2, %r10\nldxb %r0, [%r2-8]\nexit", "MEMORY_FAULT at 3"],
      [
        "an address with bit 63",
        "lddw %r2, 0x8000000000000000\nadd %r2, %r1\nldxb %r0, [%r2]\nexit",
        "MEMORY_FAULT at 3",
      ],
      ["a sum that wraps around 64 bits", "mov %r1, -4\nldxdw %r0, [%r1+4]\nexit", "MEMORY_FAULT at 1"],
      ["an end that wraps around 64 bits", "mov %r1, -4\nldxdw %r0, [%r1]\nexit", "MEMORY_FAULT at 1"],
      ["an end that wraps around 32 bits", "mov32 %r1, -4\nldxdw %r0, [%r1]\nexit", "MEMORY_FAULT at 1"],
      ["an atomic outside", "mov %r1, 8\nmov %r2, 1\nlock add [%r1], %r2\nexit", "MEMORY_FAULT at 2"],
      ["the cells of the runtime", "mov %r1, 0x10004\nstw [%r1], 1\nexit", "MEMORY_FAULT at 1"],
    ])("%s", (_name, text, expected) => {
      expect(run(asm(text))).toBe(expected);
    });

    it("gives a function its caller's frames, and takes its own away when it returns", () => {
      const callee = "\nf: stdw [%r10-8], 9\nldxdw %r0, [%r1]\nexit";
      expect(run(asm(`mov %r1, %r10\nadd %r1, -8\nstdw [%r1], 5\ncall local f\nexit${callee}`))).toBe("0x5");
      expect(run(asm(`call local f\nldxdw %r0, [%r10-520]\nexit\nf: mov %r0, 0\nexit`))).toBe("MEMORY_FAULT at 1");
    });

    it("does not follow a program that overwrites r10", () => {
      expect(run(asm("mov %r10, 0x10200\nldxb %r0, [%r10-8]\nexit"))).toBe("MEMORY_FAULT at 1");
    });

    const maps = new Map([[1, mapOf({ type: "array", valueSize: 6, maxEntries: 2 })]]);
    const value = [...wide("lddw_map_value", 1, 1, 0)];
    it.each([
      ["a value", "ldxw %r0, [%r1+2]\nexit", "0x0"],
      ["the bytes between values", "ldxw %r0, [%r1+4]\nexit", "MEMORY_FAULT at 2"],
      ["the next value", "ldxw %r0, [%r1+8]\nexit", "0x0"],
      ["behind the last value", "stb [%r1+14], 1\nexit", "MEMORY_FAULT at 2"],
    ])("map: %s", (_name, text, expected) => {
      expect(run([...value, ...asm(text)], { maps })).toBe(expected);
    });

    it("map: writes to a frozen one", () => {
      const frozen = new Map([[1, mapOf({ type: "array", maxEntries: 1, frozen: true })]]);
      expect(run([...value, ...asm("ldxdw %r0, [%r1]\nexit")], { maps: frozen })).toBe("0x0");
      expect(run([...value, ...asm("stb [%r1], 1\nexit")], { maps: frozen })).toBe("MEMORY_FAULT at 2");
    });

    it("map: one that the program does not have", () => {
      const other = runtime.createMap(mapOf({ type: "array" }));
      expect(run(asm(`mov %r1, ${other.valuesAddress}\nldxb %r0, [%r1]\nexit`))).toBe("MEMORY_FAULT at 1");
    });
  });

  describe("budget", () => {
    it.each([
      ["a loop without end", "l: mov %r0, 0\nja l", "BUDGET_EXCEEDED at 1"],
      ["a jump to itself", "ja -1", "BUDGET_EXCEEDED at 0"],
      ["a conditional loop", "l: add %r0, 1\njne %r0, 0, l\nexit", "BUDGET_EXCEEDED at 1"],
      ["calls in a loop", "l: call local f\nja l\nf: mov %r0, 0\nexit", "BUDGET_EXCEEDED at 0"],
    ])("%s", (_name, text, expected) => {
      expect(run(asm(text), { budget: 1000 })).toBe(expected);
    });

    it("lets as many instructions run as it says", () => {
      const loop = asm("mov %r0, 0\nl: add %r0, 1\njne %r0, 100, l\nexit");
      // 99 jumps back, over two slots each.
      expect(run(loop, { budget: 198 })).toBe("0x64");
      expect(run(loop, { budget: 197 })).toBe("BUDGET_EXCEEDED at 2");
    });

    it("counts callbacks of helpers", () => {
      const loop = [
        ...asm("mov %r1, 1000"),
        ...wide("lddw_function", 2, 6),
        ...asm("mov %r3, 0\nmov %r4, 0\ncall 181\nexit"),
      ];
      const callback = asm("mov %r0, 0\nmov %r1, 0\nexit");
      const program = [...loop, ...asm("mov %r0, 9"), ...callback];
      expect(run(program, { budget: 10_000 })).toBe("0x3e8");
      expect(run(program, { budget: 2000 })).toBe("BUDGET_EXCEEDED at 5");
    });
  });

  describe("calls", () => {
    it.each([
      ["recursion without end", "f: call local f\nexit", "CALL_DEPTH at 0"],
      ["a helper that does not exist", "call 4711\nexit", "BAD_CALL at 0"],
      ["a helper without implementation", "mov %r0, 0\ncall 101\nexit", "UNSUPPORTED_HELPER at 1"],
      ["a map that is none", "mov %r1, 64\nmov %r2, %r10\nadd %r2, -4\ncall 1\nexit", "BAD_CALL at 3"],
      ["a pointer with high bits", "lddw %r1, 0x500000000\nmov %r2, %r10\ncall 1\nexit", "MEMORY_FAULT at 3"],
      ["callx to no helper", "mov %r2, -1\ncall %r2\nexit", "BAD_CALL at 1"],
    ])("%s", (_name, text, expected) => {
      expect(run(asm(text))).toBe(expected);
    });

    it("leaves registers alone that a callback uses", () => {
      const loop = [
        ...asm("mov %r1, 3"),
        ...wide("lddw_function", 2, 7),
        ...asm("mov %r3, 0\nmov %r4, 0\nmov %r5, 77\ncall 181\nmov %r0, %r5\nexit"),
      ];
      expect(run([...loop, ...asm("mov %r5, 3\nmov %r9, 4\nmov %r0, 0\nexit")])).toBe("0x4d");
    });

    it("leaves r10 alone, which the caller of a callback may have overwritten", () => {
      const loop = [
        ...asm("mov %r1, 1\nmov %r10, 7"),
        ...wide("lddw_function", 2, 6),
        ...asm("mov %r3, 0\nmov %r4, 0\ncall 181\nmov %r0, %r10\nexit"),
      ];
      expect(run([...loop, ...asm("mov %r0, 0\nexit")])).toBe("0x7");
    });

    it("allows eight frames", () => {
      const nested = (depth: number) =>
        run(asm(`mov %r1, ${depth}\nmov %r0, 0\nf: jeq %r1, 0, +3\nsub %r1, 1\ncall local f\nadd %r0, 1\nexit`));
      expect(nested(7)).toBe("0x7");
      expect(nested(8)).toBe("CALL_DEPTH at 4");
    });

    it("checks the memory that helpers are given", () => {
      const maps = new Map([[1, mapOf({ type: "hash" })]]);
      const lookup = (key: string) => run([...wide("lddw_map", 1, 1), ...asm(`${key}\ncall 1\nexit`)], { maps });
      expect(lookup("mov %r2, %r10\nadd %r2, -4")).toBe("0x0");
      expect(lookup("mov %r2, %r10\nadd %r2, -3")).toBe("MEMORY_FAULT at 4");
    });

    it("refuses a map that the program does not have", () => {
      const other = runtime.createMap(mapOf({ type: "hash" }));
      const lookup = `mov %r2, %r10\nadd %r2, -4\nmov %r1, ${other.handle}\ncall 1\nexit`;
      expect(run(asm(lookup))).toBe("BAD_CALL at 3");
    });

    it("refuses a callback to where no function begins", () => {
      const program = asm("mov %r1, 1\nmov %r2, 2\nmov %r3, 0\nmov %r4, 0\ncall 181\nexit");
      expect(run(program)).toBe("BAD_CALL at 4");
    });

    it("names a missing helper", () => {
      const program = load(programOf(asm("call 101\nexit")), runtime, { checked: false });
      expect(() => runtime.run(program, { memory: new Uint8Array(0) })).toThrow(linux.helpers.get(101)!.name);
    });
  });

  describe("instructions", () => {
    it.each([
      ["an unknown one", [rawInstruction(0xff, {}), ...asm("exit")], "BAD_INSTRUCTION at 0"],
      ["one that is never reached", [...asm("mov %r0, 1\nexit"), rawInstruction(0xff, {})], "0x1"],
      ["no exit", asm("mov %r0, 1"), "BAD_INSTRUCTION at 1"],
      ["a jump over the end", asm("mov %r0, 1\nja +9\nexit"), "BAD_INSTRUCTION at 3"],
      ["a jump before the start", asm("mov %r0, 1\nja -9\nexit"), "BAD_INSTRUCTION at 3"],
      ["a jump into a 64-bit load", asm("ja +1\nlddw %r0, 5\nexit"), "BAD_INSTRUCTION at 2"],
      ["a call over the end", asm("call local +9\nexit"), "BAD_INSTRUCTION at 2"],
      ["a kernel symbol", [...wide("lddw_ksym", 1, 7), ...asm("exit")], "UNSUPPORTED_INSTRUCTION at 0"],
      [
        "gotox over the end",
        [...asm("mov %r1, 3"), instruction(operation("gotox"), { dst: 1 }), ...asm("exit")],
        "BAD_INSTRUCTION at 1",
      ],
    ])("%s", (_name, instructions, expected) => {
      expect(run(instructions)).toBe(expected);
    });
  });

  it("is told what runs cannot take", () => {
    const load1 = (more: Parameters<typeof programOf>[1], instructions = asm("mov %r0, 0\nexit")) =>
      load(programOf(instructions, more), runtime, { checked: true });
    expect(() => load1({ byteOrder: "big" })).toThrow(expect.objectContaining({ code: "BAD_PROGRAM" }));
    expect(() => load1({}, [])).toThrow(expect.objectContaining({ code: "BAD_PROGRAM" }));
    expect(() => load1({}, wide("lddw", 1, 2).slice(0, 1))).toThrow(expect.objectContaining({ code: "BAD_PROGRAM" }));
    expect(() => load1({}, wide("lddw_map", 1, 2))).toThrow(expect.objectContaining({ code: "UNKNOWN_MAP" }));
    const wrong = [{ ...asm("mov %r0, 0")[0]!, dst: 12 }];
    expect(() => load1({}, wrong)).toThrow(expect.objectContaining({ code: "BAD_PROGRAM" }));
    const program = load1({});
    expect(() => runtime.run(program, { memory: new Uint8Array(65_537) })).toThrow(
      expect.objectContaining({ code: "BAD_INPUT" }),
    );
    expect(() => runtime.run(program, { packet: new Uint8Array(64) })).toThrow(
      expect.objectContaining({ code: "BAD_INPUT" }),
    );
  });

  it("starts every run alike", () => {
    const program = load(
      programOf(asm("ldxdw %r0, [%r10-8]\nadd %r0, %r9\nstdw [%r10-8], 7\nmov %r9, 1\nexit")),
      runtime,
      {
        checked: true,
      },
    );
    for (let i = 0; i < 2; i++) expect(runtime.run(program, { memory: bytesOf(1, 8) }).returnValue).toBe(0n);
  });
});
