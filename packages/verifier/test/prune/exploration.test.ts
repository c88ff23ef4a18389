import { describe, expect, it } from "vitest";
import { verify } from "../../src/index.js";
import { program } from "../programs.js";

// Counts are those of Linux 6.18.44 for the same programs as socket filters; verdicts too.
const statisticsOf = (text: string) => {
  const { verdict, rejection, statistics } = verify(program(text, { type: "socket_filter" }));
  const { processedInstructions, totalStates, peakStates, maxStatesPerInstruction } = statistics;
  return {
    verdict,
    message: rejection?.message,
    counts: [processedInstructions, maxStatesPerInstruction, totalStates, peakStates],
  };
};

describe("exploration", () => {
  it("compares states by what is read later", () => {
    const text = `
      r6 = *(u32 *)(r1 + 0)
      r7 = 0
      r8 = 0
      if r6 > 10 goto a
      r7 = 1
      a: if r6 > 20 goto b
      r8 = 1
      b: r2 = 0
      r2 = 0
      r2 = 0
      r2 = 0
      if r6 > 30 goto c
      r9 = 1
      c: r0 = 0
      exit`;
    expect(statisticsOf(text)).toMatchObject({ verdict: "accept", counts: [33, 1, 3, 3] });
  });

  it("tells numbers that an address relies on apart", () => {
    const text = `
      r6 = *(u32 *)(r1 + 0)
      r7 = 0
      r8 = 0
      if r6 > 10 goto a
      r7 = 1
      a: r2 = 0
      r2 = 0
      r2 = 0
      r2 = 0
      if r6 == 30 goto c
      r2 = 0
      c: r9 = r10
      r9 += -16
      r9 += r7
      *(u8 *)(r9 + 0) = 1
      r0 = 0
      exit`;
    expect(statisticsOf(text)).toMatchObject({ verdict: "accept", counts: [30, 1, 2, 2] });
  });

  it("counts a bounded loop through", () => {
    const text = `
      r7 = 0
      l: r7 += 1
      if r7 < 200 goto l
      r0 = 0
      exit`;
    expect(statisticsOf(text)).toMatchObject({ verdict: "accept", counts: [403, 4, 11, 11] });
  });

  it("finds what a later round of a widened loop does", () => {
    const text = `
      r6 = *(u32 *)(r1 + 0)
      r7 = 0
      l: may_goto out
      if r6 > 7 goto skip
      r7 += 4
      r8 = r10
      r8 += -16
      r8 += r7
      *(u8 *)(r8 + 0) = 1
      skip: goto l
      out: r0 = 0
      exit`;
    expect(statisticsOf(text)).toMatchObject({
      verdict: "reject",
      counts: [41, 3, 5, 5],
      message: "invalid write to stack R8 off=0 size=1",
    });
  });
});
