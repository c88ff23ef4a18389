import { interpret, Runtime } from "@ebpf/runtime";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { asm, bytesOf, programOf } from "../../../runtime/test/support/program.js";
import { compile } from "../../src/index.js";
import { flowFor } from "../support/flow.js";

/** How many blocks a program has, and how many values are chosen without a jump. */
const shapeOf = (text: string) => {
  const { blocks } = flowFor(asm(text)).graph;
  const chosen = blocks.flatMap(({ steps }) => steps.filter(({ unless }) => unless !== undefined));
  return { blocks: blocks.length, chosen: chosen.length };
};

/** What compiled code gives for two numbers. */
const compiledFor = (text: string) => {
  const runtime = new Runtime({ memoryPages: 16 });
  const program = compile(programOf(asm(text)), runtime, { checked: false });
  return (a: bigint, b: bigint): bigint => {
    const memory = Uint8Array.of(...bytesOf(a, 8), ...bytesOf(b, 8));
    return runtime.run(program, { memory }).returnValue;
  };
};

const LOADS = "ldxdw %r2, [%r1]\nldxdw %r3, [%r1+8]\n";
const NUMBERS = [0n, 1n, 2n, 0x7fff_ffffn, 0x8000_0000n, 0xffff_ffffn, 0x1_0000_0000n, 2n ** 63n, 2n ** 64n - 1n];
const pairs = NUMBERS.flatMap((a) => NUMBERS.map((b) => [a, b] as const));

