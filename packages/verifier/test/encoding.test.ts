import { assemble } from "@ebpf/asm";
import { type ProgramSpec, programSpec } from "@ebpf/platform";
import { verify } from "@ebpf/verifier";
import { describe, expect, it } from "vitest";

/**
 * `text` behind a branch that is always taken, so that no path comes there. Messages are those of Linux 6.18.44; raw
 * jumps and kernel functions are refused here before Linux would look at them.
 */
const behindDeadBranch = (text: string): ProgramSpec =>
  programSpec(
    "xdp",
    assemble(`r0 = 0\nif r0 s<= 0 goto out\n${text}\nout:\nr0 = 0\nexit`, {
      dialect: "kernel",
    }).sections.find((section) => section.executable)!.instructions,
  );

describe("encodings that Linux refuses wherever they stand", () => {
  it.each([
    ["an opcode of no class's operations", ".quad 0x0000000000000096", "unknown opcode 96"],
    ["a byte swap with the register bit", ".quad 0x00000010000000df", "unknown opcode df"],
    ["a call through a register", "callx r1", "unknown opcode 8d"],
    ["a jump through a register", "gotox r1", "unknown opcode 0d"],
    ["an exit with an immediate", ".quad 0x7fffffff00000095", "BPF_JMP uses reserved fields"],
    ["a kernel function", "call kfunc 42, 0", "kernel functions are not modelled yet"],
    ["a load with an immediate", ".quad 0x0000000100000061", "BPF_LDX uses reserved fields"],
  ])("%s", (_, text, message) => {
    const report = verify(behindDeadBranch(text));
    expect(report.rejection?.message).toBe(message);
    expect(report.statistics.processedInstructions).toBe(0);
  });

  it("but not reserved fields of arithmetic, which only a walk finds", () => {
    expect(verify(behindDeadBranch(".quad 0x0000000100010007")).verdict).toBe("accept");
  });
});
