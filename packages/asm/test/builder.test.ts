import { describe, expect, it } from "vitest";
import {
  at,
  decode,
  disassemble,
  encode,
  findOperation,
  OPERATIONS,
  ProgramBuilder,
  R0,
  R1,
  R2,
  R3,
  R6,
  R10,
} from "../src/index.js";

const textOf = (builder: ProgramBuilder) =>
  disassemble(builder.build(), { dialect: "kernel", numbers: "decimal", labels: false })
    .trimEnd()
    .split("\n")
    .map((line) => line.trim());

describe("ProgramBuilder", () => {
  it("makes the operation that each method names", () => {
    const builder = new ProgramBuilder()
      .mov(R1, 5)
      .alu("sdiv", R1, R2)
      .alu32("add", R1, -1)
      .unary("neg32", R1)
      .unary("be16", R1)
      .signExtend(8, R1, R2)
      .load(2, R1, at(R10, -8))
      .loadSigned(4, R1, at(R10))
      .store(1, at(R10, -1), R2)
      .store(8, at(R10, -8), 7)
      .atomic("xor", 4, at(R10, -8), R2)
      .fetch("add", 8, at(R10, -8), R2)
      .fetch("cmpxchg", 8, at(R10, -8), R2)
      .emit("load_acquire64", { dst: 1, src: 2 })
      .mayGoto(1)
      .call(5)
      .callKfunc(77)
      .lddw(R3, 0x1122334455667788n)
      .loadWide("map_value", R3, { low: 4, high: 8 })
      .exit();
    expect(textOf(builder)).toEqual([
      "r1 = 5",
      "r1 s/= r2",
      "w1 += -1",
      "w1 = -w1",
      "r1 = be16 r1",
      "r1 = (s8)r2",
      "w1 = *(u16 *)(r10 - 8)",
      "r1 = *(s32 *)(r10 + 0)",
      "*(u8 *)(r10 - 1) = w2",
      "*(u64 *)(r10 - 8) = 7",
      "lock *(u32 *)(r10 - 8) ^= w2",
      "r2 = atomic_fetch_add((u64 *)(r10 - 8), r2)",
      "r0 = cmpxchg_64(r10 - 8, r0, r2)",
      "r1 = load_acquire((u64 *)(r2 + 0))",
      "may_goto +1",
      "call 5",
      "call kfunc 77, 0",
      "r3 = 1234605616436508552 ll",
      "r3 = map[fd:4][0] + 8",
      "exit",
    ]);
  });

  it("resolves labels forward and back, across two-slot instructions", () => {
    const builder = new ProgramBuilder()
      .label("loop")
      .jump(R1, "sgt", -1, "out")
      .lddw(R6, 1n)
      .jump32(R1, "eq", R2, "loop")
      .callLocal("f")
      .loadFunction(R2, "f")
      .gotol("loop")
      .label("out")
      .exit()
      .label("f")
      .goto("out");
    expect(textOf(builder)).toEqual([
      "if r1 s> -1 goto +7",
      "r6 = 1 ll",
      "if w1 == w2 goto -4",
      "call pc+4",
      "r2 = subprog[pc+3]",
      "gotol -8",
      "exit",
      "goto -2",
    ]);
    expect(decode(encode(builder.build()))).toEqual(builder.build());
  });

  it("reaches every operation by the name of its row", () => {
    for (const op of OPERATIONS) {
      const builder = new ProgramBuilder();
      if (op.family === "lddw") builder.loadWide(op.meaning, R1, { low: 0 });
      else builder.emit(op.name);
      expect(builder.build()[0]?.op).toBe(findOperation(op.name));
    }
  });

  it.each([
    ["UNDEFINED_SYMBOL", () => new ProgramBuilder().goto("nowhere").build()],
    ["DUPLICATE_SYMBOL", () => new ProgramBuilder().label("a").label("a")],
    ["BAD_FIELD", () => new ProgramBuilder().mov(R0, 2 ** 32)],
    ["BAD_FIELD", () => new ProgramBuilder().lddw(R0, 1n << 64n)],
    ["BAD_FIELD", () => new ProgramBuilder().load(1, R0, at(R1, 0x8000))],
    ["BAD_FIELD", () => new ProgramBuilder().emit("exit", { imm: 1 })],
    ["UNKNOWN_OPERATION", () => new ProgramBuilder().emit("frobnicate")],
  ])("says %s when it is told so", (code, build) => {
    expect(build).toThrow(expect.objectContaining({ name: "AsmError", code }));
  });
});
