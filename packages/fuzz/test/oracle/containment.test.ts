import { assemble } from "@ebpf/asm";
import { type StateView, verify, viewState } from "@ebpf/verifier";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { assertAgreement, containment, type FuzzCase, programs, specOf, wellFormedPrograms } from "../../src/index.js";
import { containmentReason, World } from "../../src/oracle/containment/contains.js";
import { traceRun } from "../../src/oracle/containment/trace.js";

const caseOf = (text: string): FuzzCase => ({
  spec: specOf(assemble(text, { dialect: "kernel" }).sections[0]!.instructions, { type: "xdp" }),
  contents: new Map(),
  input: { packet: new Uint8Array(64).fill(7) },
});

/** The abstract states at a pc, and the concrete ones. */
const statesAt = (fuzzCase: FuzzCase, pc: number) => {
  const states: StateView[] = [];
  verify(fuzzCase.spec, {
    pruning: "exact",
    onEvent: (event) => {
      if (event.kind === "instruction" && event.pc === pc) states.push(viewState(event.state));
    },
  });
  const trace = traceRun(fuzzCase);
  return { state: states[0]!, snapshot: trace.snapshots.find((one) => one.pc === pc)!, world: new World(trace) };
};

const READER = caseOf(
  "r2 = *(u32 *)(r1 + 0)\nr3 = *(u32 *)(r1 + 4)\nr4 = r2\nr4 += 8\nif r4 > r3 goto +3\n" +
    "r5 = *(u8 *)(r2 + 7)\n*(u64 *)(r10 - 8) = r5\nr0 = 1\nr0 = 0\nexit",
);

describe("abstract contains concrete", () => {
  it("of every generated program that is accepted", () => {
    const notes = new Set<string>();
    fc.assert(
      fc.property(programs({ tame: true }), (fuzzCase) => {
        const outcome = containment(fuzzCase);
        assertAgreement(outcome, fuzzCase);
        notes.add(outcome.kind === "agree" ? outcome.note : outcome.kind);
      }),
      { seed: 1, numRuns: 150 },
    );
    expect(notes).toContain("contained");
  });

  it("comes through states that are in order, also where programs are rejected", () => {
    const verdicts = new Set<string>();
    fc.assert(
      fc.property(fc.oneof(programs(), wellFormedPrograms()), ({ spec }) => {
        verdicts.add(verify(spec, { selfCheck: true, maxInstructions: 2000 }).verdict);
      }),
      { seed: 1, numRuns: 300 },
    );
    expect(verdicts).toEqual(new Set(["accept", "reject"]));
  });

  it("holds for a packet read", () => {
    expect(containment(READER)).toEqual({ kind: "agree", note: "contained" });
  });

  const at = statesAt(READER, 7);
  const withRegister = (index: number, change: object): StateView => ({
    frames: at.state.frames.map((frame) => ({
      ...frame,
      registers: frame.registers.map((view, i) => (i === index ? { ...view, ...change } : view)),
    })),
  });
  const number = at.state.frames[0]!.registers[5]!.value;

  it.each([
    ["nothing", at.state, undefined],
    ["known bits", withRegister(5, { value: { ...number, tnum: { value: 8n, mask: 0n } } }), /known bits/],
    ["an unsigned range", withRegister(5, { value: { ...number, umax: 6n } }), /unsigned range/],
    ["a signed range", withRegister(5, { value: { ...number, smin: 8n } }), /signed range/],
    ["a 32-bit range", withRegister(5, { value: { ...number, u32max: 6 } }), /unsigned 32-bit range/],
    ["a packet pointer's offset", withRegister(2, { offset: 1 }), /pkt offset/],
    ["a packet pointer's range", withRegister(2, { range: 65 }), /packet range/],
    ["what kind a pointer is", withRegister(2, { kind: "fp", frame: 0 }), /fp offset/],
    [
      "that two numbers are equal",
      withRegister(1, { kind: "scalar", id: 5, delta: 0, deltaBits: 0, value: UNKNOWN() }),
      undefined,
    ],
  ] as const)("notices when it doesn't: %s", (_name, state, reason) => {
    const found = containmentReason(state, at.snapshot, at.world);
    if (reason === undefined) expect(found).toBeUndefined();
    else expect(found).toMatch(reason);
  });

  it("notices numbers with one id that differ", () => {
    const linked = (index: number, delta: number) => (view: StateView) => ({
      frames: view.frames.map((frame) => ({
        ...frame,
        registers: frame.registers.map((register, i) =>
          i === index
            ? { ...register, kind: "scalar" as const, id: 5, delta, deltaBits: 64 as const, value: UNKNOWN() }
            : register,
        ),
      })),
    });
    // r5 is 7, and r3 is where the packet ends.
    expect(containmentReason(linked(3, 0)(linked(5, 0)(at.state)), at.snapshot, at.world)).toMatch(/scalar id/);
    expect(containmentReason(linked(5, 7)(at.state), at.snapshot, at.world)).toBeUndefined();
  });

  it("notices a spilled number out of its range, and a byte that isn't zero", () => {
    const [frame] = at.state.frames;
    const slot = frame!.stack[0]!;
    const withSlot = (change: object): StateView => ({ frames: [{ ...frame!, stack: [{ ...slot, ...change }] }] });
    const spilled = { ...slot.spilled!, value: { ...slot.spilled!.value, umax: 6n } };
    expect(containmentReason(withSlot({ spilled }), at.snapshot, at.world)).toMatch(/stack slot, unsigned range/);
    const zeros = { bytes: new Array(8).fill("zero"), spilled: undefined };
    expect(containmentReason(withSlot(zeros), at.snapshot, at.world)).toMatch(/zero byte/);
  });
});

function UNKNOWN() {
  const all = (1n << 64n) - 1n;
  const half = 1n << 63n;
  return {
    tnum: { value: 0n, mask: all },
    umin: 0n,
    umax: all,
    smin: -half,
    smax: half - 1n,
    u32min: 0,
    u32max: 0xffff_ffff,
    s32min: -0x8000_0000,
    s32max: 0x7fff_ffff,
  };
}
