import type { Instruction } from "@ebpf/asm";
import { interpret, Runtime } from "@ebpf/runtime";
import { verify } from "@ebpf/verifier";
import { describe, expect, it } from "vitest";
import { asm, programOf } from "../../../runtime/test/support/program.js";
import { demandsOf, type Flow } from "../../src/flow/flow.js";
import { compile } from "../../src/index.js";
import { flowFor } from "../support/flow.js";

const stepsOf = ({ graph }: Flow) => graph.blocks.flatMap(({ steps }) => steps);

/** Steps whose result somebody wants, by the operation's name. */
const wantedOf = (flow: Flow): string[] =>
  flow.graph.blocks.flatMap(({ steps }, id) =>
    demandsOf(flow, id).flatMap((demand, index) => (demand === 0 ? [] : [steps[index]!.slot.op.name])),
  );

/** The same from every engine and tier. */
const resultOf = (instructions: readonly Instruction[]): bigint => {
  const results = [
    (runtime: Runtime) => interpret(programOf(instructions), runtime, { checked: true }),
    (runtime: Runtime) => compile(programOf(instructions), runtime, { checked: false, tier: "baseline" }),
    (runtime: Runtime) => compile(programOf(instructions), runtime, { checked: false, tier: "optimized" }),
  ].map((engine) => {
    const runtime = new Runtime({ memoryPages: 16 });
    const memory = Uint8Array.from({ length: 64 }, (_, i) => 29 * i + 3);
    return runtime.run(engine(runtime), { memory }).returnValue;
  });
  expect(new Set(results).size).toBe(1);
  return results[0]!;
};

describe("what is found out about a function", () => {
  it("turns two shifts and an or into a rotation, and drops the shifts", () => {
    const text = "ldxdw %r2, [%r1]\nmov %r0, %r2\nlsh %r0, 13\nrsh %r2, 51\nor %r0, %r2\nexit";
    const flow = flowFor(asm(text));
    expect(stepsOf(flow).filter(({ rotate }) => rotate === 13)).toHaveLength(1);
    expect(wantedOf(flow).filter((name) => name.includes("sh"))).toEqual([]);
    const first = Uint8Array.from({ length: 8 }, (_, i) => 29 * i + 3).reduceRight((v, b) => (v << 8n) | BigInt(b), 0n);
    expect(resultOf(asm(text))).toBe(BigInt.asUintN(64, first << 13n) | (first >> 51n));
  });

  it("does not take shifts that lose bits for a rotation", () => {
    const flow = flowFor(asm("ldxdw %r2, [%r1]\nmov %r0, %r2\nlsh %r0, 13\nrsh %r2, 50\nor %r0, %r2\nexit"));
    expect(stepsOf(flow).some(({ rotate }) => rotate !== undefined)).toBe(false);
  });

  it("turns a shift to the top and back into an extension", () => {
    const zero = asm("ldxdw %r0, [%r1]\nlsh %r0, 32\nrsh %r0, 32\nexit");
    expect(wantedOf(flowFor(zero))).toContain("mov32_reg");
    expect(wantedOf(flowFor(zero)).filter((name) => name.includes("sh"))).toEqual([]);
    expect(resultOf(zero)).toBe(0x5a3d2003n);
    const sign = asm("ldxdw %r0, [%r1+4]\nlsh %r0, 32\narsh %r0, 32\nexit");
    expect(wantedOf(flowFor(sign))).toContain("movsx32_64");
    expect(resultOf(sign)).toBe(0xffff_ffff_ce_b1_94_77n);
  });

  it("repeats the body of a loop whose rounds it can count, with the test behind the last copy", () => {
    const text = asm("mov %r0, 0\nmov %r2, 0\nloop: add %r0, %r2\nadd %r2, 3\njne %r2, 300, loop\nexit");
    const flow = flowFor(text);
    const sums = stepsOf(flow).filter(({ slot }) => slot.op.name === "add64_reg").length;
    expect(sums).toBeGreaterThan(1);
    expect(100 % sums).toBe(0);
    expect(flow.graph.blocks.filter(({ jump }) => jump !== undefined)).toHaveLength(1);
    expect(resultOf(text)).toBe(14850n);
  });

  it("leaves no jump of a short loop", () => {
    const text = asm("mov %r0, 0\nmov %r2, 0\nloop: add %r0, %r2\nadd %r2, 3\njne %r2, 48, loop\nexit");
    const flow = flowFor(text);
    expect(flow.graph.blocks).toHaveLength(1);
    expect(stepsOf(flow).filter(({ slot }) => slot.op.name === "add64_reg")).toHaveLength(16);
    expect(resultOf(text)).toBe(360n);
  });

  it("leaves a loop alone whose rounds depend on data", () => {
    const text = "ldxb %r3, [%r1]\nmov %r0, 0\nloop: add %r0, %r3\nsub %r3, 1\njne %r3, 0, loop\nexit";
    expect(stepsOf(flowFor(asm(text))).filter(({ slot }) => slot.op.name === "add64_reg")).toHaveLength(1);
    expect(resultOf(asm(text))).toBe(6n);
  });

  it("lets accesses add the constant parts of their addresses", () => {
    const text = "mov %r2, %r1\nadd %r2, 8\nldxb %r0, [%r2+1]\nadd %r2, 4\nldxb %r3, [%r2]\nadd %r0, %r3\nexit";
    const loads = stepsOf(flowFor(asm(text))).filter(({ slot }) => slot.op.name === "ldxb");
    expect(loads.map(({ slot }) => [slot.src, slot.offset])).toEqual([
      [1, 9],
      [1, 12],
    ]);
    expect(resultOf(asm(text))).toBe(BigInt(((29 * 9 + 3) & 255) + ((29 * 12 + 3) & 255)));
  });

  it("takes out branches that are never taken, with what only they lead to", () => {
    const text = "ldxb %r0, [%r1]\njgt %r0, 255, never\nadd %r0, 1\nexit\nnever: mul %r0, 7\nexit";
    expect(stepsOf(flowFor(asm(text))).map(({ slot }) => slot.op.name)).not.toContain("mul64_imm");
    expect(resultOf(asm(text))).toBe(4n);
  });

  it("holds words in 32-bit locals, and other values in 64-bit ones", () => {
    const text =
      "ldxw %r2, [%r1]\nldxdw %r3, [%r1+8]\njeq %r2, 0, other\nadd %r2, %r3\nstxdw [%r1], %r2\nother: mov %r0, %r2\nexit";
    const flow = flowFor(asm(text));
    expect(flow.wide[0]![1]).toBe(0); // r1, an address
    const startOf = (name: string) => flow.graph.blocks.findIndex(({ steps }) => steps[0]?.slot.op.name === name);
    expect(flow.wide[startOf("add64_reg")]![2]).toBe(0); // r2, a word so far
    expect(flow.wide[startOf("add64_reg")]![3]).toBe(1); // r3, loaded whole
    expect(flow.wide[startOf("mov64_reg")]![2]).toBe(1); // r2, wide on one of two ways
    resultOf(asm(text));
  });
});

