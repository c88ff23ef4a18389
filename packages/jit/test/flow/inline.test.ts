import { interpret, Runtime } from "@ebpf/runtime";
import { verify } from "@ebpf/verifier";
import { describe, expect, it } from "vitest";
import { asm, programOf } from "../../../runtime/test/support/program.js";
import { compile } from "../../src/index.js";
import { flowFor } from "../support/flow.js";

/** Calls that are left in the main function. */
const callsIn = (text: string): number =>
  flowFor(asm(text)).graph.blocks.flatMap(({ steps }) => steps.filter(({ slot }) => slot.op.name === "call_local"))
    .length;

/** The same from the interpreter and from compiled code that knows the verifier's facts. */
const resultOf = (text: string): bigint => {
  const spec = programOf(asm(text), { type: "xdp" });
  const { verdict, facts } = verify(spec);
  expect(verdict).toBe("accept");
  const results = [
    (runtime: Runtime) => interpret(spec, runtime, { checked: true }),
    (runtime: Runtime) => compile(spec, runtime, { checked: false }),
    (runtime: Runtime) => compile(spec, runtime, { checked: false, facts }),
  ].map((engine) => {
    const runtime = new Runtime({ memoryPages: 16 });
    return runtime.run(engine(runtime), { packet: new Uint8Array(14) }).returnValue;
  });
  expect(new Set(results).size).toBe(1);
  return results[0]!;
};

describe("functions in place of their calls", () => {
  it("take their arguments and leave the registers of the caller alone", () => {
    const text =
      "mov %r6, 3\nmov %r1, 20\nmov %r2, 7\ncall local f\nadd %r6, %r0\nmov %r1, %r6\nmov %r2, 100\ncall local f\nadd %r0, %r6\nexit\nf: mov %r6, %r1\nsub %r6, %r2\nmov %r0, %r6\nexit";
    expect(callsIn(text)).toBe(0);
    expect(resultOf(text)).toBe(-84n + 16n + 2n ** 64n);
  });

  it("have a frame of their own", () => {
    const text =
      "stdw [%r10-8], 5\nmov %r1, %r10\nadd %r1, -8\ncall local f\nldxdw %r1, [%r10-8]\nmul %r0, 100\nadd %r0, %r1\nexit\nf: stdw [%r10-8], 9\nldxdw %r2, [%r1]\nadd %r2, 1\nstxdw [%r1], %r2\nldxdw %r0, [%r10-8]\nexit";
    expect(callsIn(text)).toBe(0);
    expect(resultOf(text)).toBe(906n);
  });

  it("may return from several places, loop, and have others in them", () => {
    const text = [
      "mov %r1, 5\ncall local f\nmov %r7, %r0\nmov %r1, 200\ncall local f\nadd %r0, %r7\nexit",
      "f: mov %r6, %r1\nmov %r7, 0\njgt %r6, 100, large\nagain: add %r7, %r6\nmov %r1, %r7\ncall local g\nmov %r7, %r0\nadd %r6, -1\njne %r6, 0, again\nmov %r0, %r7\nexit\nlarge: mov %r0, 1000\nexit",
      "g: mov %r0, %r1\nmul %r0, 3\nexit",
    ].join("\n");
    expect(callsIn(text)).toBe(0);
    let sum = 0n;
    for (let i = 5n; i > 0n; i--) sum = 3n * (sum + i);
    expect(resultOf(text)).toBe(sum + 1000n);
  });

  it("keep the places where their code comes from", () => {
    const text = "ldxw %r1, [%r1]\ncall local f\nexit\nf: mov %r0, %r1\nmul %r0, 3\nexit";
    const { steps } = flowFor(asm(text)).graph.blocks[0]!;
    expect(steps.find(({ slot }) => slot.op.name === "mul64_imm")?.pc).toBe(4);
  });

  const multiplications = (count: number): string => "mul %r0, 3\n".repeat(count);
  it.each([
    ["calls itself", "jeq %r1, 0, out\nsub %r1, 1\ncall local f\nout: mov %r0, 1\nexit"],
    ["calls what needs its frame", "mov %r2, %r1\nmov %r3, 0\ncall helper 12\nmov %r0, 1\nexit"],
    ["loads from the packet, which may leave it", "ldabsb 0\nmov %r0, 1\nexit"],
    ["is large and called more than once", `mov %r0, %r1\n${multiplications(70)}exit`],
  ])("are not there where one %s", (_, body) => {
    const text = `mov %r6, %r1\ncall local f\nmov %r1, %r6\ncall local f\nexit\nf: ${body}`;
    expect(callsIn(text)).toBe(2);
  });

  it("may be large where there is one call", () => {
    const text = `mov %r1, 1\ncall local f\nexit\nf: mov %r0, %r1\n${multiplications(70)}exit`;
    expect(callsIn(text)).toBe(0);
    expect(resultOf(text)).toBe(BigInt.asUintN(64, 3n ** 70n));
  });

  it("do not let a program of many calls grow without bound", () => {
    const functions = Array.from({ length: 12 }, (_, i) => `f${i}: call local f${i + 1}\ncall local f${i + 1}\nexit`);
    const text = `call local f0\nexit\n${functions.join("\n")}\nf12: mov %r0, 1\n${multiplications(20)}exit`;
    const { blocks } = flowFor(asm(text)).graph;
    expect(blocks.flatMap(({ steps }) => steps).length).toBeLessThan(10_000);
  });

  it("do not follow calls for as far as they go", () => {
    const functions = Array.from({ length: 5000 }, (_, i) => `f${i}: call local f${i + 1}\nadd %r0, 1\nexit`);
    const text = `call local f0\nexit\n${functions.join("\n")}\nf5000: mov %r0, 1\nexit`;
    expect(callsIn(text)).toBe(1);
  });
});
