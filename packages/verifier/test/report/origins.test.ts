import type { ProgramSpec } from "@ebpf/platform";
import { describe, expect, it } from "vitest";
import { type Provenance, renderDiagnostic, verify } from "../../src/index.js";
import { program } from "../programs.js";

/** Where what a program is rejected for came from: subjects, with the pcs of their steps. */
const historyOf = (text: string, more: Partial<ProgramSpec> = {}): (readonly [string, readonly number[]])[] => {
  const { rejection } = verify(program(text, more));
  expect(rejection).toBeDefined();
  return rejection!.history.map(({ subject, steps }: Provenance) => [subject, steps.map(({ pc }) => pc)]);
};

describe("the history of a register", () => {
  it("goes over copies, arithmetic and comparisons back to the load", () => {
    const text = `
      r6 = *(u32 *)(r1 + 0)
      r7 = 1
      r6 += 4
      r2 = r6
      if r2 == 0 goto out
      r0 = *(u8 *)(r2 + 0)
      out: r0 = 0
      exit`;
    // r2 has what r6 has before it; r7 is another value.
    expect(historyOf(text.replace("if r2 == 0", "if r7 == 5"))).toEqual([["R2", [0, 2, 3]]]);
    const compared = "r2 = *(u32 *)(r1 + 16)\nif r2 > 600 goto out\nr0 = *(u8 *)(r2 + 0)\nout: r0 = 0\nexit";
    expect(historyOf(compared)).toEqual([["R2", [0, 1]]]);
  });

  it("goes through the stack", () => {
    const text = `
      *(u64 *)(r10 - 8) = r1
      r1 = 0
      r3 = *(u64 *)(r10 - 8)
      r0 = *(u64 *)(r3 + 400)
      exit`;
    expect(historyOf(text)).toEqual([["R3", [0, 2]]]);
  });

  it("goes out of a function to what it was given, and into one to what it returned", () => {
    const given = `
      r6 = 77
      r1 = r6
      call f
      exit
      f: r2 = r1
      r0 = *(u8 *)(r2 + 0)
      exit`;
    expect(historyOf(given)).toEqual([["R2", [0, 1, 2, 4]]]);
    const returned = `
      r1 = 5
      call f
      r6 = 1
      r0 = *(u8 *)(r0 + 0)
      exit
      f: r6 = 2
      r0 = r6
      exit`;
    expect(historyOf(returned)).toEqual([["R0", [5, 6, 7]]]);
  });

  it("tells of the call that left nothing in a register, and of nothing where there was never anything", () => {
    expect(historyOf("r6 = r1\ncall ktime_get_ns\nr0 = r2\nexit")).toEqual([["R2", [1]]]);
    expect(historyOf("r0 = 1\nr0 = r5\nexit")).toEqual([]);
  });

  it("follows the path that was rejected, not another", () => {
    const text = `
      r2 = 1
      r3 = *(u32 *)(r1 + 16)
      if r3 == 7 goto +1
      r2 = r10
      r0 = *(u8 *)(r2 - 1)
      exit`;
    const history = historyOf(text);
    // With the frame pointer it is a read of the program's own stack; the way round is what is refused.
    expect(history).toEqual([["R2", [0]]]);
  });

  it("tells of an instruction of a loop once, and stops at a bound", () => {
    const loop = `
      r6 = r10
      r7 = 0
      again: r6 += -8
      r7 += 1
      if r7 < 100 goto again
      r0 = *(u64 *)(r6 + 0)
      exit`;
    expect(historyOf(loop)).toEqual([["R6", [0, 2]]]);
    const long = `r6 = 1\n${"r6 += 1\n".repeat(40)}r0 = *(u8 *)(r6 + 0)\nexit`;
    const { rejection } = verify(program(long));
    expect(rejection!.history).toMatchObject([{ subject: "R6", truncated: true }]);
    expect(rejection!.history[0]!.steps.map(({ pc }) => pc)).toEqual(
      Array.from({ length: 16 }, (_, index) => 25 + index),
    );
  });

  it("comes out of a callback, which has none of its caller's registers", () => {
    const text = `
      r6 = 3
      r1 = 4
      r2 = f ll
      r3 = 0
      r4 = 0
      call loop
      r0 = 0
      exit
      f: r0 = r6
      exit`;
    expect(historyOf(text)).toEqual([["R6", [6]]]);
  });
});

describe("what the program holds", () => {
  const RESERVE = `
    r1 = map ringbuf
    r2 = 8
    r3 = 0
    call bpf_ringbuf_reserve
    r6 = r0
    r0 = 0
    exit`;

  it("is told with the call that acquired it", () => {
    expect(historyOf(RESERVE)).toEqual([["reference 2", [4]]]);
  });

  it("is rendered with the line of C", () => {
    const lines = [{ pc: 0, file: "a.c", line: 3, column: 1, text: "x = bpf_ringbuf_reserve(&events, 8, 0);" }];
    const rendered = renderDiagnostic(verify(program(RESERVE, { lines })).rejection!).split("\n");
    const at = rendered.indexOf("  history of reference 2:");
    expect(rendered[at + 1]).toBe("    4: (85) call bpf_ringbuf_reserve#131  ; line 3");
  });
});
