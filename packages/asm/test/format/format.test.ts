import { describe, expect, it } from "vitest";
import { type AssembleOptions, assemble, type FormatOptions, formatInstruction } from "../../src/index.js";

/** The text of the first instruction of a program, written in another way. */
const rewrite = (text: string, from: AssembleOptions, to: FormatOptions): string =>
  formatInstruction(assemble(text, from).sections[0]!.instructions, 0, to);

describe("formatInstruction", () => {
  it.each([
    ["r1 += -5", "add %r1,-5", "add %r1, -5", "(07) r1 += -5"],
    ["w1 s%= w2", "smod32 %r1,%r2", "smod32 %r1, %r2", "(9c) w1 s%= w2"],
    ["w0 = *(u8 *)(r1 + 0)", "ldxb %r0,[%r1+0]", "ldxb %r0, [%r1]", "(71) r0 = *(u8 *)(r1 +0)"],
    ["*(u64 *)(r10 - 8) = r6", "stxdw [%r10+-8],%r6", "stxdw [%r10-8], %r6", "(7b) *(u64 *)(r10 -8) = r6"],
    ["if w1 > -1 goto +3", "jgt32 %r1,-1,3", "jgt32 %r1, -1, +3", "(26) if w1 > 0xffffffff goto pc+3"],
    ["goto -2", "ja -2", "ja -2", "(05) goto pc-2"],
    ["gotol +2", "jal 2", "ja32 +2", "(06) gotol pc+2"],
    ["call pc+2", "call local 2", "call local +2", "(85) call pc+2"],
    ["call 5", "call 5", "call 5", "(85) call unknown#5"],
    ["r1 = 5 ll", "lddw %r1,5", "lddw %r1, 0x5", "(18) r1 = 0x5"],
    ["lock *(u32 *)(r1 + 4) += w2", "xaddw [%r1+4],%r2", "lock add32 [%r1+4], %r2", "(c3) lock *(u32 *)(r1 +4) += r2"],
    [
      "r2 = xchg_64(r1 + 0, r2)",
      "axchg [%r1+0],%r2",
      "lock xchg [%r1], %r2",
      "(db) r2 = atomic64_xchg((u64 *)(r1 +0), r2)",
    ],
    ["r0 = be16 r0", "endbe %r0,16", "be16 %r0", "(dc) r0 = be16 r0"],
    ["r3 = (s8)r4", "movs %r3,%r4,8", "movsx864 %r3, %r4", "(bf) r3 = (s8)r4"],
  ])("writes %s in every dialect", (kernel, gas, ubpf, log) => {
    const from = { dialect: "kernel" } as const;
    expect(rewrite(kernel, from, { dialect: "kernel", numbers: "decimal" })).toBe(kernel);
    expect(rewrite(kernel, from, { dialect: "gas" })).toBe(gas);
    expect(rewrite(kernel, from, { dialect: "ubpf" })).toBe(ubpf);
    expect(rewrite(kernel, from, { dialect: "kernel-log" })).toBe(log);
  });

  it("writes numbers in the base that is asked for", () => {
    const text = "stdw [%r10-16], -255";
    expect(rewrite(text, { dialect: "ubpf" }, { dialect: "ubpf", numbers: "hex" })).toBe("stdw [%r10-0x10], -0xff");
    expect(rewrite(text, { dialect: "ubpf" }, { dialect: "kernel" })).toBe("*(u64 *)(r10 - 0x10) = -0xff");
  });

  it("names labels, helpers, kfuncs and symbols", () => {
    const from = { dialect: "kernel" } as const;
    const names = {
      label: (pc: number) => (pc === 3 ? "out" : undefined),
      helperName: (id: number) => (id === 5 ? "bpf_ktime_get_ns" : undefined),
      kfuncName: () => "bpf_iter_num_new",
      relocation: () => "table",
    };
    expect(rewrite("goto +2", from, { ...names, dialect: "gas" })).toBe("ja out");
    expect(rewrite("goto +1", from, { ...names, dialect: "gas" })).toBe("ja 1");
    expect(rewrite("call 5", from, { ...names, dialect: "kernel" })).toBe("call bpf_ktime_get_ns#5");
    expect(rewrite("call 5", from, { ...names, dialect: "ubpf" })).toBe("call 5 # bpf_ktime_get_ns");
    expect(rewrite("call kfunc 7", from, { ...names, dialect: "kernel-log" })).toBe("(85) call bpf_iter_num_new#7");
    expect(rewrite("r1 = 8 ll", from, { ...names, dialect: "kernel" })).toBe("r1 = table+8 ll");
    expect(rewrite("r1 = map[fd:4]", from, { ...names, dialect: "kernel-log" })).toBe("(18) r1 = table");
  });

  it("writes raw words in the byte order of the program", () => {
    const options = { dialect: "kernel", order: "big" } as const;
    expect(rewrite(".quad 0x1122334455667788", options, options)).toBe(".quad 0x1122334455667788");
  });
});
