import { interpret, Runtime } from "@ebpf/runtime";
import { describe, expect, it } from "vitest";
import { asm, programOf } from "../../runtime/test/support/program.js";
import { compile } from "../src/index.js";

const lines = (count: number, line: (index: number) => string): string =>
  Array.from({ length: count }, (_, index) => line(index)).join("\n");

/** Programs of many blocks; r2 is a number from memory, r0 what comes of it. */
const SHAPES: Readonly<Record<string, string>> = {
  "1,500 jumps, each to the next inner place": `${lines(1500, (i) => `jeq %r2, ${5000 + 7 * i}, l${i}`)}
${lines(1500, (i) => `l${1499 - i}: add %r0, ${i}`)}`,
  "1,500 jumps that cross": `${lines(1500, (i) => `jeq %r2, ${5000 + 7 * i}, l${i}`)}
${lines(1500, (i) => `l${i}: add %r0, ${i}`)}`,
  "1,500 forks": lines(
    1500,
    (i) =>
      `mov %r3, %r0\nand %r3, 7\njeq %r3, ${i % 8}, a${i}\nadd %r0, 3\nja b${i}\na${i}: xor %r0, 5\nb${i}: add %r0, %r2`,
  ),
  "800 loops": lines(800, (i) => `mov %r3, ${i % 3}\nl${i}: add %r0, %r3\nadd %r3, 1\njlt %r3, ${5 + (i % 9)}, l${i}`),
  "100 loops with two ways in": lines(
    100,
    (i) => `mov %r3, 0\njgt %r0, ${i}, b${i}\na${i}: add %r0, %r3\nb${i}: add %r3, 1\njne %r3, 5, a${i}`,
  ),
};

describe("functions of many blocks", () => {
  it.each(Object.entries(SHAPES))("do in both tiers what the interpreter does: %s", (_, text) => {
    const spec = programOf(asm(`mov %r0, 0\nldxw %r2, [%r1]\n${text}\nexit`));
    const memory = Uint8Array.of(0x8e, 0x14, 0, 0);
    const runtime = new Runtime({ memoryPages: 16 });
    const { returnValue } = runtime.run(interpret(spec, runtime, { checked: false }), { memory });
    for (const tier of ["baseline", "optimized"] as const) {
      const own = new Runtime({ memoryPages: 16 });
      expect(own.run(compile(spec, own, { checked: false, tier }), { memory }).returnValue).toBe(returnValue);
    }
  });
});