describe("small branches that compute values", () => {
  it("become choices: one number, or another", () => {
    const text = `${LOADS}mov %r0, %r2\njset %r2, %r3, out\nmov %r0, %r3\nout: exit`;
    expect(shapeOf(text)).toEqual({ blocks: 1, chosen: 1 });
    const run = compiledFor(text);
    for (const [a, b] of pairs) expect(run(a, b)).toBe((a & b) !== 0n ? a : b);
  });

  it("compare what was there before the first choice: two numbers that change places", () => {
    const swap = "mov %r4, %r2\nmov %r2, %r3\nmov %r3, %r4";
    const text = `${LOADS}jsle %r2, %r3, out\n${swap}\nout: mul %r2, 3\nmov %r0, %r3\nsub %r0, %r2\nexit`;
    expect(shapeOf(text)).toMatchObject({ blocks: 1 });
    const run = compiledFor(text);
    for (const [a, b] of pairs) {
      const [low, high] = BigInt.asIntN(64, a) <= BigInt.asIntN(64, b) ? [a, b] : [b, a];
      expect(run(a, b)).toBe(BigInt.asUintN(64, high - 3n * low));
    }
  });

  it("have two sides, and others in them", () => {
    const text = [
      `${LOADS}jset32 %r2, 1, odd`,
      "add32 %r2, 7\nja out",
      "odd: jgt32 %r3, 9, out\nmov32 %r2, -1",
      "out: mov %r0, %r2\nexit",
    ].join("\n");
    expect(shapeOf(text)).toMatchObject({ blocks: 1 });
    const run = compiledFor(text);
    for (const [a, b] of pairs) {
      const even = a % 2n === 0n;
      const odd = BigInt.asUintN(32, b) > 9n ? a : 0xffff_ffffn;
      expect(run(a, b)).toBe(even ? BigInt.asUintN(32, a + 7n) : odd);
    }
  });

  it("are the cases of a switch, one in another", () => {
    const text = [
      `${LOADS}mov %r0, %r2`,
      "jeq %r2, 17, udp\njne %r2, 6, none",
      "mov %r0, 2\nja out",
      "udp: mov %r0, 3\nja out",
      "none: mov %r0, 0",
      "out: add %r0, 1\nexit",
    ].join("\n");
    expect(shapeOf(text)).toMatchObject({ blocks: 1 });
    const run = compiledFor(text);
    expect([6n, 17n, 5n].map((protocol) => run(protocol, 0n))).toEqual([3n, 4n, 1n]);
  });

  it("leave no test of a loop but its own, so that its body can be repeated", () => {
    const text =
      "mov %r0, 0\nmov %r2, 0\nloop: ldxb %r3, [%r1]\njgt %r3, %r0, next\nmov %r3, %r0\nnext: mov %r0, %r3\nadd %r1, 1\nadd %r2, 1\njne %r2, 16, loop\nexit";
    const { blocks, chosen } = shapeOf(text);
    expect(blocks).toBe(1);
    expect(chosen).toBe(16);
    expect(compiledFor(text)(0x01_05_09_02_01_01_01_01n, 0x08_08_03_00_00_00_00_00n)).toBe(9n);
  });

  it.each([
    ["loads, which may only be allowed on one way", "ldxdw %r0, [%r1]"],
    ["stores", "stxdw [%r1], %r0"],
    ["division, which takes long", "div %r0, %r3"],
    ["long sides", "add %r0, %r3\nxor %r0, %r2\nmul %r0, 3\nadd %r0, %r3"],
  ])("stay branches: %s", (_, side) => {
    expect(shapeOf(`${LOADS}mov %r0, %r2\njgt %r2, %r3, out\n${side}\nout: exit`)).toEqual({ blocks: 3, chosen: 0 });
  });

  const register = fc.constantFrom("%r2", "%r3", "%r4", "%r5");
  const operand = fc.oneof(register, fc.integer({ min: -3, max: 70 }).map(String));
  const width = fc.constantFrom("", "32");
  // Sides that are short enough for a choice in a choice are mostly moves.
  const operator = fc.oneof(
    { weight: 2, arbitrary: fc.constant("mov") },
    { weight: 1, arbitrary: fc.constantFrom("add", "sub", "xor", "and", "or", "mul", "lsh", "arsh") },
  );
  const step = fc
    .tuple(operator, width, register, operand)
    .map(([name, bits, dst, source]) => `${name}${bits} ${dst}, ${source}`);
  const comparison = fc
    .tuple(fc.constantFrom("jeq", "jne", "jgt", "jge", "jlt", "jle", "jsgt", "jsge", "jslt", "jsle", "jset"), width)
    .chain(([name, bits]) => fc.tuple(register, operand).map(([dst, source]) => `${name}${bits} ${dst}, ${source}`));

  interface Branch {
    readonly comparison: string;
    readonly taken: readonly Part[];
    readonly next: readonly Part[];
  }
  type Part = string | Branch;
  const { branch } = fc.letrec<{ branch: Branch; part: Part; side: readonly Part[] }>((tie) => ({
    branch: fc.record({ comparison, taken: tie("side"), next: tie("side") }),
    part: fc.oneof({ maxDepth: 3, depthSize: "small" }, { weight: 2, arbitrary: step }, tie("branch")),
    side: fc.array(tie("part"), { maxLength: 2 }),
  }));

  /** The text of parts that stand one behind another. */
  const textOf = (parts: readonly Part[], label = "l"): string =>
    parts
      .map((part, i) => {
        if (typeof part === "string") return part;
        const [taken, end] = [`${label}${i}t`, `${label}${i}e`];
        const sides = [
          textOf(part.next, end),
          `ja ${end}`,
          `${taken}: ja ${taken}s`,
          `${taken}s: ${textOf(part.taken, taken)}`,
        ];
        return [`${part.comparison}, ${taken}`, ...sides, `${end}:`].join("\n");
      })
      .join("\n");

  it("do what the interpreter does", () => {
    let choices = 0;
    const value = fc.oneof(fc.constantFrom(...NUMBERS), fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }));
    const branches = fc.array(branch, { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(branches, value, value, (parts, a, b) => {
        const sum = "mov %r0, %r2\nmul %r0, 3\nadd %r0, %r3\nmul %r0, 5\nadd %r0, %r4\nmul %r0, 7\nxor %r0, %r5\nexit";
        const text = `${LOADS}mov32 %r4, %r3\nldxb %r5, [%r1]\n${textOf(parts)}\n${sum}`;
        choices += shapeOf(text).chosen;
        const runtime = new Runtime({ memoryPages: 16 });
        const memory = Uint8Array.of(...bytesOf(a, 8), ...bytesOf(b, 8));
        const { returnValue } = runtime.run(interpret(programOf(asm(text)), runtime, { checked: true }), { memory });
        expect(compiledFor(text)(a, b)).toBe(returnValue);
      }),
      { seed: 1, numRuns: 200 },
    );
    expect(choices).toBeGreaterThan(300);
  });
});
