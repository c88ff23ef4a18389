import { expect, it } from "vitest";
import { assemble, at, disassemble, encode, formatInstruction, ProgramBuilder, R0, R1 } from "../src/index.js";

it("does what the README says", () => {
  const { sections } = assemble("if r1 s> 5 goto out\nr1 += 1\nout: exit", { dialect: "kernel" });
  const { instructions, bytes } = sections[0]!;
  expect(bytes).toHaveLength(24);
  expect(disassemble(instructions, { dialect: "ubpf" })).toBe("\tjsgt %r1, 5, L2\n\tadd %r1, 1\nL2:\n\texit\n");
  expect(formatInstruction(instructions, 0, { dialect: "kernel-log" })).toBe("(65) if r1 s> 0x5 goto pc+1");
  const built = new ProgramBuilder()
    .load(4, R0, at(R1, 4))
    .jump(R0, "ne", 0, "out")
    .mov(R0, 2)
    .label("out")
    .exit()
    .build();
  expect(encode(built, "big")).toHaveLength(32);
});
