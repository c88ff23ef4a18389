import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { assemble, disassemble, encode, type Instruction, OPERATIONS, type Operation } from "../../src/index.js";
import { anyOf } from "../instructions.js";
import { gnuAssemble, missingTools } from "../tools.js";

const missing = missingTools("bpf-as", "bpf-objcopy");

/** What binutils 2.40 has a word for: the instruction set up to v3, without the newer atomics. */
const isKnown = (op: Operation): boolean => {
  switch (op.family) {
    case "alu":
      return op.cpu !== "v4";
    case "load":
      return !op.signed;
    case "atomic":
      return op.operator === "add" && !op.fetch;
    case "jump":
      return op.cpu !== "v4";
    case "call":
      return op.target === "helper";
    case "lddw":
      return op.meaning === "value";
    default:
      return true;
  }
};

const known = OPERATIONS.filter(isKnown);

const samples: Instruction[] = known.flatMap((op) => fc.sample(anyOf(op), { seed: op.opcode, numRuns: 6 }).flat());

describe.skipIf(missing !== "").each(["little", "big"] as const)(`GNU as, %s-endian${missing}`, (order) => {
  it("assembles our text of every operation that it knows to our bytes", () => {
    const text = disassemble(samples, { dialect: "gas", labels: false });
    expect(gnuAssemble(text, order)).toEqual(encode(samples, order));
  });

  it.each([
    "mov %r1,%fp ; rest of the line",
    "# a line\n/* a comment */ mov %r1,(1<<4)+3",
    "jeq %r1,5,1f\nja .+16\n1: ja 1b",
    "l: jeq32 %r1,%r2,l\njlt %r1,%r2,l+8\nja l",
    "mov %r1,0xffffffff\nlddw %r1,0x1122334455667788\nlddw %r1,-1",
    "ldxb %r0,[%r1+-1]\nxaddw [%r1+8],%r2\nendle %r1,16\nldindw %r1,-2\nldabsb 3",
  ])("agrees on %j", (text) => {
    expect(assemble(text, { dialect: "gas", order }).sections[0]?.bytes).toEqual(gnuAssemble(text, order));
  });
});
