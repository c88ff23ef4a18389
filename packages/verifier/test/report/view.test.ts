import { describe, expect, it } from "vitest";
import { type StateView, verify, viewState } from "../../src/index.js";
import { program } from "../programs.js";

/** The views of all states in which the walk comes to `pc`. */
const statesAt = (text: string, at: number, pruning: "linux" | "exact"): StateView[] => {
  const views: StateView[] = [];
  const report = verify(program(text), {
    pruning,
    onEvent: (event) => {
      if (event.kind === "instruction" && event.pc === at) views.push(viewState(event.state));
    },
  });
  expect(report.verdict).toBe("accept");
  return views;
};

describe("viewState", () => {
  it("shows numbers, pointers and the stack as plain values", () => {
    const [state] = statesAt("r2 = *(u32 *)(r1 + 0)\nr2 = 300\n*(u16 *)(r10 - 8) = r2\nw0 = 2\nexit", 4, "exact");
    const [frame] = state!.frames;
    expect(frame).toMatchObject({ subprogram: 0, callSite: -1 });
    expect(frame!.registers[2]).toMatchObject({ kind: "scalar", value: { umin: 300n, smax: 300n, u32max: 300 } });
    expect(frame!.registers[2]!.value.tnum).toEqual({ value: 300n, mask: 0n });
    expect(frame!.registers[10]).toMatchObject({ kind: "fp", offset: 0, frame: 0 });
    expect(frame!.stack).toHaveLength(1);
    expect(frame!.stack[0]!.offset).toBe(-8);
    expect(frame!.stack[0]!.bytes.slice(0, 3)).toEqual(["spill", "spill", "invalid"]);
  });

  // Both paths meet at 7 (a jump's target) with another r2, which nothing reads: Linux takes the second for walked.
  const MEETING = `
    r2 = *(u32 *)(r1 + 0)
    if r2 > 5 goto other
    r2 = 1
    r3 = 1
    r3 = 1
    r3 = 1
    goto end
    end: w0 = 2
    exit
    other: r2 = 2
    r3 = 1
    goto end`;

  it("has every concrete value in some state when pruning is exact", () => {
    const seen = statesAt(MEETING, 7, "exact").map((state) => state.frames[0]!.registers[2]!.value.umin);
    expect(seen).toEqual([1n, 2n]);
  });
});