describe("the code that follows from it", () => {
  /** The bodies of all functions, as bytes: opcodes of 64-bit division and of `if` are looked for in small programs. */
  const opcodesOf = (text: string, tier: "baseline" | "optimized"): Uint8Array =>
    compile(programOf(asm(text)), new Runtime({ memoryPages: 16 }), { checked: false, tier }).wasm;
  const I64_DIV_U = 0x80;
  const I32_DIV_U = 0x6e;

  it("divides words by words in 32 bits", () => {
    const text = "ldxw %r0, [%r1]\nldxb %r2, [%r1+4]\nor %r2, 1\ndiv %r0, %r2\nexit";
    expect([...opcodesOf(text, "baseline")]).toContain(I64_DIV_U);
    expect([...opcodesOf(text, "optimized")]).toContain(I32_DIV_U);
    expect(resultOf(asm(text))).toBe(BigInt(Math.floor(0x5a3d2003 / 0x77)));
  });

  it("uses the verifier's word for what is an address", () => {
    const text =
      "ldxdw %r0, [%r1]\nstxdw [%r10-8], %r1\nldxdw %r2, [%r10-8]\nmov %r0, 0\njeq %r2, 0, out\nmov %r0, 1\nout: exit";
    const spec = { ...programOf(asm(text)), type: "socket_filter" as const };
    const { facts, verdict } = verify({ ...spec, instructions: asm(text.replace("ldxdw %r0, [%r1]\n", "")) });
    expect(verdict).toBe("accept");
    expect(facts.map((fact) => fact?.address)).toEqual([undefined, true, undefined, undefined, undefined, undefined]);
  });

  it("keeps in locals what the program puts on its stack", () => {
    const text = [
      "ldxw %r2, [%r1+4]\nldxw %r3, [%r1]\nsub %r2, %r3\nmul %r2, 0x1020304\nstxdw [%r10-8], %r2\nstxw [%r10-16], %r2\nsth [%r10-24], -2\nstxb [%r10-32], %r2",
      "ldxdw %r0, [%r10-8]\nldxw %r3, [%r10-8]\nadd %r0, %r3\nldxw %r3, [%r10-16]\nadd %r0, %r3",
      "ldxh %r3, [%r10-24]\nadd %r0, %r3\nldxb %r3, [%r10-32]\nadd %r0, %r3\nexit",
    ].join("\n");
    const spec = { ...programOf(asm(text)), type: "xdp" as const };
    const { facts, verdict } = verify(spec);
    expect(verdict).toBe("accept");
    const results = [{}, { facts }].map((known) => {
      const runtime = new Runtime({ memoryPages: 16 });
      const program = compile(spec, runtime, { checked: false, ...known });
      const STORES = [0x36, 0x37, 0x3a, 0x3b, 0x3e];
      const { returnValue } = runtime.run(program, { packet: Uint8Array.of(1, 2, 3) });
      return { returnValue, stores: [...program.wasm].filter((byte) => STORES.includes(byte)).length };
    });
    const runtime = new Runtime({ memoryPages: 16 });
    const { returnValue } = runtime.run(interpret(spec, runtime, { checked: true }), {
      packet: Uint8Array.of(1, 2, 3),
    });
    expect(results.map((result) => result.returnValue)).toEqual([returnValue, returnValue]);
    // Four stores fewer, whatever else has such a byte.
    expect(results[0]!.stores - results[1]!.stores).toBeGreaterThanOrEqual(4);
  });

  it("takes the same offset in a caller's frame for another place", () => {
    const text = [
      "stdw [%r10-88], 1\nmov %r3, %r10\nadd %r3, -96\ncall local f\nexit",
      "f:\nldxdw %r9, [%r3+8]\nstdw [%r10-88], 0\nmov %r0, %r9\nexit",
    ].join("\n");
    const spec = { ...programOf(asm(text)), type: "xdp" as const };
    const { facts, verdict } = verify(spec);
    expect(verdict).toBe("accept");
    const runtime = new Runtime({ memoryPages: 16 });
    const program = compile(spec, runtime, { checked: false, facts });
    expect(runtime.run(program, { packet: new Uint8Array(1) }).returnValue).toBe(1n);
  });
});
