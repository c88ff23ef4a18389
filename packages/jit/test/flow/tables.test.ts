import { interpret, Runtime } from "@ebpf/runtime";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { asm, bytesOf, programOf } from "../../../runtime/test/support/program.js";
import { compile } from "../../src/index.js";
import { flowFor } from "../support/flow.js";

/** How many values each table of a program stands for. */
const tablesOf = (text: string): number[] =>
  flowFor(asm(text)).graph.blocks.flatMap(({ terminator }) =>
    terminator.kind === "switch" ? [terminator.edges.length - 1] : [],
  );

interface Node {
  readonly test: string;
  readonly before: boolean;
  readonly left: Node | undefined;
  readonly right: Node | undefined;
}

const CONSTANTS = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 20, 21, 200, 255, 256, 0x7fff_ffff, -1, -2, -0x8000_0000];
const OPERATORS = ["jeq", "jne", "jgt", "jge", "jlt", "jle", "jsgt", "jsge", "jslt", "jsle"];

const { tree } = fc.letrec<{ tree: Node | undefined }>((tie) => ({
  tree: fc.option(
    fc.record({
      test: fc
        .tuple(
          fc.constantFrom(...OPERATORS),
          fc.constantFrom("", "32"),
          fc.oneof(
            { weight: 4, arbitrary: fc.nat({ max: 40 }) },
            { weight: 1, arbitrary: fc.constantFrom(...CONSTANTS) },
          ),
        )
        .map(([name, width, constant]) => `${name}${width} %r2, ${constant}`),
      before: fc.boolean(),
      left: tie("tree"),
      right: tie("tree"),
    }),
    { nil: undefined, freq: 12, maxDepth: 6, depthSize: "max" },
  ) as fc.Arbitrary<Node | undefined>,
}));

/** A program that loads r2 and gives a number for each leaf of the tree that r2 leads to. */
const textOf = (root: Node | undefined, load: string): string => {
  let labels = 0;
  const write = (node: Node | undefined): string => {
    const label = labels++;
    if (node === undefined) return `add %r0, ${7 * label + 1}\nexit\n`;
    const step = node.before ? `mov %r0, ${1000 * label}\n` : "";
    return `${step}${node.test}, l${label}\n${write(node.right)}l${label}: ${write(node.left)}`;
  };
  return `mov %r0, 0\n${load}\n${write(root)}`;
};

const LOADS = ["ldxb %r2, [%r1]", "ldxh %r2, [%r1]", "ldxw %r2, [%r1]", "ldxdw %r2, [%r1]"];
const VALUES = [0, 1, 2, 5, 9, 10, 13, 20, 21, 22, 31, 40, 41, 200, 254, 255, 256, 257, -1, -2, -3, 0x7fff_ffff];

describe("trees of comparisons", () => {
  it("become tables that lead every value where the comparisons do", () => {
    let tables = 0;
    fc.assert(
      fc.property(tree, fc.constantFrom(...LOADS), (root, load) => {
        const text = textOf(root, load);
        const spec = programOf(asm(text));
        const [ours, oracle] = [new Runtime({ memoryPages: 16 }), new Runtime({ memoryPages: 16 })];
        const compiled = compile(spec, ours, { checked: false });
        const interpreted = interpret(spec, oracle, { checked: true });
        tables += tablesOf(text).length;
        for (const value of VALUES.flatMap((low) => [BigInt(low), BigInt(low) + 2n ** 32n])) {
          const memory = bytesOf(BigInt.asUintN(64, value), 8);
          expect(ours.run(compiled, { memory }).returnValue).toBe(oracle.run(interpreted, { memory }).returnValue);
        }
      }),
      { seed: 1, numRuns: 60 },
    );
    expect(tables).toBeGreaterThan(10);
  });

  it("do so where the cases begin far from 0, and not where they are far apart", () => {
    const switchOver = (cases: readonly number[]): string => {
      const tests = cases.map((value, index) => `jeq32 %r2, ${value}, c${index}`).join("\n");
      const bodies = cases.map((_, index) => `c${index}: mov %r0, ${index}\nexit`).join("\n");
      return `ldxw %r2, [%r1]\n${tests}\nmov %r0, 99\nexit\n${bodies}`;
    };
    expect(tablesOf(switchOver([5000, 5002, 5003, 5007, 5011, 5012]))).toEqual([13]);
    expect(tablesOf(switchOver([5, 50_000, 500_000, 5_000_000, 50_000_000, 60_000_000]))).toEqual([]);
  });
});
