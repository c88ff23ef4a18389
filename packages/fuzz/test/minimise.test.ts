import { assemble, type Instruction } from "@ebpf/asm";
import { verify } from "@ebpf/verifier";
import { describe, expect, it } from "vitest";
import { codeLines, type FuzzCase, specOf } from "../src/fuzz-case.js";
import { minimise } from "../src/minimise/minimise.js";

const caseOf = (instructions: readonly Instruction[]): FuzzCase => ({
  spec: specOf(instructions, { type: "xdp" }),
  contents: new Map(),
  input: { packet: new Uint8Array(14) },
});

const codeOf = (text: string): readonly Instruction[] =>
  assemble(text, { dialect: "kernel" }).sections[0]!.instructions;

const failsWith = (code: string) => (candidate: FuzzCase) => verify(candidate.spec).rejection?.code === code;

describe("minimise", () => {
  it("leaves only what fails, with jumps mended", () => {
    const long = caseOf(
      codeOf("r6 = r1\nr2 = 77\nif r2 > 5 goto +1\nr3 = 4\nr4 = r2\nr4 *= 123\nr0 = *(u64 *)(r10 - 600)\nr0 = 9\nexit"),
    );
    const fails = failsWith("STACK_OUT_OF_BOUNDS");
    expect(fails(long)).toBe(true);
    const small = minimise(long, fails, Date.now() + 5000);
    expect(fails(small)).toBe(true);
    expect(small.spec.instructions.length).toBeLessThanOrEqual(2);
  });

  it("makes numbers small", () => {
    const fails = failsWith("DIVISION_BY_ZERO");
    const small = minimise(caseOf(codeOf("r0 = 123456\nr0 /= 0\nexit")), fails, Date.now() + 5000);
    expect(codeLines(small.spec.instructions).join()).not.toContain("123456");
  });

  it("returns the case itself when nothing smaller fails", () => {
    const one = caseOf(codeOf("r0 = 0\nexit"));
    expect(minimise(one, () => false, Date.now() + 1000)).toBe(one);
  });
});
